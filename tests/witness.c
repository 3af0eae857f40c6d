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

static double witness_distance(double actual, double expected)
{
    const double distance = fabs(actual - expected) / fmax(fabs(expected), 1e-3);
    return isnan(distance) ? (double)INFINITY : distance;
}

/* The weighed sum of the roots. */
static quad weighed(const Expansion *e, const real *weights, const quad *slots)
{
    quad sum = 0;
    for (size_t i = 0; i < e->root_count; i++)
        sum += (quad)weights[i] * slots[e->roots[i]];
    return sum;
}

static quad derivative_by(const Expansion *e, const real *weights, quad *inputs, size_t j,
                          quad *slots, double noise)
{
    const quad at = inputs[j], h = ratio(1, 1e11) * Q(fmax)(1, Q(fabs)(at));
    inputs[j] = at + h;
    quad_run(e, inputs, slots, noise);
    const quad right = weighed(e, weights, slots);
    inputs[j] = at - h;
    quad_run(e, inputs, slots, noise);
    inputs[j] = at;
    return (right - weighed(e, weights, slots)) / (2 * h);
}

static void *witness_take(size_t n, size_t bytes)
{
    void *memory = calloc(n + 1, bytes);
    ck_assert_ptr_nonnull(memory);
    return memory;
}

Witness witness_new(const char *what, size_t root_count, Value *const *roots, const real *weights,
                    size_t input_count, Value *const *inputs)
{
    Witness w = {root_count,
                 input_count,
                 witness_take(root_count, sizeof(Value *)),
                 witness_take(input_count, sizeof(Value *)),
                 witness_take(root_count, sizeof(double)),
                 witness_take(input_count, sizeof(double)),
                 0};
    memcpy(w.roots, roots, root_count * sizeof *roots);
    memcpy(w.inputs, inputs, input_count * sizeof *inputs);
    Place *from = expansion__places("witness", "root", root_count, roots);
    Place *to = expansion__places("witness", "input", input_count, inputs);
    Expansion *e = from && to ? expansion__new("witness", root_count, from, input_count, to) : NULL;
    ck_assert_msg(e != NULL, "%s: %s", what, valgrad_last_error());
    quad *slots = witness_take(e->count, sizeof *slots),
         *at = witness_take(input_count, sizeof *at);
    for (size_t j = 0; j < input_count; j++)
        at[j] = (quad)value_data(inputs[j]);
    quad_run(e, at, slots, 0);
    for (size_t i = 0; i < root_count; i++)
        w.values[i] = (double)slots[e->roots[i]];
    for (size_t j = 0; j < input_count; j++) {
        w.derivatives[j] = (double)derivative_by(e, weights, at, j, slots, 0);
        const double moved =
            (double)derivative_by(e, weights, at, j, slots, (double)REAL_EPSILON / 2);
        w.noise = fmax(w.noise, witness_distance(moved, w.derivatives[j]));
    }
    free(slots);
    free(at);
    expansion__free(e);
    buffer__give(from);
    buffer__give(to);
    return w;
}

void witness_free(Witness *w)
{
    free(w->roots);
    free(w->inputs);
    free(w->values);
    free(w->derivatives);
}

/* How far the gradients that the inputs have now are from what they should be, the worst of all. */
double witness_gradient_error(const Witness *w)
{
    double worst = 0;
    for (size_t j = 0; j < w->input_count; j++)
        worst = fmax(worst, witness_distance((double)value_grad(w->inputs[j]), w->derivatives[j]));
    return worst;
}

double witness_value_error(const Witness *w)
{
    double worst = 0;
    for (size_t i = 0; i < w->root_count; i++)
        worst = fmax(worst, witness_distance((double)value_data(w->roots[i]), w->values[i]));
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
