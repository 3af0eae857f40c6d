/* threads.h - kernels on several cores at once: the pool, and the operations that are worth sharing out.
 *
 * Every number is computed by the same instructions in the same order whoever computes it, so that the bits
 * do not depend on the number of threads. */
#ifndef VALGRAD_TENSOR_THREADS_H
#define VALGRAD_TENSOR_THREADS_H

#include "tensor/kernels.h"

/* Does part `part` of some work; `scratch` is room for a product (see kernels.h) that nobody else uses
 * meanwhile. */
typedef void ThreadBody(void *context, int part, real *scratch);

/* Calls body for parts 0 ... parts - 1 (at most THREADS_PARTS), on this thread and whichever of the others
 * have nothing to do, and returns when all are done. `scratch` is this thread's. Calls of body may neither
 * fail nor call this. */
enum { THREADS_PARTS = 1 << 12 };
void threads__run(ThreadBody *body, void *context, int parts, real *scratch);

/* Into how many parts to cut work of which one part should have `least` units: 1 to the number of threads. */
int threads__parts(int64_t units, int64_t least);

/* Products as the kernels compute them. */
void threads__gemm(const Gemm *product);
void threads__sparse_gemm(const Gemm *product, RowLists lists);

/* Optimizer steps as the kernels do them. For adam, v is the second moment. */
void threads__sgd(real *w, const real *g, real *v, int64_t n, const SgdStep *step);
void threads__adam(real *w, const real *g, real *m, real *v, int64_t n, const AdamStep *step);

#endif
