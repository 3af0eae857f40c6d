/* sparse_kernels.c - products with a matrix that is mostly zeros, compiled once for each instruction set.
 *
 * A row of C is the sum of those rows of B that its row of A names. C is cut into column panels whose part of one row
 * fits the registers, and B into blocks of rows whose part in the panel fits the nearest cache: block by block, each
 * row of C takes up its sums, walks its list through the block, and lays them down. The terms are added in the order
 * in which gemm adds them. */
#if defined(__AVX512F__)
#include <immintrin.h>
#endif
#include <stdbool.h>
#include <stddef.h>

#include "kernel_names.h"
#include "simd.h"

/* clang-format off: it takes UNROLL before a loop for a declaration */

enum {
    PANEL_VECTORS = 8,
    LEAST_TERMS = 5, /* for a row of B that is copied, or of C that is read and written, to pay (measured) */
};

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

int32_t KERNEL(nonzeros)(const real *row, int64_t k, int32_t begin, int32_t *first,
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

/* ---- products ---------------------------------------------------------------------------------- */

/* A block of B, and of it the columns of a panel. */
typedef struct Block {
    int64_t piece, pieces;      /* its rows, as pieces of the lists */
    uintptr_t row_0, row_bytes; /* row p of B begins at the address row_0 + p * row_bytes; row 0 may lie nowhere */
} Block;

/* Adds the terms of one block to all rows of C. Whether their sums resume here, or begin, and whether they end here,
 * are constants wherever this is inlined, as vectors are: otherwise registers run short. */
INLINE void add_block(const Gemm *g, RowLists lists, Block b, const bool resumes, const bool ends, const int vectors)
{
    const int64_t a_row = g->a_row, a_col = g->a_col, ldc = g->ldc;
    const int64_t step = lists.row_step, length = b.pieces * lists.piece_step;
    const int64_t whole = lists.pieces * lists.piece_step;
    const real *const bias = ends ? g->bias : NULL;
    const bool accumulate = ends && g->accumulate, leave_empty = lists.leave_empty;
    const int32_t *first = lists.first + b.piece * lists.piece_step, *const last = first + g->m * step;
    const real *a = g->a;
    real *c = g->c;
    for (; first != last; first += step, a += a_row, c += ldc) {
        const int32_t *entry = lists.column + first[0], *const end = lists.column + first[length];
        if (entry == end && (resumes ? !bias : leave_empty && first[0] == first[whole]))
            continue;
        Vector sums[PANEL_VECTORS];
        UNROLL for (int v = 0; v < vectors; v++)
            sums[v] = resumes ? load(c + v * LANES) : (Vector){0};
        for (; entry < end; entry++) {
            const int64_t p = *entry;
            const real factor = a[p * a_col], *row = (const real *)(b.row_0 + (uintptr_t)p * b.row_bytes);
            UNROLL for (int v = 0; v < vectors; v++)
                sums[v] += factor * load(row + v * LANES);
        }
        UNROLL for (int v = 0; v < vectors; v++) {
            if (bias)
                sums[v] += load(bias + v * LANES);
            if (accumulate)
                sums[v] += load(c + v * LANES);
            store(c + v * LANES, sums[v]);
        }
    }
}

typedef void AddBlock(const Gemm *g, RowLists lists, Block b);

#define ADD_BLOCK(vectors)                                                                         \
    static void add_block_##vectors(const Gemm *g, RowLists lists, Block b)                        \
    {                                                                                              \
        const bool resumes = b.piece > 0, ends = b.piece + b.pieces == lists.pieces;               \
        if (resumes && ends)                                                                       \
            add_block(g, lists, b, true, true, vectors);                                           \
        else if (resumes)                                                                          \
            add_block(g, lists, b, true, false, vectors);                                          \
        else if (ends)                                                                             \
            add_block(g, lists, b, false, true, vectors);                                          \
        else                                                                                       \
            add_block(g, lists, b, false, false, vectors);                                         \
    }
ADD_BLOCK(8)
ADD_BLOCK(4)
ADD_BLOCK(1)

/* Whether blocks of so many pieces pay: each but the first reads and writes C once more, and each row of B is read
 * once, whether it is used or not. */
static bool blocks_pay(const Gemm *g, RowLists lists, int64_t pieces)
{
    const int64_t more_blocks = (lists.pieces - 1) / pieces;
    return !g->accumulate && lists.entries >= LEAST_TERMS * (g->m * more_blocks + g->k);
}

static void copy_rows(real *copy, const real *b, int64_t b_row, int64_t rows, int64_t width)
{
    for (int64_t p = 0; p < rows; p++, b += b_row)
        for (int64_t j = 0; j < width; j += LANES, copy += LANES)
            store(copy, load(b + j));
}

/* Columns first ... first + width - 1 of C. */
static void run_panel(const Gemm *g, RowLists lists, int64_t first, int64_t width, AddBlock *add)
{
    const int64_t near = SPARSE_BLOCK / (LISTS_PIECE * width);
    const bool blocked = blocks_pay(g, lists, near), copied = blocked && g->b_row != width;
    const uintptr_t row_bytes = (uintptr_t)(copied ? width : g->b_row) * sizeof(real);
    Gemm panel = *g;
    panel.bias = g->bias ? g->bias + first : NULL;
    panel.c += first;
    Block block = {.row_bytes = row_bytes};
    do {
        const int64_t p = block.piece * LISTS_PIECE;
        const real *b = g->b + p * g->b_row + first;
        block.pieces = blocked ? least(near, lists.pieces - block.piece) : lists.pieces;
        if (copied) {
            real *copy = aligned(g->scratch);
            copy_rows(copy, b, g->b_row, least(block.pieces * LISTS_PIECE, g->k - p), width);
            b = copy;
        }
        block.row_0 = (uintptr_t)b - (uintptr_t)p * row_bytes;
        add(&panel, lists, block);
        block.piece += block.pieces;
    } while (block.piece < lists.pieces);
}

/* One column, for those that fill no vector. */
static void one_column(const Gemm *g, RowLists lists, int64_t j)
{
    for (int64_t i = 0; i < g->m; i++) {
        const int32_t begin = row_lists__begin(lists, i), end = row_lists__end(lists, i);
        if (lists.leave_empty && begin == end)
            continue;
        real sum = 0, *c = g->c + i * g->ldc + j;
        for (int32_t e = begin; e < end; e++) {
            const int64_t p = lists.column[e];
            sum += g->a[i * g->a_row + p * g->a_col] * g->b[p * g->b_row + j];
        }
        sum += g->bias ? g->bias[j] : 0;
        *c = sum + (g->accumulate ? *c : 0);
    }
}

void KERNEL(sparse_gemm)(const Gemm *g, RowLists lists)
{
    static const struct {
        int64_t width;
        AddBlock *add;
    } panels[] = {{8 * LANES, add_block_8}, {4 * LANES, add_block_4}, {LANES, add_block_1}};
    int64_t j = 0;
    for (size_t i = 0; i < sizeof panels / sizeof *panels; i++)
        for (; j + panels[i].width <= g->n; j += panels[i].width)
            run_panel(g, lists, j, panels[i].width, panels[i].add);
    for (; j < g->n; j++)
        one_column(g, lists, j);
}

/* ---- multiples of one row ------------------------------------------------------------------------ */

/* Of the first `vectors` (a constant) vectors of each row, which stay in registers. */
INLINE void add_panel(real *c, const uint8_t *marks, int64_t n, const int32_t *rows, int64_t count, const real *a,
                      const real *g, const int vectors)
{
    Vector line[PANEL_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++)
        line[v] = load(g + v * LANES);
    for (int64_t e = 0; e < count; e++) {
        const int64_t p = rows[e];
        const real factor = a[p];
        real *to = c + p * n;
        if (!marks || marks[p]) {
            UNROLL for (int v = 0; v < vectors; v++)
                store(to + v * LANES, load(to + v * LANES) + factor * line[v]);
        } else {
            UNROLL for (int v = 0; v < vectors; v++)
                store(to + v * LANES, factor * line[v]);
        }
    }
}

void KERNEL(add_multiples)(real *c, uint8_t *marks, int64_t n, const int32_t *rows, int64_t count, const real *a,
                           const real *g)
{
    int64_t j = 0;
    for (; j + PANEL_VECTORS * LANES <= n; j += PANEL_VECTORS * LANES)
        add_panel(c + j, marks, n, rows, count, a, g + j, PANEL_VECTORS);
    for (; j + LANES <= n; j += LANES)
        add_panel(c + j, marks, n, rows, count, a, g + j, 1);
    for (; j < n; j++)
        for (int64_t e = 0; e < count; e++) {
            real *to = c + rows[e] * n + j;
            *to = a[rows[e]] * g[j] + (!marks || marks[rows[e]] ? *to : 0);
        }
    for (int64_t e = 0; marks && e < count; e++)
        marks[rows[e]] = 1;
}
