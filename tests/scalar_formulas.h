/* scalar_formulas.h - the formula of every row of the op table once more, in long double and as on paper, with
 * derivatives derived by hand: what the library is held against. */
#ifndef VALGRAD_TESTS_SCALAR_FORMULAS_H
#define VALGRAD_TESTS_SCALAR_FORMULAS_H

#include "testing.h"

typedef long double wide;
typedef wide Function(wide x, wide y, wide p);

typedef struct Formula {
    const char *name;
    Value *(*one)(Value *x);
    Value *(*one_with)(Value *x, real p);
    Value *(*two)(Value *x, Value *y);
    Value *(*three)(Value *x, Value *y, Value *z);
    Function *f, *d[3];
    Function *kink; /* how far it is to where there is no derivative, up to 1 */
} Formula;

/* ---- functions that <math.h> lacks -------------------------------------------------------------- */

static const wide PI = 3.14159265358979323846264338327950288L, ROOT_PI = 1.77245385090551602729816748334114518L;

static inline wide bell(wide x)
{
    return 1 / (2 + expl(x) + expl(-x));
}

static inline wide sigmoidl(wide x)
{
    return 1 / (1 + expl(-x));
}

static inline wide softplusl(wide x)
{
    return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x));
}

/* d log |Gamma(x)| / dx: by recurrence from where the first terms of Stirling's series suffice. */
static inline wide digamma(wide x)
{
    wide sum = 0;
    if (!(x > -400))
        return (wide)NAN;
    for (; x < 400; x++)
        sum -= 1 / x;
    return sum + logl(x) - 1 / (2 * x) - (1 - (1 / 10.0L - 1 / (21 * x * x)) / (x * x)) / (12 * x * x);
}

/* By bisection. */
static inline wide erfinvl(wide x)
{
    wide low = 0, high = 7;
    if (!(fabsl(x) < 1))
        return fabsl(x) <= 1 ? x * (wide)INFINITY : (wide)NAN;
    if (fabsl(x) < 1e-6L)
        return x * ROOT_PI / 2 * (1 + PI * x * x / 12);
    for (int i = 0; i < 100; i++) {
        const wide y = (low + high) / 2;
        const bool below = fabsl(x) < 0.5L ? erfl(y) < fabsl(x) : erfcl(y) > 1 - fabsl(x);
        low = below ? y : low;
        high = below ? high : y;
    }
    return copysignl(low, x);
}

static inline wide normal_below(wide x)
{
    return erfcl(-x * sqrtl(0.5L)) / 2;
}

static inline wide normal_density(wide x)
{
    return expl(-x * x / 2) / (sqrtl(2) * ROOT_PI);
}

static inline wide gelu_inner(wide x)
{
    return 2 * sqrtl(2) / ROOT_PI * (x + 0.044715L * x * x * x);
}

static inline wide gelu_inner_slope(wide x)
{
    return 2 * sqrtl(2) / ROOT_PI * (1 + 3 * 0.044715L * x * x);
}

/* sin(pi x) and cos(pi x) have period 2. */
static inline wide turned(wide x)
{
    return PI * (x - 2 * roundl(x / 2));
}

static inline wide sincl(wide x)
{
    return isinf(x) ? 0 : x < 0 || x > 0 ? sinl(turned(x)) / (PI * x) : 1;
}

static inline wide sinc_slope(wide x)
{
    wide power = -PI * PI * x, sum = 0, factorial = 6;
    if (fabsl(x) > 1)
        return (cosl(turned(x)) - sincl(x)) / x;
    for (int k = 1; k < 20; k++) { /* of sin u / u */
        sum += 2 * k * power / factorial;
        power *= -PI * PI * x * x;
        factorial *= (2 * k + 2) * (2 * k + 3);
    }
    return sum;
}

static inline wide floor_mod(wide x, wide y)
{
    const wide rest = fmodl(x, y);
    return rest * y < 0 ? rest + y : rest;
}

static inline wide nearest(wide x)
{
    return x - roundl(x);
}

static inline wide logaddexpl(wide x, wide y)
{
    const wide most = fmaxl(x, y);
    return isinf(most) ? most : most + log1pl(expl(-fabsl(x - y)));
}

static inline wide times_log(wide x, wide y)
{
    return (x < 0 || x > 0 || isnan(x) || isnan(y)) ? x * logl(y) : 0;
}

static inline wide inside(wide x, wide low, wide high)
{
    return low < x && x < high;
}

static const wide SELU = 1.05070098735548049341933498529466L, SELU_ALPHA = 1.67326324235437728481704297832463L;

/* Kinks and poles. */
#define NOWHERE 1
#define AT_ZERO x
#define AT_TIES x - y
#define AT_BOUNDS fminl(fabsl(x - y), fabsl(x - p))
#define AT_INTEGERS nearest(x)
#define AT_HALVES nearest(x + 0.5L)
#define AT_MULTIPLES fabsl(nearest(x / y)) < 0.01L ? 0 : 1 /* linear between them */
#define AT(a, b) fminl(fabsl(x - (a)), fabsl(x - (b)))

/* The third operand is p, as in the table. */
#define FUNCTION(name, expression)                                                                 \
    static inline wide name(wide x, wide y, wide p)                                                       \
    {                                                                                              \
        (void)x, (void)y, (void)p;                                                                 \
        return expression;                                                                         \
    }

/* clang-format off */
#define FORMULAS(ONE, ONE_WITH, TWO, THREE)                                                        \
    TWO(add, NOWHERE, x + y, 1, 1)                                                                 \
    TWO(sub, NOWHERE, x - y, 1, -1)                                                                \
    TWO(mul, NOWHERE, x * y, y, x)                                                                 \
    TWO(div, NOWHERE, x / y, 1 / y, -x / (y * y))                                                  \
    THREE(fma, NOWHERE, x * y + p, y, x, 1)                                                        \
    ONE(neg, NOWHERE, 0 - x, -1)                                                                   \
    ONE(reciprocal, NOWHERE, 1 / x, -1 / (x * x))                                                  \
    ONE(square, NOWHERE, x * x, x + x)                                                             \
    TWO(pow, NOWHERE, powl(x, y), y * powl(x, y - 1), powl(x, y) * logl(x))                        \
    ONE(sqrt, NOWHERE, sqrtl(x), 1 / (2 * sqrtl(x)))                                               \
    ONE(rsqrt, NOWHERE, 1 / sqrtl(x), -1 / (2 * x * sqrtl(x)))                                     \
    ONE(cbrt, AT_ZERO, cbrtl(x), cbrtl(x) / (3 * x))                                               \
    ONE(exp, NOWHERE, expl(x), expl(x))                                                            \
    ONE(exp2, NOWHERE, exp2l(x), exp2l(x) * logl(2))                                               \
    ONE(expm1, NOWHERE, expm1l(x), expl(x))                                                        \
    ONE(log, NOWHERE, logl(x), x < 0 ? (wide)NAN : 1 / fabsl(x))                                   \
    ONE(log2, NOWHERE, log2l(x), x < 0 ? (wide)NAN : 1 / (fabsl(x) * logl(2)))                     \
    ONE(log10, NOWHERE, log10l(x), x < 0 ? (wide)NAN : 1 / (fabsl(x) * logl(10)))                  \
    ONE(log1p, AT(-1, -1), log1pl(x), x < -1 ? (wide)NAN : 1 / (1 + x))                               \
    TWO(xlogy, NOWHERE, times_log(x, y), logl(y), x / y)                                           \
    TWO(logaddexp, NOWHERE, logaddexpl(x, y), sigmoidl(x - y), sigmoidl(y - x))                    \
    ONE(sin, NOWHERE, sinl(x), cosl(x))                                                            \
    ONE(cos, NOWHERE, cosl(x), -sinl(x))                                                           \
    ONE(tan, fabsl(x) - PI / 2, tanl(x), 1 / (cosl(x) * cosl(x)))                                            \
    ONE(asin, AT(-1, 1), asinl(x), 1 / sqrtl((1 - x) * (1 + x)))                                     \
    ONE(acos, AT(-1, 1), acosl(x), -1 / sqrtl((1 - x) * (1 + x)))                                    \
    ONE(atan, NOWHERE, atanl(x), 1 / (1 + x * x))                                                  \
    TWO(atan2, NOWHERE, atan2l(x, y), y / (x * x + y * y), -x / (x * x + y * y))                   \
    TWO(hypot, NOWHERE, isnan(x) || isnan(y) ? x + y : hypotl(x, y), x / hypotl(x, y),             \
        y / hypotl(x, y))                                                                          \
    ONE(sinc, NOWHERE, sincl(x), sinc_slope(x))                                                    \
    ONE(sinh, NOWHERE, sinhl(x), coshl(x))                                                         \
    ONE(cosh, NOWHERE, coshl(x), sinhl(x))                                                         \
    ONE(tanh, NOWHERE, tanhl(x), 1 / (coshl(x) * coshl(x)))                                        \
    ONE(asinh, NOWHERE, asinhl(x), 1 / sqrtl(1 + x * x))                                           \
    ONE(acosh, AT(1, 1), acoshl(x), 1 / (sqrtl(x - 1) * sqrtl(x + 1)))                              \
    ONE(atanh, AT(-1, 1), atanhl(x), fabsl(x) > 1 ? (wide)NAN : 1 / ((1 - x) * (1 + x)))             \
    ONE(erf, NOWHERE, erfl(x), 2 / ROOT_PI * expl(-x * x))                                         \
    ONE(erfc, NOWHERE, erfcl(x), -2 / ROOT_PI * expl(-x * x))                                      \
    ONE(erfinv, AT(-1, 1), erfinvl(x), ROOT_PI / 2 * expl(erfinvl(x) * erfinvl(x)))                  \
    ONE(lgamma, NOWHERE, lgammal(x), digamma(x))                                                   \
    ONE(abs, AT_ZERO, x < 0 ? -x : x, x < 0 ? -1 : 1)                                              \
    TWO(min, AT_TIES, x < y ? x : y, x < y, y < x)                                                 \
    TWO(max, AT_TIES, x < y ? y : x, y < x, x < y)                                                 \
    TWO(fmin, AT_TIES, x < y || isnan(y) ? x : y, x < y || isnan(y), y < x || isnan(x))            \
    TWO(fmax, AT_TIES, x > y || isnan(y) ? x : y, x > y || isnan(y), y > x || isnan(x))            \
    THREE(clamp, AT_BOUNDS, fminl(fmaxl(x, y), p), y <= x && x <= p, x < y && y <= p,                \
          x > p || y > p)                                                                          \
    THREE(where, AT_ZERO, x < 0 || x > 0 ? y : p, 0, x < 0 || x > 0, x >= 0 && x <= 0)             \
    ONE(sign, AT_ZERO, (x > 0) - (x < 0), 0)                                                       \
    ONE(floor, AT_INTEGERS, floorl(x), 0)                                                          \
    ONE(ceil, AT_INTEGERS, ceill(x), 0)                                                            \
    ONE(round, AT_HALVES, roundl(x), 0)                                                            \
    ONE(trunc, AT_INTEGERS, truncl(x), 0)                                                          \
    ONE(frac, AT_INTEGERS, x - truncl(x), 1)                                                       \
    TWO(fmod, AT_MULTIPLES, fmodl(x, y), isnan(fmodl(x, y)) ? (wide)NAN : 1, -truncl(x / y))       \
    TWO(remainder, AT_MULTIPLES, floor_mod(x, y), isnan(fmodl(x, y)) ? (wide)NAN : 1,              \
        -floorl(x / y))                                                                            \
    ONE(sigmoid, NOWHERE, sigmoidl(x), bell(x))                                                    \
    ONE(logsigmoid, NOWHERE, -softplusl(-x), sigmoidl(-x))                                         \
    ONE(softplus, NOWHERE, softplusl(x), sigmoidl(x))                                              \
    ONE(relu, AT_ZERO, x > 0 ? x : 0, x > 0)                                                       \
    ONE_WITH(leaky_relu, AT_ZERO, x > 0 ? x : p * x, x > 0 ? 1 : p)                                \
    ONE(relu6, AT(0, 6), fminl(fmaxl(x, 0), 6), inside(x, 0, 6))                                   \
    ONE_WITH(elu, AT_ZERO, x > 0 ? x : p * expm1l(x), x > 0 ? 1 : p * expl(x))                     \
    ONE(selu, AT_ZERO, SELU * (x > 0 ? x : SELU_ALPHA * expm1l(x)),                                \
        SELU * (x > 0 ? 1 : SELU_ALPHA * expl(x)))                                                 \
    ONE(gelu, NOWHERE, isinf(x) && x < 0 ? 0 : x * normal_below(x),                                \
        normal_below(x) + x * normal_density(x))                                                   \
    ONE(gelu_tanh, NOWHERE, isinf(x) && x < 0 ? 0 : x * sigmoidl(gelu_inner(x)),                   \
        sigmoidl(gelu_inner(x)) + x * bell(gelu_inner(x)) * gelu_inner_slope(x))                   \
    ONE(silu, NOWHERE, isinf(x) && x < 0 ? 0 : x * sigmoidl(x), sigmoidl(x) + x * bell(x))         \
    ONE(softsign, NOWHERE, isinf(x) ? copysignl(1, x) : x / (1 + fabsl(x)),                        \
        1 / ((1 + fabsl(x)) * (1 + fabsl(x))))                                                     \
    ONE(hardtanh, AT(-1, 1), fminl(fmaxl(x, -1), 1), inside(x, -1, 1))                             \
    ONE(hardsigmoid, AT(-3, 3), fminl(fmaxl(x + 3, 0), 6) / 6, inside(x, -3, 3) / 6)
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
FORMULAS(ONE, ONE, TWO, THREE)
#undef ONE
#undef TWO
#undef THREE

static const Formula formulas[] = {
#define ENTRY(name, operands, ...)                                                                 \
    {#name, .operands = value_##name, .f = f_##name, .d = {__VA_ARGS__}, .kink = kink_##name},
#define ONE(name, kink, F, DX) ENTRY(name, one, dx_##name)
#define ONE_WITH(name, kink, F, DX) ENTRY(name, one_with, dx_##name)
#define TWO(name, kink, F, DX, DY) ENTRY(name, two, dx_##name, dy_##name)
#define THREE(name, kink, F, DX, DY, DZ) ENTRY(name, three, dx_##name, dy_##name, dz_##name)
    FORMULAS(ONE, ONE_WITH, TWO, THREE)};

static inline int row_count(void)
{
    int count = 0;
    while (value_op_row((size_t)count))
        count++;
    return count;
}

static inline const Formula *formula_of(const ValueOpInfo *row)
{
    for (size_t i = 0; i < COUNT(formulas); i++) {
        if (strcmp(formulas[i].name, row->name) == 0)
            return &formulas[i];
    }
    ck_abort_msg("row %s has no formula in this test: add one", row->name);
    return NULL;
}

/* y and z are left out where the operation has none, z's number stands in for p. */
static inline Value *apply(const Formula *formula, Value *x, Value *y, Value *z)
{
    if (formula->three)
        return formula->three(x, y, z);
    if (formula->two)
        return formula->two(x, y);
    return formula->one_with ? formula->one_with(x, value_data(z)) : formula->one(x);
}

/* Value and gradient of one operation at one point. */
typedef struct Result {
    real f, d[3];
} Result;

static inline Result result_at(const Formula *formula, real x, real y, real p)
{
    Result result = {0};
    VALGRAD_SCOPE {
        Value *a = value_leaf(x), *b = value_leaf(y), *c = value_leaf(p),
              *v = apply(formula, a, b, c);
        assert_status(value_backward(v), VALGRAD_OK);
        result = (Result){value_data(v), {value_grad(a), value_grad(b), value_grad(c)}};
    }
    return result;
}

/* What 1 + e == 1 leaves of e on this machine (an emulator may have less than <float.h> says). */
static inline wide wide_epsilon(void)
{
    volatile wide e = 1, sum = 2;
    while (sum > 1) {
        e /= 2;
        sum = 1 + e;
    }
    return 2 * e;
}

/* 1 to any power and anything to the power of 0 are 1 in C, even of NaN; fmin() and fmax() ignore it. */
static inline bool may_ignore_nan(const char *name, real x, real y)
{
    return (strcmp(name, "pow") == 0 && (x == 1 || y == 0)) || strcmp(name, "fmin") == 0 ||
           strcmp(name, "fmax") == 0;
}

#endif
