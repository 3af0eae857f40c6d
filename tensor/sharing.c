/* sharing.c - how the work of kernels is cut into parts for several threads.
 *
 * A product is cut where its kernel would cut it anyway, so every number comes about as it would on one
 * thread. What takes less than about five microseconds is not worth the handing over. */
#include <stdatomic.h>
#include <stddef.h>

#include "tensor/threads.h"

enum {
    LEAST_WORK = 1 << 17,    /* multiply-adds in a part of a product */
    LEAST_NUMBERS = 1 << 14, /* weights in a part of an optimizer's step */
    LEAST_ROWS = 8,          /* fewer take other paths through the kernel, */
    LEAST_COLUMNS = 32       /* and fewer columns fill no tiles */
};

typedef struct Ranges {
    ThreadRange *body;
    void *context;
    int parts;
    int64_t n, grain;
} Ranges;

/* Where a part begins, and the one before it ends. */
static int64_t begin_of(const Ranges *ranges, int part)
{
    if (part == ranges->parts)
        return ranges->n;
    return ranges->n / ranges->grain * part / ranges->parts * ranges->grain;
}

static void do_range(void *context, int part, real *scratch)
{
    const Ranges *ranges = context;
    ranges->body(ranges->context, begin_of(ranges, part), begin_of(ranges, part + 1), scratch);
}

void threads__ranges(ThreadRange *body, void *context, int parts, int64_t n, int64_t grain, real *scratch)
{
    Ranges ranges = {body, context, parts, n, grain};
    threads__run(do_range, &ranges, parts, scratch);
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* ---- products ---------------------------------------------------------------------------------- */

typedef struct SharedProduct {
    const Gemm *whole;
    RowLists lists; /* of a sparse one */
} SharedProduct;

static void rows_of_product(void *context, int64_t begin, int64_t end, real *scratch)
{
    const SharedProduct *shared = context;
    Gemm g = *shared->whole;
    g.m = end - begin;
    g.a += begin * g.a_row;
    g.c += begin * g.ldc;
    g.scratch = scratch;
    if (shared->lists.first) {
        RowLists lists = shared->lists;
        lists.first += begin * lists.row_step;
        lists.entries = lists.entries * g.m / shared->whole->m;
        kernels__get()->sparse_gemm(&g, lists);
    } else {
        kernels__get()->gemm(&g);
    }
}

static void columns_of_product(void *context, int64_t begin, int64_t end, real *scratch)
{
    const SharedProduct *shared = context;
    Gemm g = *shared->whole;
    g.n = end - begin;
    g.b += begin * g.b_col;
    g.bias = g.bias ? g.bias + begin : NULL;
    g.c += begin;
    g.scratch = scratch;
    kernels__get()->gemm(&g);
}

/* Each thread has its own columns, so that it needs but its own part of the weights, unless there are too
 * few. */
void threads__gemm(const Gemm *g)
{
    SharedProduct shared = {.whole = g};
    const int parts = threads__parts(g->m * g->n * g->k, LEAST_WORK);
    if (parts > 1 && g->n / parts >= LEAST_COLUMNS)
        threads__ranges(columns_of_product, &shared, parts, g->n, LEAST_COLUMNS, g->scratch);
    else if (parts > 1 && g->m / parts >= LEAST_ROWS)
        threads__ranges(rows_of_product, &shared, parts, g->m, LEAST_ROWS, g->scratch);
    else
        kernels__get()->gemm(g);
}

void threads__sparse_gemm(const Gemm *g, RowLists lists)
{
    SharedProduct shared = {g, lists};
    const int parts = smaller(threads__parts(lists.entries * g->n, LEAST_WORK), (int)(g->m / LEAST_ROWS));
    if (parts > 1)
        threads__ranges(rows_of_product, &shared, parts, g->m, LEAST_ROWS, g->scratch);
    else
        kernels__get()->sparse_gemm(g, lists);
}

/* ---- optimizer steps --------------------------------------------------------------------------- */

typedef struct SharedStep {
    const OptimizerStep *whole;
    _Atomic bool finite;
} SharedStep;

static int run_step(const OptimizerStep *s)
{
    const Kernels *kernels = kernels__get();
    return s->sgd       ? kernels->sgd(s->w, s->g, s->m, s->n, s->sgd)
           : s->rmsprop ? kernels->rmsprop(s->w, s->g, s->m, s->v, s->n, s->rmsprop)
                        : kernels->adam(s->w, s->g, s->m, s->v, s->n, s->adam);
}

static void numbers_of_step(void *context, int64_t begin, int64_t end, real *scratch)
{
    SharedStep *shared = context;
    OptimizerStep s = *shared->whole;
    (void)scratch;
    s.n = end - begin;
    s.w += begin;
    s.g += begin;
    s.m = s.m ? s.m + begin : NULL;
    s.v = s.v ? s.v + begin : NULL;
    if (!run_step(&s))
        atomic_store(&shared->finite, false);
}

/* Rows that follow each other without a gap take it together. */
static void rows_of_step(void *context, int64_t begin, int64_t end, real *scratch)
{
    const SharedStep *shared = context;
    const uint8_t *marks = shared->whole->marks;
    const int64_t columns = shared->whole->n / shared->whole->rows;
    for (int64_t r = begin; r < end; r++) {
        const int64_t first = r;
        while (r < end && marks[r])
            r++;
        if (r > first)
            numbers_of_step(context, first * columns, r * columns, scratch);
    }
}

bool threads__step(const OptimizerStep *step)
{
    SharedStep shared = {step, true};
    int64_t marked = 0;
    for (int64_t r = 0; step->marks && r < step->rows; r++)
        marked += step->marks[r];
    if (marked > 0)
        threads__ranges(rows_of_step, &shared, threads__parts(marked * (step->n / step->rows), LEAST_NUMBERS),
                        step->rows, 1, NULL);
    else if (!step->marks)
        threads__ranges(numbers_of_step, &shared, threads__parts(step->n, LEAST_NUMBERS), step->n, STEP_BLOCK,
                        NULL);
    return shared.finite;
}
