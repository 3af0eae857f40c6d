/* products.h - the matrix products that bench_kernels measures, the same for every program. */
#ifndef BENCH_PRODUCTS_H
#define BENCH_PRODUCTS_H

#include "tensor/kernels.h"

/* Name, what it is, m, k, n, whether A and B are transposed. */
#define PRODUCTS(X)                                                                                \
    X("forward-1", "first layer forward, 64x784x128", 64, 784, 128, 0, 0)                          \
    X("weights-1", "gradient of its weights, 784x64x128, A transposed", 784, 64, 128, 1, 0)        \
    X("forward-2", "second layer forward, 64x128x10", 64, 128, 10, 0, 0)                           \
    X("weights-2", "gradient of its weights, 128x64x10, A transposed", 128, 64, 10, 1, 0)          \
    X("hidden", "gradient of the hidden layer, 64x10x128, B transposed", 64, 10, 128, 0, 1)        \
    X("inputs", "gradient of the inputs, 64x128x784, B transposed", 64, 128, 784, 0, 1)            \
    X("forward-row", "first layer forward for one digit, 1x784x128", 1, 784, 128, 0, 0)            \
    X("inputs-row", "gradient of one digit, 1x128x784, B transposed", 1, 128, 784, 0, 1)           \
    X("weights-row", "gradient of the weights from one digit, 784x1x128", 784, 1, 128, 1, 0)       \
    X("square", "512x512x512", 512, 512, 512, 0, 0)

/* Computes the workload's product by `multiply`, on numbers made the first time, and writes whether it was right
 * that time. */
void products_run(void (*multiply)(const Gemm *product), double *results);

/* The multiplications and additions of the workload's product. */
double products_work(void);

#endif
