/* softmax.h - rows of softmax for the losses too. */
#ifndef VALGRAD_TENSOR_SOFTMAX_H
#define VALGRAD_TENSOR_SOFTMAX_H

#include "tensor/tensor_internal.h"

/* log sum_i e^x_i. */
real softmax__logsumexp(const real *x, int64_t n);

/* out_i = e^x_i / sum_j e^x_j; out may be x. */
void softmax__row(const real *x, int64_t n, real *out);

#endif
