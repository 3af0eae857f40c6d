/* pool.c - the greatest or the mean of the elements under each window of an image. */
#include <math.h>

#include "tensor/window.h"

typedef struct Pool {
    Operation operation;
    Window window;
    int64_t *from; /* of maxima: which element each is, in its plane */
} Pool;

static Pool *pool_of(const Value *v)
{
    return (Pool *)v->more;
}

static int64_t pixels_of(const Pool *pool)
{
    return pool->window.down.in * pool->window.across.in;
}

static int64_t places_of(const Pool *pool)
{
    return pool->window.down.out * pool->window.across.out;
}

/* The elements of a plane that a window covers: rows and columns first, first + step, … before last. */
typedef struct Cover {
    int64_t first_row, last_row, row_step, first_column, last_column, column_step;
} Cover;

static void cover_axis(const WindowAxis *axis, int64_t out, int64_t *first, int64_t *last)
{
    int64_t tap = 0;
    while (tap < axis->taps && window__source(axis, out, tap) < 0)
        tap++;
    *first = window__source(axis, out, tap);
    *last = window__source(axis, out, axis->taps - 1) + 1;
    *last = *last < axis->in ? *last : axis->in;
}

static Cover cover_of(const Window *window, int64_t place)
{
    Cover cover = {.row_step = window->down.dilation, .column_step = window->across.dilation};
    cover_axis(&window->down, place / window->across.out, &cover.first_row, &cover.last_row);
    cover_axis(&window->across, place % window->across.out, &cover.first_column,
               &cover.last_column);
    return cover;
}

#define EACH_ELEMENT(cover, window, element)                                                       \
    for (int64_t row = (cover).first_row; row < (cover).last_row; row += (cover).row_step)         \
        for (int64_t column = (cover).first_column, element = row * (window)->across.in + column;  \
             column < (cover).last_column;                                                         \
             column += (cover).column_step, element += (cover).column_step)

/* ---- maxima ------------------------------------------------------------------------------------ */

/* The first of the greatest, or the first NaN; -1 if a window covers nothing. */
static int64_t first_max(const Window *window, const real *x, int64_t place)
{
    const Cover cover = cover_of(window, place);
    int64_t best = -1;
    EACH_ELEMENT(cover, window, element)
    {
        if (best < 0 || x[element] > x[best] || (isnan(x[element]) && !isnan(x[best])))
            best = element;
    }
    return best;
}

static void backward_max(Value *v)
{
    const Pool *pool = pool_of(v);
    const Operand *operand = &pool->operation.operand[0];
    const real *g = pool->operation.dense.grad;
    const int64_t places = places_of(pool), pixels = pixels_of(pool);
    const Gradient to = gradient__begin(operand);
    if (to.fresh)
        kernels__get()->fill(to.grad, 0, operand->tensor->size);
    for (int64_t i = 0; i < pool->operation.dense.n; i++)
        to.grad[i / places * pixels + pool->from[i]] += g[i];
    gradient__end(operand, to);
}

/* The slots of the elements that a window covers. Returns how many. */
static int64_t list_slots(const Pool *pool, int64_t i, const ProgramSlot *x, ProgramSlot *covered)
{
    const int64_t places = places_of(pool);
    const Cover cover = cover_of(&pool->window, i % places);
    int64_t n = 0;
    EACH_ELEMENT(cover, &pool->window, element)
    {
        covered[n++] = x[i / places * pixels_of(pool) + element];
    }
    return n;
}

static int64_t taps_of(const Pool *pool)
{
    return pool->window.down.taps * pool->window.across.taps;
}

static void expand_max(const Value *v, Expansion *e)
{
    const Pool *pool = pool_of(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    ProgramSlot *covered = expansion__room(e, taps_of(pool));
    for (int64_t i = 0; covered && i < pool->operation.dense.n; i++) {
        const int64_t n = list_slots(pool, i, x, covered);
        expansion__result(e, i, expansion__nary(e, PROGRAM_FIRST_MAX, n, covered));
    }
}

static void destroy_max(Value *v, bool counted)
{
    buffer__give(pool_of(v)->from);
    operation__destroy(v, counted);
}

static const NodeKind max_kind = {backward_max, operation__operand_count, operation__operand,
                                  destroy_max, expand_max};

static void compute_max(Pool *pool)
{
    const int64_t places = places_of(pool), pixels = pixels_of(pool);
    for (int64_t i = 0; i < pool->operation.dense.n; i++) {
        const real *x = pool->operation.operand[0].numbers + i / places * pixels;
        pool->from[i] = first_max(&pool->window, x, i % places);
        pool->operation.dense.data[i] = x[pool->from[i]];
    }
}

/* ---- means ------------------------------------------------------------------------------------- */

static void backward_avg(Value *v)
{
    const Pool *pool = pool_of(v);
    const Operand *operand = &pool->operation.operand[0];
    const int64_t places = places_of(pool), pixels = pixels_of(pool);
    const Gradient to = gradient__begin(operand);
    if (to.fresh)
        kernels__get()->fill(to.grad, 0, operand->tensor->size);
    for (int64_t i = 0; i < pool->operation.dense.n; i++) {
        const Cover cover = cover_of(&pool->window, i % places);
        const real share = pool->operation.dense.grad[i] / (real)taps_of(pool);
        EACH_ELEMENT(cover, &pool->window, element)
        {
            to.grad[i / places * pixels + element] += share;
        }
    }
    gradient__end(operand, to);
}

static void expand_avg(const Value *v, Expansion *e)
{
    const Pool *pool = pool_of(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    ProgramSlot *covered = expansion__room(e, taps_of(pool));
    for (int64_t i = 0; covered && i < pool->operation.dense.n; i++) {
        const ProgramSlot sum =
            expansion__nary(e, PROGRAM_SUM, list_slots(pool, i, x, covered), covered);
        expansion__result(
            e, i, expansion__op2(e, OP_div, sum, expansion__constant(e, (real)taps_of(pool))));
    }
}

static const NodeKind avg_kind = OPERATION_KIND(backward_avg, expand_avg);

static void compute_avg(Pool *pool)
{
    const int64_t places = places_of(pool), pixels = pixels_of(pool);
    for (int64_t i = 0; i < pool->operation.dense.n; i++) {
        const real *x = pool->operation.operand[0].numbers + i / places * pixels;
        const Cover cover = cover_of(&pool->window, i % places);
        real sum = 0;
        EACH_ELEMENT(cover, &pool->window, element)
        {
            sum += x[element];
        }
        pool->operation.dense.data[i] = sum / (real)taps_of(pool);
    }
}

/* ---- operations -------------------------------------------------------------------------------- */

/* Whether each window of an axis covers an element. */
static bool covers(const WindowAxis *axis)
{
    for (int64_t out = 0; out < axis->out; out++) {
        int64_t first, last;
        cover_axis(axis, out, &first, &last);
        if (first >= last)
            return false;
    }
    return true;
}

Tensor *tensor_max_pool2d(Tensor *x, int64_t rows, int64_t columns, const TensorWindow *options)
{
    static const char function[] = "tensor_max_pool2d";
    Window window;
    Shape shape;
    if (!x)
        return error__null(function, "x"), NULL;
    if (!window__set(function, x, rows, columns, options, (int64_t[]){rows, columns}, &window,
                     &shape))
        return NULL;
    if (!covers(&window.down) || !covers(&window.across)) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: a window covers padding only", function);
        return NULL;
    }
    int64_t *from = buffer__take((size_t)shape.size * sizeof *from);
    if (!from)
        return error__memory(function, (size_t)shape.size * sizeof *from), NULL;
    Value *v = operation__begin(function, &max_kind, sizeof(Pool), &shape, 1, &x, 0);
    if (!v)
        return buffer__give(from), NULL;
    Pool *pool = pool_of(v);
    pool->window = window;
    pool->from = from;
    compute_max(pool);
    return operation__end(v, &shape);
}

Tensor *tensor_avg_pool2d(Tensor *x, int64_t rows, int64_t columns, const TensorWindow *options)
{
    static const char function[] = "tensor_avg_pool2d";
    Window window;
    Shape shape;
    if (!x)
        return error__null(function, "x"), NULL;
    if (!window__set(function, x, rows, columns, options, (int64_t[]){rows, columns}, &window,
                     &shape))
        return NULL;
    Value *v = operation__begin(function, &avg_kind, sizeof(Pool), &shape, 1, &x, 0);
    if (!v)
        return NULL;
    Pool *pool = pool_of(v);
    pool->window = window;
    compute_avg(pool);
    return operation__end(v, &shape);
}
