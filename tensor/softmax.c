/* softmax.c - softmax, log_softmax, logsumexp along an axis, without overflow.
 *
 * Rows are shifted by their maximum before anything is exponentiated. A row of nothing but -infinity has
 * logsumexp -infinity with derivative 0, and a softmax that is not defined (NaN). */
#include <math.h>

#include "tensor/softmax.h"

real softmax__log_sum(const real *x, int64_t n, real *max, real scale, real *softmax)
{
    *max = kernels__get()->max(x, n);
    if (!isfinite(*max) && !softmax)
        return (real)NAN;
    const real sum = kernels__get()->exponentials(softmax, x, *max, n), factor = scale / sum;
    for (int64_t i = 0; softmax && i < n; i++)
        softmax[i] *= factor;
    return isfinite(*max) ? (real)log((double)sum) : (real)NAN;
}

static real logsumexp_row(const real *x, int64_t n)
{
    real max;
    const real log_sum = softmax__log_sum(x, n, &max, 0, NULL);
    return isfinite(max) ? max + log_sum : max;
}

void softmax__row(const real *x, int64_t n, real *out)
{
    const Kernels *kernels = kernels__get();
    const real sum = kernels->exponentials(out, x, kernels->max(x, n), n);
    for (int64_t i = 0; i < n; i++)
        out[i] /= sum;
}

static void log_softmax_row(const real *x, int64_t n, real *out)
{
    real max;
    const real log_sum = softmax__log_sum(x, n, &max, 0, NULL);
    for (int64_t i = 0; i < n; i++)
        out[i] = x[i] - max - log_sum;
}

/* The weights by which logsumexp depends on its row: softmax, with its limits at infinities. */
static void weights_row(const real *x, int64_t n, real logsumexp, real *out)
{
    if (logsumexp < 0 && isinf(logsumexp)) {
        kernels__get()->fill(out, 0, n);
        return;
    }
    if (!isinf(logsumexp)) {
        softmax__row(x, n, out);
        return;
    }
    real infinite = 0;
    for (int64_t i = 0; i < n; i++)
        infinite += x[i] == logsumexp;
    for (int64_t i = 0; i < n; i++)
        out[i] = (real)(x[i] == logsumexp) / infinite;
}

/* ---- backward ---------------------------------------------------------------------------------- */

static bool all_zero(const real *g, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (g[i] != 0)
            return false;
    }
    return true;
}

/* dx_i = f_i (g_i - sum_j g_j f_j) */
static void softmax_chain(const real *f, const real *g, int64_t n, Gradient to)
{
    const bool zero = all_zero(g, n) && !backward__strict();
    const real mean = zero ? 0 : kernels__get()->dot(f, g, n);
    for (int64_t i = 0; i < n; i++)
        gradient__put(to, i, zero ? 0 : f[i] * (g[i] - mean));
}

/* dx_i = g_i - e^f_i sum_j g_j */
static void log_softmax_chain(const real *f, const real *g, int64_t n, Gradient to)
{
    const bool zero = all_zero(g, n) && !backward__strict();
    const real sum = zero ? 0 : kernels__get()->sum(g, n);
    for (int64_t i = 0; i < n; i++)
        gradient__put(to, i, zero ? 0 : g[i] - (real)exp((double)f[i]) * sum);
}

static void backward_softmax(Value *v)
{
    operation__chain_rows(v, softmax_chain);
}

static void backward_log_softmax(Value *v)
{
    operation__chain_rows(v, log_softmax_chain);
}

static void backward_logsumexp(Value *v)
{
    const Operation *operation = operation_of(v);
    const int64_t columns = operation__columns(v);
    const Gradient to = gradient__begin(&operation->operand[0]);
    for (int64_t r = 0; r < operation->dense.n; r++) {
        real *weights = operation->saved;
        const real g = operation->dense.grad[r];
        weights_row(operation->operand[0].numbers + r * columns, columns, operation->dense.data[r],
                    weights);
        for (int64_t c = 0; c < columns; c++)
            gradient__put(to, r * columns + c, g == 0 && !backward__strict() ? 0 : share_of(g, weights[c]));
    }
    gradient__end(&operation->operand[0], to);
}

/* ---- meaning ----------------------------------------------------------------------------------- */

ProgramSlot softmax__expand(Expansion *e, int64_t n, const ProgramSlot *x, ProgramSlot *shifted,
                            ProgramSlot *powers)
{
    const ProgramSlot max = expansion__detach(e, expansion__nary(e, PROGRAM_MAX, n, x));
    for (int64_t i = 0; i < n; i++) {
        shifted[i] = expansion__op2(e, OP_sub, x[i], max);
        powers[i] = expansion__op1(e, OP_exp, shifted[i], 0);
    }
    return expansion__nary(e, PROGRAM_SUM, n, powers);
}

static void expand_rows(const Value *v, Expansion *e, bool logarithm)
{
    const int64_t columns = operation__columns(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    ProgramSlot *shifted = expansion__room(e, columns), *powers = expansion__room(e, columns);
    for (int64_t at = 0; powers && at < dense_of(v)->n; at += columns) {
        ProgramSlot sum = softmax__expand(e, columns, x + at, shifted, powers);
        if (logarithm)
            sum = expansion__op1(e, OP_log, sum, 0);
        for (int64_t i = 0; i < columns; i++)
            expansion__result(e, at + i,
                              logarithm ? expansion__op2(e, OP_sub, shifted[i], sum)
                                        : expansion__op2(e, OP_div, powers[i], sum));
    }
}

static void expand_softmax(const Value *v, Expansion *e)
{
    expand_rows(v, e, false);
}

static void expand_log_softmax(const Value *v, Expansion *e)
{
    expand_rows(v, e, true);
}

static void expand_logsumexp(const Value *v, Expansion *e)
{
    const int64_t columns = operation__columns(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    for (int64_t r = 0; x && r < dense_of(v)->n; r++)
        expansion__result(e, r, expansion__nary(e, PROGRAM_LOGSUMEXP, columns, x + r * columns));
}

/* ---- operations -------------------------------------------------------------------------------- */

/* False and an error if there is nothing along the axis. (Others look for NULL and axes not there.) */
static bool check_row(const char *function, const Tensor *t, int axis)
{
    if (!t || tensor_side(t, axis) != 0)
        return true;
    char text[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: a tensor of shape %s has nothing along axis %d", function,
               shape__text(t->rank, t->shape, text), axis < 0 ? axis + t->rank : axis);
    return false;
}

static Tensor *map_rows(const char *function, const NodeKind *kind, Tensor *t, int axis,
                        RowMap *map)
{
    return check_row(function, t, axis) ? operation__map_rows(function, kind, t, axis, map) : NULL;
}

Tensor *tensor_softmax(Tensor *t, int axis)
{
    static const NodeKind kind = OPERATION_KIND(backward_softmax, expand_softmax);
    return map_rows("tensor_softmax", &kind, t, axis, softmax__row);
}

Tensor *tensor_log_softmax(Tensor *t, int axis)
{
    static const NodeKind kind = OPERATION_KIND(backward_log_softmax, expand_log_softmax);
    return map_rows("tensor_log_softmax", &kind, t, axis, log_softmax_row);
}

Tensor *tensor_logsumexp(Tensor *t, int axis, bool keepdim)
{
    static const char function[] = "tensor_logsumexp";
    static const NodeKind kind = OPERATION_KIND(backward_logsumexp, expand_logsumexp);
    Rows rows;
    Tensor *moved =
        check_row(function, t, axis) ? tensor__axis_last(function, t, axis, &rows) : NULL;
    if (!moved)
        return NULL;
    Shape shape = {.size = rows.count};
    for (int i = 0; i < t->rank; i++) {
        if (i != rows.axis || keepdim)
            shape.sides[shape.rank++] = i == rows.axis ? 1 : t->shape[i];
    }
    Value *v =
        operation__begin(function, &kind, sizeof(Operation), &shape, 1, &moved, rows.columns);
    tensor__drop(moved, t);
    if (!v)
        return NULL;
    const real *x = operation_of(v)->operand[0].numbers;
    for (int64_t r = 0; r < rows.count; r++)
        dense_of(v)->data[r] = logsumexp_row(x + r * rows.columns, rows.columns);
    return operation__end(v, &shape);
}
