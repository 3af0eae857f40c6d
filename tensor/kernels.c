/* kernels.c - the table of the kernels of one instruction set; compiled once for each, as they are. */
#include <stddef.h>

#include "kernel_names.h"

#if defined(__aarch64__)
#define KERNELS_NAME "neon"
#else
#define KERNELS_NAME STRING(KERNELS_ISA)
#endif

#define ONE(name) +1
_Static_assert(offsetof(Kernels, gemm) + (EACH_KERNEL(ONE)) * sizeof(void (*)(void)) == sizeof(Kernels),
               "a kernel is missing in EACH_KERNEL");

extern const Kernels JOIN(kernels__, KERNELS_ISA);

#define ENTRY(kernel) .kernel = KERNEL(kernel),
const Kernels JOIN(kernels__, KERNELS_ISA) = {
    .name = KERNELS_NAME, .vector_bytes = KERNELS_VECTOR_BYTES, EACH_KERNEL(ENTRY)};
