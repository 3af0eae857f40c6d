/* twice.h - an operation of the user's: 2 x. */
#ifndef VALGRAD_TESTS_TWICE_H
#define VALGRAD_TESTS_TWICE_H

#include <valgrad/value.h>

static real twice_forward(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return 2 * x[0];
}

static void twice_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)x, (void)result, (void)context;
    partials[0] = 2;
}

static const ValueOp twice = {"twice", twice_forward, twice_backward, NULL};

#endif
