/* side_by_side.h - tanh without branches or tables, so that a compiler computes several at once.
 *
 * With y = |x| and E = e^(-2y) - 1, tanh(x) is sign(x) (-E) / (2 + E): no digits cancel, as E is in (-1, 0].
 * E comes from -2y = k log 2 + r by a polynomial in r, |r| <= log(2) / 2. Within 2.5 units in the last place
 * (glibc's is within 2), measured by test_program.c against long double. */
#ifndef VALGRAD_AUTOGRAD_SIDE_BY_SIDE_H
#define VALGRAD_AUTOGRAD_SIDE_BY_SIDE_H

#include <stdint.h>
#include <string.h>
#include <tgmath.h>
#include <valgrad/real.h>

/* e^r - 1 for |r| <= 0.35, by its series: the first term left out is below 2^-56 of the whole. */
static inline double small_expm1(double r)
{
    const double c2 = 1 / 2.0, c3 = 1 / 6.0, c4 = 1 / 24.0, c5 = 1 / 120.0, c6 = 1 / 720.0;
    const double c7 = 1 / 5040.0, c8 = 1 / 40320.0, c9 = 1 / 362880.0, c10 = 1 / 3628800.0;
    const double c11 = 1 / 39916800.0, c12 = 1 / 479001600.0, c13 = 1 / 6227020800.0;
    double p = c13;
    p = p * r + c12, p = p * r + c11, p = p * r + c10, p = p * r + c9, p = p * r + c8;
    p = p * r + c7, p = p * r + c6, p = p * r + c5, p = p * r + c4, p = p * r + c3, p = p * r + c2;
    return r + r * r * p;
}

static inline double side_by_side_tanh_double(double x)
{
    const double whole = 0x1.8p52; /* added to a number, leaves it rounded in the lowest bits */
    const double log2_high = 0x1.62e42feep-1, log2_low = 0x1.a39ef35793c76p-33;
    const double y = fabs(x) < 22 ? fabs(x) : 22; /* from there on the result rounds to 1 */
    const double shifted = -2 * y * 0x1.71547652b82fep0 + whole, k = shifted - whole;
    const double r = (-2 * y - k * log2_high) - k * log2_low;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52; /* 2^k */
    double power;
    memcpy(&power, &bits, sizeof power);
    const double e = power * small_expm1(r) + (power - 1);
    const double t = copysign(-e / (2 + e), x);
    return x != x ? x : t;
}

static inline real side_by_side_tanh(real x)
{
    return sizeof(real) == sizeof(double) ? (real)side_by_side_tanh_double((double)x) : tanh(x);
}

#endif
