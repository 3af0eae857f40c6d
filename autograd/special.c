/* special.c - the logarithm of the gamma function, its derivatives, and the inverse of erf.
 *
 * Digamma and trigamma: the recurrence psi(x) = psi(x + 1) - 1/x leads to where Stirling's series holds;
 * below 0 the reflection psi(1 - x) - psi(x) = pi cot(pi x). (NIST Digital Library of Mathematical
 * Functions, 5.5, 5.7, 5.11, 5.15.) Sums are taken in long double, where that is wider. */
#include "autograd/special.h"

#include <math.h>
#include <stddef.h>

static const double PI = 3.14159265358979323846;

double special__lgamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* ---- digamma, trigamma ------------------------------------------------------------------------- */

/* sum of c[k] x^k */
static long double polynomial(size_t n, const long double *c, long double x)
{
    long double sum = 0;
    for (size_t k = n; k-- > 0;)
        sum = sum * x + c[k];
    return sum;
}

#define POLYNOMIAL(c, x) polynomial(sizeof(c) / sizeof *(c), c, x)

/* From here on Stirling's series has all digits. */
static const double FAR = 12;

/* psi(x) around its zero, d = x - zero: where the sum below would leave nothing but rounding. */
static long double digamma_near_zero(long double d)
{
    static const long double taylor[] = {
        0.9676722454476211704274L,   -0.4427631689835921060929L,  0.2584997609556510106244L,
        -0.1639427054424065275043L,  0.1078240506912623657572L,   -0.07219956125645471092612L,
        0.04880428816414310722509L,  -0.03316112647484735929226L, 0.02259764823221810465962L,
        -0.01542476590494895913880L, 0.01053879161661217538812L,  -0.00720453438635686824097L,
    };
    return d * POLYNOMIAL(taylor, d);
}

/* Of x > 0. */
static long double digamma_above_zero(double x)
{
    static const double zero = 1.4616321449683622, zero_rest = 9.549995429965697715e-17;
    static const long double stirling[] = {
        /* B_2k / 2k */
        1 / 12.0L, -1 / 120.0L, 1 / 252.0L, -1 / 240.0L, 1 / 132.0L, -691 / 32760.0L, 1 / 12.0L,
    };
    if (fabs(x - zero) < 0.05)
        return digamma_near_zero((long double)(x - zero) - (long double)zero_rest);
    long double y = x, steps = 0;
    for (; y < (long double)FAR; y++)
        steps += 1 / y;
    const long double inverse = 1 / (y * y);
    return logl(y) - 1 / (2 * y) - inverse * POLYNOMIAL(stirling, inverse) - steps;
}

/* Of x > 0. All terms are positive. */
static long double trigamma_above_zero(double x)
{
    static const long double stirling[] = {
        /* B_2k */
        1 / 6.0L, -1 / 30.0L, 1 / 42.0L, -1 / 30.0L, 5 / 66.0L, -691 / 2730.0L, 7 / 6.0L,
    };
    long double y = x, steps = 0;
    for (; y < (long double)FAR; y++)
        steps += 1 / (y * y);
    const long double inverse = 1 / (y * y);
    return 1 / y + inverse / 2 + inverse / y * POLYNOMIAL(stirling, inverse) + steps;
}

double special__digamma(double x)
{
    if (x == 0)
        return signbit(x) ? INFINITY : -INFINITY;
    if (x > 0)
        return isinf(x) ? x : (double)digamma_above_zero(x);
    const double beyond = x - nearbyint(x); /* cot has period pi */
    return beyond == 0 || isinf(x) ? NAN
                                   : (double)(digamma_above_zero(1 - x) - PI / tan(PI * beyond));
}

double special__trigamma(double x)
{
    if (x > 0 || isnan(x))
        return isinf(x) ? 0 : (double)trigamma_above_zero(x);
    const double beyond = x - nearbyint(x), s = sin(PI * beyond) / PI;
    if (x != 0 && (beyond == 0 || isinf(x)))
        return NAN;
    return (double)(1 / ((long double)s * s) - trigamma_above_zero(1 - x));
}

/* ---- the inverse of erf ------------------------------------------------------------------------ */

static const double ROOT_PI = 1.7724538509055160273;

/* How far y is below the y with erf(y) = x, of 0 <= x < 1: Newton's step, of whose numerator 1 - x loses
 * no digit. */
static double newton_step(double y, double x)
{
    const double missing = x < 0.5 ? x - erf(y) : erfc(y) - (1 - x);
    return missing * ROOT_PI / 2 * exp(y * y);
}

/* S. Winitzki's approximation to two digits or more (2008), and steps of Halley, each of which triples them. */
static double erfinv_above_zero(double x)
{
    const double log_rest = log1p(-x * x), b = 2 / (PI * 0.147) + log_rest / 2;
    double y = x < 0.1 ? x * ROOT_PI / 2 : sqrt(sqrt(b * b - log_rest / 0.147) - b);
    for (int i = 0; i < 3; i++) {
        const double step = newton_step(y, x);
        y += step / (1 - y * step);
    }
    return y;
}

double special__erfinv(double x)
{
    const double size = fabs(x);
    if (!(size < 1))
        return size == 1 ? copysign(INFINITY, x) : NAN;
    return copysign(erfinv_above_zero(size), x);
}

double special__erfinv_slope(double x, double f)
{
    if (isinf(f))
        return INFINITY;
    /* e^(f^2) with what f lacks after rounding, for f^2 is up to 35. */
    const double y = fabs(f), square = y * y, rest = fma(y, y, -square);
    return ROOT_PI / 2 * exp(square) * (1 + rest + 2 * y * newton_step(y, fabs(x)));
}
