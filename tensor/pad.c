/* pad.c - a tensor with numbers before and after it. */
#include <string.h>

#include "tensor/tensor_internal.h"

/* The result as rows, each of which holds a row of t's from `from` on. */
typedef struct Padding {
    Operation operation;
    int64_t rows, from, columns, padded;
} Padding;

static Padding *padding_of(const Value *v)
{
    return (Padding *)v->more;
}

static void backward_pad(Value *v)
{
    const Padding *padding = padding_of(v);
    const Operand *operand = &padding->operation.operand[0];
    const Gradient to = gradient__begin(operand);
    for (int64_t r = 0; r < padding->rows; r++) {
        const real *g = padding->operation.dense.grad + r * padding->padded + padding->from;
        for (int64_t c = 0; c < padding->columns; c++)
            gradient__put(to, r * padding->columns + c, g[c]);
    }
    gradient__end(operand, to);
}

static void expand_pad(const Value *v, Expansion *e)
{
    const Padding *padding = padding_of(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    for (int64_t i = 0; x && i < padding->operation.dense.n; i++) {
        const int64_t row = i / padding->padded, column = i % padding->padded - padding->from;
        const bool inside = column >= 0 && column < padding->columns;
        expansion__result(e, i,
                          inside ? x[row * padding->columns + column]
                                 : expansion__constant(e, padding->operation.parameter));
    }
}

static void compute(const Padding *padding)
{
    const Operation *operation = &padding->operation;
    kernels__get()->fill(operation->dense.data, operation->parameter, operation->dense.n);
    for (int64_t r = 0; r < padding->rows; r++)
        memcpy(operation->dense.data + r * padding->padded + padding->from,
               operation->operand[0].numbers + r * padding->columns,
               (size_t)padding->columns * sizeof(real));
}

/* t's shape with so many more along axis. */
static bool padded_shape(const char *function, const Tensor *t, int axis, int64_t before,
                         int64_t after, Shape *shape)
{
    if (before < 0 || after < 0) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: %lld before and %lld after; expected 0 or more",
                   function, (long long)before, (long long)after);
        return false;
    }
    *shape = shape__of(t);
    int64_t *side = &shape->sides[axis];
    if (__builtin_add_overflow(*side, before, side) || __builtin_add_overflow(*side, after, side))
        *side = INT64_MAX;
    return shape__check(function, shape->rank, shape->sides, shape);
}

Tensor *tensor_pad(Tensor *t, int axis, int64_t before, int64_t after, real number)
{
    static const char function[] = "tensor_pad";
    static const NodeKind kind = OPERATION_KIND(backward_pad, expand_pad);
    Shape shape;
    if (!t)
        return error__null(function, "t"), NULL;
    axis = shape__axis(function, t, axis);
    if (axis < 0 || !padded_shape(function, t, axis, before, after, &shape))
        return NULL;
    int64_t rows = 1, step = 1;
    for (int i = 0; i < t->rank; i++)
        *(i < axis ? &rows : &step) *= i == axis ? 1 : t->shape[i];
    Value *v = operation__begin(function, &kind, sizeof(Padding), &shape, 1, &t, 0);
    if (!v)
        return NULL;
    Padding *padding = padding_of(v);
    padding->operation.parameter = number;
    padding->rows = rows;
    padding->from = before * step;
    padding->columns = t->shape[axis] * step;
    padding->padded = shape.sides[axis] * step;
    compute(padding);
    return operation__end(v, &shape);
}
