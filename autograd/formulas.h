/* formulas.h - the rows of ops.def as inline functions: op_<name>_f(x, y, p) and the local derivatives
 * op_<name>_dx(x, y, p, f), _dy, _dz. */
#ifndef VALGRAD_AUTOGRAD_FORMULAS_H
#define VALGRAD_AUTOGRAD_FORMULAS_H

#include "autograd/functions.h"

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
