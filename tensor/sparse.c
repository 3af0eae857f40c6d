/* sparse.c - remembers, with a leaf, where it is not zero.
 *
 * 81 of 100 pixels of a handwritten digit are 0. The first product that reads a leaf lists its non-zeros;
 * others with the same numbers find the lists. If there are many, nothing is listed, and the next times
 * that the leaf is filled anew nobody looks again, so that dense data pay next to nothing. */
#include <string.h>

#include "tensor/sparse.h"

/* From here on lists pay, and beyond there they would take too much memory (measured, see
 * docs/performance.md). */
enum { LEAST_ROWS = 8, LEAST_SIZE = 4096, MOST_SIZE = 1 << 24, DENSITY = 3, LOOK_AGAIN = 32 };

/* In one buffer with the lists, all of which hold at most size / DENSITY entries. */
typedef struct Nonzeros {
    uint64_t filled_at; /* the leaf's changed_at for which this holds */
    int64_t rows, columns;
    bool sparse, has_columns;
    int wait; /* how often the leaf is yet to be filled before somebody looks again */
    RowLists by_row, by_column;
} Nonzeros;

static bool is_worth_it(const Tensor *t, int64_t rows)
{
    return t->run && (t->run->flags & LEAF) && t->size == dense_of(t->run)->n &&
           rows >= LEAST_ROWS && t->size >= LEAST_SIZE && t->size <= MOST_SIZE;
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

static void look(Nonzeros *nonzeros, const Dense *leaf, uint64_t filled_at)
{
    nonzeros->filled_at = filled_at;
    nonzeros->has_columns = nonzeros->sparse = false;
    if (nonzeros->wait > 0) {
        nonzeros->wait--;
        return;
    }
    nonzeros->sparse = kernels__get()->nonzeros(leaf->data, nonzeros->rows, nonzeros->columns,
                                                leaf->n / DENSITY, nonzeros->by_row) >= 0;
    nonzeros->wait = nonzeros->sparse ? 0 : LOOK_AGAIN;
}

/* Whether what is kept is about these numbers. A leaf that was never changed has changed_at 0. */
static bool is_current(const Nonzeros *nonzeros, const Value *leaf)
{
    return nonzeros->filled_at == leaf->changed_at + 1;
}

RowLists sparse__rows(const Tensor *t, int64_t rows, int64_t columns)
{
    const RowLists none = {NULL, NULL};
    if (!is_worth_it(t, rows))
        return none;
    Nonzeros *nonzeros = take_room(dense_of(t->run), rows, columns);
    if (!nonzeros)
        return none;
    if (!is_current(nonzeros, t->run))
        look(nonzeros, dense_of(t->run), t->run->changed_at + 1);
    return nonzeros->sparse ? nonzeros->by_row : none;
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
    const RowLists none = {NULL, NULL};
    Nonzeros *nonzeros = is_worth_it(t, rows) ? dense_of(t->run)->nonzeros : NULL;
    if (!nonzeros || !nonzeros->sparse || !is_current(nonzeros, t->run) || nonzeros->rows != rows ||
        nonzeros->columns != columns)
        return none;
    if (!nonzeros->has_columns)
        sparse__turn(rows, columns, nonzeros->by_row, nonzeros->by_column);
    nonzeros->has_columns = true;
    return nonzeros->by_column;
}
