/* sparse.h - leaves that are mostly zeros, such as pixels: found out and remembered. */
#ifndef VALGRAD_TENSOR_SPARSE_H
#define VALGRAD_TENSOR_SPARSE_H

#include "tensor/tensor_internal.h"

/* To be called when a leaf was filled with data: lists its non-zeros if it is mostly zeros. */
void sparse__filled(const Value *leaf);

/* The lists of the non-zeros of t, contiguous, as a matrix of rows x columns, or of its transpose. first is NULL
 * where a dense product is better: t is no whole leaf, has too few zeros, or is too small. Kept with the leaf
 * until its numbers change. */
RowLists sparse__rows(const Tensor *t, int64_t rows, int64_t columns);
RowLists sparse__columns(const Tensor *t, int64_t rows, int64_t columns);

/* From lists of the rows of an m x k matrix those of its columns. Room: k + 2 in columns.first, the number of
 * entries in columns.column. */
void sparse__turn(int64_t m, int64_t k, RowLists rows, RowLists columns);

/* Whether the numbers of t, in order in `numbers`, are all finite, as those must be by which zeros are multiplied
 * if they are to be left out. A leaf remembers it until it changes; whoever has changed it and knows may say so. */
bool sparse__is_finite(const Tensor *t, const real *numbers);
bool sparse__knows_finite(const Tensor *leaf); /* without a look */
void sparse__note_finite(const Tensor *leaf);

#endif
