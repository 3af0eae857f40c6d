/* normalize.c - rows shifted and scaled to mean 0 and variance 1. */
#include <math.h>

#include "tensor/squares.h"
#include "tensor/tensor_internal.h"

/* What backward needs of each row: the normalized numbers h, and the factor s = 1 / sqrt(var + epsilon). */
typedef struct Normalized {
    Operation operation; /* operands x, then the gain and the bias that there are */
    const Operand *gain, *bias;
    int64_t rows, columns;
    real *numbers, *factors; /* in operation.saved */
} Normalized;

static Normalized *normalized_of(const Value *v)
{
    return (Normalized *)v->more;
}

/* By what deviations are divided before they are squared: 1, unless their squares would overflow, or vanish
 * with nothing added to them. */
static real scale_for(const real *deviations, int64_t n, real epsilon)
{
    const real magnitude = squares__magnitude(deviations, n);
    const bool harmless = magnitude == 0 || (magnitude < 1 && epsilon > 0) || !isfinite(magnitude);
    return harmless || squares__are_safe(magnitude) ? 1 : magnitude;
}

/* Writes h and returns s. */
static real normalize_row(const real *x, int64_t n, real epsilon, real *h)
{
    const Kernels *kernels = kernels__get();
    const real mean = kernels->sum(x, n) / (real)n;
    for (int64_t i = 0; i < n; i++)
        h[i] = x[i] - mean;
    const real scale = scale_for(h, n, epsilon);
    kernels->scale(h, 1 / scale, h, n);
    const real var = kernels->dot(h, h, n) / (real)n + epsilon / scale / scale;
    const real factor = 1 / (real)sqrt((double)var);
    kernels->scale(h, factor, h, n);
    return factor / scale;
}

/* ---- backward ---------------------------------------------------------------------------------- */

/* g gain_i; a gradient of exactly 0 stays 0. */
static real through_gain(const Normalized *normalized, int64_t i, real g)
{
    const bool stays = !normalized->gain || (g == 0 && !backward__strict());
    return stays ? g : g * normalized->gain->numbers[i];
}

/* dx = s (d - mean(d) - h mean(d h)), d = g gain */
static void chain_row(const Normalized *normalized, int64_t r, const real *g, Gradient to)
{
    const int64_t n = normalized->columns;
    const real *h = normalized->numbers + r * n, s = normalized->factors[r];
    real mean = 0, along = 0;
    bool zero = !backward__strict();
    for (int64_t i = 0; i < n; i++) {
        const real d = through_gain(normalized, i, g[i]);
        zero &= d == 0;
        mean += d / (real)n;
        along += d * h[i] / (real)n;
    }
    for (int64_t i = 0; i < n; i++) {
        const real d = through_gain(normalized, i, g[i]);
        gradient__put(to, i, zero ? 0 : s * (d - mean - h[i] * along));
    }
}

static void give_x(const Normalized *normalized)
{
    const Operand *x = &normalized->operation.operand[0];
    const Gradient to = gradient__begin(x);
    for (int64_t r = 0; r < normalized->rows; r++) {
        const int64_t at = r * normalized->columns;
        chain_row(normalized, r, normalized->operation.dense.grad + at,
                  (Gradient){to.grad + at, to.fresh});
    }
    gradient__end(x, to);
}

static void give_gain(const Normalized *normalized)
{
    const int64_t n = normalized->columns;
    const real *g = normalized->operation.dense.grad;
    const Gradient to = gradient__begin(normalized->gain);
    if (to.fresh)
        kernels__get()->fill(to.grad, 0, n);
    for (int64_t i = 0; i < normalized->rows * n; i++)
        to.grad[i % n] += g[i] == 0 && !backward__strict() ? 0 : g[i] * normalized->numbers[i];
    gradient__end(normalized->gain, to);
}

static void give_bias(const Normalized *normalized)
{
    const Gradient to = gradient__begin(normalized->bias);
    kernels__get()->column_sums(to.grad, normalized->operation.dense.grad, normalized->rows,
                                normalized->columns, normalized->columns, !to.fresh);
    gradient__end(normalized->bias, to);
}

static void backward_layer_norm(Value *v)
{
    const Normalized *normalized = normalized_of(v);
    if (normalized->operation.operand[0].wants_grad)
        give_x(normalized);
    if (normalized->gain && normalized->gain->wants_grad)
        give_gain(normalized);
    if (normalized->bias && normalized->bias->wants_grad)
        give_bias(normalized);
}

/* ---- meaning ----------------------------------------------------------------------------------- */

static ProgramSlot expand_mean(Expansion *e, int64_t n, const ProgramSlot *x)
{
    return expansion__op2(e, OP_div, expansion__nary(e, PROGRAM_SUM, n, x),
                          expansion__constant(e, (real)n));
}

/* 1 / s of a row, of which the deviations are left in `deviations`. */
static ProgramSlot expand_deviation(Expansion *e, int64_t n, const ProgramSlot *x, real epsilon,
                                    ProgramSlot *deviations, ProgramSlot *squares)
{
    const ProgramSlot mean = expand_mean(e, n, x);
    for (int64_t i = 0; i < n; i++) {
        deviations[i] = expansion__op2(e, OP_sub, x[i], mean);
        squares[i] = expansion__op1(e, OP_square, deviations[i], 0);
    }
    const ProgramSlot var = expand_mean(e, n, squares);
    return expansion__op1(e, OP_sqrt,
                          expansion__op2(e, OP_add, var, expansion__constant(e, epsilon)), 0);
}

static void expand_layer_norm(const Value *v, Expansion *e)
{
    const Normalized *normalized = normalized_of(v);
    const Operation *operation = &normalized->operation;
    const int64_t n = normalized->columns;
    const ProgramSlot *x = operation__slots(v, 0, e);
    const ProgramSlot *gain = normalized->gain ? operation__slots(v, 1, e) : NULL;
    const ProgramSlot *bias =
        normalized->bias ? operation__slots(v, operation->count - 1, e) : NULL;
    ProgramSlot *deviations = expansion__room(e, n), *squares = expansion__room(e, n);
    for (int64_t at = 0; squares && at < operation->dense.n; at += n) {
        const ProgramSlot deviation =
            expand_deviation(e, n, x + at, operation->parameter, deviations, squares);
        for (int64_t i = 0; i < n; i++) {
            ProgramSlot slot = expansion__op2(e, OP_div, deviations[i], deviation);
            slot = gain ? expansion__op2(e, OP_mul, slot, gain[i]) : slot;
            expansion__result(e, at + i, bias ? expansion__op2(e, OP_add, slot, bias[i]) : slot);
        }
    }
}

/* ---- operation --------------------------------------------------------------------------------- */

static bool check_row_of(const char *function, const char *name, const Tensor *x, const Tensor *t)
{
    if (!t || (t->rank == 1 && t->shape[0] == x->shape[x->rank - 1]))
        return true;
    char p[SHAPE_TEXT_BYTES], q[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: a %s of shape %s for rows of %s", function, name,
               shape__text(t->rank, t->shape, p), shape__text(x->rank, x->shape, q));
    return false;
}

static bool check_layer_norm(const char *function, const Tensor *x, const Tensor *gain,
                             const Tensor *bias, real epsilon)
{
    if (!x)
        return error__null(function, "x"), false;
    if (x->rank == 0 || x->shape[x->rank - 1] == 0) {
        char text[SHAPE_TEXT_BYTES];
        error__set(VALGRAD_ERROR_SHAPE, "%s: a tensor of shape %s has no rows of numbers", function,
                   shape__text(x->rank, x->shape, text));
        return false;
    }
    if (!(epsilon >= 0)) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: epsilon %g; expected 0 or more", function,
                   (double)epsilon);
        return false;
    }
    return check_row_of(function, "gain", x, gain) && check_row_of(function, "bias", x, bias);
}

static void compute(Normalized *normalized)
{
    const real *x = normalized->operation.operand[0].numbers;
    const int64_t n = normalized->columns;
    for (int64_t r = 0; r < normalized->rows; r++) {
        real *h = normalized->numbers + r * n, *out = normalized->operation.dense.data + r * n;
        normalized->factors[r] = normalize_row(x + r * n, n, normalized->operation.parameter, h);
        for (int64_t i = 0; i < n; i++) {
            const real scaled = normalized->gain ? h[i] * normalized->gain->numbers[i] : h[i];
            out[i] = normalized->bias ? scaled + normalized->bias->numbers[i] : scaled;
        }
    }
}

Tensor *tensor_layer_norm(Tensor *x, Tensor *gain, Tensor *bias, real epsilon)
{
    static const char function[] = "tensor_layer_norm";
    static const NodeKind kind = OPERATION_KIND(backward_layer_norm, expand_layer_norm);
    if (!check_layer_norm(function, x, gain, bias, epsilon))
        return NULL;
    const Shape shape = shape__of(x);
    const int64_t columns = x->shape[x->rank - 1], rows = x->size / columns;
    Tensor *const operands[] = {x, gain ? gain : bias, bias};
    const int count = 1 + (gain != NULL) + (bias != NULL);
    Value *v = operation__begin(function, &kind, sizeof(Normalized), &shape, count, operands,
                                x->size + rows);
    if (!v)
        return NULL;
    Normalized *normalized = normalized_of(v);
    Operation *operation = &normalized->operation;
    normalized->gain = gain ? &operation->operand[1] : NULL;
    normalized->bias = bias ? &operation->operand[count - 1] : NULL;
    normalized->rows = rows;
    normalized->columns = columns;
    normalized->numbers = operation->saved;
    normalized->factors = operation->saved + x->size;
    operation->parameter = epsilon;
    compute(normalized);
    return operation__end(v, &shape);
}
