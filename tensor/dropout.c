/* dropout.c - a random mask over a tensor, the same forward and backward. */
#include "tensor/tensor_internal.h"

/* saved: the factor of each element, 0 where it was dropped. Those are constants: what stands behind them
 * counts for nothing, be it infinite. */
static void backward_dropout(Value *v)
{
    const Operation *operation = operation_of(v);
    const real *factor = operation->saved, *g = operation->dense.grad;
    const bool strict = backward__strict();
    const Gradient to = gradient__begin(&operation->operand[0]);
    for (int64_t i = 0; i < operation->dense.n; i++) {
        const real d = factor[i] == 0 || (g[i] == 0 && !strict) ? 0 : g[i] * factor[i];
        to.grad[i] = to.fresh ? d : to.grad[i] + d;
    }
    gradient__end(&operation->operand[0], to);
}

static void expand_dropout(const Value *v, Expansion *e)
{
    const Operation *operation = operation_of(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    for (int64_t i = 0; x && i < operation->dense.n; i++) {
        const real factor = operation->saved[i];
        const ProgramSlot constant = expansion__constant(e, factor);
        expansion__result(e, i, factor == 0 ? constant : expansion__op2(e, OP_mul, x[i], constant));
    }
}

static bool check_dropout(const char *function, const Tensor *t, real p, bool training,
                          const Random *random)
{
    if (!t || (training && !random))
        return error__null(function, t ? "random" : "t"), false;
    if (p >= 0 && p <= 1)
        return true;
    error__set(VALGRAD_ERROR_ARGUMENT, "%s: probability %g; expected 0 to 1", function, (double)p);
    return false;
}

Tensor *tensor_dropout(Tensor *t, real p, bool training, Random *random)
{
    static const char function[] = "tensor_dropout";
    static const NodeKind kind = OPERATION_KIND(backward_dropout, expand_dropout);
    if (!check_dropout(function, t, p, training, random))
        return NULL;
    if (!training || p == 0)
        return tensor_reshape(t, t->rank, t->shape);
    const Shape shape = shape__of(t);
    Value *v = operation__begin(function, &kind, sizeof(Operation), &shape, 1, &t, shape.size);
    if (!v)
        return NULL;
    const Operation *operation = operation_of(v);
    const real *x = operation->operand[0].numbers;
    for (int64_t i = 0; i < shape.size; i++) {
        const bool kept = random_uniform(random, 0, 1) >= p;
        operation->saved[i] = kept ? 1 / (1 - p) : 0;
        operation->dense.data[i] = kept ? x[i] / (1 - p) : 0;
    }
    return operation__end(v, &shape);
}
