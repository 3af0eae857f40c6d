/* handwritten.h - the yardstick: networks of dense layers trained by plain C without any graph. */
#ifndef BENCH_HANDWRITTEN_H
#define BENCH_HANDWRITTEN_H

#include <stdbool.h>

#include "bench/mnist_workloads.h"
#include "tensor/kernels.h"

typedef struct Handwritten Handwritten;

/* C [+]= A B + bias, by the library's kernels or another library's. */
typedef void HandwrittenProduct(const Gemm *product);

/* A network for the workload whose products are computed by `product`; if skip_zeros, those with the pixels
 * by the library's sparse kernel, and weights of pixels that are all dark are left alone. NULL: out of memory. */
Handwritten *handwritten_new(const MnistWorkload *workload, HandwrittenProduct *product,
                             bool skip_zeros);
void handwritten_free(Handwritten *net);

/* Trains from the first weights on the workload's digits; returns the mean loss. */
double handwritten_train(Handwritten *net, const uint8_t *pixels, const uint8_t *labels);

/* How many of the first n digits are recognised. */
int handwritten_test(Handwritten *net, int n, const uint8_t *pixels, const uint8_t *labels);

#endif
