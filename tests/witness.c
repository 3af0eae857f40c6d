/* witness.c - the quad witness (witness.h). */
#include <check.h>
#include <stdlib.h>

#include "quad.h"
#include "witness.h"

bool witness_is_there(void)
{
    return QUAD_IS_QUAD;
}

bool witness_knows(const char *name)
{
    return quad_find(name) != NULL;
}

static double distance(double actual, double expected)
{
    const double relative = fabs(actual - expected) / fmax(fabs(expected), 1e-3);
    return isnan(relative) ? (double)INFINITY : relative;
}

/* ---- differences --------------------------------------------------------------------------------- */

/* A weighed sum of roots, to be computed with the inputs moved. */
typedef struct Replay {
    Expansion *expansion;
    const real *weights, *vector; /* vector is NULL for first derivatives */
    quad *inputs, *slots;
    double noise;
} Replay;

static quad weighed_sum(const Replay *replay)
{
    const Expansion *e = replay->expansion;
    quad sum = 0;
    quad_run(e, replay->inputs, replay->slots, replay->noise);
    for (size_t i = 0; i < e->root_count; i++)
        sum += (quad)replay->weights[i] * replay->slots[e->roots[i]];
    return sum;
}

static quad first_derivative(const Replay *replay, size_t j, quad step)
{
    const quad at = replay->inputs[j], h = step * Q(fmax)(1, Q(fabs)(at));
    replay->inputs[j] = at + h;
    const quad right = weighed_sum(replay);
    replay->inputs[j] = at - h;
    const quad left = weighed_sum(replay);
    replay->inputs[j] = at;
    return (right - left) / (2 * h);
}

static void move_along(const Replay *replay, quad step)
{
    for (size_t i = 0; i < replay->expansion->input_count; i++)
        replay->inputs[i] += step * (quad)replay->vector[i];
}

/* Of the derivative along the vector. */
static quad second_derivative(const Replay *replay, size_t j, quad step)
{
    move_along(replay, step);
    const quad right = first_derivative(replay, j, step);
    move_along(replay, -2 * step);
    const quad left = first_derivative(replay, j, step);
    move_along(replay, step);
    return (right - left) / (2 * step);
}

/* What a difference cuts off goes with the square of its step, and rounding is 1e-34 divided by the step, for second
 * derivatives by its square: for these two differences are combined so that only the fourth power is left. */
static double derivative(const Replay *replay, size_t j)
{
    const quad step = ratio(3, 1e8);
    if (!replay->vector)
        return (double)first_derivative(replay, j, ratio(1, 1e11));
    return (
        double)((4 * second_derivative(replay, j, step) - second_derivative(replay, j, 2 * step)) /
                3);
}

/* ---- a witness ----------------------------------------------------------------------------------- */

static void *take(size_t n, size_t bytes)
{
    void *memory = calloc(n + 1, bytes);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

static Expansion *expand(const char *what, size_t root_count, Value *const *roots,
                         size_t input_count, Value *const *inputs)
{
    Place *from = expansion__places("witness", "root", root_count, roots);
    Place *to = expansion__places("witness", "input", input_count, inputs);
    Expansion *e = from && to ? expansion__new("witness", root_count, from, input_count, to) : NULL;
    ck_assert_msg(e != NULL, "%s: %s", what, valgrad_last_error());
    buffer__give(from);
    buffer__give(to);
    return e;
}

static Witness make(const char *what, size_t root_count, Value *const *roots, const real *weights,
                    size_t input_count, Value *const *inputs, const real *vector, double noise)
{
    Witness w = {root_count,
                 input_count,
                 take(root_count, sizeof(Value *)),
                 take(input_count, sizeof(Value *)),
                 take(root_count, sizeof(double)),
                 take(input_count, sizeof(double))};
    memcpy(w.roots, roots, root_count * sizeof *roots);
    memcpy(w.inputs, inputs, input_count * sizeof *inputs);
    Expansion *e = expand(what, root_count, roots, input_count, inputs);
    Replay replay = {
        e, weights, vector, take(input_count, sizeof(quad)), take(e->count, sizeof(quad)), noise};
    for (size_t j = 0; j < input_count; j++)
        replay.inputs[j] = (quad)value_data(inputs[j]);
    (void)weighed_sum(&replay);
    for (size_t i = 0; i < root_count; i++)
        w.values[i] = (double)replay.slots[e->roots[i]];
    for (size_t j = 0; j < input_count; j++)
        w.derivatives[j] = derivative(&replay, j);
    free(replay.inputs);
    free(replay.slots);
    expansion__free(e);
    return w;
}

Witness witness_new(const char *what, size_t root_count, Value *const *roots, const real *weights,
                    size_t input_count, Value *const *inputs)
{
    return make(what, root_count, roots, weights, input_count, inputs, NULL, 0);
}

Witness witness_along(const char *what, size_t root_count, Value *const *roots, const real *weights,
                      size_t input_count, Value *const *inputs, const real *vector)
{
    return make(what, root_count, roots, weights, input_count, inputs, vector, 0);
}

double witness_noise(const Witness *w, const real *weights, const real *vector)
{
    double worst = 0;
    Witness noisy = make("noise", w->root_count, w->roots, weights, w->input_count, w->inputs,
                         vector, (double)REAL_EPSILON / 2);
    for (size_t j = 0; j < w->input_count; j++)
        worst = fmax(worst, distance(noisy.derivatives[j], w->derivatives[j]));
    witness_free(&noisy);
    return worst;
}

void witness_free(Witness *w)
{
    free(w->roots);
    free(w->inputs);
    free(w->values);
    free(w->derivatives);
}

double witness_error(const Witness *w, const real *derivatives)
{
    double worst = 0;
    for (size_t j = 0; j < w->input_count; j++)
        worst = fmax(worst, distance((double)derivatives[j], w->derivatives[j]));
    return worst;
}

double witness_gradient_error(const Witness *w)
{
    double worst = 0;
    for (size_t j = 0; j < w->input_count; j++)
        worst = fmax(worst, distance((double)value_grad(w->inputs[j]), w->derivatives[j]));
    return worst;
}

double witness_value_error(const Witness *w)
{
    double worst = 0;
    for (size_t i = 0; i < w->root_count; i++)
        worst = fmax(worst, distance((double)value_data(w->roots[i]), w->values[i]));
    return worst;
}

/* ---- rows, applied by number -------------------------------------------------------------------- */

typedef struct Maker {
    Value *(*one)(Value *x);
    Value *(*one_with)(Value *x, real p);
    Value *(*two)(Value *x, Value *y);
    Value *(*three)(Value *x, Value *y, Value *z);
} Maker;

static const Maker makers[] = {
#define OP1(name, ...) {.one = value_##name},
#define OP1P(name, ...) {.one_with = value_##name},
#define OP2(name, ...) {.two = value_##name},
#define OP3(name, ...) {.three = value_##name},
#include "autograd/ops.def"
};

size_t row_count(void)
{
    return sizeof makers / sizeof *makers;
}

Value *apply_row(size_t i, Value *const *x, real p)
{
    const Maker *maker = &makers[i];
    return maker->one        ? maker->one(x[0])
           : maker->one_with ? maker->one_with(x[0], p)
           : maker->two      ? maker->two(x[0], x[1])
                             : maker->three(x[0], x[1], x[2]);
}

/* ---- operations of many operands ------------------------------------------------------------------ */

/* The product of one half with the other. */
static Value *dot_of_halves(size_t n, Value *const *x)
{
    return value_dot(n / 2, x, x + n / 2);
}

static Value *affine_of_halves(size_t n, Value *const *x)
{
    return value_affine((n - 1) / 2, x, x + (n - 1) / 2, x[n - 1]);
}

const OfMany *of_many(size_t i)
{
    static const OfMany entries[] = {
#include "of_many.inc" /* those of one list, as value.h has them: see CMakeLists.txt */
        {"value_dot", dot_of_halves},
        {"value_affine", affine_of_halves},
    };
    return i < sizeof entries / sizeof *entries ? &entries[i] : NULL;
}
