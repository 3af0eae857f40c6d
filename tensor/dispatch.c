/* dispatch.c - picks the kernels for the processor at hand.
 *
 * kernels.cmake defines KERNELS_HAVE_AVX2 and KERNELS_HAVE_AVX512 where it has built those variants. */
#include <stdatomic.h>

#include "autograd/isa.h"
#include "kernels.h"

extern const Kernels kernels__base;
#ifdef KERNELS_HAVE_AVX2
extern const Kernels kernels__avx2;
#endif
#ifdef KERNELS_HAVE_AVX512
extern const Kernels kernels__avx512;
#endif

/* In the order of Isa; the last is not built without the one before it. */
static const Kernels *const all[] = {
    &kernels__base,
#ifdef KERNELS_HAVE_AVX2
    &kernels__avx2,
#endif
#ifdef KERNELS_HAVE_AVX512
    &kernels__avx512,
#endif
};

/* How many of them there are up to the one for isa. */
static int count_up_to(Isa isa)
{
    const int built = sizeof all / sizeof *all, wanted = (int)isa + 1;
    return wanted < built ? wanted : built;
}

const Kernels *const *kernels__all(int *count)
{
    *count = count_up_to(isa__best());
    return all;
}

/* Threads that come here at once all find the same. */
const Kernels *kernels__get(void)
{
    static const Kernels *_Atomic chosen;
    const Kernels *kernels = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (!kernels) {
        kernels = all[count_up_to(isa__chosen()) - 1];
        atomic_store_explicit(&chosen, kernels, memory_order_relaxed);
    }
    return kernels;
}
