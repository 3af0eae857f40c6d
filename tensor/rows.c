/* rows.c - operations along one axis: the axis is moved to the end by a view, so that they see rows of
 * consecutive numbers, and moved back in the result. */
#include "tensor/tensor_internal.h"

Tensor *tensor__axis_last(const char *function, Tensor *t, int axis, Rows *rows)
{
    if (!t)
        return error__null(function, "t"), NULL;
    rows->axis = shape__axis(function, t, axis);
    return rows->axis < 0 ? NULL
                          : tensor__axes_last(t, 1u << rows->axis, &rows->count, &rows->columns);
}

Tensor *tensor__axis_back(Tensor *result, int axis)
{
    if (!result || axis == result->rank - 1)
        return result;
    int order[TENSOR_MAX_RANK];
    for (int i = 0; i < result->rank; i++)
        order[i] = i < axis ? i : i == axis ? result->rank - 1 : i - 1;
    Tensor *view = tensor_permute(result, result->rank, order);
    tensor__drop(result, view);
    return view;
}

Tensor *operation__map_rows(const char *function, const NodeKind *kind, Tensor *t, int axis,
                            RowMap *map)
{
    Rows rows;
    Tensor *moved = tensor__axis_last(function, t, axis, &rows);
    if (!moved)
        return NULL;
    const Shape shape = shape__of(moved);
    Value *v = operation__begin(function, kind, sizeof(Operation), &shape, 1, &moved, 0);
    tensor__drop(moved, t);
    if (!v)
        return NULL;
    const real *x = operation_of(v)->operand[0].numbers;
    for (int64_t r = 0; rows.columns > 0 && r < rows.count; r++)
        map(x + r * rows.columns, rows.columns, dense_of(v)->data + r * rows.columns);
    return tensor__axis_back(operation__end(v, &shape), rows.axis);
}

int64_t operation__columns(const Value *v)
{
    const Tensor *t = operation_of(v)->operand[0].tensor;
    return t->rank > 0 ? t->shape[t->rank - 1] : 1;
}

void operation__chain_rows(Value *v, RowChain *chain)
{
    const Operation *operation = operation_of(v);
    const Dense *dense = &operation->dense;
    const int64_t columns = operation__columns(v);
    const Gradient to = gradient__begin(&operation->operand[0]);
    for (int64_t at = 0; at < dense->n; at += columns)
        chain(dense->data + at, dense->grad + at, columns, (Gradient){to.grad + at, to.fresh});
    gradient__end(&operation->operand[0], to);
}
