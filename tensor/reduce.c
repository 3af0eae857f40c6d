/* reduce.c - sums, means and maxima over axes.
 *
 * Every reduction sees rows x columns: the axes to be reduced are moved to the end by a view (gathered
 * only if they were not there), and each row becomes one number. */
#include <math.h>

#include "tensor/tensor_internal.h"

/* The result's shape: t's without the axes of mask, or with sides of 1 there. */
static Shape reduced_shape(const Tensor *t, unsigned mask, bool keepdim)
{
    Shape shape = {.size = 1};
    for (int axis = 0; axis < t->rank; axis++) {
        const bool reduced = mask & 1u << axis;
        if (reduced && !keepdim)
            continue;
        shape.sides[shape.rank] = reduced ? 1 : t->shape[axis];
        shape.size *= shape.sides[shape.rank++];
    }
    return shape;
}

static int64_t columns_of(const Value *v)
{
    const Operation *operation = operation_of(v);
    return operation->dense.n ? operation->operand[0].tensor->size / operation->dense.n : 0;
}

/* ---- one row ----------------------------------------------------------------------------------- */

typedef real RowForward(const real *x, int64_t n);

static real row_sum(const real *x, int64_t n)
{
    return kernels__get()->sum(x, n);
}

static real row_mean(const real *x, int64_t n)
{
    return kernels__get()->sum(x, n) / (real)n;
}

static real row_max(const real *x, int64_t n)
{
    return kernels__get()->max(x, n);
}

/* ---- backward ---------------------------------------------------------------------------------- */

/* Each element of a row gets the row's gradient times `factor`. */
static void spread_rows(Value *v, real factor)
{
    const Operation *operation = operation_of(v);
    const int64_t rows = operation->dense.n, columns = columns_of(v);
    const Gradient to = gradient__begin(&operation->operand[0]);
    for (int64_t r = 0; r < rows; r++) {
        const real g = operation->dense.grad[r] * factor;
        real *grad = to.grad + r * columns;
        for (int64_t c = 0; c < columns; c++)
            grad[c] = to.fresh ? g : grad[c] + g;
    }
    gradient__end(&operation->operand[0], to);
}

static void backward_sum(Value *v)
{
    spread_rows(v, 1);
}

static void backward_mean(Value *v)
{
    spread_rows(v, 1 / (real)columns_of(v));
}

/* The share of each maximum among equals; NaN if the maximum is NaN. */
static real max_share(const real *x, int64_t n, real max)
{
    int64_t equal = 0;
    for (int64_t i = 0; i < n; i++)
        equal += x[i] == max;
    return equal ? 1 / (real)equal : (real)NAN;
}

static void backward_max(Value *v)
{
    const Operation *operation = operation_of(v);
    const int64_t rows = operation->dense.n, columns = columns_of(v);
    const Gradient to = gradient__begin(&operation->operand[0]);
    for (int64_t r = 0; r < rows; r++) {
        const real *x = operation->operand[0].numbers + r * columns, max = operation->dense.data[r];
        const real g = operation->dense.grad[r];
        const real share = g == 0 ? 0 : g * max_share(x, columns, max);
        for (int64_t c = 0; c < columns; c++) {
            const real part = x[c] == max || max != max ? share : 0;
            real *grad = &to.grad[r * columns + c];
            *grad = to.fresh ? part : *grad + part;
        }
    }
    gradient__end(&operation->operand[0], to);
}

/* ---- meaning ----------------------------------------------------------------------------------- */

/* Each row as one instruction, divided by `divisor` unless that is 0. */
static void expand_rows(const Value *v, Expansion *e, int op, real divisor)
{
    const int64_t columns = columns_of(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    for (int64_t r = 0; x && r < dense_of(v)->n; r++) {
        ProgramSlot slot = expansion__nary(e, op, columns, x + r * columns);
        if (divisor != 0)
            slot = expansion__op2(e, OP_div, slot, expansion__constant(e, divisor));
        expansion__result(e, r, slot);
    }
}

static void expand_sum(const Value *v, Expansion *e)
{
    expand_rows(v, e, PROGRAM_SUM, 0);
}

static void expand_mean(const Value *v, Expansion *e)
{
    expand_rows(v, e, PROGRAM_SUM, (real)columns_of(v));
}

static void expand_max(const Value *v, Expansion *e)
{
    expand_rows(v, e, PROGRAM_MAX, 0);
}

/* ---- operations -------------------------------------------------------------------------------- */

typedef struct Reduction {
    const char *function;
    NodeKind kind;
    RowForward *forward;
    bool needs_columns; /* has no result over nothing */
} Reduction;

static const Reduction sum_reduction = {"tensor_sum", OPERATION_KIND(backward_sum, expand_sum), row_sum, false};
static const Reduction mean_reduction = {"tensor_mean", OPERATION_KIND(backward_mean, expand_mean), row_mean, true};
static const Reduction max_reduction = {"tensor_reduce_max", OPERATION_KIND(backward_max, expand_max), row_max, true};

static bool check_columns(const char *function, const Tensor *t, int64_t columns)
{
    if (columns > 0)
        return true;
    char text[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: a tensor of shape %s has nothing along these axes", function,
               shape__text(t->rank, t->shape, text));
    return false;
}

static Tensor *reduce(const Reduction *reduction, Tensor *t, int count, const int *axes, bool keepdim)
{
    unsigned mask;
    int64_t rows, columns;
    if (!t)
        return error__null(reduction->function, "t"), NULL;
    if (!tensor__axis_mask(reduction->function, t, count, axes, &mask))
        return NULL;
    const Shape shape = reduced_shape(t, mask, keepdim);
    Tensor *moved = tensor__axes_last(t, mask, &rows, &columns);
    Value *v = NULL;
    if (moved && (!reduction->needs_columns || check_columns(reduction->function, t, columns)))
        v = operation__begin(reduction->function, &reduction->kind, sizeof(Operation), &shape, 1, &moved, 0);
    tensor__drop(moved, t);
    if (!v)
        return NULL;
    const real *x = operation_of(v)->operand[0].numbers;
    for (int64_t r = 0; r < rows; r++)
        dense_of(v)->data[r] = reduction->forward(x + r * columns, columns);
    return operation__end(v, &shape);
}

Tensor *tensor_sum(Tensor *t, int count, const int *axes, bool keepdim)
{
    return reduce(&sum_reduction, t, count, axes, keepdim);
}

Tensor *tensor_mean(Tensor *t, int count, const int *axes, bool keepdim)
{
    return reduce(&mean_reduction, t, count, axes, keepdim);
}

Tensor *tensor_reduce_max(Tensor *t, int count, const int *axes, bool keepdim)
{
    return reduce(&max_reduction, t, count, axes, keepdim);
}

Tensor *tensor_sum_all(Tensor *t)
{
    return tensor_sum(t, TENSOR_ALL_AXES, false);
}

Tensor *tensor_mean_all(Tensor *t)
{
    return tensor_mean(t, TENSOR_ALL_AXES, false);
}

static int64_t first_max(const real *x, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 0; i < n; i++) {
        if (x[i] != x[i])
            return i;
        if (x[i] > x[best])
            best = i;
    }
    return best;
}

ValgradStatus tensor_argmax(const Tensor *t, int count, const int *axes, int64_t n, int64_t *out)
{
    static const char function[] = "tensor_argmax";
    unsigned mask;
    if (!t || (!out && n != 0))
        return error__null(function, t ? "out" : "t");
    if (!tensor__axis_mask(function, t, count, axes, &mask))
        return valgrad_last_status();
    const Shape shape = reduced_shape(t, mask, false);
    if (n != shape.size)
        return error__set(VALGRAD_ERROR_SHAPE, "%s: room for %lld results; expected %lld", function,
                          (long long)n, (long long)shape.size);
    const bool recording = valgrad_set_recording(false);
    int64_t rows, columns;
    Tensor *moved = tensor__axes_last((Tensor *)(uintptr_t)t, mask, &rows, &columns);
    valgrad_set_recording(recording);
    real *x = moved ? buffer__take((size_t)t->size * sizeof *x) : NULL;
    ValgradStatus status = VALGRAD_OK;
    if (!x) {
        status = error__memory(function, (size_t)t->size * sizeof *x);
    } else if (!check_columns(function, t, columns)) {
        status = VALGRAD_ERROR_SHAPE;
    } else {
        tensor__gather(moved, x);
        for (int64_t r = 0; r < rows; r++)
            out[r] = first_max(x + r * columns, columns);
    }
    buffer__give(x);
    tensor__drop(moved, t);
    return status;
}
