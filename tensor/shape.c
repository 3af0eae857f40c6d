/* shape.c - shapes, and the operations that only move pointers: their result points at the same Values,
 * so its gradient is right by construction and there is no backward to write. */
#include <stdio.h>
#include <string.h>

#include "tensor/tensor_internal.h"

/* ---- shapes ------------------------------------------------------------------------------------ */

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
    memcpy(shape.sides, t->shape, sizeof shape.sides);
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

/* ---- views ------------------------------------------------------------------------------------- */

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
    if (!pointers)
        return error__memory(function, (size_t)shape->size * sizeof *pointers), NULL;
    for (int64_t i = 0; i < shape->size; i++) {
        int64_t from = map->base, rest = i;
        for (int axis = shape->rank - 1; axis >= 0; axis--) {
            from += rest % shape->sides[axis] * map->steps[axis];
            rest /= shape->sides[axis];
        }
        pointers[i] = t->table[from];
    }
    Tensor *view = tensor__hold_table(function, tensor__view(function, NULL, shape), pointers);
    buffer__give(pointers);
    return view;
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

/* A tensor of any pointers, which are given back. NULL pointers: out of memory. */
static Tensor *from_pointers(const char *function, const Shape *shape, Value **pointers)
{
    if (!pointers)
        return error__memory(function, (size_t)shape->size * sizeof *pointers), NULL;
    Tensor *t = tensor__hold_table(function, tensor__view(function, NULL, shape), pointers);
    buffer__give(pointers);
    return t;
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
        return from_pointers(function, &shape, tensor__pointers(t));
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

/* ---- slice, index, gather ---------------------------------------------------------------------- */

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

/* index counted from 0, or -1 and an error. */
static int64_t check_index(const char *function, const Tensor *t, int axis, int64_t index)
{
    const int64_t counted = index < 0 ? index + t->shape[axis] : index;
    if (counted >= 0 && counted < t->shape[axis])
        return counted;
    char text[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_INDEX, "%s: index %lld on axis %d of a tensor of shape %s", function,
               (long long)index, axis, shape__text(t->rank, t->shape, text));
    return -1;
}

Tensor *tensor_index(Tensor *t, int axis, int64_t index)
{
    static const char function[] = "tensor_index";
    if (!t)
        return error__null(function, "t"), NULL;
    axis = shape__axis(function, t, axis);
    if (axis < 0)
        return NULL;
    index = check_index(function, t, axis, index);
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
        if (check_index(function, t, axis, indices[i]) < 0)
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
    return from_pointers(function, &shape, pointers);
}

/* The flat index in t of element `flat` of a gathered shape, whose index along `axis` is replaced. */
static int64_t with_index(const Tensor *t, const Shape *shape, int64_t flat, int axis, int64_t index)
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
        error__set(VALGRAD_ERROR_SHAPE, "%s: indices of shape %s for a tensor of shape %s", function,
                   shape__text(shape->rank, shape->sides, to), shape__text(t->rank, t->shape, from));
        return false;
    }
    for (int64_t i = 0; i < shape->size; i++) {
        if (check_index(function, t, axis, indices[i]) < 0)
            return false;
    }
    return true;
}

Tensor *tensor_take_along(Tensor *t, int axis, int rank, const int64_t *sides, const int64_t *indices)
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
    return from_pointers(function, &shape, pointers);
}

/* ---- flip, repeat ------------------------------------------------------------------------------ */

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

/* The shape of t laid side by side so many times along each axis, new axes of side 1 in front; *wide:
 * t's own shape with these. */
static bool repeated_shape(const char *function, const Tensor *t, int count, const int64_t *repeats,
                           Shape *wide, Shape *shape)
{
    char text[SHAPE_TEXT_BYTES];
    *wide = (Shape){.rank = count, .size = t->size};
    if (count < t->rank || count > TENSOR_MAX_RANK) {
        error__set(VALGRAD_ERROR_SHAPE, "%s: %d repeats for a tensor of shape %s; expected %d to %d", function,
                   count, shape__text(t->rank, t->shape, text), t->rank, TENSOR_MAX_RANK);
        return false;
    }
    int64_t sides[TENSOR_MAX_RANK] = {0};
    for (int i = 0; i < count; i++) {
        const int own = i - (count - t->rank);
        wide->sides[i] = own < 0 ? 1 : t->shape[own];
        if (repeats[i] < 0) {
            error__set(VALGRAD_ERROR_ARGUMENT, "%s: %lld repeats along axis %d; expected 0 or more", function,
                       (long long)repeats[i], i);
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
    return from_pointers(function, &shape, pointers);
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
    return from_pointers(function, shape, pointers);
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
