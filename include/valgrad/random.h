/* random.h - the library's own random numbers: seeded, explicit, the same on every machine.
 *
 *     Random random = random_seeded(1);
 *     real x = random_uniform(&random, -1, 1);
 *
 * The generator is xoshiro256** (D. Blackman, S. Vigna, "Scrambled linear pseudorandom number
 * generators", 2021), seeded by splitmix64. Its whole state is the struct: copy it to fork a
 * sequence, store it to continue one. Nothing in the library draws from hidden state. */
#ifndef VALGRAD_RANDOM_H
#define VALGRAD_RANDOM_H

#include <stdint.h>
#include <valgrad/real.h>

VALGRAD_BEGIN

typedef struct Random {
    uint64_t state[4];
} Random;

/* A generator whose sequence is fixed by seed; any seed is good, 0 too. */
VALGRAD_API Random random_seeded(uint64_t seed);

/* The next 64 random bits. */
VALGRAD_API uint64_t random_bits(Random *random);

/* An integer drawn evenly from 0 … n-1, without modulo bias; 0 when n is 0. */
VALGRAD_API uint64_t random_below(Random *random, uint64_t n);

/* A number drawn evenly from [low, high). */
VALGRAD_API real random_uniform(Random *random, real low, real high);

/* A number from the normal distribution (Marsaglia's polar method; uses a varying number of bits). */
VALGRAD_API real random_normal(Random *random, real mean, real deviation);

/* Puts items[0 … n-1] into a random order (Fisher-Yates). */
VALGRAD_API void random_shuffle(Random *random, uint32_t *items, uint32_t n);

VALGRAD_END

#endif
