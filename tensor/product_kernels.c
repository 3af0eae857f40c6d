/* product_kernels.c - the dense matrix product, compiled once for each instruction set.
 *
 * C is cut into column panels a few vectors wide. For each panel, tiles of a few rows keep their part of C in
 * registers while they walk down k: load one row of the panel of B, multiply it by one number from each row of A. A is
 * not copied. A panel of B is copied to scratch when many tiles will read it (side by side in memory it stays in the
 * nearest cache, where rows a power of two apart would evict one another), when B is transposed, and when it is
 * narrower than its vectors (then padded with zeros). Where C has so few columns that padding would be a third or more
 * of the work, C' = B' A' is computed instead. */
#include <stddef.h>

#include "kernel_names.h"
#include "simd.h"

/* clang-format off: it takes UNROLL and INDEPENDENT before a loop for declarations */

/* A tile of C: at most TILE_ROWS x TILE_VECTORS, or one row of ROW_VECTORS. Sized so that the sums, one
 * row of B and one number of A fit the registers: 32 of them in AVX-512 and NEON, 16 elsewhere, where
 * without fused multiply-add one more is wanted for the product. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define TILE_ROWS 8
#define TILE_VECTORS 3
#define ROW_VECTORS 16
#elif defined(__FMA__)
#define TILE_ROWS 4
#define TILE_VECTORS 3
#define ROW_VECTORS 8
#else
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define ROW_VECTORS 8
#endif

enum {
    PANEL_COLUMNS = TILE_VECTORS * LANES,
    DEPTH = 1024,                /* longer sums over k go in stretches, so that a panel of B stays near */
    PACK_ROWS = 128,             /* from here on copying a panel of B pays (measured) */
    FEW_ROWS = 3,                /* so few that dot products beat turning a transposed B around */
    FEW_COLUMNS = 4 * LANES / 3, /* the most that fill vectors to two thirds or less */
    STRETCH = 128,               /* rows of C at a time, where it has few columns */
    CACHE_LINE = 64,             /* bytes */
};

/* Interleaves the lower halves of x and y, and the upper ones, and adds the two: sums of half as many
 * lanes of each, x in the even lanes and y in the odd ones. */
INLINE Vector fold(Vector x, Vector y)
{
#if LANES == 2
    return SHUFFLE(Mask, x, y, 0, 2) + SHUFFLE(Mask, x, y, 1, 3);
#elif LANES == 4
    return SHUFFLE(Mask, x, y, 0, 4, 1, 5) + SHUFFLE(Mask, x, y, 2, 6, 3, 7);
#elif LANES == 8
    return SHUFFLE(Mask, x, y, 0, 8, 1, 9, 2, 10, 3, 11) +
           SHUFFLE(Mask, x, y, 4, 12, 5, 13, 6, 14, 7, 15);
#else
    return SHUFFLE(Mask, x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23) +
           SHUFFLE(Mask, x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#endif
}

/* ---- tiles ------------------------------------------------------------------------------------- */

/* What the tiles of a panel have in common: k steps, B and bias from its first column. */
typedef struct Tile {
    int64_t k;
    int64_t a_row, a_col;
    const real *b;
    int64_t b_row;
    const real *bias;
    int64_t ldc;
    int accumulate;
} Tile;

/* One step of k: sums [+]= a column of A times a row of B. */
INLINE void tile_step(Vector (*sums)[ROW_VECTORS], const real *a, int64_t a_row, const real *b,
                      const int rows, const int vectors, const int first)
{
    Vector line[ROW_VECTORS];
    UNROLL for (int v = 0; v < vectors; v++)
        line[v] = load(b + v * LANES);
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            sums[r][v] = first ? a[r * a_row] * line[v] : sums[r][v] + a[r * a_row] * line[v];
}

/* A and C from the tile's first row. rows and vectors are constants wherever this is inlined, so the sums live in
 * registers.
 *
 * The multiplications of a tile should begin while those of the one before still go on, for which little may stand
 * between them: sums begin as products, not as zeros; a and c come in registers, since what was just stored is
 * only loaded again when the stores before it, of C, are done; and C is asked for, should it be far away, row by row
 * during the first steps. After these the next tile's A is, of which with A transposed each step reads a line of the cache:
 * where it reads half of one, asking costs more than it brings. */
INLINE void tile(const Tile *t, const real *a, real *c, const int rows, const int vectors)
{
    Vector sums[TILE_ROWS][ROW_VECTORS];
    const real *b = t->b;
    const int64_t a_row = t->a_row, a_col = t->a_col, b_row = t->b_row, ldc = t->ldc;
    const real *ahead = c;
    int64_t steps = t->k - 1;
    tile_step(sums, a, a_row, b, rows, vectors, 1);
    for (int r = 0; r < rows && steps > 0; r++, steps--) {
        a += a_col;
        b += b_row;
        tile_step(sums, a, a_row, b, rows, vectors, 0);
        UNROLL for (int v = 0; v < vectors; v++)
            __builtin_prefetch(ahead + v * LANES, 1);
        ahead += ldc;
    }
    for (; steps > 0; steps--) {
        a += a_col;
        b += b_row;
        if (TILE_ROWS * sizeof(real) == CACHE_LINE)
            __builtin_prefetch(a + rows * a_row);
        tile_step(sums, a, a_row, b, rows, vectors, 0);
    }

    if (t->bias)
        UNROLL for (int v = 0; v < vectors; v++) {
            const Vector bias = load(t->bias + v * LANES);
            UNROLL for (int r = 0; r < rows; r++)
                sums[r][v] += bias;
        }
    if (t->accumulate)
        UNROLL for (int r = 0; r < rows; r++)
            UNROLL for (int v = 0; v < vectors; v++)
                sums[r][v] += load(c + r * ldc + v * LANES);
    UNROLL for (int r = 0; r < rows; r++)
        UNROLL for (int v = 0; v < vectors; v++)
            store(c + r * ldc + v * LANES, sums[r][v]);
}

/* One function for each number of vectors, with a case for each number of rows. */
#if TILE_ROWS == 8
#define MORE_ROWS(vectors)                                                                         \
    case 8: tile(t, a, c, 8, vectors); break;                                                      \
    case 7: tile(t, a, c, 7, vectors); break;                                                      \
    case 6: tile(t, a, c, 6, vectors); break;                                                      \
    case 5: tile(t, a, c, 5, vectors); break;
#elif TILE_ROWS == 6
#define MORE_ROWS(vectors)                                                                         \
    case 6: tile(t, a, c, 6, vectors); break;                                                      \
    case 5: tile(t, a, c, 5, vectors); break;
#else
#define MORE_ROWS(vectors)
#endif
#define TILES(vectors)                                                                             \
    static void tiles_##vectors(const Tile *t, const real *a, real *c, int64_t rows)               \
    {                                                                                              \
        switch (rows) {                                                                            \
            MORE_ROWS(vectors)                                                                     \
        case 4: tile(t, a, c, 4, vectors); break;                                                  \
        case 3: tile(t, a, c, 3, vectors); break;                                                  \
        case 2: tile(t, a, c, 2, vectors); break;                                                  \
        default: tile(t, a, c, 1, vectors); break;                                                 \
        }                                                                                          \
    }
TILES(1)
TILES(2)
#if TILE_VECTORS == 3
TILES(3)
#endif

static void run_tile(const Tile *t, const real *a, real *c, int64_t rows, int64_t vectors)
{
#if TILE_VECTORS == 3
    if (vectors == 3)
        tiles_3(t, a, c, rows);
    else
#endif
    if (vectors == 2)
        tiles_2(t, a, c, rows);
    else
        tiles_1(t, a, c, rows);
}

/* ---- panels of B ------------------------------------------------------------------------------- */

/* y[j] = x[j], j < n, for short rows: a call of memcpy would cost more than the copy. */
INLINE void copy_row(real *y, const real *x, int64_t n)
{
    int64_t j = 0;
    for (; j + LANES <= n; j += LANES)
        store(y + j, load(x + j));
    if (j < n && j > 0) {
        store(y + n - LANES, load(x + n - LANES)); /* overlaps what is there already */
        return;
    }
    for (; j < n; j++)
        y[j] = x[j];
}

static void pack_rows(real *panel, const real *b, int64_t b_row, int64_t k, int64_t columns,
                      int64_t width)
{
    for (int64_t p = 0; p < k; p++, panel += width, b += b_row) {
        for (int64_t j = columns; j < width; j++)
            panel[j] = 0;
        copy_row(panel, b, columns);
    }
}

/* Transposition goes in squares of lines of this length: log2 rounds, each of which interleaves the
 * lanes of lines half the square apart. */
#if LANES == 2
enum { SQUARE = 2 };
#else
enum { SQUARE = 4 };
#endif
typedef real Line __attribute__((vector_size(SQUARE * sizeof(real))));
typedef LaneBits LineMask __attribute__((vector_size(SQUARE * sizeof(real))));
typedef real UnalignedLine
    __attribute__((vector_size(SQUARE * sizeof(real)), aligned(sizeof(real)), may_alias));

INLINE void interleave(Line *lower, Line *upper, Line x, Line y)
{
#if LANES == 2
    *lower = SHUFFLE(LineMask, x, y, 0, 2);
    *upper = SHUFFLE(LineMask, x, y, 1, 3);
#else
    *lower = SHUFFLE(LineMask, x, y, 0, 4, 1, 5);
    *upper = SHUFFLE(LineMask, x, y, 2, 6, 3, 7);
#endif
}

INLINE void turn_square(real *panel, int64_t width, const real *b, int64_t b_col)
{
    Line x[SQUARE], y[SQUARE];
    UNROLL for (int i = 0; i < SQUARE; i++)
        x[i] = *(const UnalignedLine *)(b + i * b_col);
    UNROLL for (int round = 1; round < SQUARE; round *= 2) {
        UNROLL for (int i = 0; i < SQUARE / 2; i++)
            interleave(&y[2 * i], &y[2 * i + 1], x[i], x[i + SQUARE / 2]);
        UNROLL for (int i = 0; i < SQUARE; i++)
            x[i] = y[i];
    }
    UNROLL for (int i = 0; i < SQUARE; i++)
        *(UnalignedLine *)(panel + i * width) = x[i];
}

static void pack_transposed(real *panel, const real *b, int64_t b_col, int64_t k, int64_t columns,
                            int64_t width)
{
    const int64_t in_squares = k < SQUARE ? 0 : columns / SQUARE * SQUARE;
    for (int64_t p = 0; p < k; p += SQUARE) {
        const int64_t first = least(p, k - SQUARE); /* the last overlap what is there already */
        for (int64_t j = 0; j < in_squares; j += SQUARE)
            turn_square(panel + first * width + j, width, b + j * b_col + first, b_col);
    }
    for (int64_t p = 0; p < k; p++)
        for (int64_t j = in_squares; j < width; j++)
            panel[p * width + j] = j < columns ? b[j * b_col + p] : 0;
}

/* ---- the product, panel by panel --------------------------------------------------------------- */

typedef struct Panel {
    Tile tile;
    int64_t m, columns, vectors;
    const real *a; /* from the first row */
    real *c;       /* from the first row and the panel's first column */
} Panel;

/* Tiles of sizes that differ by one at most: a last tile of one row would run at a fraction of the
 * speed. */
static void whole_panel(const Panel *panel)
{
    const Tile *t = &panel->tile;
    const real *a = panel->a;
    real *c = panel->c;
    const int64_t tiles = (panel->m + TILE_ROWS - 1) / TILE_ROWS;
    for (int64_t i = 0; i < tiles; i++) {
        const int64_t rows = panel->m / tiles + (i < panel->m % tiles);
        run_tile(t, a, c, rows, panel->vectors);
        a += rows * t->a_row;
        c += rows * t->ldc;
    }
}

/* The last panel, narrower than its vectors: tiles work in a padded copy of their part of C. */
static void narrow_panel(const Panel *panel)
{
    real bias[PANEL_COLUMNS] = {0}, padded[TILE_ROWS * PANEL_COLUMNS] = {0};
    Tile t = panel->tile;
    if (t.bias)
        copy_row(bias, t.bias, panel->columns);
    t.bias = t.bias ? bias : NULL;
    t.ldc = PANEL_COLUMNS;

    const real *a = panel->a;
    real *c = panel->c;
    const int64_t ldc = panel->tile.ldc, tiles = (panel->m + TILE_ROWS - 1) / TILE_ROWS;
    for (int64_t i = 0; i < tiles; i++) {
        const int64_t rows = panel->m / tiles + (i < panel->m % tiles);
        if (t.accumulate)
            for (int64_t r = 0; r < rows; r++)
                copy_row(padded + r * PANEL_COLUMNS, c + r * ldc, panel->columns);
        run_tile(&t, a, padded, rows, panel->vectors);
        for (int64_t r = 0; r < rows; r++)
            copy_row(c + r * ldc, padded + r * PANEL_COLUMNS, panel->columns);
        a += rows * t.a_row;
        c += rows * ldc;
    }
}

/* Columns first ... first + columns of C, depth steps from p on. */
static void run_panel(const Gemm *g, int64_t first, int64_t columns, int64_t p, int64_t depth)
{
    const int64_t vectors = (columns + LANES - 1) / LANES, width = vectors * LANES;
    const real *b = g->b + p * g->b_row + first * g->b_col;
    Panel panel = {.tile = {.k = depth,
                            .a_row = g->a_row,
                            .a_col = g->a_col,
                            .b = b,
                            .b_row = g->b_row,
                            .bias = g->bias && p == 0 ? g->bias + first : NULL,
                            .ldc = g->ldc,
                            .accumulate = g->accumulate || p > 0},
                   .m = g->m,
                   .columns = columns,
                   .vectors = vectors,
                   .a = g->a + p * g->a_col,
                   .c = g->c + first};
    if (g->b_col != 1 || columns < width || g->m >= PACK_ROWS) {
        real *copy = aligned(g->scratch);
        if (g->b_col == 1)
            pack_rows(copy, b, g->b_row, depth, columns, width);
        else
            pack_transposed(copy, b, g->b_col, depth, columns, width);
        panel.tile.b = copy;
        panel.tile.b_row = width;
    }
    if (columns < width)
        narrow_panel(&panel);
    else
        whole_panel(&panel);
}

/* Columns from first on, in panels of nearly equal width. */
static void run_panels(const Gemm *g, int64_t first)
{
    int64_t vectors = (g->n - first + LANES - 1) / LANES;
    int64_t panels = (vectors + TILE_VECTORS - 1) / TILE_VECTORS;
    for (; panels > 0; panels--) {
        const int64_t share = (vectors + panels - 1) / panels;
        const int64_t columns = least(share * LANES, g->n - first);
        for (int64_t p = 0; p < g->k; p += DEPTH)
            run_panel(g, first, columns, p, least(DEPTH, g->k - p));
        first += columns;
        vectors -= share;
    }
}

/* ---- the product, special shapes --------------------------------------------------------------- */

INLINE void run_row(const Gemm *g, int64_t first, const int vectors)
{
    for (int64_t p = 0; p < g->k; p += DEPTH) {
        const Tile t = {.k = least(DEPTH, g->k - p),
                        .a_col = g->a_col,
                        .b = g->b + p * g->b_row + first,
                        .b_row = g->b_row,
                        .bias = g->bias && p == 0 ? g->bias + first : NULL,
                        .accumulate = g->accumulate || p > 0};
        tile(&t, g->a + p * g->a_col, g->c + first, 1, vectors);
    }
}

/* A row times a matrix is bound by reading B: take the widest stretches of it. */
static void row_times_matrix(const Gemm *g)
{
    int64_t first = 0;
    for (; first + ROW_VECTORS * LANES <= g->n; first += ROW_VECTORS * LANES)
        run_row(g, first, ROW_VECTORS);
    for (; first + 4 * LANES <= g->n; first += 4 * LANES)
        run_row(g, first, 4);
    for (; first + LANES <= g->n; first += LANES)
        run_row(g, first, 1);
    if (first < g->n)
        run_panels(g, first);
}

enum { DOTS = 8 };

/* sums[j] = the sum of all lanes of lanes[j]. Folding n vectors into n/2 again and again leaves, in the
 * one that remains, vector j in the lanes that are j modulo n. */
INLINE void sum_lanes(real *sums, Vector *lanes)
{
    enum { GROUP = LANES < DOTS ? LANES : DOTS };
    UNROLL for (int first = 0; first < DOTS; first += GROUP) {
        UNROLL for (int left = GROUP / 2; left > 0; left /= 2)
            UNROLL for (int j = 0; j < left; j++)
                lanes[first + j] = fold(lanes[first + j], lanes[first + j + left]);
        real all[LANES];
        store(all, lanes[first]);
        for (int j = 0; j < LANES; j++)
            sums[first + j % GROUP] = j < GROUP ? all[j] : sums[first + j % GROUP] + all[j];
    }
}

/* sums[j] = sum_p a[p] b[j*b_col + p], j < DOTS. */
INLINE void dots(real *sums, const real *a, const real *b, int64_t b_col, int64_t k)
{
    Vector lanes[DOTS];
    UNROLL for (int j = 0; j < DOTS; j++)
        lanes[j] = (Vector){0};
    int64_t p = 0;
    for (; p + LANES <= k; p += LANES) {
        const Vector x = load(a + p);
        UNROLL for (int j = 0; j < DOTS; j++)
            lanes[j] += x * load(b + j * b_col + p);
    }
    sum_lanes(sums, lanes);
    for (; p < k; p++)
        UNROLL for (int j = 0; j < DOTS; j++)
            sums[j] += a[p] * b[j * b_col + p];
}

/* Few rows times a transposed B: both run along k in memory. The last columns are taken with some that
 * came before them, and fewer than DOTS in all go one by one. */
static void rows_times_transposed(const Gemm *g)
{
    for (int64_t i = 0; i < g->m; i++) {
        const real *a = g->a + i * g->a_row;
        real *c = g->c + i * g->ldc, sums[DOTS];
        for (int64_t j = 0; j < g->n;) {
            const int64_t columns = g->n < DOTS ? 1 : least(DOTS, g->n - j);
            const int64_t first = g->n < DOTS ? j : least(j, g->n - DOTS);
            const real *b = g->b + first * g->b_col;
            if (g->n < DOTS)
                sums[0] = block_sum(a, b, g->k);
            else
                dots(sums, a, b, g->b_col, g->k);
            for (int64_t e = 0; e < columns; e++, j++)
                c[j] = sums[j - first] + (g->bias ? g->bias[j] : 0) + (g->accumulate ? c[j] : 0);
        }
    }
}

/* C [+]= bias, or a product with no terms. */
static void no_terms(const Gemm *g)
{
    for (int64_t i = 0; i < g->m; i++) {
        real *c = g->c + i * g->ldc;
        for (int64_t j = 0; j < g->n; j++)
            c[j] = (g->bias ? g->bias[j] : 0) + (g->accumulate ? c[j] : 0);
    }
}

/* A column times a row: bound by writing C, which therefore is walked in the order of memory. Nothing
 * need be added for a zero in the column (a dark pixel) unless the row holds an infinity or a NaN. */
static void outer_product(const Gemm *g)
{
    const int skip = g->accumulate && !g->bias && KERNEL(all_finite)(g->b, g->n);
    for (int64_t i = 0; i < g->m; i++) {
        const real a = g->a[i * g->a_row];
        real *c = g->c + i * g->ldc;
        if (skip && !(a < 0 || a > 0 || a != a))
            continue;
        scaled_row(c, a, g->b, g->n, g->accumulate);
        if (g->bias)
            scaled_row(c, 1, g->bias, g->n, 1);
    }
}

/* One column is one row of the transposed product: C' = B' A'. */
static void matrix_times_column(const Gemm *g)
{
    const Gemm turned = {.m = 1,
                         .n = g->m,
                         .k = g->k,
                         .a = g->b,
                         .a_row = 1,
                         .a_col = g->b_row,
                         .b = g->a,
                         .b_row = g->a_col,
                         .b_col = g->a_row,
                         .c = g->c,
                         .ldc = g->m,
                         .accumulate = g->accumulate,
                         .scratch = g->scratch};
    KERNEL(gemm)(&turned);
    if (g->bias)
        for (int64_t i = 0; i < g->m; i++)
            g->c[i] += g->bias[0];
}

/* So few that vectors along a row of C would be a third empty, or more; and sums that go in one stretch, since bias
 * and C are added to the last here, to the first otherwise. */
static int has_few_columns(const Gemm *g)
{
    const int64_t lanes = (g->n + LANES - 1) / LANES * LANES;
    return 3 * g->n <= 2 * lanes && g->m >= 2 * LANES && g->ldc == g->n && g->k <= DEPTH;
}

/* A few columns are rows of the transposed product, whose vectors run down the columns: C' = B' A', some rows of C
 * at a time, turned around. */
static void few_columns(const Gemm *g)
{
    real *turned = aligned(g->scratch), *sums = turned + g->n * STRETCH;
    for (int64_t first = 0; first < g->m; first += STRETCH) {
        const int64_t rows = least(STRETCH, g->m - first);
        const Gemm part = {.m = g->n,
                           .n = rows,
                           .k = g->k,
                           .a = g->b,
                           .a_row = g->b_col,
                           .a_col = g->b_row,
                           .b = g->a + first * g->a_row,
                           .b_row = g->a_col,
                           .b_col = g->a_row,
                           .c = turned,
                           .ldc = STRETCH,
                           .scratch = sums + g->n * STRETCH};
        real *c = g->c + first * g->n, *to = g->accumulate ? sums : c;
        run_panels(&part, 0);
        pack_transposed(to, turned, STRETCH, rows, g->n, g->n);
        for (int64_t i = 0; g->bias && i < rows; i++)
            scaled_row(to + i * g->n, 1, g->bias, g->n, 1);
        if (g->accumulate)
            scaled_row(c, 1, sums, rows * g->n, 1);
    }
}

void KERNEL(gemm)(const Gemm *g)
{
    const int turned = g->b_col != 1;
    if (g->m <= 0 || g->n <= 0)
        return;
    if (g->k <= 0)
        no_terms(g);
    else if (g->n == 1 && g->m > 1 && g->ldc == 1)
        matrix_times_column(g);
    else if (g->k == 1 && !turned)
        outer_product(g);
    else if (has_few_columns(g))
        few_columns(g);
    else if (turned && g->m <= FEW_ROWS && g->a_col == 1 && g->b_row == 1 && g->k >= 4 * LANES)
        rows_times_transposed(g);
    else if (g->m == 1 && !turned)
        row_times_matrix(g);
    else
        run_panels(g, 0);
}

int64_t KERNEL(gemm_scratch)(int64_t m, int64_t n, int64_t k, int b_is_transposed)
{
    (void)b_is_transposed;
    const int64_t longer = m > n ? m : n; /* for some products are computed transposed */
    if (m <= 0 || n <= 0 || k <= 0)
        return 0;
    const int64_t dense =
        2 * least(n, FEW_COLUMNS) * STRETCH + least(k, DEPTH) * least(longer + LANES - 1, PANEL_COLUMNS);
    const int64_t sparse = least(k * n, SPARSE_BLOCK);
    return (dense > sparse ? dense : sparse) + ALIGNMENT_SLACK;
}
