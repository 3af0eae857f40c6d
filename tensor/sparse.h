/* sparse.h - leaves that are mostly zeros, such as pixels: found out and remembered. */
#ifndef VALGRAD_TENSOR_SPARSE_H
#define VALGRAD_TENSOR_SPARSE_H

#include "tensor/tensor_internal.h"

/* To be called when a leaf was filled with data: lists its non-zeros if it is mostly zeros. */
void sparse__filled(const Value *leaf);

/* The same for whoever fills a leaf row by row, and so can list each while it is near: where to, if the leaf was sparse
 * before and is likely to be so again; else first is NULL, and the leaf is for sparse__filled. Then sparse__list_row
 * for each row i of k numbers, by any thread, which returns its entries; and at the end the sum of these. */
RowLists sparse__begin_rows(const Value *leaf);
int64_t sparse__list_row(const RowLists *lists, const real *row, int64_t k, int64_t i);
void sparse__end_rows(const Value *leaf, int64_t entries);

/* The lists of the non-zeros of t, contiguous, as a matrix of rows x columns, or of its transpose. first is NULL
 * where a dense product is better: t is no whole leaf, has too few zeros, or is too small. Kept with the leaf
 * until its numbers change. */
RowLists sparse__rows(const Tensor *t, int64_t rows, int64_t columns);
RowLists sparse__columns(const Tensor *t, int64_t rows, int64_t columns);

/* Lists the rows of a, an m x k matrix. Room: m times sparse__pieces(k) + 1 in lists->first, m (k + LISTS_SLACK) in
 * lists->column. */
int64_t sparse__pieces(int64_t k);
void sparse__list(const real *a, int64_t m, int64_t k, RowLists *lists);

/* From those lists the ones of the columns. Room: k times sparse__pieces(m) + 1 in columns->first, the number of
 * entries in columns->column. */
void sparse__turn(int64_t m, int64_t k, RowLists rows, RowLists *columns);

/* Whether the numbers of t, in order in `numbers`, are all finite, as those must be by which zeros are multiplied
 * if they are to be left out. A leaf remembers it until it changes; whoever has changed it and knows may say so. */
bool sparse__is_finite(const Tensor *t, const real *numbers);
bool sparse__knows_finite(const Tensor *leaf); /* without a look */
void sparse__note_finite(const Tensor *leaf);

#endif
