/* dispatch.c - picks the kernels for the processor at hand.
 *
 * kernels.cmake defines KERNELS_HAVE_AVX2 and KERNELS_HAVE_AVX512 where it has built those variants. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

extern const Kernels kernels__base;
#ifdef KERNELS_HAVE_AVX2
extern const Kernels kernels__avx2;
#endif
#ifdef KERNELS_HAVE_AVX512
extern const Kernels kernels__avx512;
#endif

static int has_avx2(void)
{
#ifdef KERNELS_HAVE_AVX2
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

static int has_avx512(void)
{
#ifdef KERNELS_HAVE_AVX512
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("fma");
#else
    return 0;
#endif
}

/* A processor with AVX-512 has AVX2, so its variants are always the first few of the longest list. */
const Kernels *const *kernels__all(int *count)
{
    static const Kernels *const all[] = {
        &kernels__base,
#ifdef KERNELS_HAVE_AVX2
        &kernels__avx2,
#endif
#ifdef KERNELS_HAVE_AVX512
        &kernels__avx512,
#endif
    };
    *count = 1 + has_avx2() + has_avx512();
    return all;
}

static const Kernels *choose(void)
{
    int count;
    const Kernels *const *all = kernels__all(&count);
    const char *wanted = getenv("VALGRAD_ISA");
    if (wanted && strcmp(wanted, "base") == 0)
        return all[0];
    for (int i = 0; wanted && i < count; i++)
        if (strcmp(wanted, all[i]->name) == 0)
            return all[i];
    return all[count - 1];
}

/* Threads that come here at once all choose the same, so a plain store needs no lock. */
const Kernels *kernels__get(void)
{
    static const Kernels *_Atomic chosen;
    const Kernels *kernels = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!kernels) {
        kernels = choose();
        atomic_store_explicit(&chosen, kernels, memory_order_relaxed);
    }
    return kernels;
}
