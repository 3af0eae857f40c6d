/* sparse.c - remembers, with a leaf, where it is not zero.
 *
 * 81 of 100 pixels of a handwritten digit are 0. When a leaf is filled with data, a look at some of its numbers
 * tells whether it is mostly zeros; if so, its non-zeros are listed. Products with the same numbers find the
 * lists, and what is dense costs nothing but the look. */
#include <string.h>

#include "tensor/sparse.h"

/* From here on lists pay, and beyond there they would take too much memory (measured, see
 * docs/performance.md). */
enum { LEAST_SIZE = 512, MOST_SIZE = 1 << 24, DENSITY = 3, SAMPLE = 64 };

/* In one buffer with the lists, all of which hold at most size / DENSITY entries. */
typedef struct Nonzeros {
    uint64_t listed_at; /* the version of the leaf's numbers */
    int64_t rows, columns;
    bool has_columns;
    RowLists by_row, by_column;
} Nonzeros;

static const RowLists none = {NULL, NULL};

/* A leaf that was never changed has changed_at 0. */
static uint64_t version_of(const Value *leaf)
{
    return leaf->changed_at + 1;
}

static bool is_worth_it(const Value *leaf)
{
    const int64_t n = dense_of(leaf)->n;
    return (leaf->flags & LEAF) && n >= LEAST_SIZE && n <= MOST_SIZE;
}

/* By a sample, spread by the golden ratio, into which no length of a row fits. */
static bool looks_dense(const Dense *leaf)
{
    const double step = 0.61803398874989485;
    double at = 0;
    int nonzeros = 0;
    for (int i = 0; i < SAMPLE; i++) {
        nonzeros += leaf->data[(int64_t)(at * (double)leaf->n)] != 0;
        at += at + step < 1 ? step : step - 1;
    }
    return 2 * nonzeros > SAMPLE;
}

/* What is kept with the leaf for this shape, or room for it. NULL: out of memory. */
static Nonzeros *take_room(Dense *leaf, int64_t rows, int64_t columns)
{
    Nonzeros *nonzeros = leaf->nonzeros;
    if (nonzeros && nonzeros->rows == rows && nonzeros->columns == columns)
        return nonzeros;
    const size_t entries = (size_t)(leaf->n / DENSITY);
    const size_t firsts = (size_t)rows + 1 + (size_t)columns + 2;
    const size_t listed = 2 * entries + (size_t)columns + LISTS_SLACK;
    nonzeros = buffer__take(sizeof *nonzeros + (firsts + listed) * sizeof(int32_t));
    if (!nonzeros)
        return NULL;
    int32_t *row_first = (int32_t *)(void *)(nonzeros + 1), *column_first = row_first + rows + 1;
    int32_t *row_of = column_first + columns + 2, *column_of = row_of + entries;
    *nonzeros = (Nonzeros){.rows = rows,
                           .columns = columns,
                           .by_row = {row_first, column_of},
                           .by_column = {column_first, row_of}};
    buffer__give(leaf->nonzeros);
    leaf->nonzeros = nonzeros;
    return nonzeros;
}

static bool list(Dense *leaf, int64_t rows, int64_t columns, uint64_t version)
{
    Nonzeros *nonzeros = looks_dense(leaf) ? NULL : take_room(leaf, rows, columns);
    if (!nonzeros || kernels__get()->nonzeros(leaf->data, rows, columns, leaf->n / DENSITY, nonzeros->by_row) < 0)
        return false;
    nonzeros->listed_at = version;
    nonzeros->has_columns = false;
    return true;
}

/* What holds for the numbers that the leaf has now; NULL if it is dense. */
static Nonzeros *nonzeros_of(const Value *leaf, int64_t rows, int64_t columns)
{
    Dense *dense = dense_of(leaf);
    const uint64_t version = version_of(leaf);
    const Nonzeros *known = dense->nonzeros;
    if (!is_worth_it(leaf) || dense->dense_at == version)
        return NULL;
    const bool listed = known && known->listed_at == version && known->rows == rows && known->columns == columns;
    if (!listed && !list(dense, rows, columns, version)) {
        dense->dense_at = version;
        return NULL;
    }
    return dense->nonzeros;
}

/* Whether the numbers of t, in order, are those of its node. */
static bool is_whole(const Tensor *t)
{
    return t->run && t->size == dense_of(t->run)->n && tensor__is_contiguous(t);
}

void sparse__filled(const Value *leaf)
{
    const Dense *dense = dense_of(leaf);
    if (dense->rank >= 2 && dense->n > 0)
        (void)nonzeros_of(leaf, dense->sides[0], dense->n / dense->sides[0]);
}

RowLists sparse__rows(const Tensor *t, int64_t rows, int64_t columns)
{
    const Nonzeros *nonzeros = is_whole(t) ? nonzeros_of(t->run, rows, columns) : NULL;
    return nonzeros ? nonzeros->by_row : none;
}

/* Counting sort: how many entries each column has, where each column's begin, then the entries, each of
 * which moves the begin of its column's list on. Counted two places up, the begins end where they should. */
void sparse__turn(int64_t m, int64_t k, RowLists rows, RowLists columns)
{
    int32_t *next = columns.first + 1;
    memset(columns.first, 0, ((size_t)k + 2) * sizeof *columns.first);
    for (int32_t e = 0; e < rows.first[m]; e++)
        next[rows.column[e] + 1]++;
    for (int64_t p = 1; p <= k; p++)
        next[p] += next[p - 1];
    for (int64_t i = 0; i < m; i++) {
        for (int32_t e = rows.first[i]; e < rows.first[i + 1]; e++)
            columns.column[next[rows.column[e]]++] = (int32_t)i;
    }
}

RowLists sparse__columns(const Tensor *t, int64_t rows, int64_t columns)
{
    Nonzeros *nonzeros = is_whole(t) ? nonzeros_of(t->run, rows, columns) : NULL;
    if (!nonzeros)
        return none;
    if (!nonzeros->has_columns)
        sparse__turn(rows, columns, nonzeros->by_row, nonzeros->by_column);
    nonzeros->has_columns = true;
    return nonzeros->by_column;
}

/* ---- infinities -------------------------------------------------------------------------------- */

void sparse__note_finite(const Tensor *leaf)
{
    dense_of(leaf->run)->finite_at = version_of(leaf->run);
}

bool sparse__knows_finite(const Tensor *leaf)
{
    return dense_of(leaf->run)->finite_at == version_of(leaf->run);
}

bool sparse__is_finite(const Tensor *t, const real *numbers)
{
    const bool remembers = is_whole(t) && (t->run->flags & LEAF);
    if (remembers && sparse__knows_finite(t))
        return true;
    const bool finite = kernels__get()->all_finite(numbers, t->size);
    if (remembers && finite)
        sparse__note_finite(t);
    return finite;
}
