/* scan.c - running sums along an axis. */
#include "tensor/tensor_internal.h"

static void running_sum(const real *x, int64_t n, real *f)
{
    real sum = 0;
    for (int64_t i = 0; i < n; i++)
        f[i] = sum += x[i];
}

/* Each element is in the sums from its own place on. */
static void running_sum_chain(const real *f, const real *g, int64_t n, Gradient to)
{
    (void)f;
    real sum = 0;
    for (int64_t i = n - 1; i >= 0; i--)
        gradient__put(to, i, sum += g[i]);
}

static void backward_cumsum(Value *v)
{
    operation__chain_rows(v, running_sum_chain);
}

static void expand_cumsum(const Value *v, Expansion *e)
{
    const int64_t columns = operation__columns(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    for (int64_t i = 0; x && i < dense_of(v)->n; i++) {
        const int64_t before = i % columns;
        expansion__result(e, i, expansion__nary(e, PROGRAM_SUM, before + 1, x + i - before));
    }
}

Tensor *tensor_cumsum(Tensor *t, int axis)
{
    static const NodeKind kind = OPERATION_KIND(backward_cumsum, expand_cumsum);
    return operation__map_rows("tensor_cumsum", &kind, t, axis, running_sum);
}
