/* exponential_kernels.c - powers of e, sigmoid and tanh, compiled once for each instruction set.
 *
 * Only powers of numbers <= 0 are taken, so nothing overflows. With x = k ln 2 + r, |r| <= ln 2 / 2, e^x is
 * 2^k e^r, and e^r the first terms of its series: as many as leave less than a tenth of a unit in the last
 * place. A number has the same result wherever in an array it stands. */
#include <math.h>

#include "kernel_names.h"
#include "simd.h"

/* clang-format off: it takes UNROLL before a loop for a declaration */

/* ln 2 in two parts, of which the first has so few digits that its products with k are exact; a number to
 * which another is added to be rounded to an integer, which then is its last bits; and the x below which
 * e^x is 0. */
#ifdef VALGRAD_FLOAT
enum { TERMS = 7, MANTISSA_BITS = 23, EXPONENT_BIAS = 127 };
static const real ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cf8p-20f, rounder = 0x1.8p23f, least_power = -110;
static const LaneBits sign = INT32_MIN;
#else
enum { TERMS = 13, MANTISSA_BITS = 52, EXPONENT_BIAS = 1023 };
static const real ln2_high = 0x1.62e42feep-1, ln2_low = 0x1.a39ef35793c76p-33, rounder = 0x1.8p52, least_power = -760;
static const LaneBits sign = INT64_MIN;
#endif
static const real log2_of_e = (real)1.44269504088896340736;

static const real inverse_factorials[] = {
    1,
    1,
    (real)(1.0 / 2),
    (real)(1.0 / 6),
    (real)(1.0 / 24),
    (real)(1.0 / 120),
    (real)(1.0 / 720),
    (real)(1.0 / 5040),
    (real)(1.0 / 40320),
    (real)(1.0 / 362880),
    (real)(1.0 / 3628800),
    (real)(1.0 / 39916800),
    (real)(1.0 / 479001600),
    (real)(1.0 / 6227020800),
};

/* e^x = 2^k (1 + rest) */
typedef struct Power {
    Mask k;
    Vector rest;
} Power;

INLINE Power power_of_e(Vector x)
{
    const Vector rounded = x * log2_of_e + rounder, k = rounded - rounder;
    const Vector r = (x - k * ln2_high) - k * ln2_low;
    Vector series = (Vector){0} + inverse_factorials[TERMS];
    UNROLL for (int i = TERMS - 1; i > 0; i--)
        series = series * r + inverse_factorials[i];
    return (Power){(Mask)rounded - (Mask)((Vector){0} + rounder), series * r};
}

INLINE Vector power_of_2(Mask k)
{
    return (Vector)((k + EXPONENT_BIAS) << MANTISSA_BITS);
}

/* A NaN compares with nothing and so stays. */
INLINE Vector at_least(Vector x, real least)
{
    return pick((Mask)(x < least), (Vector){0} + least, x);
}

/* e^x for x <= 0. Where it is too small for a normal number, 2^k alone would not be one either. */
INLINE Vector exponential(Vector x)
{
    const Power power = power_of_e(at_least(x, least_power));
    const Mask half = power.k >> 1;
    return (1 + power.rest) * power_of_2(half) * power_of_2(power.k - half);
}

/* e^x - 1 for x <= 0; below -80 the 1 is all that is left. */
INLINE Vector exponential_less_1(Vector x)
{
    const Power power = power_of_e(at_least(x, -80));
    const Vector two = power_of_2(power.k);
    return two * power.rest + (two - 1);
}

INLINE Vector minus_magnitude(Vector x)
{
    return (Vector)((Mask)x | sign);
}

INLINE Vector sigmoid_of(Vector x)
{
    const Vector e = exponential(minus_magnitude(x));
    return pick((Mask)(x >= 0), (Vector){0} + 1, e) / (1 + e);
}

/* m / (2 + m) with m = e^-2|x| - 1, of the sign of x. */
INLINE Vector tanh_of(Vector x)
{
    const Vector m = exponential_less_1(2 * minus_magnitude(x));
    return (Vector)(((Mask)(m / (2 + m)) & ~sign) | ((Mask)x & sign));
}

/* ---- arrays ------------------------------------------------------------------------------------- */

MAP(sigmoid, 1)
MAP(tanh, 1)

/* Lanes beyond the last number have e^-infinity, which is 0. */
real KERNEL(exponentials)(real *y, const real *x, real shift, int64_t n)
{
    Vector sums = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        const Vector e = exponential(load(x + i) - shift);
        sums += e;
        if (y)
            store(y + i, e);
    }
    if (i < n) {
        const Vector e = exponential(load_last(x + i, n - i, -(real)INFINITY) - shift);
        sums += e;
        if (y)
            store_last(y + i, n - i, e);
    }
    return lane_sum(sums);
}
