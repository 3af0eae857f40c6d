/* sparse.c - remembers, with a leaf, where it is not zero.
 *
 * 81 of 100 pixels of a handwritten digit are 0. When a leaf is filled with data, a look at some of its numbers
 * tells whether it is mostly zeros; if so, its non-zeros are listed. Products with the same numbers find the
 * lists, and what is dense costs nothing but the look. */
#include <stdatomic.h>
#include <string.h>

#include "tensor/sparse.h"
#include "tensor/threads.h"

/* From here on lists pay, and beyond there they would take too much memory (measured, see
 * docs/performance.md). */
enum { LEAST_SIZE = 512, MOST_SIZE = 1 << 24, DENSITY = 3, SAMPLE = 64 };

/* In one buffer with the lists. */
typedef struct Nonzeros {
    uint64_t listed_at; /* the version of the leaf's numbers; 0 while it is none */
    int64_t rows, columns;
    bool has_columns;
    RowLists by_row, by_column;
} Nonzeros;

static const RowLists none = {.first = NULL};

/* A leaf that was never changed has changed_at 0. */
static uint64_t version_of(const Value *leaf)
{
    return leaf->changed_at + 1;
}

static bool is_worth_it(const Value *leaf, int64_t columns)
{
    const int64_t n = dense_of(leaf)->n;
    return (leaf->flags & LEAF) && n >= LEAST_SIZE && n <= MOST_SIZE && columns >= LISTS_SLACK;
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

static bool is_of_shape(const Nonzeros *nonzeros, int64_t rows, int64_t columns)
{
    return nonzeros && nonzeros->rows == rows && nonzeros->columns == columns;
}

/* What is kept with the leaf for this shape, or room for it. NULL: out of memory. */
static Nonzeros *take_room(Dense *leaf, int64_t rows, int64_t columns)
{
    Nonzeros *nonzeros = leaf->nonzeros;
    if (is_of_shape(nonzeros, rows, columns))
        return nonzeros;
    const int64_t row_firsts = rows * (sparse__pieces(columns) + 1), row_entries = rows * (columns + LISTS_SLACK);
    const int64_t column_firsts = columns * (sparse__pieces(rows) + 1), column_entries = leaf->n / DENSITY;
    const int64_t listed = row_firsts + row_entries + column_firsts + column_entries;
    nonzeros = buffer__take(sizeof *nonzeros + (size_t)listed * sizeof(int32_t));
    if (!nonzeros)
        return NULL;
    int32_t *row_first = (int32_t *)(void *)(nonzeros + 1), *column_of = row_first + row_firsts;
    int32_t *column_first = column_of + row_entries, *row_of = column_first + column_firsts;
    *nonzeros = (Nonzeros){.rows = rows,
                           .columns = columns,
                           .by_row = {.first = row_first, .column = column_of},
                           .by_column = {.first = column_first, .column = row_of}};
    buffer__give(leaf->nonzeros);
    leaf->nonzeros = nonzeros;
    return nonzeros;
}

/* Each row has room for itself, so that several threads can list. */
int64_t sparse__list_row(const RowLists *lists, const real *row, int64_t k, int64_t i)
{
    const int32_t room = (int32_t)(i * (k + LISTS_SLACK));
    return kernels__get()->nonzeros(row, k, room, lists->first + i * lists->row_step, lists->column) - room;
}

typedef struct Listing {
    const real *a;
    int64_t k;
    RowLists lists;
    _Atomic int64_t entries;
} Listing;

static void list_rows(void *context, int64_t begin, int64_t end, real *scratch)
{
    Listing *l = context;
    int64_t entries = 0;
    (void)scratch;
    for (int64_t i = begin; i < end; i++)
        entries += sparse__list_row(&l->lists, l->a + i * l->k, l->k, i);
    atomic_fetch_add(&l->entries, entries);
}

int64_t sparse__pieces(int64_t k)
{
    return (k + LISTS_PIECE - 1) / LISTS_PIECE;
}

void sparse__list(const real *a, int64_t m, int64_t k, RowLists *lists)
{
    enum { LEAST_NUMBERS = 1 << 14 };
    lists->pieces = sparse__pieces(k);
    lists->row_step = lists->pieces + 1;
    lists->piece_step = 1;
    Listing listing = {a, k, *lists, 0};
    threads__ranges(list_rows, &listing, threads__parts(m * k, LEAST_NUMBERS), m, 1, NULL);
    lists->entries = listing.entries;
}

/* What was sparse before, such as the batch of a loader, is likely to be so again. */
static bool was_sparse(const Dense *leaf, int64_t rows, int64_t columns)
{
    const Nonzeros *nonzeros = leaf->nonzeros;
    return is_of_shape(nonzeros, rows, columns) && nonzeros->listed_at > 0;
}

/* Whether lists just made are short enough to be used. */
static bool keep(const Dense *leaf, Nonzeros *nonzeros, uint64_t version)
{
    const bool sparse = nonzeros->by_row.entries <= leaf->n / DENSITY;
    nonzeros->listed_at = sparse ? version : 0;
    nonzeros->has_columns = false;
    return sparse;
}

static bool list(Dense *leaf, int64_t rows, int64_t columns, uint64_t version)
{
    const bool likely = was_sparse(leaf, rows, columns) || !looks_dense(leaf);
    Nonzeros *nonzeros = likely ? take_room(leaf, rows, columns) : NULL;
    if (!nonzeros)
        return false;
    sparse__list(leaf->data, rows, columns, &nonzeros->by_row);
    return keep(leaf, nonzeros, version);
}

/* What holds for the numbers that the leaf has now; NULL if it is dense. */
static Nonzeros *nonzeros_of(const Value *leaf, int64_t rows, int64_t columns)
{
    Dense *dense = dense_of(leaf);
    const uint64_t version = version_of(leaf);
    const Nonzeros *known = dense->nonzeros;
    if (!is_worth_it(leaf, columns) || dense->dense_at == version)
        return NULL;
    const bool listed = is_of_shape(known, rows, columns) && known->listed_at == version;
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

RowLists sparse__begin_rows(const Value *leaf)
{
    const Dense *dense = dense_of(leaf);
    return was_sparse(dense, dense->sides[0], dense->n / dense->sides[0]) ? ((Nonzeros *)dense->nonzeros)->by_row
                                                                          : none;
}

void sparse__end_rows(const Value *leaf, int64_t entries)
{
    Dense *dense = dense_of(leaf);
    Nonzeros *nonzeros = dense->nonzeros;
    nonzeros->by_row.entries = entries;
    if (!keep(dense, nonzeros, version_of(leaf)))
        dense->dense_at = version_of(leaf);
}

RowLists sparse__rows(const Tensor *t, int64_t rows, int64_t columns)
{
    const Nonzeros *nonzeros = is_whole(t) ? nonzeros_of(t->run, rows, columns) : NULL;
    return nonzeros ? nonzeros->by_row : none;
}

/* Counting sort of the columns of pieces begin ... end - 1: how many entries each has, where its list begins, then the
 * entries, each of which moves that on, until it is where the list ends. At each piece of rows it is written down. */
typedef struct Turn {
    int64_t m, k;
    RowLists rows, columns;
} Turn;

static void turn_pieces(void *context, int64_t begin, int64_t end, real *scratch)
{
    const Turn *t = context;
    const int32_t *first = t->rows.first, *column = t->rows.column;
    const int64_t step = t->rows.row_step, from = begin * LISTS_PIECE;
    const int64_t to = end * LISTS_PIECE < t->k ? end * LISTS_PIECE : t->k;
    const size_t bytes = (size_t)(to - from) * sizeof *first;
    int32_t *pieces = t->columns.first + from, *next = t->columns.first + t->columns.pieces * t->k;
    int32_t *row = t->columns.column, before = 0;
    (void)scratch;
    memset(next + from, 0, bytes);
    for (int64_t i = 0; i < t->m; i++) {
        before += first[i * step + begin] - first[i * step];
        for (int32_t e = first[i * step + begin], last = first[i * step + end]; e < last; e++)
            next[column[e]]++;
    }
    for (int64_t p = from; p < to; p++) {
        const int32_t count = next[p];
        next[p] = before;
        before += count;
    }
    for (int64_t i = 0; i < t->m; i++) {
        if (i % LISTS_PIECE == 0)
            memcpy(pieces + i / LISTS_PIECE * t->k, next + from, bytes);
        for (int32_t e = first[i * step + begin], last = first[i * step + end]; e < last; e++)
            row[next[column[e]]++] = (int32_t)i;
    }
}

void sparse__turn(int64_t m, int64_t k, RowLists rows, RowLists *columns)
{
    enum { LEAST_ENTRIES = 1 << 12 };
    columns->row_step = 1;
    columns->piece_step = k;
    columns->pieces = sparse__pieces(m);
    columns->entries = rows.entries;
    Turn turn = {m, k, rows, *columns};
    threads__ranges(turn_pieces, &turn, threads__parts(rows.entries, LEAST_ENTRIES), rows.pieces, 1, NULL);
}

RowLists sparse__columns(const Tensor *t, int64_t rows, int64_t columns)
{
    Nonzeros *nonzeros = is_whole(t) ? nonzeros_of(t->run, rows, columns) : NULL;
    if (!nonzeros)
        return none;
    if (!nonzeros->has_columns)
        sparse__turn(rows, columns, nonzeros->by_row, &nonzeros->by_column);
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
