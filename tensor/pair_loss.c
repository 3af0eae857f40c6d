/* pair_loss.c - losses that are the mean of a function of two numbers, prediction x and target y.
 *
 * Each is one node. The two derivatives are worked out with the value and kept, as far as wanted. */
#include <math.h>

#include "tensor/tensor_internal.h"

/* ---- the functions ----------------------------------------------------------------------------- */

/* f(x, y) and its derivatives. */
typedef struct Pair {
    real f, dx, dy;
} Pair;

typedef Pair PairFunction(real x, real y, real parameter);

static Pair square(real x, real y, real unused)
{
    (void)unused;
    const real d = x - y;
    return (Pair){d * d, 2 * d, -2 * d};
}

/* |x - y|, with derivative 0 at 0. */
static Pair absolute_error(real x, real y, real unused)
{
    (void)unused;
    const real d = x - y, sign = d > 0 ? 1 : d < 0 ? -1 : d;
    return (Pair){(real)fabs((double)d), sign, -sign};
}

/* d^2 / 2 within delta, and on along its tangent. */
static Pair huber(real x, real y, real delta)
{
    const real d = x - y, size = (real)fabs((double)d);
    if (size > delta)
        return (Pair){delta * (size - delta / 2), d > 0 ? delta : -delta, d > 0 ? -delta : delta};
    return (Pair){d * d / 2, d, -d};
}

/* The least logarithm that a probability counts with; constant below. */
static const real LOG_FLOOR = -100;

/* -y log x - (1 - y) log(1 - x) */
static Pair cross_entropy_of_probability(real x, real y, real unused)
{
    (void)unused;
    const real log_x = (real)log((double)x), log_rest = (real)log1p(-(double)x);
    const bool x_is_floored = log_x <= LOG_FLOOR, rest_is_floored = log_rest <= LOG_FLOOR;
    const real a = x_is_floored ? LOG_FLOOR : log_x, b = rest_is_floored ? LOG_FLOOR : log_rest;
    const real towards_1 = x_is_floored || y == 0 ? 0 : isnan(a) ? a : y / x;
    const real towards_0 = rest_is_floored || y == 1 ? 0 : isnan(b) ? b : (1 - y) / (1 - x);
    return (Pair){-y * a - (1 - y) * b, towards_0 - towards_1, b - a};
}

/* The same of x = sigmoid(logit): y softplus(-logit) + (1 - y) softplus(logit). */
static Pair cross_entropy_of_logit(real x, real y, real unused)
{
    (void)unused;
    const real tail = (real)exp(-fabs((double)x)), log_tail = (real)log1p((double)tail);
    const real near = 1 / (1 + tail), far = tail / (1 + tail); /* the sigmoids of |x| and -|x| */
    const real up = x > 0 ? x + log_tail : log_tail, down = x > 0 ? log_tail : log_tail - x;
    const real sigmoid = x > 0 ? near : far, rest = x > 0 ? far : near;
    const real from_0 = y == 1 ? 0 : 1 - y, from_1 = y == 0 ? 0 : y;
    return (Pair){(from_1 == 0 ? 0 : from_1 * down) + (from_0 == 0 ? 0 : from_0 * up),
                  from_0 * sigmoid - from_1 * rest, -x};
}

/* max(0, 1 - x y), with derivative 0 where the two are equal. */
static Pair hinge(real x, real y, real unused)
{
    (void)unused;
    const real gap = 1 - x * y;
    if (gap <= 0)
        return (Pair){0, 0, 0};
    return isnan(gap) ? (Pair){gap, gap, gap} : (Pair){gap, -y, -x};
}

/* y (log y - x), x being a logarithm; a target of 0 counts for nothing. */
static Pair divergence(real x, real y, real unused)
{
    (void)unused;
    if (y == 0)
        return (Pair){0, 0, 0};
    const real gap = (real)log((double)y) - x;
    return (Pair){y * gap, -y, gap + 1};
}

/* ---- backward ---------------------------------------------------------------------------------- */

/* The derivatives divided as the mean is, in operation.saved; NULL where none is wanted. */
typedef struct PairNode {
    Operation operation;
    real *dx, *dy;
} PairNode;

static void backward_pairs(Value *v)
{
    const PairNode *node = (const PairNode *)(const void *)v->more;
    const Operation *operation = &node->operation;
    gradient__give_scaled(&operation->operand[0], operation->dense.grad[0], node->dx);
    gradient__give_scaled(&operation->operand[1], operation->dense.grad[0], node->dy);
}

/* ---- meaning ----------------------------------------------------------------------------------- */

typedef ProgramSlot PairExpand(Expansion *e, ProgramSlot x, ProgramSlot y, real parameter);

/* What the sum of all f is divided by: their number, or that of the rows of the last axis. */
static int64_t divisor_of(const Tensor *x, bool by_rows)
{
    return by_rows && x->rank > 0 ? x->size / x->shape[x->rank - 1] : x->size;
}

static void expand_pairs(const Value *v, Expansion *e, PairExpand *expand, bool by_rows)
{
    const Operation *operation = operation_of(v);
    const int64_t n = operation->operand[0].tensor->size;
    const ProgramSlot *x = operation__slots(v, 0, e), *y = operation__slots(v, 1, e);
    ProgramSlot *f = expansion__room(e, n);
    if (!f)
        return;
    for (int64_t i = 0; i < n; i++)
        f[i] = expand(e, x[i], y[i], operation->parameter);
    const real divisor = (real)divisor_of(operation->operand[0].tensor, by_rows);
    expansion__result(e, 0,
                      expansion__op2(e, OP_div, expansion__nary(e, PROGRAM_SUM, n, f),
                                     expansion__constant(e, divisor)));
}

static ProgramSlot square_means(Expansion *e, ProgramSlot x, ProgramSlot y, real unused)
{
    (void)unused;
    return expansion__op1(e, OP_square, expansion__op2(e, OP_sub, x, y), 0);
}

static ProgramSlot absolute_error_means(Expansion *e, ProgramSlot x, ProgramSlot y, real unused)
{
    (void)unused;
    return expansion__op1(e, OP_abs, expansion__op2(e, OP_sub, x, y), 0);
}

/* m (|d| - m / 2) with m = min(|d|, delta): whichever m is at |d| = delta, the derivative is the same. */
static ProgramSlot huber_means(Expansion *e, ProgramSlot x, ProgramSlot y, real delta)
{
    const ProgramSlot size = absolute_error_means(e, x, y, 0);
    const ProgramSlot m = expansion__op2(e, OP_min, size, expansion__constant(e, delta));
    const ProgramSlot half = expansion__op2(e, OP_mul, m, expansion__constant(e, (real)0.5));
    return expansion__op2(e, OP_mul, m, expansion__op2(e, OP_sub, size, half));
}

static ProgramSlot one_less(Expansion *e, ProgramSlot x)
{
    return expansion__op2(e, OP_sub, expansion__constant(e, 1), x);
}

/* y log x, the logarithm being LOG_FLOOR at least */
static ProgramSlot floored_log_means(Expansion *e, ProgramSlot x, ProgramSlot y)
{
    const ProgramSlot logarithm = expansion__op1(e, OP_log, x, 0);
    const ProgramSlot least = expansion__constant(e, LOG_FLOOR);
    return expansion__op2(e, OP_mul, y, expansion__op2(e, OP_max, logarithm, least));
}

static ProgramSlot cross_entropy_of_probability_means(Expansion *e, ProgramSlot x, ProgramSlot y,
                                                      real unused)
{
    (void)unused;
    const ProgramSlot a = floored_log_means(e, x, y);
    const ProgramSlot b = floored_log_means(e, one_less(e, x), one_less(e, y));
    return expansion__op1(e, OP_neg, expansion__op2(e, OP_add, a, b), 0);
}

static ProgramSlot cross_entropy_of_logit_means(Expansion *e, ProgramSlot x, ProgramSlot y,
                                                real unused)
{
    (void)unused;
    const ProgramSlot up = expansion__op1(e, OP_softplus, x, 0);
    const ProgramSlot down = expansion__op1(e, OP_softplus, expansion__op1(e, OP_neg, x, 0), 0);
    const ProgramSlot rest = one_less(e, y);
    return expansion__nary(e, PROGRAM_WEIGHTED, 4, (ProgramSlot[]){y, down, rest, up});
}

static ProgramSlot hinge_means(Expansion *e, ProgramSlot x, ProgramSlot y, real unused)
{
    (void)unused;
    return expansion__op1(e, OP_relu, one_less(e, expansion__op2(e, OP_mul, x, y)), 0);
}

static ProgramSlot divergence_means(Expansion *e, ProgramSlot x, ProgramSlot y, real unused)
{
    (void)unused;
    const ProgramSlot gap = expansion__op2(e, OP_sub, expansion__op1(e, OP_log, y, 0), x);
    const ProgramSlot product = expansion__op2(e, OP_mul, y, gap);
    return expansion__op3(e, OP_where, y, product, expansion__constant(e, 0));
}

#define EXPAND(name, by_rows)                                                                      \
    static void expand_##name(const Value *v, Expansion *e)                                        \
    {                                                                                              \
        expand_pairs(v, e, name##_means, by_rows);                                                 \
    }
EXPAND(square, false)
EXPAND(absolute_error, false)
EXPAND(huber, false)
EXPAND(cross_entropy_of_probability, false)
EXPAND(cross_entropy_of_logit, false)
EXPAND(hinge, false)
EXPAND(divergence, true)
#undef EXPAND

/* ---- the mean ---------------------------------------------------------------------------------- */

static const Shape scalar_shape = {.rank = 0, .size = 1};

/* In blocks, whose sums are exact to a few roundings. `of` is a constant wherever this is inlined. */
static inline real sum_of_pairs(const PairNode *node, PairFunction *of, real divisor)
{
    enum { BLOCK = 256 };
    const Operation *operation = &node->operation;
    const real *x = operation->operand[0].numbers, *y = operation->operand[1].numbers;
    const int64_t n = operation->operand[0].tensor->size;
    real sum = 0, f[BLOCK];
    for (int64_t at = 0; at < n; at += BLOCK) {
        const int64_t count = n - at < BLOCK ? n - at : BLOCK;
        for (int64_t i = 0; i < count; i++) {
            const Pair pair = of(x[at + i], y[at + i], operation->parameter);
            f[i] = pair.f;
            if (node->dx)
                node->dx[at + i] = pair.dx / divisor;
            if (node->dy)
                node->dy[at + i] = pair.dy / divisor;
        }
        sum += kernels__get()->sum(f, count);
    }
    return sum;
}

typedef real PairSum(const PairNode *node, real divisor);

#define SUM(name)                                                                                  \
    static real sum_of_##name(const PairNode *node, real divisor)                                  \
    {                                                                                              \
        return sum_of_pairs(node, name, divisor);                                                  \
    }
SUM(square)
SUM(absolute_error)
SUM(huber)
SUM(cross_entropy_of_probability)
SUM(cross_entropy_of_logit)
SUM(hinge)
SUM(divergence)
#undef SUM

/* ---- operations -------------------------------------------------------------------------------- */

typedef struct PairLoss {
    const char *function;
    const NodeKind *kind;
    PairSum *sum;
    real parameter;
    bool by_rows;
} PairLoss;

static void set_places(PairNode *node)
{
    real *place = node->operation.saved;
    if (node->operation.operand[0].wants_grad) {
        node->dx = place;
        place += node->operation.operand[0].tensor->size;
    }
    if (node->operation.operand[1].wants_grad)
        node->dy = place;
}

static Tensor *loss_of(const PairLoss *loss, Tensor *x, Tensor *y)
{
    Tensor *const operands[] = {x, y};
    const int wanted = graph__recording() ? tensor_wants_grad(x) + tensor_wants_grad(y) : 0;
    Value *v = operation__begin(loss->function, loss->kind, sizeof(PairNode), &scalar_shape, 2,
                                operands, wanted * x->size);
    if (!v)
        return NULL;
    PairNode *node = (PairNode *)(void *)v->more;
    const real divisor = (real)divisor_of(x, loss->by_rows);
    node->operation.parameter = loss->parameter;
    set_places(node);
    node->operation.dense.data[0] = loss->sum(node, divisor) / divisor;
    return operation__end(v, &scalar_shape);
}

static Tensor *pair_loss(const PairLoss *loss, Tensor *x, Tensor *y)
{
    Shape shape;
    if (!x || !y)
        return error__null(loss->function, x ? "y" : "x"), NULL;
    if (!shape__broadcast(loss->function, x, y, &shape))
        return NULL;
    if (shape.size == 0) {
        char text[SHAPE_TEXT_BYTES];
        error__set(VALGRAD_ERROR_SHAPE, "%s: nothing to take a mean of in shape %s", loss->function,
                   shape__text(shape.rank, shape.sides, text));
        return NULL;
    }
    Tensor *wide_x = tensor__fit(x, &shape), *wide_y = tensor__fit(y, &shape);
    Tensor *result = wide_x && wide_y ? loss_of(loss, wide_x, wide_y) : NULL;
    tensor__drop(wide_x, x);
    tensor__drop(wide_y, y);
    return result;
}

#define LOSS(tensor_function, name, by_rows)                                                       \
    Tensor *tensor_function(Tensor *x, Tensor *y)                                                  \
    {                                                                                              \
        static const NodeKind kind = OPERATION_KIND(backward_pairs, expand_##name);                \
        return pair_loss(&(PairLoss){#tensor_function, &kind, sum_of_##name, 0, by_rows}, x, y);   \
    }
LOSS(tensor_mse, square, false)
LOSS(tensor_mae, absolute_error, false)
LOSS(tensor_binary_cross_entropy, cross_entropy_of_probability, false)
LOSS(tensor_binary_cross_entropy_logits, cross_entropy_of_logit, false)
LOSS(tensor_hinge, hinge, false)
LOSS(tensor_kl_divergence, divergence, true)
#undef LOSS

Tensor *tensor_huber(Tensor *x, Tensor *y, real delta)
{
    static const NodeKind kind = OPERATION_KIND(backward_pairs, expand_huber);
    if (!x || !y || delta > 0)
        return pair_loss(&(PairLoss){"tensor_huber", &kind, sum_of_huber, delta, false}, x, y);
    error__set(VALGRAD_ERROR_ARGUMENT, "tensor_huber: delta %g; expected above 0", (double)delta);
    return NULL;
}
