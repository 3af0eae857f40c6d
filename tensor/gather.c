/* gather.c - tensors of Values picked from others and laid side by side: again nothing but pointers. */
#include <string.h>

#include "tensor/tensor_internal.h"

Tensor *tensor__from_pointers(const char *function, const Shape *shape, Value **pointers)
{
    if (!pointers)
        return error__memory(function, (size_t)shape->size * sizeof *pointers), NULL;
    Tensor *t = tensor__hold_table(function, tensor__view(function, NULL, shape), pointers);
    buffer__give(pointers);
    return t;
}

/* ---- gather ------------------------------------------------------------------------------------ */

/* Sizes of what stands before and after an axis. */
static void around(const Tensor *t, int axis, int64_t *before, int64_t *after)
{
    *before = *after = 1;
    for (int i = 0; i < t->rank; i++) {
        if (i < axis)
            *before *= t->shape[i];
        else if (i > axis)
            *after *= t->shape[i];
    }
}

Tensor *tensor_gather(Tensor *t, int axis, int64_t n, const int64_t *indices)
{
    static const char function[] = "tensor_gather";
    if (!t || (n > 0 && !indices))
        return error__null(function, t ? "indices" : "t"), NULL;
    axis = shape__axis(function, t, axis);
    if (axis < 0)
        return NULL;
    for (int64_t i = 0; i < n; i++) {
        if (shape__index(function, t, axis, indices[i]) < 0)
            return NULL;
    }
    int64_t sides[TENSOR_MAX_RANK], before, after;
    memcpy(sides, t->shape, sizeof sides);
    sides[axis] = n;
    Shape shape;
    if (!shape__check(function, t->rank, sides, &shape))
        return NULL;
    around(t, axis, &before, &after);
    Value **pointers = buffer__take((size_t)shape.size * sizeof *pointers);
    for (int64_t to = 0; pointers && to < shape.size; to++) {
        const int64_t index = indices[to / after % n];
        const int64_t from = index < 0 ? index + t->shape[axis] : index;
        pointers[to] = tensor_at(t, (to / after / n * t->shape[axis] + from) * after + to % after);
        if (!pointers[to])
            return buffer__give(pointers), NULL;
    }
    return tensor__from_pointers(function, &shape, pointers);
}

/* The flat index in t of element `flat` of a gathered shape, whose index along `axis` is replaced. */
static int64_t with_index(const Tensor *t, const Shape *shape, int64_t flat, int axis,
                          int64_t index)
{
    int64_t at = 0, step = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        at += (i == axis ? index : flat % shape->sides[i]) * step;
        flat /= shape->sides[i];
        step *= t->shape[i];
    }
    return at;
}

static bool check_along(const char *function, const Tensor *t, int axis, const Shape *shape,
                        const int64_t *indices)
{
    bool fits = shape->rank == t->rank;
    for (int i = 0; fits && i < t->rank; i++)
        fits = i == axis || shape->sides[i] <= t->shape[i];
    if (!fits) {
        char from[SHAPE_TEXT_BYTES], to[SHAPE_TEXT_BYTES];
        error__set(VALGRAD_ERROR_SHAPE, "%s: indices of shape %s for a tensor of shape %s",
                   function, shape__text(shape->rank, shape->sides, to),
                   shape__text(t->rank, t->shape, from));
        return false;
    }
    for (int64_t i = 0; i < shape->size; i++) {
        if (shape__index(function, t, axis, indices[i]) < 0)
            return false;
    }
    return true;
}

Tensor *tensor_take_along(Tensor *t, int axis, int rank, const int64_t *sides,
                          const int64_t *indices)
{
    static const char function[] = "tensor_take_along";
    Shape shape;
    if (!t)
        return error__null(function, "t"), NULL;
    axis = shape__axis(function, t, axis);
    if (axis < 0 || !shape__check(function, rank, sides, &shape))
        return NULL;
    if (!indices && shape.size > 0)
        return error__null(function, "indices"), NULL;
    if (!check_along(function, t, axis, &shape, indices))
        return NULL;
    Value **pointers = buffer__take((size_t)shape.size * sizeof *pointers);
    for (int64_t i = 0; pointers && i < shape.size; i++) {
        const int64_t index = indices[i] < 0 ? indices[i] + t->shape[axis] : indices[i];
        pointers[i] = tensor_at(t, with_index(t, &shape, i, axis, index));
        if (!pointers[i])
            return buffer__give(pointers), NULL;
    }
    return tensor__from_pointers(function, &shape, pointers);
}

/* ---- repeat ------------------------------------------------------------------------------------ */

/* The shape of t laid side by side so many times along each axis, new axes of side 1 in front; *wide:
 * t's own shape with these. */
static bool repeated_shape(const char *function, const Tensor *t, int count, const int64_t *repeats,
                           Shape *wide, Shape *shape)
{
    char text[SHAPE_TEXT_BYTES];
    *wide = (Shape){.rank = count, .size = t->size};
    if (count < t->rank || count > TENSOR_MAX_RANK) {
        error__set(VALGRAD_ERROR_SHAPE,
                   "%s: %d repeats for a tensor of shape %s; expected %d to %d", function, count,
                   shape__text(t->rank, t->shape, text), t->rank, TENSOR_MAX_RANK);
        return false;
    }
    int64_t sides[TENSOR_MAX_RANK] = {0};
    for (int i = 0; i < count; i++) {
        const int own = i - (count - t->rank);
        wide->sides[i] = own < 0 ? 1 : t->shape[own];
        if (repeats[i] < 0) {
            error__set(VALGRAD_ERROR_ARGUMENT, "%s: %lld repeats along axis %d; expected 0 or more",
                       function, (long long)repeats[i], i);
            return false;
        }
        if (__builtin_mul_overflow(wide->sides[i], repeats[i], &sides[i]))
            sides[i] = INT64_MAX;
    }
    return shape__check(function, count, sides, shape);
}

static int64_t wrapped(const Shape *wide, const Shape *shape, int64_t flat)
{
    int64_t at = 0, step = 1;
    for (int i = wide->rank - 1; i >= 0; i--) {
        at += flat % shape->sides[i] % wide->sides[i] * step;
        flat /= shape->sides[i];
        step *= wide->sides[i];
    }
    return at;
}

Tensor *tensor_repeat(Tensor *t, int count, const int64_t *repeats)
{
    static const char function[] = "tensor_repeat";
    Shape wide, shape;
    if (!t || (count > 0 && !repeats))
        return error__null(function, t ? "repeats" : "t"), NULL;
    if (!repeated_shape(function, t, count, repeats, &wide, &shape))
        return NULL;
    bool stretches = true; /* nothing but sides of 1 is repeated: that is what broadcasting does */
    for (int i = 0; i < count; i++)
        stretches &= wide.sides[i] == 1 || repeats[i] == 1;
    if (stretches)
        return tensor_broadcast(t, count, shape.sides);
    Value **pointers = buffer__take((size_t)shape.size * sizeof *pointers);
    for (int64_t i = 0; pointers && i < shape.size; i++) {
        pointers[i] = tensor_at(t, wrapped(&wide, &shape, i));
        if (!pointers[i])
            return buffer__give(pointers), NULL;
    }
    return tensor__from_pointers(function, &shape, pointers);
}

/* ---- concat, stack ----------------------------------------------------------------------------- */

/* Whether t has the sides of `first` but for `axis` (-1: all of them). */
static bool same_sides(const char *function, const Tensor *first, const Tensor *t, int axis)
{
    bool same = first->rank == t->rank;
    for (int i = 0; same && i < t->rank; i++)
        same = i == axis || t->shape[i] == first->shape[i];
    if (same)
        return true;
    char a[SHAPE_TEXT_BYTES], b[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: shapes %s and %s do not fit", function,
               shape__text(first->rank, first->shape, a), shape__text(t->rank, t->shape, b));
    return false;
}

static bool check_list(const char *function, int n, Tensor *const *tensors)
{
    if (n < 1) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: %d tensors; expected at least 1", function, n);
        return false;
    }
    for (int i = 0; i < n; i++) {
        if (!tensors || !tensors[i])
            return error__null(function, "one of tensors"), false;
    }
    return true;
}

/* Writes t's pointers into a result in which they form one stretch of each of `before` rows. */
static bool place(const Tensor *t, int64_t before, int64_t row, int64_t at, Value **pointers)
{
    const int64_t stretch = before ? t->size / before : 0;
    for (int64_t i = 0; i < t->size; i++) {
        Value *v = tensor_at(t, i);
        if (!v)
            return false;
        pointers[i / stretch * row + at + i % stretch] = v;
    }
    return true;
}

/* Joins along an axis before which `before` rows stand. */
static Tensor *join(const char *function, int n, Tensor *const *tensors, int64_t before,
                    const Shape *shape)
{
    Value **pointers = buffer__take((size_t)shape->size * sizeof *pointers);
    const int64_t row = before ? shape->size / before : 0;
    for (int64_t i = 0, at = 0; pointers && i < n; i++) {
        if (!place(tensors[i], before, row, at, pointers))
            return buffer__give(pointers), NULL;
        at += before ? tensors[i]->size / before : 0;
    }
    return tensor__from_pointers(function, shape, pointers);
}

Tensor *tensor_concat(int n, Tensor *const *tensors, int axis)
{
    static const char function[] = "tensor_concat";
    if (!check_list(function, n, tensors))
        return NULL;
    axis = shape__axis(function, tensors[0], axis);
    if (axis < 0)
        return NULL;
    Shape shape = shape__of(tensors[0]);
    for (int i = 1; i < n; i++) {
        if (!same_sides(function, tensors[0], tensors[i], axis))
            return NULL;
        if (__builtin_add_overflow(shape.sides[axis], tensors[i]->shape[axis], &shape.sides[axis]))
            shape.sides[axis] = INT64_MAX;
    }
    if (!shape__check(function, shape.rank, shape.sides, &shape))
        return NULL;
    int64_t before, after;
    around(tensors[0], axis, &before, &after);
    return join(function, n, tensors, before, &shape);
}

Tensor *tensor_stack(int n, Tensor *const *tensors, int axis)
{
    static const char function[] = "tensor_stack";
    if (!check_list(function, n, tensors))
        return NULL;
    const Tensor *first = tensors[0];
    const int at = axis < 0 ? axis + first->rank + 1 : axis;
    if (at < 0 || at > first->rank) {
        error__set(VALGRAD_ERROR_AXIS, "%s: axis %d for tensors of rank %d", function, axis,
                   first->rank);
        return NULL;
    }
    int64_t sides[TENSOR_MAX_RANK + 1], before = 1;
    for (int i = 0; i <= first->rank; i++) {
        sides[i] = i < at ? first->shape[i] : i == at ? n : first->shape[i - 1];
        before *= i < at ? sides[i] : 1;
    }
    for (int i = 1; i < n; i++) {
        if (!same_sides(function, first, tensors[i], -1))
            return NULL;
    }
    Shape shape;
    if (!shape__check(function, first->rank + 1, sides, &shape))
        return NULL;
    return join(function, n, tensors, before, &shape);
}
