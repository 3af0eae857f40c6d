/* random.c - xoshiro256** seeded by splitmix64; what is drawn is computed from +, -, *, / and
 * square roots of doubles alone, which IEEE 754 fixes to the last bit, so that every machine draws
 * the same. */
#include <math.h>

#include <valgrad/random.h>

/* A fused multiply-add would round differently. (GCC fuses nothing in ISO C mode.) */
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

Random random_seeded(uint64_t seed)
{
    Random random;
    for (int i = 0; i < 4; i++)
        random.state[i] = splitmix64(&seed);
    return random;
}

static uint64_t rotate_left(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t random_bits(Random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint64_t random_below(Random *random, uint64_t n)
{
    if (n == 0)
        return 0;
    for (;;) {
        uint64_t bits = random_bits(random);
        uint64_t result = bits % n;
        /* Refuse the last, incomplete run of n numbers below 2^64: it would favour small results.
         * */
        if (bits - result <= UINT64_MAX - (n - 1))
            return result;
    }
}

/* Evenly from the 2^53 multiples of 2^-53 in [0, 1). */
static double unit(Random *random)
{
    return (double)(random_bits(random) >> 11) * 0x1p-53;
}

static real below(real high, real low)
{
#ifdef VALGRAD_FLOAT
    return nextafterf(high, low);
#else
    return nextafter(high, low);
#endif
}

real random_uniform(Random *random, real low, real high)
{
    double width = (double)high - (double)low;
    real x = (real)((double)low + width * unit(random));
    return x >= high && low < high ? below(high, low) : x; /* rounding may have reached high */
}

/* log x for x > 0, to about one unit in the last place. Not libm's, which differs between machines.
 * x = m 2^e with m in [sqrt(1/2), sqrt(2)); log m = 2 artanh s = 2 (s + s^3/3 + s^5/5 + …),
 * s = (m - 1) / (m + 1), |s| < 0.172: the first term left out is below 1e-17 of the sum. */
static double exact_log(double x)
{
    int exponent;
    double m = frexp(x, &exponent);
    if (m < 0.70710678118654752) {
        m *= 2;
        exponent--;
    }
    double s = (m - 1) / (m + 1), square = s * s, series = 0;
    for (int k = 21; k >= 3; k -= 2)
        series = (series + 1.0 / k) * square;
    return exponent * 0.69314718055994531 + 2 * (s + s * series);
}

real random_normal(Random *random, real mean, real deviation)
{
    double u, square;
    do {
        u = 2 * unit(random) - 1;
        double v = 2 * unit(random) - 1;
        square = u * u + v * v;
    } while (square >= 1 || square == 0);
    double standard = u * sqrt(-2 * exact_log(square) / square);
    return (real)((double)mean + (double)deviation * standard);
}

void random_shuffle(Random *random, uint32_t *items, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = (uint32_t)random_below(random, i);
        uint32_t item = items[i - 1];
        items[i - 1] = items[j];
        items[j] = item;
    }
}
