/* view.c - tensors that only look at another's Values by other steps: their gradient is right by construction,
 * and there is no backward to write. */
#include <string.h>

#include "tensor/tensor_internal.h"

/* ---- steps ------------------------------------------------------------------------------------- */

/* Where element `index` of a view lies in the tensor it views: base + sum of index[i] * steps[i], counted
 * in flat indices. */
typedef struct Mapping {
    int64_t base, steps[TENSOR_MAX_RANK];
} Mapping;

static void row_major(const int64_t *sides, int rank, int64_t *steps)
{
    int64_t step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        steps[i] = step;
        step *= sides[i];
    }
}

static Tensor *map_table(const char *function, const Tensor *t, const Shape *shape,
                         const Mapping *map)
{
    Value **pointers = buffer__take((size_t)shape->size * sizeof *pointers);
    for (int64_t i = 0; pointers && i < shape->size; i++) {
        int64_t from = map->base, rest = i;
        for (int axis = shape->rank - 1; axis >= 0; axis--) {
            from += rest % shape->sides[axis] * map->steps[axis];
            rest /= shape->sides[axis];
        }
        pointers[i] = t->table[from];
    }
    return tensor__from_pointers(function, shape, pointers);
}

/* A run on t's node with the given place of its first element and strides. */
static Tensor *view_run(const char *function, const Tensor *t, const Shape *shape, int64_t offset,
                        const int64_t *strides)
{
    Tensor *view = tensor__view(function, t->run, shape);
    if (!view)
        return NULL;
    view->offset = offset;
    memcpy(view->strides, strides, (size_t)shape->rank * sizeof *strides);
    return view;
}

/* The steps of t itself: strides of a run, flat distances in a table. */
static Mapping steps_of(const Tensor *t)
{
    Mapping map = {.base = t->run ? t->offset : 0};
    if (t->run)
        memcpy(map.steps, t->strides, sizeof map.steps);
    else
        row_major(t->shape, t->rank, map.steps);
    return map;
}

static Tensor *view_mapped(const char *function, const Tensor *t, const Shape *shape,
                           const Mapping *map)
{
    return t->run ? view_run(function, t, shape, map->base, map->steps)
                  : map_table(function, t, shape, map);
}

/* ---- reshape, permute, broadcast --------------------------------------------------------------- */

/* Replaces a side of -1 by what makes the size come out. */
static bool work_out_side(const Tensor *t, int rank, const int64_t *sides, int64_t *worked_out)
{
    int unknown = -1;
    int64_t known = 1;
    for (int i = 0; i < rank; i++) {
        worked_out[i] = sides[i];
        if (sides[i] == -1 && unknown < 0)
            unknown = i;
        else if (sides[i] < 0 || __builtin_mul_overflow(known, sides[i], &known))
            return false;
    }
    if (unknown < 0)
        return known == t->size;
    if (known == 0 || t->size % known != 0)
        return false;
    worked_out[unknown] = t->size / known;
    return true;
}

Tensor *tensor_reshape(Tensor *t, int rank, const int64_t *sides)
{
    static const char function[] = "tensor_reshape";
    if (!t || (rank > 0 && !sides))
        return error__null(function, t ? "shape" : "t"), NULL;
    int64_t wanted[TENSOR_MAX_RANK];
    Shape shape;
    if (rank < 0 || rank > TENSOR_MAX_RANK)
        return shape__check(function, rank, sides, &shape), NULL;
    if (!work_out_side(t, rank, sides, wanted)) {
        char from[SHAPE_TEXT_BYTES], to[SHAPE_TEXT_BYTES];
        error__set(VALGRAD_ERROR_SHAPE, "%s: shape %s, of size %lld, cannot become %s", function,
                   shape__text(t->rank, t->shape, from), (long long)t->size,
                   shape__text(rank, sides, to));
        return NULL;
    }
    if (!shape__check(function, rank, wanted, &shape))
        return NULL;
    if (!tensor__is_contiguous(t))
        return tensor__from_pointers(function, &shape, tensor__pointers(t));
    int64_t strides[TENSOR_MAX_RANK];
    row_major(shape.sides, shape.rank, strides);
    return view_run(function, t, &shape, t->offset, strides);
}

Tensor *tensor_permute(Tensor *t, int count, const int *axes)
{
    static const char function[] = "tensor_permute";
    if (!t || (count > 0 && !axes))
        return error__null(function, t ? "axes" : "t"), NULL;
    if (count != t->rank) {
        error__set(VALGRAD_ERROR_AXIS, "%s: %d axes for a tensor of rank %d", function, count,
                   t->rank);
        return NULL;
    }
    unsigned mask;
    if (!tensor__axis_mask(function, t, count, axes, &mask))
        return NULL;
    Shape shape = shape__of(t);
    const Mapping own = steps_of(t);
    Mapping map = own;
    for (int i = 0; i < count; i++) {
        const int axis = shape__axis(function, t, axes[i]);
        shape.sides[i] = t->shape[axis];
        map.steps[i] = own.steps[axis];
    }
    return view_mapped(function, t, &shape, &map);
}

Tensor *tensor_transpose(Tensor *t)
{
    static const char function[] = "tensor_transpose";
    if (!t)
        return error__null(function, "t"), NULL;
    if (t->rank < 2) {
        error__set(VALGRAD_ERROR_SHAPE, "%s: rank %d; expected at least 2", function, t->rank);
        return NULL;
    }
    int axes[TENSOR_MAX_RANK];
    for (int i = 0; i < t->rank; i++)
        axes[i] = i;
    axes[t->rank - 2] = t->rank - 1;
    axes[t->rank - 1] = t->rank - 2;
    return tensor_permute(t, t->rank, axes);
}

Tensor *tensor_broadcast(Tensor *t, int rank, const int64_t *sides)
{
    static const char function[] = "tensor_broadcast";
    Shape shape;
    if (!t)
        return error__null(function, "t"), NULL;
    if (!shape__check(function, rank, sides, &shape))
        return NULL;
    const Mapping own = steps_of(t);
    Mapping map = {.base = own.base};
    bool fits = rank >= t->rank;
    for (int i = 0; fits && i < t->rank; i++) {
        const int to = rank - t->rank + i;
        fits = t->shape[i] == sides[to] || t->shape[i] == 1;
        map.steps[to] = t->shape[i] == 1 ? 0 : own.steps[i];
    }
    if (!fits) {
        char from[SHAPE_TEXT_BYTES], to[SHAPE_TEXT_BYTES];
        error__set(VALGRAD_ERROR_SHAPE, "%s: shape %s cannot be broadcast to %s", function,
                   shape__text(t->rank, t->shape, from), shape__text(rank, sides, to));
        return NULL;
    }
    return view_mapped(function, t, &shape, &map);
}

Tensor *tensor__fit(Tensor *t, const Shape *shape)
{
    const bool fits = t->rank == shape->rank &&
                      memcmp(t->shape, shape->sides, (size_t)t->rank * sizeof *t->shape) == 0;
    return fits ? t : tensor_broadcast(t, shape->rank, shape->sides);
}

/* ---- slice, index, flip ------------------------------------------------------------------------ */

/* The shape of a part of a tensor: too small to overflow. */
static Shape part_shape(int rank, const int64_t *sides)
{
    Shape shape = {.rank = rank, .size = 1};
    for (int i = 0; i < rank; i++) {
        shape.sides[i] = sides[i];
        shape.size *= sides[i];
    }
    return shape;
}

static int64_t clamp_index(int64_t index, int64_t side)
{
    if (index < 0)
        index += side;
    return index < 0 ? 0 : index > side ? side : index;
}

Tensor *tensor_slice(Tensor *t, int axis, int64_t start, int64_t stop, int64_t step)
{
    static const char function[] = "tensor_slice";
    if (!t)
        return error__null(function, "t"), NULL;
    axis = shape__axis(function, t, axis);
    if (axis < 0)
        return NULL;
    if (step <= 0) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: step %lld; expected at least 1", function,
                   (long long)step);
        return NULL;
    }
    start = clamp_index(start, t->shape[axis]);
    stop = clamp_index(stop, t->shape[axis]);
    int64_t sides[TENSOR_MAX_RANK];
    memcpy(sides, t->shape, sizeof sides);
    sides[axis] = stop > start ? (stop - start - 1) / step + 1 : 0;
    const Shape shape = part_shape(t->rank, sides);
    Mapping map = steps_of(t);
    if (shape.size > 0)
        map.base += start * map.steps[axis];
    if (sides[axis] > 1)
        map.steps[axis] *= step;
    return view_mapped(function, t, &shape, &map);
}

Tensor *tensor_index(Tensor *t, int axis, int64_t index)
{
    static const char function[] = "tensor_index";
    if (!t)
        return error__null(function, "t"), NULL;
    axis = shape__axis(function, t, axis);
    if (axis < 0)
        return NULL;
    index = shape__index(function, t, axis, index);
    if (index < 0)
        return NULL;
    Mapping map = steps_of(t);
    map.base += index * map.steps[axis];
    int64_t sides[TENSOR_MAX_RANK];
    for (int i = 0, to = 0; i < t->rank; i++) {
        if (i == axis)
            continue;
        sides[to] = t->shape[i];
        map.steps[to++] = map.steps[i];
    }
    const Shape shape = part_shape(t->rank - 1, sides);
    return view_mapped(function, t, &shape, &map);
}

Tensor *tensor_flip(Tensor *t, int count, const int *axes)
{
    static const char function[] = "tensor_flip";
    unsigned mask;
    if (!t)
        return error__null(function, "t"), NULL;
    if (!tensor__axis_mask(function, t, count, axes, &mask))
        return NULL;
    const Shape shape = shape__of(t);
    Mapping map = steps_of(t);
    for (int i = 0; i < t->rank; i++) {
        if (!(mask & 1u << i) || t->size == 0)
            continue;
        map.base += (t->shape[i] - 1) * map.steps[i];
        map.steps[i] = -map.steps[i];
    }
    return view_mapped(function, t, &shape, &map);
}
