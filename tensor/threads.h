/* threads.h - kernels on several cores at once: the pool, and the operations that are worth sharing out.
 *
 * Every number is computed by the same instructions in the same order whoever computes it, so that the bits
 * do not depend on the number of threads. */
#ifndef VALGRAD_TENSOR_THREADS_H
#define VALGRAD_TENSOR_THREADS_H

#include <stdbool.h>

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

/* Does items begin ... end - 1 of some work; there may be none. */
typedef void ThreadRange(void *context, int64_t begin, int64_t end, real *scratch);

/* threads__run for items 0 ... n - 1, cut into so many parts at multiples of grain. */
void threads__ranges(ThreadRange *body, void *context, int parts, int64_t n, int64_t grain, real *scratch);

/* Products as the kernels compute them. */
void threads__gemm(const Gemm *product);
void threads__sparse_gemm(const Gemm *product, RowLists lists);

/* A step of one of the optimizers, as the kernels do it. For sgd and rmsprop, m is the velocity, for adam the
 * first moment; v is what else the optimizer keeps, or NULL. Returns whether all weights are finite then. */
typedef struct OptimizerStep {
    real *w;
    const real *g;
    real *m, *v;
    int64_t n;
    const uint8_t *marks; /* if not NULL, w is a matrix of so many rows, of which those take part that have a mark */
    int64_t rows;
    const SgdStep *sgd; /* or */
    const RmspropStep *rmsprop; /* or */
    const AdamStep *adam;
} OptimizerStep;
bool threads__step(const OptimizerStep *step);

#endif
