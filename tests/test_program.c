/* test_program.c - recorded programs against graphs built anew on the same numbers. */
#include <pthread.h>

#include <valgrad/program.h>

#include "autograd/side_by_side.h"
#include "tensor_operations.h"
#include "twice.h"

enum { MOST_NUMBERS = 256, SETS = 11 };

#ifdef VALGRAD_FLOAT
#define ULPS 5e-5
#else
#define ULPS 1e-12
#endif

static Program *must(Program *program)
{
    ck_assert_msg(program != NULL, "%s: %s", now_testing, valgrad_last_error());
    return program;
}

static ProgramWorkspace *room_for(const Program *program, size_t batch)
{
    ProgramWorkspace *room = program_workspace_new(program, batch);
    ck_assert_msg(room != NULL, "%s: %s", now_testing, valgrad_last_error());
    return room;
}

/* ---- every tensor operation -------------------------------------------------------------------- */

/* The numbers of an operation's operands, one after another, the result's, and the gradient of the sum of
 * the results times 1, 2, 3, …. */
typedef struct Sample {
    int64_t inputs, results;
    real input[MOST_NUMBERS], result[MOST_NUMBERS], gradient[MOST_NUMBERS];
} Sample;

static void draw_inputs(const TensorOperation *operation, Random *random, Sample *sample)
{
    sample->inputs = 0;
    for (int i = 0; i < operation->operand_count; i++) {
        real numbers[MOST];
        const int64_t n = size_of(operation->shapes[i]);
        distinct_numbers(operation, i, random, numbers);
        memcpy(sample->input + sample->inputs, numbers, (size_t)n * sizeof *numbers);
        sample->inputs += n;
    }
}

static Tensor *build(const TensorOperation *operation, const Sample *sample,
                     Tensor *leaf[MOST_OPERANDS])
{
    const real *at = sample->input;
    for (int i = 0; i < operation->operand_count; i++) {
        leaf[i] = tensor_leaf(at, AS_SHAPE(operation->shapes[i]));
        at += tensor_size(leaf[i]);
    }
    Tensor *result = operation->build(leaf);
    ck_assert_msg(result != NULL, "%s: %s", operation->function, valgrad_last_error());
    return result;
}

static Tensor *weights_for(const Tensor *result)
{
    real weights[MOST_NUMBERS];
    for (int i = 0; i < MOST_NUMBERS; i++)
        weights[i] = (real)(i + 1);
    return tensor_const(weights, tensor_rank(result), tensor_shape(result));
}

static void compute_by_graph(const TensorOperation *operation, Sample *sample)
{
    VALGRAD_SCOPE {
        Tensor *leaf[MOST_OPERANDS], *result = build(operation, sample, leaf);
        sample->results = tensor_size(result);
        ck_assert_int_le(sample->results, MOST_NUMBERS);
        assert_status(tensor_backward(result, weights_for(result)), VALGRAD_OK);
        assert_status(tensor_get(result, sample->results, sample->result), VALGRAD_OK);
        real *at = sample->gradient;
        for (int i = 0; i < operation->operand_count; i++) {
            assert_status(tensor_get_grad(leaf[i], tensor_size(leaf[i]), at), VALGRAD_OK);
            at += tensor_size(leaf[i]);
        }
    }
}

static Program *record(const TensorOperation *operation, const Sample *sample)
{
    Program *program = NULL;
    VALGRAD_SCOPE {
        Tensor *leaf[MOST_OPERANDS], *result = build(operation, sample, leaf);
        program = program_record_tensor(result, (size_t)operation->operand_count, leaf);
    }
    return program;
}

/* Some operations do not read all of their operands' numbers. */
static bool reads_all(const char *message)
{
    const bool all = strstr(message, "no root depends on") == NULL;
    if (!all)
        valgrad_clear_error();
    return all;
}

static void assert_alike(const real *actual, const real *expected, int64_t n, size_t stride,
                         const char *what)
{
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(fabs((double)(actual[(size_t)i * stride] - expected[i])) <=
                          ULPS * fmax(10, fabs((double)expected[i])),
                      "%s: %s %d is %.17g, not %.17g", now_testing, what, (int)i,
                      (double)actual[(size_t)i * stride], (double)expected[i]);
}

static Sample samples[SETS];
static real inputs_of_all[MOST_NUMBERS * SETS], results_of_all[MOST_NUMBERS * SETS];
static real seeds_of_all[MOST_NUMBERS * SETS], gradients_of_all[MOST_NUMBERS * SETS];

/* Runs the program on the first `batch` samples at once and compares. */
static void run_on(const Program *program, size_t batch)
{
    ProgramWorkspace *room = room_for(program, batch);
    const size_t n = program_input_count(program), m = program_root_count(program);
    ck_assert_uint_eq(n, (size_t)samples[0].inputs);
    ck_assert_uint_eq(m, (size_t)samples[0].results);
    for (size_t b = 0; b < batch; b++) {
        for (size_t i = 0; i < n; i++)
            inputs_of_all[i * batch + b] = samples[b].input[i];
        for (size_t i = 0; i < m; i++)
            seeds_of_all[i * batch + b] = (real)(i + 1);
    }
    for (int turn = 0; turn < 2; turn++) {
        assert_status(program_run(program, room, n * batch, inputs_of_all, results_of_all,
                                  seeds_of_all, gradients_of_all),
                      VALGRAD_OK);
        for (size_t b = 0; b < batch; b++) {
            assert_alike(results_of_all + b, samples[b].result, samples[b].results, batch,
                         "result");
            assert_alike(gradients_of_all + b, samples[b].gradient, samples[b].inputs, batch,
                         "gradient");
        }
    }
    program_workspace_free(room);
}

START_TEST(operations_on_other_numbers)
{
    const TensorOperation *operation = &tensor_operations[_i];
    Random random = random_seeded(7);
    now_testing_is("%s of row %d", operation->function, _i);
    for (int b = 0; b < SETS; b++) {
        draw_inputs(operation, &random, &samples[b]);
        compute_by_graph(operation, &samples[b]);
    }
    Program *program = record(operation, &samples[SETS - 1]);
    if (program || reads_all(valgrad_last_error())) {
        run_on(must(program), 1);
        run_on(program, SETS);
        run_on(program, 8);
    }
    program_free(program);
}
END_TEST

/* ---- scalar graphs ----------------------------------------------------------------------------- */

typedef Value *Model(Value *const *x);

/* All that is put together: products that only feed sums, long chains of both, differences. */
static Value *sums_and_products(Value *const *x)
{
    Value *long_sum = x[0], *chain = value_mul(x[1], x[2]), *plain = value_sub(x[0], x[3]);
    for (int i = 1; i < 6; i++) {
        long_sum = value_add(x[i], long_sum);
        chain = i % 2 ? value_add(chain, value_mul(x[i], x[i - 1])) : value_add(x[i], chain);
        plain = value_add(value_mul(plain, plain), value_mul(value_const((real)0.3), x[i]));
    }
    Value *both = value_add(value_mul(x[0], x[4]), value_mul(x[2], x[4]));
    Value *short_sum = value_add(value_add(x[0], value_const(2)), value_neg(x[5]));
    Value *shared = value_mul(x[3], x[4]); /* feeds two sums, and so stays */
    Value *terms[] = {long_sum,
                      chain,
                      plain,
                      both,
                      short_sum,
                      value_add(shared, x[0]),
                      value_add(x[1], shared),
                      value_add(shared, shared)};
    return value_sum(COUNT(terms), terms);
}

static Value *functions(Value *const *x)
{
    Value *a = value_tanh(value_affine(3, x, x + 3, x[0])), *b = value_sigmoid(value_mul(a, x[1]));
    Value *c = value_leaky_relu(value_sub(b, x[2]), (real)0.1);
    Value *d = value_max(c, value_mul(x[3], x[4])), *e = value_dot(2, x + 2, x + 4);
    Value *f = value_where(value_relu(x[5]), value_exp(a), value_square(d));
    return value_add(value_div(f, value_add(value_square(e), value_const(1))), value_min(b, x[5]));
}

/* Every input is a root, too; a tanh of a tanh of a tanh. */
static Value *chain_of_tanh(Value *const *x)
{
    Value *y = x[0];
    for (int i = 0; i < 40; i++)
        y = value_tanh(value_add(y, value_mul(x[1 + i % 5], value_tanh(y))));
    return y;
}

/* Some thousand operations, so that there are several stretches, at random. */
static Value *random_graph(Value *const *x)
{
    enum { RING = 64 };
    Value *ring[RING];
    Random random = random_seeded(11);
    for (int i = 0; i < RING; i++)
        ring[i] = x[i % 6];
    for (int i = 0; i < 5000; i++) {
        Value *a = ring[random_below(&random, RING)], *b = ring[random_below(&random, RING)];
        Value *made[] = {value_mul(a, value_const((real)0.5)), value_tanh(value_sub(a, b)),
                         value_mul(value_tanh(a), b), value_sin(value_add(a, b))};
        ring[i % RING] = made[random_below(&random, 4)];
    }
    return value_sum(RING, ring);
}

static Model *const models[] = {sums_and_products, functions, chain_of_tanh, random_graph};

enum { INPUTS = 6 };

static void leaves_of(const real numbers[INPUTS], Value *x[INPUTS])
{
    for (int i = 0; i < INPUTS; i++)
        x[i] = value_leaf(numbers[i]);
}

static Program *record_model(Model *model)
{
    Program *program = NULL;
    VALGRAD_SCOPE {
        Value *x[INPUTS];
        leaves_of((real[]){1, (real)-0.5, 2, (real)0.25, 3, -1}, x);
        Value *root = model(x);
        program = program_record(1, &root, INPUTS, x);
    }
    return must(program);
}

static void compare_with_graph(Model *model, const real numbers[INPUTS], real result,
                               const real gradient[INPUTS])
{
    VALGRAD_SCOPE {
        Value *x[INPUTS];
        leaves_of(numbers, x);
        Value *root = model(x);
        assert_status(value_backward(root), VALGRAD_OK);
        assert_near(result, value_data(root), 1000 * ULPS);
        for (int i = 0; i < INPUTS; i++)
            assert_near(gradient[i], value_grad(x[i]), 1000 * ULPS);
    }
}

START_TEST(scalar_graphs_on_other_numbers)
{
    Random random = random_seeded(13);
    Program *program = record_model(models[_i]);
    ProgramWorkspace *room = room_for(program, 1);
    ck_assert_uint_gt(program_instruction_count(program), 3);
    for (int turn = 0; turn < 20; turn++) {
        real numbers[INPUTS], result, gradient[INPUTS];
        for (int i = 0; i < INPUTS; i++)
            numbers[i] = random_uniform(&random, -2, 2);
        assert_status(program_run(program, room, INPUTS, numbers, &result, NULL, gradient),
                      VALGRAD_OK);
        compare_with_graph(models[_i], numbers, result, gradient);
    }
    program_workspace_free(room);
    program_free(program);
}
END_TEST

START_TEST(several_roots_with_seeds)
{
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(2), value_leaf(3)}, *constant = value_const(7);
        Value *roots[] = {value_mul(x[0], x[1]), x[1], constant, x[1]};
        Program *program = must(program_record(4, roots, 2, x));
        ProgramWorkspace *room = room_for(program, 1);
        real results[4], gradient[2];
        assert_status(program_run(program, room, 2, (real[]){5, 11}, results,
                                  (real[]){1, 10, 100, 1000}, gradient),
                      VALGRAD_OK);
        const real expected[] = {55, 11, 7, 11};
        for (int i = 0; i < 4; i++)
            assert_same(results[i], expected[i]);
        assert_same(gradient[0], 11);
        assert_same(gradient[1], 5 + 10 + 1000);
        /* Only what is asked for. */
        assert_status(program_run(program, room, 2, (real[]){1, 2}, NULL, NULL, gradient),
                      VALGRAD_OK);
        assert_same(gradient[1], 1 + 1 + 1);
        assert_status(program_run(program, room, 2, (real[]){1, 2}, results, NULL, NULL),
                      VALGRAD_OK);
        assert_same(results[0], 2);
        program_workspace_free(room);
        program_free(program);
    }
}
END_TEST

/* A constant may be an input; it gets numbers and no gradient. */
START_TEST(inputs_that_want_no_gradient)
{
    VALGRAD_SCOPE {
        Value *w = value_leaf(2), *data = value_const(3), *inputs[] = {data, w};
        Value *root =
            value_mul(value_square(data), value_sub(value_mul(w, data), value_square(data)));
        Program *program = must(program_record(1, &root, 2, inputs));
        ProgramWorkspace *room = room_for(program, 1);
        real result, gradient[2];
        assert_status(program_run(program, room, 2, (real[]){2, 5}, &result, NULL, gradient),
                      VALGRAD_OK);
        assert_same(result, 24);
        assert_same(gradient[0], 0);
        assert_same(gradient[1], 8);
        program_workspace_free(room);
        program_free(program);
    }
}
END_TEST

/* ---- choices, kinks, infinities ------------------------------------------------------------------ */

START_TEST(choices_are_made_anew)
{
    VALGRAD_SCOPE {
        Value *x[] = {value_leaf(1), value_leaf(-1)};
        Value *root = value_add(value_relu(x[0]), value_max(x[0], x[1]));
        Program *program = must(program_record(1, &root, 2, x));
        ProgramWorkspace *room = room_for(program, 1);
        const real numbers[][2] = {{1, -1}, {-1, 3}, {0, 0}, {2, 2}};
        const real expected[][3] = {{2, 2, 0}, {3, 0, 1}, {0, 0.5, 0.5}, {4, 1.5, 0.5}};
        for (size_t i = 0; i < COUNT(numbers); i++) {
            real result, gradient[2];
            assert_status(program_run(program, room, 2, numbers[i], &result, NULL, gradient),
                          VALGRAD_OK);
            assert_same(result, expected[i][0]);
            assert_same(gradient[0], expected[i][1]);
            assert_same(gradient[1], expected[i][2]);
        }
        program_workspace_free(room);
        program_free(program);
    }
}
END_TEST

/* Behind the zero gradient stands the infinite derivative of a root at 0. */
START_TEST(a_zero_gradient_stops_an_infinite_derivative)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(1), *y = value_leaf(1), *inputs[] = {x, y};
        Value *root = value_add(value_mul(value_relu(y), value_sqrt(x)), y);
        Program *program = must(program_record(1, &root, 2, inputs));
        for (size_t batch = 1; batch <= 3; batch += 2) {
            ProgramWorkspace *room = room_for(program, batch);
            const real numbers[] = {0, 4, 0, -1, -1, 1};
            const real one[] = {0, -1};
            real gradient[6];
            assert_status(program_run(program, room, 2 * batch, batch == 1 ? one : numbers, NULL,
                                      NULL, gradient),
                          VALGRAD_OK);
            assert_same(gradient[0], 0);
            if (batch > 1) {
                assert_same(gradient[1], 0);
                assert_same(gradient[2], INFINITY);
                assert_same(gradient[3], 1);
            }
            /* Nothing of that is left behind. */
            const real finite[] = {4, 4, 4, 2, 2, 2};
            const real finite_one[] = {4, 2};
            assert_status(program_run(program, room, 2 * batch, batch == 1 ? finite_one : finite,
                                      NULL, NULL, gradient),
                          VALGRAD_OK);
            assert_same(gradient[0], 0.5);
            assert_same(gradient[batch], 3);
            const bool strict = valgrad_set_strict_ieee(true);
            assert_status(program_run(program, room, 2 * batch, batch == 1 ? one : numbers, NULL,
                                      NULL, gradient),
                          VALGRAD_OK);
            assert_same(gradient[0], NAN);
            valgrad_set_strict_ieee(strict);
            program_workspace_free(room);
        }
        program_free(program);
    }
}
END_TEST

/* y is 0 behind a derivative of x that is infinite: the pass is then made anew with care, which must give
 * all other operations their gradients too. */
static Value *much_behind_a_zero(Value *const *x)
{
    Value *zero = value_mul(value_relu(x[5]), value_sqrt(value_sub(x[0], x[0])));
    Value *list[20], *terms[] = {x[1], value_exp(x[2]), x[4]};
    for (int i = 0; i < 20; i++)
        list[i] = x[i * i % 5];
    Value *parts[] = {value_div(x[1], x[2]),
                      value_clamp(x[3], x[1], x[2]),
                      value_leaky_relu(x[3], (real)0.1),
                      value_tanh(value_add(x[3], x[4])),
                      value_dot(20, list, list),
                      value_dot(3, terms, terms),
                      value_sum(3, terms),
                      value_reduce_max(3, terms),
                      zero};
    /* What these pass on is 0, and what behind them is infinite stays silent. */
    Value *none = value_dot(3, terms, (Value *[]){zero, x[2], zero}), *unused = value_sum(3, terms);
    return value_add(value_sum(COUNT(parts), parts),
                     value_mul(value_relu(x[5]), value_add(none, unused)));
}

START_TEST(a_careful_pass_gives_every_operation_its_gradient)
{
    Program *program = record_model(much_behind_a_zero);
    for (size_t batch = 1; batch <= SETS; batch += SETS - 1) {
        ProgramWorkspace *room = room_for(program, batch);
        real numbers[SETS * INPUTS], result[SETS], gradient[SETS * INPUTS];
        Random random = random_seeded(5);
        for (size_t i = 0; i < batch * INPUTS; i++)
            numbers[i] = i / batch == 5 ? -1 : random_uniform(&random, (real)0.5, 2);
        assert_status(program_run(program, room, batch * INPUTS, numbers, result, NULL, gradient),
                      VALGRAD_OK);
        for (size_t set = 0; set < batch; set++) {
            real of_set[INPUTS], slopes[INPUTS];
            for (size_t i = 0; i < INPUTS; i++) {
                of_set[i] = numbers[i * batch + set];
                slopes[i] = gradient[i * batch + set];
            }
            compare_with_graph(much_behind_a_zero, of_set, result[set], slopes);
        }
        program_workspace_free(room);
    }
    program_free(program);
}
END_TEST

/* Long enough that a run of one set adds several products at once. */
START_TEST(long_products_of_neighbours)
{
    enum { LONG = 43 };
    VALGRAD_SCOPE {
        Value *x[2 * LONG], *root = NULL;
        real numbers[2 * LONG], sum = 0, result, gradient[2 * LONG];
        Random random = random_seeded(6);
        for (int i = 0; i < 2 * LONG; i++)
            x[i] = value_leaf(numbers[i] = random_uniform(&random, -1, 1));
        for (int i = 0; i < LONG; i++)
            sum += numbers[i] * numbers[LONG + i];
        root = value_dot(LONG, x, x + LONG);
        Program *program = must(program_record(1, &root, 2 * LONG, x));
        ProgramWorkspace *room = room_for(program, 1);
        assert_status(program_run(program, room, 2 * LONG, numbers, &result, NULL, gradient),
                      VALGRAD_OK);
        assert_near(result, sum, LONG * REAL_EPSILON);
        for (int i = 0; i < 2 * LONG; i++)
            assert_same(gradient[i], numbers[(i + LONG) % (2 * LONG)]);
        program_workspace_free(room);
        program_free(program);
    }
}
END_TEST

/* ---- tanh ---------------------------------------------------------------------------------------- */

#ifndef VALGRAD_FLOAT
START_TEST(tanh_is_within_a_few_units)
{
    Random random = random_seeded(17);
    double worst = 0;
    for (int i = 0; i < 400000; i++) {
        const double size = exp((double)random_uniform(&random, -40, 4));
        const double x = i % 2 ? size : -size, f = side_by_side_tanh(x);
        const long double exact = tanhl((long double)x);
        const double unit = nextafter(fabs(f), 2) - fabs(f);
        worst = fmax(worst, fabs((double)((long double)f - exact)) / unit);
    }
    ck_assert_msg(worst < 2.5, "off by %g units in the last place", worst);
    const double points[] = {0, -0.0, INFINITY, -INFINITY, NAN, 1e-310, -1e-310, 21.9, 1e300};
    for (size_t i = 0; i < COUNT(points); i++) {
        assert_same(side_by_side_tanh(points[i]), tanh(points[i]));
        ck_assert_int_eq(!signbit(side_by_side_tanh(points[i])), !signbit(tanh(points[i])));
    }
}
END_TEST
#endif

/* ---- threads ------------------------------------------------------------------------------------- */

typedef struct Thread {
    pthread_t id;
    const Program *program;
    real seed, result;
    bool same;
} Thread;

static void *run_many_times(void *context)
{
    Thread *thread = context;
    ProgramWorkspace *room = program_workspace_new(thread->program, 1);
    thread->same = room != NULL;
    for (int i = 0; room && i < 200; i++) {
        const real s = thread->seed, numbers[INPUTS] = {s, -s, s / 2, 1, 2, s};
        real result = 0, gradient[INPUTS];
        const ValgradStatus status =
            program_run(thread->program, room, INPUTS, numbers, &result, NULL, gradient);
        thread->same &= status == VALGRAD_OK && (i == 0 || result == thread->result);
        thread->result = result;
    }
    program_workspace_free(room);
    return NULL;
}

START_TEST(several_threads_run_one_program)
{
    enum { THREADS = 4 };
    Thread threads[THREADS];
    Program *program = record_model(functions);
    for (int i = 0; i < THREADS; i++) {
        threads[i] = (Thread){.program = program, .seed = (real)0.3 * (real)(i + 1)};
        ck_assert_int_eq(pthread_create(&threads[i].id, NULL, run_many_times, &threads[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        ck_assert_int_eq(pthread_join(threads[i].id, NULL), 0);
        ck_assert(threads[i].same);
    }
    program_free(program);
}
END_TEST

/* ---- what is asked wrongly ------------------------------------------------------------------------ */

START_TEST(what_cannot_be_recorded)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *z = value_leaf(5), *y = value_square(x), *none = NULL;
        Value *both[] = {x, z}, *again[] = {x, x};
        assert_fails(program_record(0, NULL, 1, &x), VALGRAD_ERROR_ARGUMENT,
                     "program_record: no roots; expected at least 1");
        assert_fails(program_record(1, &none, 1, &x), VALGRAD_ERROR_NULL,
                     "program_record: root is NULL");
        assert_fails(program_record(1, &y, 1, NULL), VALGRAD_ERROR_NULL,
                     "program_record: input is NULL");
        assert_fails(
            program_record(1, &y, 1, &y), VALGRAD_ERROR_ARGUMENT,
            "program_record: an input is the result of square; expected a leaf or constant");
        assert_fails(program_record(1, &y, 2, both), VALGRAD_ERROR_ARGUMENT,
                     "program_record: no root depends on input 1");
        assert_fails(program_record(1, &y, 2, again), VALGRAD_ERROR_ARGUMENT,
                     "program_record: input 1 is the same as input 0");
        Value *own = value_custom(&twice, 1, &x, NULL);
        assert_fails(
            program_record(1, &own, 1, &x), VALGRAD_ERROR_STATE,
            "program_record: twice is an operation of the user's, whose functions belong to the "
            "graph");
        value_set_label(x, "x");
        value_set_data(x, 3);
        assert_fails(
            program_record(1, &y, 1, &x), VALGRAD_ERROR_MODIFIED,
            "program_record: the leaf 'x' was given another number after square had used it; "
            "build the graph anew after changing a leaf");
        Tensor *t = tensor_leaf((real[]){1, 2}, TENSOR_SHAPE(2)), *u = tensor_square(t);
        assert_fails(program_record_tensor(NULL, 1, &t), VALGRAD_ERROR_NULL,
                     "program_record_tensor: root is NULL");
        assert_fails(program_record_tensor(u, 1, NULL), VALGRAD_ERROR_NULL,
                     "program_record_tensor: a leaf is NULL");
        assert_fails(program_record_tensor(u, 1, &u), VALGRAD_ERROR_ARGUMENT,
                     "program_record_tensor: an input is the result of square; expected a leaf or "
                     "constant");
    }
}
END_TEST

START_TEST(what_cannot_be_run)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_square(x);
        Program *program = must(program_record(1, &y, 1, &x)),
                *other = must(program_record(1, &y, 1, &x));
        ProgramWorkspace *room = room_for(program, 3);
        real numbers[3] = {1, 2, 3}, out[3] = {7, 7, 7};
        assert_fails(program_workspace_new(NULL, 1), VALGRAD_ERROR_NULL,
                     "program_workspace_new: program is NULL");
        assert_fails(program_workspace_new(program, 0), VALGRAD_ERROR_ARGUMENT,
                     "program_workspace_new: a batch of 0; expected at least 1");
        assert_refused(program_run(NULL, room, 3, numbers, out, NULL, NULL), VALGRAD_ERROR_NULL,
                       "program_run: program is NULL");
        assert_refused(program_run(program, NULL, 3, numbers, out, NULL, NULL), VALGRAD_ERROR_NULL,
                       "program_run: workspace is NULL");
        assert_refused(program_run(program, room, 3, NULL, out, NULL, NULL), VALGRAD_ERROR_NULL,
                       "program_run: inputs is NULL");
        assert_refused(program_run(program, room, 1, numbers, out, NULL, NULL),
                       VALGRAD_ERROR_ARGUMENT,
                       "program_run: 1 numbers; expected 1 for each of 3 sets");
        assert_refused(program_run(other, room, 3, numbers, out, NULL, NULL),
                       VALGRAD_ERROR_ARGUMENT, "program_run: the workspace is of another program");
        assert_same(out[0], 7);
        ck_assert_uint_eq(program_input_count(NULL), 0);
        ck_assert_uint_eq(program_root_count(NULL), 0);
        ck_assert_uint_eq(program_instruction_count(NULL), 0);
        program_workspace_free(room);
        program_workspace_free(NULL);
        program_free(program);
        program_free(other);
        program_free(NULL);
    }
}
END_TEST

/* The graph is gone when the program runs. */
START_TEST(a_program_outlives_its_graph)
{
    Value *x = value_leaf(2), *y = value_exp(x);
    Program *program = must(program_record(1, &y, 1, &x));
    value_release(x);
    value_release(y);
    ck_assert_int_eq(valgrad_live_nodes(), 0);
    ProgramWorkspace *room = room_for(program, 1);
    real result, gradient;
    assert_status(program_run(program, room, 1, (real[]){0}, &result, NULL, &gradient), VALGRAD_OK);
    assert_same(result, 1);
    assert_same(gradient, 1);
    program_workspace_free(room);
    program_free(program);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("program");
    TCase *tests = new_case(suite, "program", 60);
    tcase_add_loop_test(tests, operations_on_other_numbers, 0, (int)COUNT(tensor_operations));
    tcase_add_loop_test(tests, scalar_graphs_on_other_numbers, 0, (int)COUNT(models));
    tcase_add_test(tests, several_roots_with_seeds);
    tcase_add_test(tests, inputs_that_want_no_gradient);
    tcase_add_test(tests, choices_are_made_anew);
    tcase_add_test(tests, a_zero_gradient_stops_an_infinite_derivative);
    tcase_add_test(tests, a_careful_pass_gives_every_operation_its_gradient);
    tcase_add_test(tests, long_products_of_neighbours);
#ifndef VALGRAD_FLOAT
    tcase_add_test(tests, tanh_is_within_a_few_units);
#endif
    tcase_add_test(tests, several_threads_run_one_program);
    tcase_add_test(tests, what_cannot_be_recorded);
    tcase_add_test(tests, what_cannot_be_run);
    tcase_add_test(tests, a_program_outlives_its_graph);
    return run_suite(suite);
}
