/* functions.h - what the rows of ops.def use and <math.h> lacks, each accurate to a few units in the last
 * place over the whole range: where a formula as on paper would subtract numbers that are nearly equal,
 * another one stands here.
 *
 * <tgmath.h> makes exp(x) mean expf(x) in a float build, so that a row is written once. */
#ifndef VALGRAD_AUTOGRAD_FUNCTIONS_H
#define VALGRAD_AUTOGRAD_FUNCTIONS_H

#include <stdbool.h>
#include <tgmath.h>
#include <valgrad/real.h>

#include "autograd/special.h"

#define PI ((real)3.14159265358979323846)
#define LN_2 ((real)0.69314718055994530942)
#define LOG2_E ((real)1.44269504088896340736)
#define LOG10_E ((real)0.43429448190325182765)
#define TWO_BY_ROOT_PI ((real)1.12837916709551257390)

/* The scale of selu, and the slope of what it scales at 0: they keep a layer's mean 0 and variance 1.
 * (G. Klambauer et al., "Self-normalizing neural networks", 2017) */
#define SELU ((real)1.05070098735548049342)
#define SELU_ALPHA ((real)1.67326324235437728482)

/* ---- what is flat but for its jumps, and choices ------------------------------------------------ */

/* 0 or 1, or NaN when an operand is NaN. */
static inline real unless_nan(bool is_one, real x, real y, real z)
{
    return x == x && y == y && z == z ? is_one : (real)NAN;
}

/* 0; NaN for NaN. */
static inline real flat(real x)
{
    return x == x ? 0 : x;
}

static inline real inside(real x, real low, real high)
{
    return unless_nan(x > low && x < high, x, low, high);
}

/* The share of the gradient that the first of max(chosen, other) gets: ties are shared. */
static inline real pick(real chosen, real other)
{
    return chosen > other ? 1 : chosen < other ? 0 : chosen == other ? (real)0.5 : chosen + other;
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

/* The share of the first of fmax(chosen, other), where a NaN counts as missing. */
static inline real pick_number(real chosen, real other)
{
    return other != other     ? (chosen == chosen ? 1 : chosen)
           : chosen != chosen ? 0
                              : pick(chosen, other);
}

/* ---- products and quotients at their limits ------------------------------------------------------ */

/* x times a factor that goes to 0 faster than x to infinity. */
static inline real damped(real factor, real x)
{
    return factor == 0 ? 0 : factor * x;
}

/* c / x for x >= 0, which a logarithm's derivative is; NaN below. */
static inline real over(real c, real x)
{
    return x < 0 ? (real)NAN : c / fabs(x);
}

/* ---- powers -------------------------------------------------------------------------------------- */

/* x^y, the powers that formulas are full of by products. */
static inline real power(real x, real y)
{
    return y == 1 ? x : y == 2 ? x * x : y == 3 ? x * x * x : pow(x, y);
}

/* d x^y / dx = y x^(y-1), and 0 for a power that is constantly 1. Where y - 1 is rounded, y x^y / x. */
static inline real pow_by_x(real x, real y, real f)
{
    const real less = y - 1;
    if (y == 0)
        return 0;
    return less + 1 == y || !isnormal(f) ? y * power(x, less) : y * (f / x);
}

/* d x^y / dy = x^y log x, by its limit at x = 0. A negative x has no logarithm. */
static inline real pow_by_y(real x, real y, real f)
{
    if (x == 0)
        return y >= 0 ? 0 : y < 0 ? -(real)INFINITY : y;
    return f * log(x);
}

static inline real pow_by_xx(real x, real y)
{
    return y == 0 || y == 1 ? flat(x) : y * (y - 1) * power(x, y - 2);
}

/* At x = 0 the limits: log x is negative without end there. */
static inline real pow_by_xy(real x, real y)
{
    if (x == 0)
        return y > 1 ? 0 : y > 0 ? -(real)INFINITY : y <= 0 ? (real)INFINITY : y;
    return power(x, y - 1) * (1 + y * log(x));
}

static inline real pow_by_yy(real x, real y, real f)
{
    if (x == 0)
        return y > 0 ? 0 : y <= 0 ? (real)INFINITY : y;
    return f * log(x) * log(x);
}

/* ---- exponentials -------------------------------------------------------------------------------- */

/* 1 / (1 + e^-x). Only exponentials of numbers <= 0 are taken, so nothing overflows. */
static inline real sigmoid(real x)
{
    const real e = exp(-fabs(x));
    return (x >= 0 ? 1 : e) / (1 + e);
}

/* e / (1 + e)^2 with e = e^-|x|: the derivative of sigmoid. */
static inline real bell(real x)
{
    const real e = exp(-fabs(x));
    return e / ((1 + e) * (1 + e));
}

/* f (1 - f), which loses digits where f is near 1. */
static inline real sigmoid_slope(real x, real f)
{
    return f < (real)0.75 ? f * (1 - f) : bell(x);
}

/* 1 - f^2, likewise. */
static inline real tanh_slope(real x, real f)
{
    return f * f < (real)0.5 ? 1 - f * f : 4 * bell(2 * x);
}

/* log(1 + e^x) */
static inline real softplus(real x)
{
    return log1p(exp(-fabs(x))) + (x > 0 ? x : x < 0 ? 0 : x);
}

/* d x sigmoid(x) / dx */
static inline real silu_slope(real x)
{
    return damped(sigmoid(x), 1 + damped(sigmoid(-x), x));
}

/* e^x from f = e^x - 1. */
static inline real expm1_slope(real x, real f)
{
    return f > (real)-0.5 ? f + 1 : exp(x);
}

/* log(e^x + e^y) by its limits: of two numbers -infinity nothing is left, of two +infinity halves. */
static inline real logaddexp(real x, real y)
{
    return x == y ? x + LN_2 : (x > y ? x : y) + log1p(exp(-fabs(x - y)));
}

static inline real logaddexp_share(real x, real y)
{
    return x == y ? (x < 0 && isinf(x) ? 0 : (real)0.5) : sigmoid(x - y);
}

static inline real logaddexp_curvature(real x, real y)
{
    return x == y ? (x < 0 && isinf(x) ? 0 : (real)0.25) : bell(x - y);
}

/* x log y, and 0 for x = 0 whatever log y. */
static inline real xlogy(real x, real y)
{
    return x == 0 && y == y ? 0 : x * log(y);
}

/* ---- the normal distribution ---------------------------------------------------------------------- */

/* e^(-c x^2), with what x^2 loses in rounding, since it may be large. */
static inline real gauss(real x, real c)
{
    const real square = x * x;
    if (square > 2000)
        return 0;
    return exp(-c * square) * (1 - c * fma(x, x, -square));
}

/* d erf(x) / dx */
static inline real erf_slope(real x)
{
    return TWO_BY_ROOT_PI * gauss(x, 1);
}

/* The density of the normal distribution and the share of it below x, in the tail with what -x / sqrt(2)
 * loses in rounding. */
static inline real normal_density(real x)
{
    return (real)0.39894228040143267794 * gauss(x, (real)0.5);
}

static inline real normal_below(real x)
{
    const double c = 0.70710678118654752440, c_rest = -4.8336466567264565e-17; /* sqrt(1/2) */
    const double t = -(double)x * c;
    if (!(t > 1) || isinf(t))
        return (real)(erfc(t) / 2);
    const double rest = fma(-(double)x, c, -t) - (double)x * c_rest;
    return (real)((erfc(t) - rest * (double)(TWO_BY_ROOT_PI * gauss(x, (real)0.5))) / 2);
}

static inline real gelu_slope(real x)
{
    return normal_below(x) + damped(normal_density(x), x);
}

/* x (1 + tanh u) / 2 = x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3); here 2 u, and its
 * derivatives. */
#define GELU_LINEAR ((real)1.59576912160573071176)
#define GELU_CUBIC ((real)0.07135481627260025)

static inline real gelu_inner(real x)
{
    return x * (GELU_LINEAR + GELU_CUBIC * x * x);
}

static inline real gelu_inner_slope(real x)
{
    return GELU_LINEAR + 3 * GELU_CUBIC * x * x;
}

static inline real gelu_tanh_slope(real x)
{
    const real u = gelu_inner(x);
    return damped(sigmoid(u), 1 + damped(sigmoid(-u), x * gelu_inner_slope(x)));
}

static inline real gelu_tanh_curvature(real x)
{
    const real u = gelu_inner(x), du = gelu_inner_slope(x), ddu = 6 * GELU_CUBIC * x;
    return damped(bell(u), 2 * du + x * (ddu - tanh(u / 2) * du * du));
}

/* ---- the circle ----------------------------------------------------------------------------------- */

/* sin(pi x), cos(pi x): x is reduced to half a turn around 0 without rounding. */
static inline real sin_pi(real x)
{
    const real turns = rint(x), rest = PI * (x - turns);
    return fmod(turns, 2) == 0 ? sin(rest) : -sin(rest);
}

static inline real cos_pi(real x)
{
    const real turns = rint(x), rest = PI * (x - turns);
    return fmod(turns, 2) == 0 ? cos(rest) : -cos(rest);
}

/* sin(pi x) / (pi x) */
static inline real sinc(real x)
{
    return x == 0 ? 1 : isinf(x) ? 0 : sin_pi(x) / (PI * x);
}

/* d^order sinc(x) / dx^order for |x| < 1 by the series of sin u / u, u = pi x, whose terms are
 * (-1)^k u^2k / (2k + 1)!. */
static inline real sinc_series(real x, int order)
{
    const real u = PI * x;
    real power = order == 1 ? -u : -1, sum = 0; /* (-1)^k u^(2k - order) / (2k + 1)! */
    for (int k = 1; k < 16; k++) {
        power /= (real)(2 * k * (2 * k + 1));
        sum += power * (real)(order == 1 ? 2 * k : 2 * k * (2 * k - 1));
        power *= -u * u;
    }
    return sum * (order == 1 ? PI : PI * PI);
}

/* (cos(pi x) - sinc(x)) / x, but near 0, where these are nearly equal. */
static inline real sinc_slope(real x, real f)
{
    if (isinf(x))
        return 0;
    return fabs(x) < 1 ? sinc_series(x, 1) : (cos_pi(x) - f) / x;
}

static inline real sinc_curvature(real x, real f)
{
    if (isinf(x))
        return 0;
    return fabs(x) < 1 ? sinc_series(x, 2) : -PI * PI * f - 2 * sinc_slope(x, f) / x;
}

/* 1 / sqrt(1 - x^2), 1 / sqrt(1 + x^2), 1 / sqrt(x^2 - 1) */
static inline real asin_slope(real x)
{
    return 1 / sqrt((1 - x) * (1 + x));
}

static inline real asinh_slope(real x)
{
    return 1 / hypot((real)1, x);
}

static inline real acosh_slope(real x)
{
    return 1 / (sqrt(x - 1) * sqrt(x + 1));
}

/* 1 / (1 - x^2) within -1 … 1. */
static inline real atanh_slope(real x)
{
    return fabs(x) > 1 ? (real)NAN : 1 / ((1 - x) * (1 + x));
}

/* The distance of (x, y) from (0, 0); NaN if either is. */
static inline real distance(real x, real y)
{
    return x == x && y == y ? hypot(x, y) : (real)NAN;
}

/* The derivative of a distance h by its coordinate x: 0 at 0, where there is none, and 1 along an infinite
 * coordinate. */
static inline real distance_slope(real x, real other, real h)
{
    if (isinf(h) && !isinf(x))
        return 0;
    return h == 0 ? 0 : isinf(h) && !isinf(other) ? copysign((real)1, x) : x / h;
}

/* part / (x^2 + y^2), part being x or y. */
static inline real atan2_slope(real part, real x, real y)
{
    const real h = distance(x, y);
    return isinf(h) ? 0 : part / h / h;
}

/* ---- division with remainder ---------------------------------------------------------------------- */

/* x - y floor(x / y): like fmod(), with the sign of y instead of that of x. */
static inline real floor_mod(real x, real y)
{
    const real rest = fmod(x, y);
    return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
}

/* trunc(x / y), from the exact remainder: x / y itself may be rounded to the next integer. */
static inline real whole_part(real x, real y)
{
    const real rest = fmod(x, y);
    return rest == rest ? round((x - rest) / y) : rest;
}

static inline real floor_part(real x, real y)
{
    const real rest = fmod(x, y);
    return whole_part(x, y) - (rest != 0 && (rest < 0) != (y < 0));
}

#endif
