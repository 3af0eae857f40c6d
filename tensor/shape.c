/* shape.c - shapes and axes: what they are, whether they fit, and in words. */
#include <stdio.h>

#include "tensor/tensor_internal.h"

const char *shape__text(int rank, const int64_t *sides, char text[SHAPE_TEXT_BYTES])
{
    int at = snprintf(text, SHAPE_TEXT_BYTES, "(");
    for (int i = 0; i < rank && at < SHAPE_TEXT_BYTES; i++)
        at += snprintf(text + at, (size_t)(SHAPE_TEXT_BYTES - at), i ? ", %lld" : "%lld",
                       (long long)sides[i]);
    if (at < SHAPE_TEXT_BYTES)
        (void)snprintf(text + at, (size_t)(SHAPE_TEXT_BYTES - at), ")");
    return text;
}

bool shape__check(const char *function, int rank, const int64_t *sides, Shape *shape)
{
    if (rank < 0 || rank > TENSOR_MAX_RANK) {
        error__set(VALGRAD_ERROR_SHAPE, "%s: rank %d; expected 0 to %d", function, rank,
                   TENSOR_MAX_RANK);
        return false;
    }
    if (rank > 0 && !sides)
        return error__null(function, "shape"), false;
    char text[SHAPE_TEXT_BYTES];
    Shape checked = {.rank = rank, .size = 1};
    bool empty = false;
    for (int i = 0; i < rank; i++) {
        checked.sides[i] = sides[i];
        empty |= sides[i] == 0;
        if (sides[i] < 0) {
            error__set(VALGRAD_ERROR_SHAPE, "%s: shape %s has a negative side", function,
                       shape__text(rank, sides, text));
            return false;
        }
    }
    /* Numbers and gradients together must be addressable. Sides of 0 are left out, so that no product of
     * some of the sides overflows either, which strides and reductions take. */
    int64_t bytes = sizeof(real) * 2;
    for (int i = 0; i < rank; i++) {
        if (sides[i] > 0 && __builtin_mul_overflow(bytes, sides[i], &bytes)) {
            error__set(VALGRAD_ERROR_SHAPE, "%s: shape %s has too many elements", function,
                       shape__text(rank, sides, text));
            return false;
        }
    }
    checked.size = empty ? 0 : bytes / ((int64_t)sizeof(real) * 2);
    *shape = checked; /* last: sides may be shape->sides */
    return true;
}

Shape shape__of(const Tensor *t)
{
    Shape shape = {.rank = t->rank, .size = t->size};
    for (int i = 0; i < t->rank; i++)
        shape.sides[i] = t->shape[i];
    return shape;
}

int shape__axis(const char *function, const Tensor *t, int axis)
{
    const int counted = axis < 0 ? axis + t->rank : axis;
    if (counted >= 0 && counted < t->rank)
        return counted;
    char text[SHAPE_TEXT_BYTES];
    if (t->rank == 0)
        error__set(VALGRAD_ERROR_AXIS, "%s: axis %d of a tensor of shape (), which has no axes",
                   function, axis);
    else
        error__set(VALGRAD_ERROR_AXIS, "%s: axis %d of a tensor of shape %s; expected %d to %d",
                   function, axis, shape__text(t->rank, t->shape, text), -t->rank, t->rank - 1);
    return -1;
}

int64_t shape__index(const char *function, const Tensor *t, int axis, int64_t index)
{
    const int64_t counted = index < 0 ? index + t->shape[axis] : index;
    if (counted >= 0 && counted < t->shape[axis])
        return counted;
    char text[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_INDEX, "%s: index %lld on axis %d of a tensor of shape %s", function,
               (long long)index, axis, shape__text(t->rank, t->shape, text));
    return -1;
}

static int64_t side_from_end(int rank, const int64_t *sides, int i)
{
    return i < rank ? sides[rank - 1 - i] : 1;
}

bool shape__join(const char *function, Shape *shape, const Tensor *t)
{
    int64_t sides[TENSOR_MAX_RANK];
    const int rank = shape->rank > t->rank ? shape->rank : t->rank;
    for (int i = 0; i < rank; i++) {
        const int64_t a = side_from_end(shape->rank, shape->sides, i);
        const int64_t b = side_from_end(t->rank, t->shape, i);
        if (a != b && a != 1 && b != 1) {
            char p[SHAPE_TEXT_BYTES], q[SHAPE_TEXT_BYTES];
            error__set(VALGRAD_ERROR_SHAPE,
                       "%s: shapes %s and %s: sides %lld and %lld cannot be broadcast", function,
                       shape__text(shape->rank, shape->sides, p), shape__text(t->rank, t->shape, q),
                       (long long)a, (long long)b);
            return false;
        }
        sides[rank - 1 - i] = a == 1 ? b : a;
    }
    return shape__check(function, rank, sides, shape);
}

bool shape__broadcast(const char *function, const Tensor *x, const Tensor *y, Shape *shape)
{
    *shape = shape__of(x);
    return shape__join(function, shape, y);
}
