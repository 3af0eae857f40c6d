/* sparse_kernels.c - products with a matrix that is mostly zeros, compiled once for each instruction set.
 *
 * A row of C is the sum of those rows of B that its row of A names: C is cut into column panels whose
 * part of one row fits the registers, and for each row the list of its non-zeros is walked. The terms are
 * added in the order in which gemm adds them. */
#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "kernels.h"
#include "simd.h"

/* clang-format off: it takes UNROLL before a loop for a declaration */

enum { PANEL_VECTORS = 8 };

#if defined(__AVX512F__)
/* As many numbers as there are lanes in a vector of 32 bits, for which vectors of doubles go in pairs. */
enum { LISTED = 16 };

INLINE __mmask16 are_nonzero(const real *a)
{
#ifdef VALGRAD_FLOAT
    return _mm512_cmp_ps_mask(load(a), _mm512_setzero_ps(), _CMP_NEQ_UQ);
#else
    return _mm512_kunpackb(_mm512_cmp_pd_mask(load(a + LANES), _mm512_setzero_pd(), _CMP_NEQ_UQ),
                           _mm512_cmp_pd_mask(load(a), _mm512_setzero_pd(), _CMP_NEQ_UQ));
#endif
}
#endif

/* Appends to column[n] ... the numbers p ... end - 1 of non-zeros of a row and returns the new n. What is written is
 * written over by the next, unless it is kept: no branch, for a processor could not foresee it. */
INLINE int32_t list_piece(const real *a, int64_t p, int64_t end, int32_t *column, int32_t n)
{
#if defined(__AVX512F__)
    /* No vector extension packs lanes together: measured, 28 us without for 64 x 784, and 5 so. */
    const __m512i count = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i at = _mm512_add_epi32(count, _mm512_set1_epi32((int32_t)p));
    for (; p + LISTED <= end; p += LISTED, at = _mm512_add_epi32(at, _mm512_set1_epi32(LISTED))) {
        const __mmask16 kept = are_nonzero(a + p);
        _mm512_storeu_si512(column + n, _mm512_maskz_compress_epi32(kept, at));
        n += __builtin_popcount(kept);
    }
#endif
    for (; p < end; p++) {
        column[n] = (int32_t)p;
        n += !(a[p] == 0);
    }
    return n;
}

KernelNonzeros JOIN(kernels__nonzeros_, KERNELS_ISA);
int32_t JOIN(kernels__nonzeros_, KERNELS_ISA)(const real *row, int64_t k, int32_t begin, int32_t *first,
                                              int32_t *column)
{
    int32_t n = begin;
    int64_t p = 0;
    for (; p + LISTS_PIECE <= k; p += LISTS_PIECE) {
        *first++ = n;
        n = list_piece(row, p, p + LISTS_PIECE, column, n);
    }
    if (p < k) {
        *first++ = n;
        n = list_piece(row, p, k, column, n);
    }
    *first = n;
    return n;
}

INLINE int is_left(RowLists lists, int64_t i)
{
    return lists.leave_empty && lists.first[i * lists.step] == lists.first[i * lists.step + lists.pieces];
}

/* Row i, `vectors` (a constant) vectors from column `first` on. */
INLINE void row_panel(const Gemm *g, RowLists lists, int64_t i, int64_t first, const int vectors)
{
    Vector sums[PANEL_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++)
        sums[v] = (Vector){0};
    const real *a = g->a + i * g->a_row, *b = g->b + first;
    const int64_t a_col = g->a_col, b_row = g->b_row;
    const int32_t *first_entry = lists.first + i * lists.step, end = first_entry[lists.pieces];
    for (int32_t e = *first_entry; e < end; e++) {
        const int64_t p = lists.column[e];
        const real factor = a[p * a_col];
        UNROLL for (int v = 0; v < vectors; v++)
            sums[v] += factor * load(b + p * b_row + v * LANES);
    }
    real *c = g->c + i * g->ldc + first;
    UNROLL for (int v = 0; v < vectors; v++) {
        if (g->bias)
            sums[v] += load(g->bias + first + v * LANES);
        if (g->accumulate)
            sums[v] += load(c + v * LANES);
        store(c + v * LANES, sums[v]);
    }
}

#define PANEL(vectors)                                                                             \
    static void panel_##vectors(const Gemm *g, RowLists lists, int64_t first)                      \
    {                                                                                              \
        for (int64_t i = 0; i < g->m; i++) {                                                       \
            if (!is_left(lists, i))                                                                \
                row_panel(g, lists, i, first, vectors);                                            \
        }                                                                                          \
    }
PANEL(8)
PANEL(4)
PANEL(1)

/* One column, for those that fill no vector. */
static void column(const Gemm *g, RowLists lists, int64_t j)
{
    for (int64_t i = 0; i < g->m; i++) {
        if (is_left(lists, i))
            continue;
        real sum = 0, *c = g->c + i * g->ldc + j;
        const int32_t *first_entry = lists.first + i * lists.step, end = first_entry[lists.pieces];
        for (int32_t e = *first_entry; e < end; e++) {
            const int64_t p = lists.column[e];
            sum += g->a[i * g->a_row + p * g->a_col] * g->b[p * g->b_row + j];
        }
        sum += g->bias ? g->bias[j] : 0;
        *c = sum + (g->accumulate ? *c : 0);
    }
}

KernelSparseGemm JOIN(kernels__sparse_gemm_, KERNELS_ISA);
void JOIN(kernels__sparse_gemm_, KERNELS_ISA)(const Gemm *g, RowLists lists)
{
    int64_t j = 0;
    for (; j + 8 * LANES <= g->n; j += 8 * LANES)
        panel_8(g, lists, j);
    for (; j + 4 * LANES <= g->n; j += 4 * LANES)
        panel_4(g, lists, j);
    for (; j + LANES <= g->n; j += LANES)
        panel_1(g, lists, j);
    for (; j < g->n; j++)
        column(g, lists, j);
}
