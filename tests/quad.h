/* quad.h - programs (autograd/program.h) computed in quadruple precision, from formulas of their own.
 *
 * The library's gradient of a graph is held against a central difference of these numbers. With 113 bits
 * and a step of 1e-11 such a difference is exact to double rounding, and shares nothing with the library but
 * the list of instructions: no formula, no precision, no derivative.
 *
 * Such precision is in gcc's libquadmath, or in long double on some machines. Elsewhere a quad is a long
 * double as it is, for all to compile, and QUAD_IS_QUAD is false. */
#ifndef VALGRAD_TESTS_QUAD_H
#define VALGRAD_TESTS_QUAD_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef VALGRAD_HAVE_QUADMATH
#include <quadmath.h>
__extension__ typedef __float128 quad;
#define Q(function) function##q
enum { QUAD_IS_QUAD = true };
#else
typedef long double quad;
#define Q(function) function##l
enum { QUAD_IS_QUAD = LDBL_MANT_DIG >= 113 };
#endif

#include "autograd/program.h"

/* ---- formulas ---------------------------------------------------------------------------------- */

/* 1.5 and 1e-11 are the same in any precision only if they are exact in double: others are quotients. */
static inline quad ratio(double numerator, double denominator)
{
    return (quad)numerator / (quad)denominator;
}

static inline quad quad_pi(void)
{
    return Q(acos)((quad)-1);
}

static inline quad quad_logistic(quad x)
{
    return 1 / (1 + Q(exp)(-x));
}

static inline quad quad_between(quad x, quad low, quad high)
{
    return x < low ? low : x > high ? high : x;
}

/* y with erf(y) = x, by Newton's method. */
static inline quad quad_erfinv(quad x)
{
    quad y = 0;
    for (int i = 0; i < 200; i++)
        y -= (Q(erf)(y) - x) * Q(exp)(y * y) * Q(sqrt)(quad_pi()) / 2;
    return y;
}

static inline quad quad_selu(quad x)
{
    const quad scale = ratio(10507009873554804, 1e16) + ratio(9341933498529460, 1e32);
    const quad alpha = ratio(16732632423543772, 1e16) + ratio(8481704299167170, 1e32);
    return scale * (x > 0 ? x : alpha * Q(expm1)(x));
}

/* Every row of ops.def: name, and its value in x, y, z, p (which is z where there is one). */
#define QUAD_FORMULAS(X)                                                                           \
    X(add, x + y)                                                                                  \
    X(sub, x - y)                                                                                  \
    X(mul, x *y)                                                                                   \
    X(div, x / y)                                                                                  \
    X(pow, Q(pow)(x, y))                                                                           \
    X(fma, x *y + z)                                                                               \
    X(neg, -x)                                                                                     \
    X(reciprocal, 1 / x)                                                                           \
    X(square, x *x)                                                                                \
    X(sqrt, Q(sqrt)(x))                                                                            \
    X(rsqrt, 1 / Q(sqrt)(x))                                                                       \
    X(cbrt, Q(cbrt)(x))                                                                            \
    X(exp, Q(exp)(x))                                                                              \
    X(exp2, Q(exp)(x * Q(log)((quad)2)))                                                           \
    X(expm1, Q(expm1)(x))                                                                          \
    X(log, Q(log)(x))                                                                              \
    X(log2, Q(log)(x) / Q(log)((quad)2))                                                           \
    X(log10, Q(log)(x) / Q(log)((quad)10))                                                         \
    X(log1p, Q(log1p)(x))                                                                          \
    X(xlogy, x *Q(log)(y))                                                                         \
    X(logaddexp, x > y ? x + Q(log1p)(Q(exp)(y - x)) : y + Q(log1p)(Q(exp)(x - y)))                \
    X(sin, Q(sin)(x))                                                                              \
    X(cos, Q(cos)(x))                                                                              \
    X(tan, Q(sin)(x) / Q(cos)(x))                                                                  \
    X(asin, Q(asin)(x))                                                                            \
    X(acos, Q(acos)(x))                                                                            \
    X(atan, Q(atan)(x))                                                                            \
    X(atan2, Q(atan2)(x, y))                                                                       \
    X(hypot, Q(sqrt)(x * x + y * y))                                                               \
    X(sinc, Q(sin)(quad_pi() * x) / (quad_pi() * x))                                               \
    X(sinh, Q(sinh)(x))                                                                            \
    X(cosh, Q(cosh)(x))                                                                            \
    X(tanh, Q(tanh)(x))                                                                            \
    X(asinh, Q(asinh)(x))                                                                          \
    X(acosh, Q(acosh)(x))                                                                          \
    X(atanh, Q(atanh)(x))                                                                          \
    X(erf, Q(erf)(x))                                                                              \
    X(erfc, Q(erfc)(x))                                                                            \
    X(erfinv, quad_erfinv(x))                                                                      \
    X(lgamma, Q(lgamma)(x))                                                                        \
    X(abs, x < 0 ? -x : x)                                                                         \
    X(min, x < y ? x : y)                                                                          \
    X(max, x > y ? x : y)                                                                          \
    X(fmin, x < y ? x : y)                                                                         \
    X(fmax, x > y ? x : y)                                                                         \
    X(clamp, quad_between(x, y, z))                                                                \
    X(where, x<0 || x> 0 ? y : z)                                                                  \
    X(sign, x > 0 ? 1 : x < 0 ? -1 : 0)                                                            \
    X(floor, Q(floor)(x))                                                                          \
    X(ceil, Q(ceil)(x))                                                                            \
    X(round, Q(round)(x))                                                                          \
    X(trunc, Q(trunc)(x))                                                                          \
    X(frac, x - Q(trunc)(x))                                                                       \
    X(fmod, x - y * Q(trunc)(x / y))                                                               \
    X(remainder, x - y * Q(floor)(x / y))                                                          \
    X(sigmoid, quad_logistic(x))                                                                   \
    X(logsigmoid, -Q(log1p)(Q(exp)(-x)))                                                           \
    X(softplus, Q(log1p)(Q(exp)(x)))                                                               \
    X(relu, x > 0 ? x : 0)                                                                         \
    X(leaky_relu, x > 0 ? x : p * x)                                                               \
    X(relu6, quad_between(x, 0, 6))                                                                \
    X(elu, x > 0 ? x : p * Q(expm1)(x))                                                            \
    X(selu, quad_selu(x))                                                                          \
    X(gelu, x *Q(erfc)(-x / Q(sqrt)((quad)2)) / 2)                                                 \
    X(gelu_tanh,                                                                                   \
      x *quad_logistic(2 * Q(sqrt)(2 / quad_pi()) * (x + ratio(44715, 1e6) * x * x * x)))          \
    X(silu, x *quad_logistic(x))                                                                   \
    X(softsign, x / (1 + Q(fabs)(x)))                                                              \
    X(hardtanh, quad_between(x, -1, 1))                                                            \
    X(hardsigmoid, quad_between(x + 3, 0, 6) / 6)

typedef quad QuadFunction(quad x, quad y, quad z, quad p);

#define QUAD_FUNCTION(name, expression)                                                            \
    static inline quad quad_of_##name(quad x, quad y, quad z, quad p)                              \
    {                                                                                              \
        (void)x, (void)y, (void)z, (void)p;                                                        \
        return expression;                                                                         \
    }
QUAD_FORMULAS(QUAD_FUNCTION)
#undef QUAD_FUNCTION

typedef struct QuadFormula {
    const char *name;
    QuadFunction *f;
} QuadFormula;

#define QUAD_ENTRY(name, expression) {#name, quad_of_##name},
static const QuadFormula quad_formulas[] = {QUAD_FORMULAS(QUAD_ENTRY)};
#undef QUAD_ENTRY

/* The formula of a row; NULL if it has none here. */
static inline QuadFunction *quad_find(const char *name)
{
    for (size_t i = 0; i < sizeof quad_formulas / sizeof *quad_formulas; i++) {
        if (strcmp(quad_formulas[i].name, name) == 0)
            return quad_formulas[i].f;
    }
    return NULL;
}

/* ---- instructions of many operands -------------------------------------------------------------- */

static inline quad quad_extreme(size_t n, const ProgramSlot *x, const quad *slots, int sign)
{
    quad best = slots[x[0]];
    for (size_t i = 1; i < n; i++) {
        if (sign * slots[x[i]] > sign * best)
            best = slots[x[i]];
    }
    return best;
}

static inline quad quad_nary(const Expansion *e, const Instruction *instruction, const quad *slots)
{
    const ProgramSlot *x = e->operands + instruction->x;
    const size_t n = instruction->count;
    const bool of_exponentials = instruction->op == PROGRAM_LOGSUMEXP;
    const quad shift = of_exponentials ? quad_extreme(n, x, slots, 1) : 0;
    quad sum = 0;
    switch (instruction->op) {
    case PROGRAM_MAX:
        return quad_extreme(n, x, slots, 1);
    case PROGRAM_MIN:
        return quad_extreme(n, x, slots, -1);
    case PROGRAM_DOT:
        for (size_t i = 0; i + 1 < n; i += 2)
            sum += slots[x[i]] * slots[x[i + 1]];
        return n % 2 ? sum + slots[x[n - 1]] : sum;
    default:
        break;
    }
    for (size_t i = 0; i < n; i++) {
        const quad number = slots[x[i]];
        sum += of_exponentials                    ? Q(exp)(number - shift)
               : instruction->op == PROGRAM_NORM2 ? number * number
                                                  : number;
    }
    return of_exponentials                    ? shift + Q(log)(sum)
           : instruction->op == PROGRAM_NORM2 ? Q(sqrt)(sum)
                                              : sum;
}

/* ---- programs ---------------------------------------------------------------------------------- */

/* One row's value; rows without a formula, and operations of users, are NaN, which agrees with nothing. */
static inline quad quad_row(const Instruction *instruction, const quad *slots)
{
    const ValueOpInfo *row = instruction__row(instruction);
    QuadFunction *f = row ? quad_find(row->name) : NULL;
    if (!f)
        return (quad)NAN;
    const quad x = slots[instruction->x], y = row->arity > 1 ? slots[instruction->y] : 0;
    return f(x, y, row->arity > 2 ? slots[instruction->z] : 0, (quad)instruction->p);
}

/* Computes all slots from the inputs. `noise`, if not 0, multiplies each result by 1 + noise or 1 - noise:
 * how far roundings of that size can carry. */
static inline void quad_run(const Expansion *e, const quad *inputs, quad *slots, double noise)
{
    uint64_t bits = 0x9E3779B97F4A7C15u;
    for (size_t s = 0; s < e->count; s++) {
        const Instruction *instruction = &e->instructions[s];
        if (instruction->op == OP_LEAF)
            slots[s] = inputs[instruction->x];
        else if (instruction->op == OP_CONST)
            slots[s] = (quad)instruction->p;
        else if (instruction->op == PROGRAM_DETACH)
            slots[s] = slots[instruction->x];
        else if (instruction__is_nary(instruction))
            slots[s] = quad_nary(e, instruction, slots);
        else
            slots[s] = quad_row(instruction, slots);
        bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
        slots[s] *= 1 + (bits & 1 ? (quad)noise : -(quad)noise);
    }
}

#endif
