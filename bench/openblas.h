/* openblas.h - matrix products by OpenBLAS, which is loaded when the program runs.
 *
 * OpenBLAS takes processors that are newer than itself for old ones, so it is told what this one can do. */
#ifndef BENCH_OPENBLAS_H
#define BENCH_OPENBLAS_H

#include <stdbool.h>

#include "tensor/kernels.h"

/* False if it is not there. */
bool openblas_load(int threads);

/* C [+]= A B + bias, for matrices without gaps between their rows. */
void openblas_multiply(const Gemm *product);

#endif
