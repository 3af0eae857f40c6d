/* test_tape.c - the loops that run a recorded program give the same bits by every instruction set; and gradients that
 * take turns are those of the graph. */
#include <stdlib.h>

#include <valgrad/program.h>
#include <valgrad/random.h>

#include "autograd/tape.h"
#include "testing.h"

enum { INPUTS = 7, COPIES = 20, MOST_TERMS = 8 * COPIES * OP_COUNT };

/* Rows of every operation, sums, scalar products of even and of uneven steps, and tanh of what differs. */
static Value *all_operations(Value *const *inputs)
{
    static Value *terms[MOST_TERMS];
    size_t n = 0;
    for (int i = 0; i < COPIES; i++) {
        Value *x = inputs[i % INPUTS], *y = inputs[(i + 1) % INPUTS], *z = inputs[(i + 3) % INPUTS];
#define OP1(name, ...) terms[n++] = value_##name(x);
#define OP1P(name, ...) terms[n++] = value_##name(x, (real)0.7);
#define OP2(name, ...) terms[n++] = value_##name(x, y);
#define OP3(name, ...) terms[n++] = value_##name(x, y, z);
#include "autograd/ops.def"
#undef OP1
#undef OP1P
#undef OP2
#undef OP3
        terms[n++] = value_tanh(value_mul(value_add(x, y), z));
        terms[n++] = value_add(value_mul(x, y), z);
        terms[n++] = value_mul(value_add(x, value_const(3)), value_const(2));
        terms[n++] = value_affine(3, inputs, inputs + 3, z);
        terms[n++] = value_dot(4, (Value *[]){x, y, z, x}, (Value *[]){z, z, y, x});
        terms[n++] = value_logsumexp(INPUTS, inputs);
    }
    return value_add(value_sum(n, terms), value_sum(INPUTS, inputs));
}

static Program *record(void)
{
    Program *program = NULL;
    VALGRAD_SCOPE {
        Value *inputs[INPUTS];
        for (int i = 0; i < INPUTS; i++)
            inputs[i] = value_leaf((real)0.25 * (real)(i + 1));
        Value *root = all_operations(inputs);
        program = program_record(1, &root, INPUTS, inputs);
    }
    ck_assert_msg(program != NULL, "%s", valgrad_last_error());
    return program;
}

/* All numbers of a run by the loops for isa, and then all gradients. */
static real *run_by(Isa isa, size_t lanes, const Program *program)
{
    const size_t n = program->slot_count * lanes, first = program->input_count * lanes;
    const TapeLoops *loops = tape__loops(isa, lanes);
    real *v = calloc(2 * (n + program->most_operands), sizeof *v);
    ck_assert_ptr_nonnull(v);
    const TapeRun run = {.program = program,
                         .numbers = v,
                         .gradients = {.first = v + n,
                                       .results = (ProgramSlot)(program->input_count + program->constant_count),
                                       .mask = program->gradient_mask},
                         .room = v + 2 * n};
    for (size_t i = 0; i < first; i++)
        v[i] = (real)(0.013 * (double)(i + 1));
    for (size_t i = 0; i < program->constant_count * lanes; i++)
        v[first + i] = program->constants[i / lanes];
    loops->forward(&run);
    for (size_t l = 0; l < lanes; l++)
        run.gradients.first[tape__place(run.gradients, program->roots[0]) * lanes + l] = (real)(l + 1);
    loops->backward(&run);
    return v;
}

START_TEST(every_instruction_set_gives_the_same_bits)
{
    const size_t lanes = _i ? TAPE_LANES : 1;
    Program *program = record();
    real *base = run_by(ISA_BASE, lanes, program);
    ck_assert_double_ne((double)base[program->roots[0] * lanes], 0);
    for (int isa = ISA_AVX2; isa <= (int)isa__best(); isa++) {
        real *other = run_by((Isa)isa, lanes, program);
        for (size_t i = 0; i < 2 * program->slot_count * lanes; i++)
            assert_same(other[i], base[i]);
        free(other);
    }
    free(base);
    program_free(program);
}
END_TEST

/* ---- gradients that take turns ----------------------------------------------------------------- */

enum { NODES = 20000, WINDOW = 60, LEAVES = 5, MOST_BATCH = 11 };

/* A long graph whose nodes read inputs and what is at most WINDOW nodes older. roots: its sum, and a node in the
 * middle, if `middle`. */
static void long_graph(Value *const *inputs, bool middle, Value **roots)
{
    static Value *nodes[NODES];
    Random random = random_seeded(5);
    for (int i = 0; i < NODES; i++) {
        Value *x = i < WINDOW ? inputs[i % LEAVES] : nodes[i - 1 - (int)random_below(&random, WINDOW)];
        Value *y = i < WINDOW ? inputs[(i + 1) % LEAVES] : nodes[i - 1 - (int)random_below(&random, WINDOW)];
        switch (random_below(&random, 4)) {
        case 0: nodes[i] = value_tanh(value_add(x, inputs[i % LEAVES])); break;
        case 1: nodes[i] = value_mul(value_sin(x), y); break;
        case 2: nodes[i] = value_max(x, y); break;
        default: nodes[i] = value_mul(value_add(x, y), value_const((real)0.5)); break;
        }
    }
    roots[0] = value_sum(WINDOW, nodes + NODES - WINDOW);
    if (middle)
        roots[1] = nodes[NODES / 2];
}

static real input_number(int input, int set)
{
    return (real)(0.1 + 0.07 * input + 0.011 * set);
}

/* The gradient of the roots' sum by a pass through the graph itself. */
static void gradient_by_graph(int set, bool middle, real gradient[LEAVES])
{
    VALGRAD_SCOPE {
        Value *inputs[LEAVES], *roots[2];
        for (int i = 0; i < LEAVES; i++)
            inputs[i] = value_leaf(input_number(i, set));
        long_graph(inputs, middle, roots);
        for (int r = 0; r <= middle; r++)
            assert_status(value_backward(roots[r]), VALGRAD_OK);
        for (int i = 0; i < LEAVES; i++)
            gradient[i] = value_grad(inputs[i]);
    }
}

/* With a root in the middle, whose gradient waits from the beginning, there are fewer turns. */
START_TEST(gradients_take_turns)
{
    const bool middle = _i % 2;
    const int batch = _i / 2 ? MOST_BATCH : 1;
    Program *program = NULL;
    VALGRAD_SCOPE {
        Value *inputs[LEAVES], *roots[2];
        for (int i = 0; i < LEAVES; i++)
            inputs[i] = value_leaf(1);
        long_graph(inputs, middle, roots);
        program = program_record(1 + middle, roots, LEAVES, inputs);
    }
    ck_assert_msg(program != NULL, "%s", valgrad_last_error());
    if (middle)
        ck_assert_uint_ge(program->gradient_mask, NODES / 2);
    else
        ck_assert_uint_lt(program->gradient_mask, NODES / 8);
    ProgramWorkspace *workspace = program_workspace_new(program, (size_t)batch);
    real numbers[LEAVES * MOST_BATCH], gradients[LEAVES * MOST_BATCH], expected[LEAVES];
    for (int i = 0; i < LEAVES * batch; i++)
        numbers[i] = input_number(i / batch, i % batch);
    for (int again = 0; again < 2; again++) {
        assert_status(program_run(program, workspace, (size_t)(LEAVES * batch), numbers, NULL, NULL, gradients),
                      VALGRAD_OK);
        for (int set = 0; set < batch; set++) {
            gradient_by_graph(set, middle, expected);
            for (int i = 0; i < LEAVES; i++)
                assert_near(gradients[i * batch + set], expected[i], 1e5 * REAL_EPSILON);
        }
    }
    program_workspace_free(workspace);
    program_free(program);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tape");
    TCase *tests = new_case(suite, "tape", 10);
    tcase_add_loop_test(tests, every_instruction_set_gives_the_same_bits, 0, 2);
    tcase_add_loop_test(tests, gradients_take_turns, 0, 4);
    return run_suite(suite);
}
