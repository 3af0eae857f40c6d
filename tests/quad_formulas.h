/* quad_formulas.h - every row of the op table once more, as on paper, in quadruple precision: the value, and
 * the derivatives as derived by hand.
 *
 * They share nothing with the library, neither formula nor precision: test_ops.c and test_op_points.c hold it
 * against the derivatives here, and the witness (quad.h) against differences of the values.
 *
 * Such precision is in gcc's libquadmath, or in long double on some machines. Elsewhere a quad is a long
 * double as it is, for all to compile, and QUAD_IS_QUAD is false. */
#ifndef VALGRAD_TESTS_QUAD_FORMULAS_H
#define VALGRAD_TESTS_QUAD_FORMULAS_H

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#ifdef VALGRAD_HAVE_QUADMATH
#include <quadmath.h>
__extension__ typedef __float128 quad;
#define Q(function) function##q
enum { QUAD_IS_QUAD = true };
#define QUAD_EPSILON 0x1p-112
#else
typedef long double quad;
#define Q(function) function##l
enum { QUAD_IS_QUAD = LDBL_MANT_DIG >= 113 };
#define QUAD_EPSILON LDBL_EPSILON
#endif

/* Of x, y and p, which is z where there is one. */
typedef quad QuadFunction(quad x, quad y, quad p);

typedef struct QuadFormula {
    const char *name;
    QuadFunction *f, *d[3];
    QuadFunction *kink; /* how far it is to where there is no derivative, up to 1 */
} QuadFormula;

/* ---- functions that <math.h> lacks -------------------------------------------------------------- */

static const quad PI = (quad)3.141592653589793 + (quad)1.2246467991473532e-16,
                  ROOT_PI = (quad)1.772453850905516 + (quad)-7.666586499825799e-17;

static inline quad bell(quad x)
{
    return 1 / (2 + Q(exp)(x) + Q(exp)(-x));
}

static inline quad sigmoid(quad x)
{
    return 1 / (1 + Q(exp)(-x));
}

static inline quad softplus(quad x)
{
    return x > 0 ? x + Q(log1p)(Q(exp)(-x)) : Q(log1p)(Q(exp)(x));
}

/* d log |Gamma(x)| / dx: by recurrence from where the first terms of Stirling's series suffice. */
static inline quad digamma(quad x)
{
    quad sum = 0;
    if (!(x > -400))
        return (quad)NAN;
    for (; x < 400; x++)
        sum -= 1 / x;
    return sum + Q(log)(x) - 1 / (2 * x) -
           (1 - ((quad)1 / 10 - 1 / (21 * x * x)) / (x * x)) / (12 * x * x);
}

/* By Newton's method, which starts below and stays there, for erf is concave. */
static inline quad erfinv(quad x)
{
    const quad size = Q(fabs)(x);
    quad y = 0, step = size;
    if (!(size < 1))
        return size <= 1 ? x * (quad)INFINITY : (quad)NAN;
    for (int i = 0; i < 200 && step > y * (quad)QUAD_EPSILON; i++) {
        const quad rest = size < (quad)0.5 ? size - Q(erf)(y) : Q(erfc)(y) - (1 - size);
        step = rest * Q(exp)(y * y) * ROOT_PI / 2;
        y += step;
    }
    return Q(copysign)(y, x);
}

static inline quad normal_below(quad x)
{
    return Q(erfc)(-x * Q(sqrt)((quad)0.5)) / 2;
}

static inline quad normal_density(quad x)
{
    return Q(exp)(-x * x / 2) / (Q(sqrt)(2) * ROOT_PI);
}

/* 44715 / 1e6: as decimal it would be rounded to double. */
static const quad GELU_CUBIC = (quad)44715 / 1000000;

static inline quad gelu_inner(quad x)
{
    return 2 * Q(sqrt)(2) / ROOT_PI * (x + GELU_CUBIC * x * x * x);
}

static inline quad gelu_inner_slope(quad x)
{
    return 2 * Q(sqrt)(2) / ROOT_PI * (1 + 3 * GELU_CUBIC * x * x);
}

/* sin(pi x) and cos(pi x) have period 2. */
static inline quad turned(quad x)
{
    return PI * (x - 2 * Q(round)(x / 2));
}

static inline quad sinc(quad x)
{
    return isinf(x) ? 0 : x < 0 || x > 0 ? Q(sin)(turned(x)) / (PI * x) : 1;
}

static inline quad sinc_slope(quad x)
{
    quad power = -PI * PI * x, sum = 0, factorial = 6;
    if (Q(fabs)(x) > 1)
        return (Q(cos)(turned(x)) - sinc(x)) / x;
    for (int k = 1; k < 20; k++) { /* of sin u / u */
        sum += 2 * k * power / factorial;
        power *= -PI * PI * x * x;
        factorial *= (2 * k + 2) * (2 * k + 3);
    }
    return sum;
}

static inline quad floor_mod(quad x, quad y)
{
    const quad rest = Q(fmod)(x, y);
    return rest * y < 0 ? rest + y : rest;
}

static inline quad nearest(quad x)
{
    return x - Q(round)(x);
}

static inline quad logaddexp(quad x, quad y)
{
    const quad most = Q(fmax)(x, y);
    return isinf(most) ? most : most + Q(log1p)(Q(exp)(-Q(fabs)(x - y)));
}

static inline quad times_log(quad x, quad y)
{
    return (x < 0 || x > 0 || isnan(x) || isnan(y)) ? x * Q(log)(y) : 0;
}

static inline quad inside(quad x, quad low, quad high)
{
    return low < x && x < high;
}

static const quad SELU = (quad)1.0507009873554805 + (quad)3.9874847667154144e-17,
                  SELU_ALPHA = (quad)1.6732632423543772 + (quad)1.0657222547717531e-16;

/* Kinks and poles. */
#define NOWHERE 1
#define AT_ZERO x
#define AT_TIES x<y || x> y ? x - y : 0
#define AT_BOUNDS Q(fmin)(Q(fabs)(x - y), Q(fabs)(x - p))
#define AT_INTEGERS nearest(x)
#define AT_HALVES nearest(x + (quad)0.5)
#define AT_MULTIPLES Q(fabs)(nearest(x / y)) < 0.01 ? 0 : 1 /* linear between them */
#define AT(a, b) Q(fmin)(Q(fabs)(x - (a)), Q(fabs)(x - (b)))

/* The third operand is p, as in the table. */
#define FUNCTION(name, expression)                                                                 \
    static inline quad name(quad x, quad y, quad p)                                                \
    {                                                                                              \
        (void)x, (void)y, (void)p;                                                                 \
        return expression;                                                                         \
    }

/* clang-format off */
#define FORMULAS(ONE, TWO, THREE)                                                                  \
    TWO(add, NOWHERE, x + y, 1, 1)                                                                 \
    TWO(sub, NOWHERE, x - y, 1, -1)                                                                \
    TWO(mul, NOWHERE, x * y, y, x)                                                                 \
    TWO(div, NOWHERE, x / y, 1 / y, -x / (y * y))                                                  \
    THREE(fma, NOWHERE, x * y + p, y, x, 1)                                                        \
    ONE(neg, NOWHERE, 0 - x, -1)                                                                   \
    ONE(reciprocal, NOWHERE, 1 / x, -1 / (x * x))                                                  \
    ONE(square, NOWHERE, x * x, x + x)                                                             \
    TWO(pow, NOWHERE, Q(pow)(x, y), y * Q(pow)(x, y - 1), Q(pow)(x, y) * Q(log)(x))                        \
    ONE(sqrt, NOWHERE, Q(sqrt)(x), 1 / (2 * Q(sqrt)(x)))                                               \
    ONE(rsqrt, NOWHERE, 1 / Q(sqrt)(x), -1 / (2 * x * Q(sqrt)(x)))                                     \
    ONE(cbrt, AT_ZERO, Q(cbrt)(x), Q(cbrt)(x) / (3 * x))                                               \
    ONE(exp, NOWHERE, Q(exp)(x), Q(exp)(x))                                                            \
    ONE(exp2, NOWHERE, Q(exp2)(x), Q(exp2)(x) * Q(log)(2))                                               \
    ONE(expm1, NOWHERE, Q(expm1)(x), Q(exp)(x))                                                        \
    ONE(log, NOWHERE, Q(log)(x), x < 0 ? (quad)NAN : 1 / Q(fabs)(x))                                   \
    ONE(log2, NOWHERE, Q(log2)(x), x < 0 ? (quad)NAN : 1 / (Q(fabs)(x) * Q(log)(2)))                     \
    ONE(log10, NOWHERE, Q(log10)(x), x < 0 ? (quad)NAN : 1 / (Q(fabs)(x) * Q(log)(10)))                  \
    ONE(log1p, AT(-1, -1), Q(log1p)(x), x < -1 ? (quad)NAN : 1 / (1 + x))                               \
    TWO(xlogy, NOWHERE, times_log(x, y), Q(log)(y), x / y)                                           \
    TWO(logaddexp, NOWHERE, logaddexp(x, y), sigmoid(x - y), sigmoid(y - x))                    \
    ONE(sin, NOWHERE, Q(sin)(x), Q(cos)(x))                                                            \
    ONE(cos, NOWHERE, Q(cos)(x), -Q(sin)(x))                                                           \
    ONE(tan, Q(fabs)(x) - PI / 2, Q(tan)(x), 1 / (Q(cos)(x) * Q(cos)(x)))                                            \
    ONE(asin, AT(-1, 1), Q(asin)(x), 1 / Q(sqrt)((1 - x) * (1 + x)))                                     \
    ONE(acos, AT(-1, 1), Q(acos)(x), -1 / Q(sqrt)((1 - x) * (1 + x)))                                    \
    ONE(atan, NOWHERE, Q(atan)(x), 1 / (1 + x * x))                                                  \
    TWO(atan2, NOWHERE, Q(atan2)(x, y), y / (x * x + y * y), -x / (x * x + y * y))                   \
    TWO(hypot, NOWHERE, isnan(x) || isnan(y) ? x + y : Q(hypot)(x, y), x / Q(hypot)(x, y),             \
        y / Q(hypot)(x, y))                                                                          \
    ONE(sinc, NOWHERE, sinc(x), sinc_slope(x))                                                    \
    ONE(sinh, NOWHERE, Q(sinh)(x), Q(cosh)(x))                                                         \
    ONE(cosh, NOWHERE, Q(cosh)(x), Q(sinh)(x))                                                         \
    ONE(tanh, NOWHERE, Q(tanh)(x), 1 / (Q(cosh)(x) * Q(cosh)(x)))                                        \
    ONE(asinh, NOWHERE, Q(asinh)(x), 1 / Q(sqrt)(1 + x * x))                                           \
    ONE(acosh, AT(1, 1), Q(acosh)(x), 1 / (Q(sqrt)(x - 1) * Q(sqrt)(x + 1)))                              \
    ONE(atanh, AT(-1, 1), Q(atanh)(x), Q(fabs)(x) > 1 ? (quad)NAN : 1 / ((1 - x) * (1 + x)))             \
    ONE(erf, NOWHERE, Q(erf)(x), 2 / ROOT_PI * Q(exp)(-x * x))                                         \
    ONE(erfc, NOWHERE, Q(erfc)(x), -2 / ROOT_PI * Q(exp)(-x * x))                                      \
    ONE(erfinv, AT(-1, 1), erfinv(x), ROOT_PI / 2 * Q(exp)(erfinv(x) * erfinv(x)))                  \
    ONE(lgamma, NOWHERE, Q(lgamma)(x), digamma(x))                                                   \
    ONE(abs, AT_ZERO, x < 0 ? -x : x, x < 0 ? -1 : 1)                                              \
    TWO(min, AT_TIES, x < y ? x : y, x < y, y < x)                                                 \
    TWO(max, AT_TIES, x < y ? y : x, y < x, x < y)                                                 \
    TWO(fmin, AT_TIES, x < y || isnan(y) ? x : y, x < y || isnan(y), y < x || isnan(x))            \
    TWO(fmax, AT_TIES, x > y || isnan(y) ? x : y, x > y || isnan(y), y > x || isnan(x))            \
    THREE(clamp, AT_BOUNDS, Q(fmin)(Q(fmax)(x, y), p), y <= x && x <= p, x < y && y <= p,                \
          x > p || y > p)                                                                          \
    THREE(where, AT_ZERO, x < 0 || x > 0 ? y : p, 0, x < 0 || x > 0, x >= 0 && x <= 0)             \
    ONE(sign, AT_ZERO, (x > 0) - (x < 0), 0)                                                       \
    ONE(floor, AT_INTEGERS, Q(floor)(x), 0)                                                          \
    ONE(ceil, AT_INTEGERS, Q(ceil)(x), 0)                                                            \
    ONE(round, AT_HALVES, Q(round)(x), 0)                                                            \
    ONE(trunc, AT_INTEGERS, Q(trunc)(x), 0)                                                          \
    ONE(frac, AT_INTEGERS, x - Q(trunc)(x), 1)                                                       \
    TWO(fmod, AT_MULTIPLES, Q(fmod)(x, y), isnan(Q(fmod)(x, y)) ? (quad)NAN : 1, -Q(trunc)(x / y))       \
    TWO(remainder, AT_MULTIPLES, floor_mod(x, y), isnan(Q(fmod)(x, y)) ? (quad)NAN : 1,              \
        -Q(floor)(x / y))                                                                            \
    ONE(sigmoid, NOWHERE, sigmoid(x), bell(x))                                                    \
    ONE(logsigmoid, NOWHERE, -softplus(-x), sigmoid(-x))                                         \
    ONE(softplus, NOWHERE, softplus(x), sigmoid(x))                                              \
    ONE(relu, AT_ZERO, x > 0 ? x : 0, x > 0)                                                       \
    ONE(leaky_relu, AT_ZERO, x > 0 ? x : p * x, x > 0 ? 1 : p)                                \
    ONE(relu6, AT(0, 6), Q(fmin)(Q(fmax)(x, 0), 6), inside(x, 0, 6))                                   \
    ONE(elu, AT_ZERO, x > 0 ? x : p * Q(expm1)(x), x > 0 ? 1 : p * Q(exp)(x))                     \
    ONE(selu, AT_ZERO, SELU * (x > 0 ? x : SELU_ALPHA * Q(expm1)(x)),                                \
        SELU * (x > 0 ? 1 : SELU_ALPHA * Q(exp)(x)))                                                 \
    ONE(gelu, NOWHERE, isinf(x) && x < 0 ? 0 : x * normal_below(x),                                \
        normal_below(x) + x * normal_density(x))                                                   \
    ONE(gelu_tanh, NOWHERE, isinf(x) && x < 0 ? 0 : x * sigmoid(gelu_inner(x)),                   \
        sigmoid(gelu_inner(x)) + x * bell(gelu_inner(x)) * gelu_inner_slope(x))                   \
    ONE(silu, NOWHERE, isinf(x) && x < 0 ? 0 : x * sigmoid(x), sigmoid(x) + x * bell(x))         \
    ONE(softsign, NOWHERE, isinf(x) ? Q(copysign)(1, x) : x / (1 + Q(fabs)(x)),                        \
        1 / ((1 + Q(fabs)(x)) * (1 + Q(fabs)(x))))                                                     \
    ONE(hardtanh, AT(-1, 1), Q(fmin)(Q(fmax)(x, -1), 1), inside(x, -1, 1))                             \
    ONE(hardsigmoid, AT(-3, 3), Q(fmin)(Q(fmax)(x + 3, 0), 6) / 6, inside(x, -3, 3) / 6)
/* clang-format on */

#define ONE(name, kink, F, DX)                                                                     \
    FUNCTION(kink_##name, kink)                                                                    \
    FUNCTION(f_##name, F)                                                                          \
    FUNCTION(dx_##name, DX)
#define TWO(name, kink, F, DX, DY)                                                                 \
    ONE(name, kink, F, DX)                                                                         \
    FUNCTION(dy_##name, DY)
#define THREE(name, kink, F, DX, DY, DZ)                                                           \
    TWO(name, kink, F, DX, DY)                                                                     \
    FUNCTION(dz_##name, DZ)
FORMULAS(ONE, TWO, THREE)
#undef ONE
#undef TWO
#undef THREE

static const QuadFormula quad_formulas[] = {
#define ENTRY(name, ...) {#name, f_##name, {__VA_ARGS__}, kink_##name},
#define ONE(name, kink, F, DX) ENTRY(name, dx_##name)
#define TWO(name, kink, F, DX, DY) ENTRY(name, dx_##name, dy_##name)
#define THREE(name, kink, F, DX, DY, DZ) ENTRY(name, dx_##name, dy_##name, dz_##name)
    FORMULAS(ONE, TWO, THREE)};
#undef ENTRY
#undef ONE
#undef TWO
#undef THREE

/* The formula of a row; NULL if it has none here. */
static inline const QuadFormula *quad_find(const char *name)
{
    for (size_t i = 0; i < sizeof quad_formulas / sizeof *quad_formulas; i++) {
        if (strcmp(quad_formulas[i].name, name) == 0)
            return &quad_formulas[i];
    }
    return NULL;
}

#endif
