/* formulas.h - the rows of ops.def as inline functions: op_<name>_f(x, y, p) and the local derivatives
 * op_<name>_dx(x, y, p, f), _dy, _dz; before them, what rows use that <math.h> lacks.
 *
 * <tgmath.h> makes exp(x) mean expf(x) in a float build, so that a row is written once. */
#ifndef VALGRAD_AUTOGRAD_FORMULAS_H
#define VALGRAD_AUTOGRAD_FORMULAS_H

#include <stdbool.h>
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

/* 0 or 1, or NaN when an operand is NaN. */
static inline real unless_nan(bool is_one, real x, real y, real z)
{
    return x == x && y == y && z == z ? is_one : (real)NAN;
}

/* x, but at least low and at most high, which wins if the two are at odds; NaN if any is. */
static inline real clamp(real x, real low, real high)
{
    const real least = x >= low ? x : x < low ? low : x + low;
    return least <= high ? least : least > high ? high : least + high;
}

static inline real clamp_by_x(real x, real low, real high)
{
    return unless_nan(x >= low && x <= high, x, low, high);
}

static inline real clamp_by_low(real x, real low, real high)
{
    return unless_nan(x < low && low <= high, x, low, high);
}

static inline real clamp_by_high(real x, real low, real high)
{
    return unless_nan(x > high || low > high, x, low, high);
}

/* y where the condition is not 0, else z: nothing is computed with the other one. */
static inline real where(real condition, real y, real z)
{
    return condition != condition ? condition : condition != 0 ? y : z;
}

#define PAPER(words, expression) expression

/* A formula uses the letters that it needs. Of three operands the last is passed in place of p. */
#define LETTERS(third) (void)x, (void)y, (void)third, (void)f
#define FORMULAS_IN(third, name, F, DX, DY, DZ)                                                    \
    static inline real op_##name##_f(real x, real y, real third)                                   \
    {                                                                                              \
        const real f = 0;                                                                          \
        LETTERS(third);                                                                            \
        return (real)(F);                                                                          \
    }                                                                                              \
    DERIVATIVE_IN(third, op_##name##_dx, DX)                                                       \
    DERIVATIVE_IN(third, op_##name##_dy, DY)                                                       \
    DERIVATIVE_IN(third, op_##name##_dz, DZ)
#define DERIVATIVE_IN(third, function, D)                                                          \
    static inline real function(real x, real y, real third, real f)                                \
    {                                                                                              \
        LETTERS(third);                                                                            \
        return (real)(D);                                                                          \
    }
#define OP1(name, symbol, formula, F, DX, DXX, low, high, kinks) FORMULAS_IN(p, name, F, DX, 0, 0)
#define OP1P(name, symbol, formula, F, DX, DXX, low, high, kinks) FORMULAS_IN(p, name, F, DX, 0, 0)
#define OP2(name, symbol, formula, F, DX, DY, DXX, DXY, DYY, xl, xh, yl, yh, kinks)                \
    FORMULAS_IN(p, name, F, DX, DY, 0)
#define OP3(name, symbol, formula, F, DX, DY, DZ, DXX, DXY, DYY, DXZ, DYZ, DZZ, xl, xh, yl, yh,    \
            zl, zh, kinks)                                                                         \
    FORMULAS_IN(z, name, F, DX, DY, DZ)
#include "autograd/ops.def"

#endif
