/* derivatives.c - forward mode and second derivatives, over a graph written out (program.h).
 *
 * Forwards, each slot has a number v and a tangent t = dv along the direction asked for. Backwards, it has
 * a gradient g and that gradient's tangent h = dg. For a result f of operands x:
 *
 *     t_f  = sum_i f_i t_i
 *     g_i += g_f f_i
 *     h_i += h_f f_i + g_f sum_j f_ij t_j                    (f_i, f_ij: derivatives of the operation) */
#include <valgrad/derivatives.h>

#include <string.h>

#include "autograd/derivatives.h"
#include "autograd/instruction.h"

/* ---- a run over the instructions --------------------------------------------------------------- */

typedef struct Run {
    const Expansion *e;
    bool strict;
    bool second; /* backwards, tangents are carried, too */
    const Place *inputs;
    real *v, *t, *g, *h;
    real *direction;       /* a tangent for each input */
    real *x, *d, *dt, *dd; /* of an n-ary instruction: operands, derivatives, tangents, curvature */
} Run;

static size_t most_operands(const Expansion *e)
{
    size_t most = 0;
    for (size_t i = 0; i < e->count; i++) {
        if (instruction__is_nary(&e->instructions[i]) && e->instructions[i].count > most)
            most = e->instructions[i].count;
    }
    return most;
}

static bool run_begin(Run *run, const Expansion *e, const Place *inputs, bool second)
{
    const size_t n = most_operands(e);
    *run = (Run){.e = e, .strict = backward__strict(), .second = second, .inputs = inputs};
    run->v = buffer__take((4 * (e->count + n) + e->input_count) * sizeof(real));
    if (!run->v)
        return false;
    run->t = run->v + e->count;
    run->g = run->t + e->count;
    run->h = run->g + e->count;
    run->x = run->h + e->count;
    run->d = run->x + n;
    run->dt = run->d + n;
    run->dd = run->dt + n;
    run->direction = run->dd + n;
    return true;
}

static void run_end(Run *run)
{
    buffer__give(run->v);
}

static const ProgramSlot *nary_operands(const Run *run, const Instruction *instruction)
{
    return run->e->operands + instruction->x;
}

/* The numbers of an n-ary instruction's operands, and its derivatives by them. */
static void nary_first(const Run *run, const Instruction *instruction, real f)
{
    const ProgramSlot *operands = nary_operands(run, instruction);
    if (instruction->op == PROGRAM_CUSTOM) {
        (void)nary__partials(run->e->customs[instruction->y], run->d);
        return;
    }
    for (size_t i = 0; i < instruction->count; i++)
        run->x[i] = run->v[operands[i]];
    instruction__rule(instruction)->first(instruction->count, run->x, f, run->d);
}

/* ---- numbers ----------------------------------------------------------------------------------- */

static real third(const Run *run, const Instruction *instruction, int arity)
{
    return arity > 2 ? run->v[instruction->z] : instruction->p;
}

static real row_value(const Run *run, const Instruction *instruction)
{
    const ValueOpInfo *row = instruction__row(instruction);
    return row->forward(run->v[instruction->x], row->arity > 1 ? run->v[instruction->y] : 0,
                        third(run, instruction, row->arity));
}

static real nary_value(const Run *run, const Instruction *instruction)
{
    const ProgramSlot *operands = nary_operands(run, instruction);
    if (instruction->op == PROGRAM_CUSTOM)
        return number_of(run->e->customs[instruction->y]);
    for (size_t i = 0; i < instruction->count; i++)
        run->x[i] = run->v[operands[i]];
    return instruction__rule(instruction)->value(instruction->count, run->x);
}

static real number_at(Place place)
{
    return (place.node->flags & DENSE) ? dense_of(place.node)->data[place.index] : place.node->data;
}

static void compute_numbers(const Run *run)
{
    for (size_t s = 0; s < run->e->count; s++) {
        const Instruction *instruction = &run->e->instructions[s];
        if (instruction->op == OP_LEAF) {
            run->v[s] = number_at(run->inputs[instruction->x]);
        } else if (instruction->op == OP_CONST) {
            run->v[s] = instruction->p;
        } else if (instruction->op == PROGRAM_DETACH) {
            run->v[s] = run->v[instruction->x];
        } else {
            run->v[s] = instruction__is_nary(instruction) ? nary_value(run, instruction)
                                                          : row_value(run, instruction);
        }
    }
}

/* ---- tangents ---------------------------------------------------------------------------------- */

/* A tangent or gradient times a derivative. */
static real product(const Run *run, bool choosing, real number, real derivative)
{
    return choosing ? shared_out(number, derivative, run->strict)
                    : passed_on(number, derivative, run->strict);
}

static real row_tangent(const Run *run, const Instruction *instruction, real f)
{
    const ValueOpInfo *row = instruction__row(instruction);
    ProgramSlot slots[ROW_OPERANDS];
    const int arity = instruction__operands(instruction, slots);
    real d[ROW_OPERANDS], tangent = 0;
    row->first(run->v[slots[0]], arity > 1 ? run->v[slots[1]] : 0, third(run, instruction, arity),
               f, d);
    for (int i = 0; i < arity; i++)
        tangent += product(run, instruction__chooses(instruction), run->t[slots[i]], d[i]);
    return tangent;
}

static real nary_tangent(const Run *run, const Instruction *instruction, real f)
{
    const ProgramSlot *operands = nary_operands(run, instruction);
    real tangent = 0;
    nary_first(run, instruction, f);
    for (size_t i = 0; i < instruction->count; i++)
        tangent += product(run, instruction__chooses(instruction), run->t[operands[i]], run->d[i]);
    return tangent;
}

static bool has_operands(const Instruction *instruction)
{
    return instruction->op != OP_LEAF && instruction->op != OP_CONST &&
           instruction->op != PROGRAM_DETACH;
}

/* All tangents, those of the inputs being run->direction; of a leaf given twice, the sum of its two. */
static void compute_tangents(const Run *run)
{
    for (size_t i = 0; i < run->e->input_count; i++)
        run->t[run->e->inputs[i]] = 0;
    for (size_t i = 0; i < run->e->input_count; i++)
        run->t[run->e->inputs[i]] += run->direction[i];
    for (size_t s = 0; s < run->e->count; s++) {
        const Instruction *instruction = &run->e->instructions[s];
        if (instruction->op == OP_LEAF)
            continue;
        if (!has_operands(instruction))
            run->t[s] = 0;
        else
            run->t[s] = instruction__is_nary(instruction)
                            ? nary_tangent(run, instruction, run->v[s])
                            : row_tangent(run, instruction, run->v[s]);
    }
}

/* ---- gradients --------------------------------------------------------------------------------- */

/* Where the second derivative by operands i and j of a row stands: dxx, dxy, dyy, dxz, dyz, dzz. */
static int second_at(int i, int j)
{
    return i > j ? i * (i + 1) / 2 + j : j * (j + 1) / 2 + i;
}

static void pass_back(const Run *run, bool choosing, size_t s, ProgramSlot to, real derivative,
                      real curvature)
{
    const real g = run->g[s];
    run->g[to] += product(run, choosing, g, derivative);
    if (run->second)
        run->h[to] +=
            product(run, choosing, run->h[s], derivative) + passed_on(g, curvature, run->strict);
}

/* Most second derivatives are 0 because the operation is linear: shared_out() then takes an infinite
 * tangent for nothing. */
static void row_backward(const Run *run, const Instruction *instruction, size_t s)
{
    const ValueOpInfo *row = instruction__row(instruction);
    ProgramSlot slots[ROW_OPERANDS];
    const int arity = instruction__operands(instruction, slots);
    const real x = run->v[slots[0]], y = arity > 1 ? run->v[slots[1]] : 0;
    const real z = third(run, instruction, arity), f = run->v[s];
    real d[ROW_OPERANDS], dd[ROW_OPERANDS * (ROW_OPERANDS + 1) / 2];
    row->first(x, y, z, f, d);
    if (run->second)
        row->second(x, y, z, f, dd);
    for (int i = 0; i < arity; i++) {
        real curvature = 0;
        for (int j = 0; run->second && j < arity; j++)
            curvature += shared_out(run->t[slots[j]], dd[second_at(i, j)], run->strict);
        pass_back(run, instruction__chooses(instruction), s, slots[i], d[i], curvature);
    }
}

static void nary_backward(const Run *run, const Instruction *instruction, size_t s)
{
    const ProgramSlot *operands = nary_operands(run, instruction);
    nary_first(run, instruction, run->v[s]);
    for (size_t i = 0; run->second && i < instruction->count; i++)
        run->dt[i] = run->t[operands[i]];
    if (run->second)
        instruction__rule(instruction)
            ->second(instruction->count, run->x, run->v[s], run->d, run->dt, run->dd);
    for (size_t i = 0; i < instruction->count; i++)
        pass_back(run, instruction__chooses(instruction), s, operands[i], run->d[i],
                  run->second ? run->dd[i] : 0);
}

/* All gradients of slot `root`, with their tangents if run->second. */
static void compute_gradients(const Run *run, ProgramSlot root)
{
    memset(run->g, 0, (root + 1) * sizeof *run->g);
    memset(run->h, 0, (root + 1) * sizeof *run->h);
    run->g[root] = 1;
    for (size_t s = root + 1; s-- > 0;) {
        const Instruction *instruction = &run->e->instructions[s];
        if (!has_operands(instruction) || (run->g[s] == 0 && run->h[s] == 0 && !run->strict))
            continue;
        if (instruction__is_nary(instruction))
            nary_backward(run, instruction, s);
        else
            row_backward(run, instruction, s);
    }
}

/* What input i received, of root's; slots behind the root's were not touched. */
static real received(const Run *run, const real *from, size_t i, ProgramSlot root)
{
    const ProgramSlot slot = run->e->inputs[i];
    return slot <= root ? from[slot] : 0;
}

/* ---- what is asked for ------------------------------------------------------------------------- */

static void jvp(const Run *run, real *out)
{
    compute_tangents(run);
    for (size_t i = 0; i < run->e->root_count; i++)
        out[i] = run->t[run->e->roots[i]];
}

/* Writes each step-th number of out. */
static void hvp_by_step(const Run *run, real *out, size_t step)
{
    const ProgramSlot root = run->e->roots[0];
    compute_tangents(run);
    compute_gradients(run, root);
    for (size_t i = 0; i < run->e->input_count; i++)
        out[i * step] = received(run, run->h, i, root);
}

static void hvp(const Run *run, real *out)
{
    hvp_by_step(run, out, 1);
}

/* A column at a time. */
static void hessian(const Run *run, real *out)
{
    const size_t n = run->e->input_count;
    for (size_t j = 0; j < n; j++) {
        run->direction[j] = 1;
        hvp_by_step(run, out + j, n);
        run->direction[j] = 0;
    }
}

static void jacobian_by_roots(const Run *run, real *out)
{
    const size_t n = run->e->input_count;
    for (size_t i = 0; i < run->e->root_count; i++) {
        compute_gradients(run, run->e->roots[i]);
        for (size_t j = 0; j < n; j++)
            out[i * n + j] = received(run, run->g, j, run->e->roots[i]);
    }
}

static void jacobian_by_leaves(const Run *run, real *out)
{
    const size_t n = run->e->input_count;
    for (size_t j = 0; j < n; j++) {
        run->direction[j] = 1;
        compute_tangents(run);
        run->direction[j] = 0;
        for (size_t i = 0; i < run->e->root_count; i++)
            out[i * n + j] = run->t[run->e->roots[i]];
    }
}

static void jacobian(const Run *run, real *out)
{
    if (run->e->root_count <= run->e->input_count)
        jacobian_by_roots(run, out);
    else
        jacobian_by_leaves(run, out);
}

static void answer(const Run *run, const Derivatives *asked)
{
    static void (*const answers[])(const Run *run, real *out) = {
        [DERIVATIVES_JVP] = jvp,
        [DERIVATIVES_HVP] = hvp,
        [DERIVATIVES_JACOBIAN] = jacobian,
        [DERIVATIVES_HESSIAN] = hessian,
    };
    const size_t n = run->e->input_count;
    for (size_t i = 0; i < n; i++)
        run->direction[i] = asked->direction ? asked->direction[i] : 0;
    compute_numbers(run);
    answers[asked->kind](run, asked->out);
}

static ValgradStatus check_second(const Derivatives *asked, const Expansion *e)
{
    if (!derivatives__are_second(asked) || e->custom_count == 0)
        return VALGRAD_OK;
    return error__set(VALGRAD_ERROR_STATE,
                      "%s: %s is an operation of the user's, which has first derivatives only",
                      asked->function, value_op_name(e->customs[0]));
}

ValgradStatus derivatives__run(const Derivatives *asked)
{
    Run run;
    Expansion *e = expansion__new(asked->function, asked->root_count, asked->roots,
                                  asked->leaf_count, asked->leaves);
    if (!e)
        return valgrad_last_status();
    ValgradStatus status = check_second(asked, e);
    if (status == VALGRAD_OK && !run_begin(&run, e, asked->leaves, derivatives__are_second(asked)))
        status = error__memory(asked->function, 0);
    if (status == VALGRAD_OK) {
        answer(&run, asked);
        run_end(&run);
    }
    expansion__free(e);
    return status;
}

/* ---- from Values ------------------------------------------------------------------------------- */

static ValgradStatus check_leaves(const char *function, size_t n, Value *const *leaves)
{
    for (size_t i = 0; i < n; i++) {
        if (!expansion__check_input(function, leaves[i]))
            return valgrad_last_status();
    }
    return VALGRAD_OK;
}

static ValgradStatus from_values(Derivatives asked, Value *const *roots, Value *const *leaves)
{
    const bool needs_direction = asked.kind == DERIVATIVES_JVP || asked.kind == DERIVATIVES_HVP;
    if (asked.leaf_count > 0 && needs_direction && !asked.direction)
        return error__null(asked.function, asked.kind == DERIVATIVES_JVP ? "tangents" : "vector");
    if (asked.leaf_count > 0 && asked.root_count > 0 && !asked.out)
        return error__null(asked.function, "the result");
    Place *from = expansion__places(asked.function, "root", asked.root_count, roots);
    Place *to = from ? expansion__places(asked.function, "leaf", asked.leaf_count, leaves) : NULL;
    ValgradStatus status =
        to ? check_leaves(asked.function, asked.leaf_count, leaves) : valgrad_last_status();
    if (status == VALGRAD_OK) {
        asked.roots = from;
        asked.leaves = to;
        status = derivatives__run(&asked);
    }
    buffer__give(from);
    buffer__give(to);
    return status;
}

ValgradStatus value_jvp(size_t root_count, Value *const *roots, size_t leaf_count,
                        Value *const *leaves, const real *tangents, real *out)
{
    return from_values((Derivatives){.function = "value_jvp",
                                     .kind = DERIVATIVES_JVP,
                                     .root_count = root_count,
                                     .leaf_count = leaf_count,
                                     .direction = tangents,
                                     .out = out},
                       roots, leaves);
}

ValgradStatus value_hvp(Value *root, size_t leaf_count, Value *const *leaves, const real *vector,
                        real *out)
{
    return from_values((Derivatives){.function = "value_hvp",
                                     .kind = DERIVATIVES_HVP,
                                     .root_count = 1,
                                     .leaf_count = leaf_count,
                                     .direction = vector,
                                     .out = out},
                       &root, leaves);
}

ValgradStatus value_jacobian(size_t root_count, Value *const *roots, size_t leaf_count,
                             Value *const *leaves, real *jacobian_out)
{
    return from_values((Derivatives){.function = "value_jacobian",
                                     .kind = DERIVATIVES_JACOBIAN,
                                     .root_count = root_count,
                                     .leaf_count = leaf_count,
                                     .out = jacobian_out},
                       roots, leaves);
}

ValgradStatus value_hessian(Value *root, size_t leaf_count, Value *const *leaves, real *hessian_out)
{
    return from_values((Derivatives){.function = "value_hessian",
                                     .kind = DERIVATIVES_HESSIAN,
                                     .root_count = 1,
                                     .leaf_count = leaf_count,
                                     .out = hessian_out},
                       &root, leaves);
}
