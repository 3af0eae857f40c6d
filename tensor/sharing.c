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

/* Where part `part` of n things begins, in multiples of `grain`. */
static int64_t begin_of(int part, int parts, int64_t n, int64_t grain)
{
    if (part == parts)
        return n;
    return n / grain * part / parts * grain;
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* ---- products ---------------------------------------------------------------------------------- */

typedef struct SharedProduct {
    const Gemm *whole;
    RowLists lists; /* of a sparse one */
    int parts;
} SharedProduct;

static void rows_of_product(void *context, int part, real *scratch)
{
    const SharedProduct *shared = context;
    Gemm g = *shared->whole;
    const int64_t begin = begin_of(part, shared->parts, g.m, LEAST_ROWS);
    g.m = begin_of(part + 1, shared->parts, g.m, LEAST_ROWS) - begin;
    g.a += begin * g.a_row;
    g.c += begin * g.ldc;
    g.scratch = scratch;
    if (shared->lists.first) {
        const RowLists lists = {shared->lists.first + begin, shared->lists.column};
        kernels__get()->sparse_gemm(&g, lists);
    } else {
        kernels__get()->gemm(&g);
    }
}

static void columns_of_product(void *context, int part, real *scratch)
{
    const SharedProduct *shared = context;
    Gemm g = *shared->whole;
    const int64_t begin = begin_of(part, shared->parts, g.n, LEAST_COLUMNS);
    g.n = begin_of(part + 1, shared->parts, g.n, LEAST_COLUMNS) - begin;
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
    SharedProduct shared = {g, {NULL, NULL}, threads__parts(g->m * g->n * g->k, LEAST_WORK)};
    const int parts = shared.parts;
    if (parts > 1 && g->n / parts >= LEAST_COLUMNS)
        threads__run(columns_of_product, &shared, parts, g->scratch);
    else if (parts > 1 && g->m / parts >= LEAST_ROWS)
        threads__run(rows_of_product, &shared, parts, g->scratch);
    else
        kernels__get()->gemm(g);
}

void threads__sparse_gemm(const Gemm *g, RowLists lists)
{
    const int64_t entries = lists.first[g->m] - lists.first[0];
    SharedProduct shared = {g, lists, threads__parts(entries * g->n, LEAST_WORK)};
    shared.parts = smaller(shared.parts, (int)(g->m / LEAST_ROWS));
    if (shared.parts > 1)
        threads__run(rows_of_product, &shared, shared.parts, g->scratch);
    else
        kernels__get()->sparse_gemm(g, lists);
}

/* ---- optimizer steps --------------------------------------------------------------------------- */

typedef struct SharedStep {
    const OptimizerStep *whole;
    int parts;
    _Atomic bool finite;
} SharedStep;

static int run_step(const OptimizerStep *s)
{
    const Kernels *kernels = kernels__get();
    return s->sgd       ? kernels->sgd(s->w, s->g, s->m, s->n, s->sgd)
           : s->rmsprop ? kernels->rmsprop(s->w, s->g, s->m, s->v, s->n, s->rmsprop)
                        : kernels->adam(s->w, s->g, s->m, s->v, s->n, s->adam);
}

static void part_of_step(void *context, int part, real *scratch)
{
    SharedStep *shared = context;
    OptimizerStep s = *shared->whole;
    const int64_t begin = begin_of(part, shared->parts, s.n, STEP_BLOCK);
    (void)scratch;
    s.n = begin_of(part + 1, shared->parts, s.n, STEP_BLOCK) - begin;
    s.w += begin;
    s.g += begin;
    s.m = s.m ? s.m + begin : NULL;
    s.v = s.v ? s.v + begin : NULL;
    if (!run_step(&s))
        atomic_store(&shared->finite, false);
}

bool threads__step(const OptimizerStep *step)
{
    SharedStep shared = {step, threads__parts(step->n, LEAST_NUMBERS), true};
    threads__run(part_of_step, &shared, shared.parts, NULL);
    return shared.finite;
}
