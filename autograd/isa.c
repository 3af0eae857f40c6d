/* isa.c - what the processor has, and what the environment asks for. */
#include "autograd/isa.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

Isa isa__best(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    const int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const int has_avx512 = has_avx2 && __builtin_cpu_supports("avx512f") &&
                           __builtin_cpu_supports("avx512dq") &&
                           __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    return has_avx512 ? ISA_AVX512 : has_avx2 ? ISA_AVX2 : ISA_BASE;
#else
    return ISA_BASE;
#endif
}

Isa isa__named(const char *name)
{
    const Isa best = isa__best();
    if (!name)
        return best;
    const Isa named = strcmp(name, "avx512") == 0 ? ISA_AVX512
                      : strcmp(name, "avx2") == 0 ? ISA_AVX2
                                                  : ISA_BASE;
    return named <= best ? named : ISA_BASE;
}

/* Threads that come here at once all find the same, so a plain store needs no lock. */
Isa isa__chosen(void)
{
    static _Atomic int chosen = -1;
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa < 0) {
        isa = (int)isa__named(getenv("VALGRAD_ISA"));
        atomic_store_explicit(&chosen, isa, memory_order_relaxed);
    }
    return (Isa)isa;
}
