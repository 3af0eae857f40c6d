/* softmax.h - rows of softmax for the losses too. */
#ifndef VALGRAD_TENSOR_SOFTMAX_H
#define VALGRAD_TENSOR_SOFTMAX_H

#include "tensor/tensor_internal.h"

/* log sum_i e^(x_i - max), and the greatest x in *max; NaN if that is not finite. logsumexp is their sum;
 * its difference from an x is taken to max first, so that large numbers cost no digits. Writes scale times
 * softmax__row too, from the same powers, unless softmax is NULL. */
real softmax__log_sum(const real *x, int64_t n, real *max, real scale, real *softmax);

/* out_i = e^x_i / sum_j e^x_j; out may be x. */
void softmax__row(const real *x, int64_t n, real *out);

/* Writes out x_i - max and e^(x_i - max) of a row, and returns the slot of the latter's sum. */
ProgramSlot softmax__expand(Expansion *e, int64_t n, const ProgramSlot *x, ProgramSlot *shifted, ProgramSlot *powers);

#endif
