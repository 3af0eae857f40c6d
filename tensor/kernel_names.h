/* kernel_names.h - what the kernels of one instruction set are called among themselves: KERNEL(add_to) is
 * kernels__add_to_avx2 where a file is compiled for AVX2. The files named *_kernels.c define them, kernels.c puts
 * them into the table. */
#ifndef VALGRAD_TENSOR_KERNEL_NAMES_H
#define VALGRAD_TENSOR_KERNEL_NAMES_H

#include "kernels.h"
#include "simd.h"

#define KERNEL(name) JOIN(JOIN(kernels__, name), JOIN(_, KERNELS_ISA))

/* All members of Kernels that are functions. */
#define EACH_KERNEL(X)                                                                             \
    X(gemm) X(gemm_scratch) X(nonzeros) X(sparse_gemm) X(add_multiples) X(fill) X(add_to)          \
    X(subtract_from) X(add_scaled) X(multiply_add_to) X(multiply_subtract_from) X(scale) X(add) X(subtract)         \
    X(multiply) X(divide) X(all_finite) X(relu) X(sigmoid) X(tanh) X(exponentials)                 \
    X(relu_backward) X(sigmoid_backward) X(tanh_backward) X(column_sums) X(spread_row) X(sum)      \
    X(dot) X(max) X(from_bytes) X(sgd) X(rmsprop) X(adam)

#define DECLARE_KERNEL(name) extern __typeof__(*((const Kernels *)0)->name) KERNEL(name);
EACH_KERNEL(DECLARE_KERNEL)
#undef DECLARE_KERNEL

#endif
