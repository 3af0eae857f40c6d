/* 6_own_op.c - a derivative that is right on the right side only.
 * FAILS: the slope is what one measures, on both sides and at 0 */
#include "exercises.h"

static real softsign_forward(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return x[0] / (1 + (x[0] < 0 ? -x[0] : x[0]));
}

static void softsign_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)result, (void)context;
    partials[0] = 1 / (1 + x[0]) / (1 + x[0]);
}

Value *softsign(Value *x)
{
    static const ValueOp op = {"softsign", softsign_forward, softsign_backward, NULL};
    return value_custom(&op, 1, &x, NULL);
}
