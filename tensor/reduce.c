/* reduce.c - sums, means, products, extremes, variances and norms over axes.
 *
 * Every reduction sees rows x columns: the axes to be reduced are moved to the end by a view (gathered
 * only if they were not there), and each row becomes one number. */
#include <math.h>

#include "autograd/instruction.h"
#include "tensor/squares.h"
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

/* A row of n numbers; what the operation was given besides; room for n more. */
typedef struct Row {
    const real *x;
    int64_t n;
    real parameter;
    real *room;
} Row;

typedef real RowForward(Row row);

static real row_sum(Row row)
{
    return kernels__get()->sum(row.x, row.n);
}

static real row_mean(Row row)
{
    return kernels__get()->sum(row.x, row.n) / (real)row.n;
}

static real row_max(Row row)
{
    return kernels__get()->max(row.x, row.n);
}

/* NaN wins, as in row_max. */
static real row_min(Row row)
{
    real min = (real)INFINITY;
    for (int64_t i = 0; i < row.n && !isnan(min); i++)
        min = row.x[i] >= min ? min : row.x[i];
    return min;
}

static real row_prod(Row row)
{
    real product = 1;
    for (int64_t i = 0; i < row.n; i++)
        product *= row.x[i];
    return product;
}

/* sqrt(sum x_i^2), without overflow or underflow in between: what is so large or small that its square is
 * not safe is scaled by the greatest first. Overwrites room (which may be x). */
static real euclidean(const real *x, int64_t n, real *room)
{
    const real max = squares__magnitude(x, n);
    if (max == 0 || isinf(max) || isnan(max))
        return max;
    if (squares__are_safe(max))
        return (real)sqrt((double)kernels__get()->dot(x, x, n));
    for (int64_t i = 0; i < n; i++)
        room[i] = x[i] / max;
    return max * (real)sqrt((double)kernels__get()->dot(room, room, n));
}

/* Writes x_i - mean into the room: exactly 0 where all are equal, of which the mean may be rounded. */
static void center(Row row)
{
    const real mean = row_mean(row);
    bool equal = true;
    for (int64_t i = 0; i < row.n; i++) {
        row.room[i] = row.x[i] - mean;
        equal &= row.x[i] == row.x[0];
    }
    if (equal && isfinite(row.x[0]))
        kernels__get()->fill(row.room, 0, row.n);
}

/* parameter: 1 if unbiased, otherwise 0. */
static real row_var(Row row)
{
    center(row);
    return kernels__get()->dot(row.room, row.room, row.n) / ((real)row.n - row.parameter);
}

static real row_std(Row row)
{
    center(row);
    return euclidean(row.room, row.n, row.room) / (real)sqrt((double)((real)row.n - row.parameter));
}

static real row_norm1(Row row)
{
    for (int64_t i = 0; i < row.n; i++)
        row.room[i] = (real)fabs((double)row.x[i]);
    return kernels__get()->sum(row.room, row.n);
}

static real row_norm2(Row row)
{
    return euclidean(row.x, row.n, row.room);
}

static real row_norm_max(Row row)
{
    return squares__magnitude(row.x, row.n);
}

/* ---- derivatives of a row ----------------------------------------------------------------------- */

/* Writes d f / d x_i into the room. */
typedef void RowPartials(Row row, real f);

/* Equal extremes share the derivative; all are NaN if the extreme is. */
static void extreme_partials(Row row, real f)
{
    int64_t equal = 0;
    for (int64_t i = 0; i < row.n; i++)
        equal += row.x[i] == f;
    for (int64_t i = 0; i < row.n; i++)
        row.room[i] = isnan(f) ? f : (real)(row.x[i] == f) / (real)equal;
}

/* The product of the others, from both ends: right with zeros among them, beside infinities, too. */
static void prod_partials(Row row, real f)
{
    (void)f;
    const bool strict = backward__strict();
    real before = 1, after = 1;
    for (int64_t i = 0; i < row.n; i++) {
        row.room[i] = before;
        before *= row.x[i];
    }
    for (int64_t i = row.n - 1; i >= 0; i--) {
        row.room[i] = passed_on(after, row.room[i], strict);
        after = passed_on(after, row.x[i], strict);
    }
}

/* 2 (x_i - mean) / (n - parameter) */
static void var_partials(Row row, real f)
{
    center(row);
    kernels__get()->scale(row.room, isnan(f) ? f : 2 / ((real)row.n - row.parameter), row.room, row.n);
}

/* (x_i - mean) / ((n - parameter) f); 0 where all are equal. */
static void std_partials(Row row, real f)
{
    center(row);
    for (int64_t i = 0; i < row.n; i++)
        row.room[i] = f == 0 ? 0 : row.room[i] / f / ((real)row.n - row.parameter);
}

static real sign_of(real x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

static void norm1_partials(Row row, real f)
{
    (void)f;
    for (int64_t i = 0; i < row.n; i++)
        row.room[i] = sign_of(row.x[i]);
}

/* x_i / f; at 0 the subgradient of least size, which is 0; at infinity the limit, which there is if a single number
 * is infinite. */
static void norm2_partials(Row row, real f)
{
    int64_t infinite = 0;
    for (int64_t i = 0; isinf(f) && i < row.n; i++)
        infinite += isinf(row.x[i]) != 0;
    for (int64_t i = 0; i < row.n; i++)
        row.room[i] = f == 0                                ? 0
                      : infinite == 1 && isinf(row.x[i]) ? sign_of(row.x[i])
                                                            : row.x[i] / f;
}

static void norm_max_partials(Row row, real f)
{
    int64_t equal = 0;
    for (int64_t i = 0; i < row.n; i++)
        equal += (real)fabs((double)row.x[i]) == f;
    for (int64_t i = 0; i < row.n; i++) {
        const real sign = sign_of(row.x[i]);
        row.room[i] = isnan(f) && sign != 0 ? f : sign * row.x[i] == f ? sign / (real)equal : 0;
    }
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

/* saved: room for a row. `choosing`: a derivative of 0 lets nothing through (see share_of). */
static void chain_partials(Value *v, RowPartials *partials, bool choosing)
{
    const Operation *operation = operation_of(v);
    const int64_t rows = operation->dense.n, columns = columns_of(v);
    const Gradient to = gradient__begin(&operation->operand[0]);
    for (int64_t r = 0; r < rows; r++) {
        const real g = operation->dense.grad[r];
        const bool skip = g == 0 && !backward__strict();
        const Row row = {operation->operand[0].numbers + r * columns, columns, operation->parameter,
                         operation->saved};
        if (!skip)
            partials(row, operation->dense.data[r]);
        for (int64_t c = 0; c < columns; c++)
            gradient__put(to, r * columns + c,
                          skip       ? 0
                          : choosing ? share_of(g, row.room[c])
                                     : g * row.room[c]);
    }
    gradient__end(&operation->operand[0], to);
}

#define BACKWARD(name, choosing)                                                                   \
    static void backward_##name(Value *v)                                                          \
    {                                                                                              \
        chain_partials(v, name##_partials, choosing);                                              \
    }
BACKWARD(extreme, true)
BACKWARD(prod, false)
BACKWARD(var, false)
BACKWARD(std, true)
BACKWARD(norm1, true)
BACKWARD(norm2, true)
BACKWARD(norm_max, true)
#undef BACKWARD

/* ---- meaning ----------------------------------------------------------------------------------- */

/* Says what one row of x means; room for as many slots. */
typedef ProgramSlot RowExpand(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                              ProgramSlot *room);

static void expand_rows(const Value *v, Expansion *e, RowExpand *expand)
{
    const int64_t columns = columns_of(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    ProgramSlot *room = expansion__room(e, columns);
    for (int64_t r = 0; room && r < dense_of(v)->n; r++)
        expansion__result(e, r, expand(v, e, columns, x + r * columns, room));
}

static ProgramSlot sum_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                             ProgramSlot *room)
{
    (void)v, (void)room;
    return expansion__nary(e, PROGRAM_SUM, n, x);
}

static ProgramSlot divided(Expansion *e, ProgramSlot slot, real divisor)
{
    return expansion__op2(e, OP_div, slot, expansion__constant(e, divisor));
}

static ProgramSlot mean_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                              ProgramSlot *room)
{
    return divided(e, sum_means(v, e, n, x, room), (real)n);
}

static ProgramSlot max_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                             ProgramSlot *room)
{
    (void)v, (void)room;
    return expansion__nary(e, PROGRAM_MAX, n, x);
}

static ProgramSlot min_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                             ProgramSlot *room)
{
    (void)v, (void)room;
    return expansion__nary(e, PROGRAM_MIN, n, x);
}

static ProgramSlot prod_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                              ProgramSlot *room)
{
    (void)v, (void)room;
    ProgramSlot product = n > 0 ? x[0] : expansion__constant(e, 1);
    for (int64_t i = 1; i < n; i++)
        product = expansion__op2(e, OP_mul, product, x[i]);
    return product;
}

static void expand_deviations(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                              ProgramSlot *room)
{
    const ProgramSlot mean = mean_means(v, e, n, x, room);
    for (int64_t i = 0; i < n; i++)
        room[i] = expansion__op2(e, OP_sub, x[i], mean);
}

static ProgramSlot var_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                             ProgramSlot *room)
{
    expand_deviations(v, e, n, x, room);
    for (int64_t i = 0; i < n; i++)
        room[i] = expansion__op1(e, OP_square, room[i], 0);
    return divided(e, expansion__nary(e, PROGRAM_SUM, n, room),
                   (real)n - operation_of(v)->parameter);
}

static ProgramSlot std_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                             ProgramSlot *room)
{
    expand_deviations(v, e, n, x, room);
    return divided(e, expansion__nary(e, PROGRAM_NORM2, n, room),
                   (real)sqrt((double)((real)n - operation_of(v)->parameter)));
}

static void expand_magnitudes(Expansion *e, int64_t n, const ProgramSlot *x, ProgramSlot *room)
{
    for (int64_t i = 0; i < n; i++)
        room[i] = expansion__op1(e, OP_abs, x[i], 0);
}

static ProgramSlot norm1_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                               ProgramSlot *room)
{
    (void)v;
    expand_magnitudes(e, n, x, room);
    return expansion__nary(e, PROGRAM_SUM, n, room);
}

static ProgramSlot norm2_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                               ProgramSlot *room)
{
    (void)v, (void)room;
    return expansion__nary(e, PROGRAM_NORM2, n, x);
}

static ProgramSlot norm_max_means(const Value *v, Expansion *e, int64_t n, const ProgramSlot *x,
                                  ProgramSlot *room)
{
    (void)v;
    expand_magnitudes(e, n, x, room);
    return n > 0 ? expansion__nary(e, PROGRAM_MAX, n, room) : expansion__constant(e, 0);
}

#define EXPAND(name)                                                                               \
    static void expand_##name(const Value *v, Expansion *e)                                        \
    {                                                                                              \
        expand_rows(v, e, name##_means);                                                           \
    }
EXPAND(sum)
EXPAND(mean)
EXPAND(max)
EXPAND(min)
EXPAND(prod)
EXPAND(var)
EXPAND(std)
EXPAND(norm1)
EXPAND(norm2)
EXPAND(norm_max)
#undef EXPAND

/* ---- operations -------------------------------------------------------------------------------- */

typedef struct Reduction {
    const char *function;
    NodeKind kind;
    RowForward *forward;
    int64_t least_columns; /* a row of fewer numbers has no result */
    bool needs_room;
    real parameter;
} Reduction;

#define REDUCTION(function, name, backward, least, room, parameter)                                \
    {                                                                                              \
        function, OPERATION_KIND(backward, expand_##name), row_##name, least, room, parameter      \
    }
static const Reduction sum_reduction = REDUCTION("tensor_sum", sum, backward_sum, 0, false, 0),
                       mean_reduction = REDUCTION("tensor_mean", mean, backward_mean, 1, false, 0),
                       max_reduction =
                           REDUCTION("tensor_reduce_max", max, backward_extreme, 1, true, 0),
                       min_reduction =
                           REDUCTION("tensor_reduce_min", min, backward_extreme, 1, true, 0),
                       prod_reduction = REDUCTION("tensor_prod", prod, backward_prod, 0, true, 0),
                       var_reductions[] = {REDUCTION("tensor_var", var, backward_var, 1, true, 0),
                                           REDUCTION("tensor_var", var, backward_var, 2, true, 1)},
                       std_reductions[] = {REDUCTION("tensor_std", std, backward_std, 1, true, 0),
                                           REDUCTION("tensor_std", std, backward_std, 2, true, 1)},
                       norm1_reduction =
                           REDUCTION("tensor_norm", norm1, backward_norm1, 0, true, 0),
                       norm2_reduction =
                           REDUCTION("tensor_norm", norm2, backward_norm2, 0, true, 0),
                       norm_max_reduction =
                           REDUCTION("tensor_norm", norm_max, backward_norm_max, 0, true, 0);

static bool check_columns(const char *function, const Tensor *t, int64_t columns, int64_t least)
{
    if (columns >= least)
        return true;
    char text[SHAPE_TEXT_BYTES];
    shape__text(t->rank, t->shape, text);
    if (columns == 0)
        error__set(VALGRAD_ERROR_SHAPE, "%s: a tensor of shape %s has nothing along these axes",
                   function, text);
    else
        error__set(VALGRAD_ERROR_SHAPE,
                   "%s: a tensor of shape %s has %lld along these axes; expected %lld", function,
                   text, (long long)columns, (long long)least);
    return false;
}

static Tensor *reduce_rows(const Reduction *reduction, Tensor *moved, int64_t rows, int64_t columns,
                           const Shape *shape)
{
    Value *v = operation__begin(reduction->function, &reduction->kind, sizeof(Operation), shape, 1,
                                &moved, reduction->needs_room ? columns : 0);
    if (!v)
        return NULL;
    Operation *operation = operation_of(v);
    operation->parameter = reduction->parameter;
    for (int64_t r = 0; r < rows; r++)
        operation->dense.data[r] =
            reduction->forward((Row){operation->operand[0].numbers + r * columns, columns,
                                     reduction->parameter, operation->saved});
    return operation__end(v, shape);
}

static Tensor *reduce(const Reduction *reduction, Tensor *t, int count, const int *axes,
                      bool keepdim)
{
    unsigned mask;
    int64_t rows, columns;
    if (!t)
        return error__null(reduction->function, "t"), NULL;
    if (!tensor__axis_mask(reduction->function, t, count, axes, &mask))
        return NULL;
    const Shape shape = reduced_shape(t, mask, keepdim);
    Tensor *moved = tensor__axes_last(t, mask, &rows, &columns), *result = NULL;
    if (moved && check_columns(reduction->function, t, columns, reduction->least_columns))
        result = reduce_rows(reduction, moved, rows, columns, &shape);
    tensor__drop(moved, t);
    return result;
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

Tensor *tensor_reduce_min(Tensor *t, int count, const int *axes, bool keepdim)
{
    return reduce(&min_reduction, t, count, axes, keepdim);
}

Tensor *tensor_prod(Tensor *t, int count, const int *axes, bool keepdim)
{
    return reduce(&prod_reduction, t, count, axes, keepdim);
}

Tensor *tensor_var(Tensor *t, int count, const int *axes, bool keepdim, bool unbiased)
{
    return reduce(&var_reductions[unbiased], t, count, axes, keepdim);
}

Tensor *tensor_std(Tensor *t, int count, const int *axes, bool keepdim, bool unbiased)
{
    return reduce(&std_reductions[unbiased], t, count, axes, keepdim);
}

Tensor *tensor_norm(Tensor *t, real p, int count, const int *axes, bool keepdim)
{
    const Reduction *reduction = p == 1                ? &norm1_reduction
                                 : p == 2              ? &norm2_reduction
                                 : p == (real)INFINITY ? &norm_max_reduction
                                                       : NULL;
    if (reduction)
        return reduce(reduction, t, count, axes, keepdim);
    error__set(VALGRAD_ERROR_ARGUMENT, "tensor_norm: p %g; expected 1, 2 or INFINITY", (double)p);
    return NULL;
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
    } else if (!check_columns(function, t, columns, 1)) {
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
