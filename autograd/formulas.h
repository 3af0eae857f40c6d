/* formulas.h - the rows of ops.def as inline functions: op_<name>_f(x, y, p) and the local derivatives
 * op_<name>_dx(x, y, p, f), op_<name>_dy(x, y, p, f); before them, what rows use that <math.h> lacks.
 *
 * <tgmath.h> makes exp(x) mean expf(x) in a float build, so that a row is written once. */
#ifndef VALGRAD_AUTOGRAD_FORMULAS_H
#define VALGRAD_AUTOGRAD_FORMULAS_H

#include <tgmath.h>
#include <valgrad/real.h>

/* 1 / (1 + e^-x). Only exponentials of numbers <= 0 are taken, so nothing overflows. */
static inline real sigmoid(real x)
{
    const real e = exp(-fabs(x));
    return (x >= 0 ? 1 : e) / (1 + e);
}

/* x^y, the powers that formulas are full of by products. */
static inline real power(real x, real y)
{
    return y == 1 ? x : y == 2 ? x * x : y == 3 ? x * x * x : pow(x, y);
}

/* d x^y / dx = y x^(y-1), and 0 for a power that is constantly 1. */
static inline real pow_by_x(real x, real y)
{
    return y == 0 ? 0 : y * power(x, y - 1);
}

/* d x^y / dy = x^y log x, by its limit at x = 0. A negative x has no logarithm. */
static inline real pow_by_y(real x, real y, real f)
{
    if (x == 0)
        return y >= 0 ? 0 : y < 0 ? -(real)INFINITY : y;
    return f * log(x);
}

/* The share of the gradient that the first of max(chosen, other) gets: ties are shared. */
static inline real pick(real chosen, real other)
{
    return chosen > other ? 1 : chosen < other ? 0 : chosen == other ? (real)0.5 : chosen + other;
}

#define FORMULA_LETTERS (void)x, (void)y, (void)p, (void)f /* a formula uses those it needs */
#define FORMULAS(name, F, DX, DY)                                                                  \
    static inline real op_##name##_f(real x, real y, real p)                                       \
    {                                                                                              \
        const real f = 0;                                                                          \
        FORMULA_LETTERS;                                                                           \
        return (real)(F);                                                                          \
    }                                                                                              \
    static inline real op_##name##_dx(real x, real y, real p, real f)                              \
    {                                                                                              \
        FORMULA_LETTERS;                                                                           \
        return (real)(DX);                                                                         \
    }                                                                                              \
    static inline real op_##name##_dy(real x, real y, real p, real f)                              \
    {                                                                                              \
        FORMULA_LETTERS;                                                                           \
        return (real)(DY);                                                                         \
    }
#define OP1(name, symbol, formula, F, DX, DXX, low, high, kinks) FORMULAS(name, F, DX, 0)
#define OP1P(name, symbol, formula, F, DX, DXX, low, high, kinks) FORMULAS(name, F, DX, 0)
#define OP2(name, symbol, formula, F, DX, DY, DXX, DXY, DYY, xl, xh, yl, yh, kinks)                \
    FORMULAS(name, F, DX, DY)
#include "autograd/ops.def"
#undef OP1
#undef OP1P
#undef OP2

#endif
