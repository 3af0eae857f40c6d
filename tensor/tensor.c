/* tensor.c - making tensors, letting them go, looking at them. */
#include <string.h>

#include "tensor/sparse.h"

_Static_assert((int)DENSE_MAX_RANK == (int)TENSOR_MAX_RANK, "a node can tell every shape");

/* ---- making ------------------------------------------------------------------------------------ */

static Tensor *take_tensor(Region *region)
{
    Tensor *t = region ? graph__region_bytes(region, sizeof *t) : buffer__take(sizeof *t);
    if (t)
        *t = (Tensor){.refs = region ? 0 : 1, .home = region};
    return t;
}

static void set_shape(Tensor *t, const Shape *shape)
{
    t->rank = shape->rank;
    t->size = shape->size;
    int64_t stride = 1;
    for (int i = shape->rank - 1; i >= 0; i--) {
        t->shape[i] = shape->sides[i];
        t->strides[i] = stride;
        stride *= shape->sides[i];
    }
}

Tensor *tensor__view(const char *function, Value *node, const Shape *shape)
{
    Region *region = graph__region();
    if (node && !graph__hold(region, node))
        return error__memory(function, 0), NULL;
    Tensor *t = take_tensor(region);
    if (!t) {
        if (node)
            graph__unhold(region, node);
        return error__memory(function, sizeof *t), NULL;
    }
    set_shape(t, shape);
    t->run = node;
    return t;
}

Tensor *tensor__adopt(Value *node, const Shape *shape)
{
    Region *region = graph__home(node);
    Tensor *t = take_tensor(region);
    if (!t) {
        if (!region)
            value_release(node);
        return error__memory("tensor", sizeof *t), NULL;
    }
    set_shape(t, shape);
    t->run = node;
    dense_of(node)->rank = shape->rank;
    memcpy(dense_of(node)->sides, shape->sides, sizeof dense_of(node)->sides);
    return t;
}

Tensor *tensor__hold_table(const char *function, Tensor *t, Value *const *values)
{
    if (!t)
        return NULL;
    const size_t bytes = size_product((size_t)t->size, sizeof(Value *));
    Value **table = t->home ? graph__region_bytes(t->home, bytes) : buffer__take(bytes);
    int64_t held = 0;
    while (table && held < t->size && graph__hold(t->home, values[held])) {
        table[held] = values[held];
        held++;
    }
    if (table && held == t->size) {
        t->table = table;
        return t;
    }
    error__memory(function, 0);
    for (int64_t i = 0; i < held; i++)
        graph__unhold(t->home, values[i]);
    if (!t->home) {
        buffer__give(table);
        buffer__give(t);
    }
    return NULL;
}

static Tensor *make_leaf(const char *function, OpCode op, bool free_standing, const real *data,
                         int rank, const int64_t *sides)
{
    Shape shape;
    if (!shape__check(function, rank, sides, &shape))
        return NULL;
    const char *name = op == OP_LEAF ? "leaf" : "const";
    Value *node = dense__node(op, sizeof(Dense), shape.size, op == OP_LEAF, free_standing,
                              &dense__leaf_kind, name);
    const size_t bytes = size_product((size_t)shape.size, sizeof(real));
    if (!node)
        return error__memory(function, bytes), NULL;
    if (data && bytes > 0)
        memcpy(dense_of(node)->data, data, bytes);
    else
        memset(dense_of(node)->data, 0, bytes);
    Tensor *t = tensor__adopt(node, &shape);
    if (t && data)
        sparse__filled(node);
    return t;
}

Tensor *tensor_made_at(Tensor *t, const char *file, int line)
{
    (void)value_made_at(t ? t->run : NULL, file, line);
    return t;
}

Tensor *tensor_leaf(const real *data, int rank, const int64_t *shape)
{
    return make_leaf("tensor_leaf", OP_LEAF, false, data, rank, shape);
}

Tensor *tensor_const(const real *data, int rank, const int64_t *shape)
{
    return make_leaf("tensor_const", OP_CONST, false, data, rank, shape);
}

Tensor *tensor_param(const real *data, int rank, const int64_t *shape)
{
    return make_leaf("tensor_param", OP_LEAF, true, data, rank, shape);
}

Tensor *tensor_zeros(int rank, const int64_t *shape)
{
    return make_leaf("tensor_zeros", OP_CONST, false, NULL, rank, shape);
}

Tensor *tensor_full(real number, int rank, const int64_t *shape)
{
    Tensor *t = make_leaf("tensor_full", OP_CONST, false, NULL, rank, shape);
    if (t)
        (void)tensor_fill(t, number);
    return t;
}

Tensor *tensor_uniform(real low, real high, Random *random, int rank, const int64_t *shape)
{
    if (!random)
        return error__null("tensor_uniform", "random"), NULL;
    Tensor *t = make_leaf("tensor_uniform", OP_CONST, false, NULL, rank, shape);
    for (int64_t i = 0; t && i < t->size; i++)
        dense_of(t->run)->data[i] = random_uniform(random, low, high);
    return t;
}

Tensor *tensor_normal(real mean, real deviation, Random *random, int rank, const int64_t *shape)
{
    if (!random)
        return error__null("tensor_normal", "random"), NULL;
    Tensor *t = make_leaf("tensor_normal", OP_CONST, false, NULL, rank, shape);
    for (int64_t i = 0; t && i < t->size; i++)
        dense_of(t->run)->data[i] = random_normal(random, mean, deviation);
    return t;
}

Tensor *tensor_from_values(Value *const *values, int rank, const int64_t *sides)
{
    Shape shape;
    if (!shape__check("tensor_from_values", rank, sides, &shape))
        return NULL;
    if (!values && shape.size > 0)
        return error__null("tensor_from_values", "values"), NULL;
    for (int64_t i = 0; i < shape.size; i++) {
        if (!values[i])
            return error__null("tensor_from_values", "one of values"), NULL;
    }
    return tensor__hold_table("tensor_from_values",
                              tensor__view("tensor_from_values", NULL, &shape), values);
}

Tensor *tensor_detach(const Tensor *t)
{
    if (!t)
        return error__null("tensor_detach", "t"), NULL;
    Tensor *copy = make_leaf("tensor_detach", OP_CONST, false, NULL, t->rank, t->shape);
    if (copy)
        tensor__gather(t, dense_of(copy->run)->data);
    return copy;
}

/* ---- lifetime ---------------------------------------------------------------------------------- */

Tensor *tensor_retain(Tensor *t)
{
    if (!t)
        return NULL;
    t->refs++;
    graph__region_handle(t->home, 1);
    return t;
}

static void free_pool_tensor(Tensor *t)
{
    if (t->run)
        value_release(t->run);
    for (int64_t i = 0; t->table && i < t->size; i++)
        value_release(t->table[i]);
    buffer__give(t->table);
    buffer__give(t);
}

void tensor_release(Tensor *t)
{
    if (!t)
        return;
    if (t->refs <= 0) {
        error__set(VALGRAD_ERROR_STATE,
                   "tensor_release: no handle is left: a scope owns this Tensor, or "
                   "one release too many");
        return;
    }
    t->refs--;
    if (t->home)
        graph__region_handle(t->home, -1);
    else if (t->refs == 0)
        free_pool_tensor(t);
}

void tensor__drop(Tensor *t, const Tensor *kept)
{
    if (t && t != kept && !t->home)
        tensor_release(t);
}

/* ---- looking ----------------------------------------------------------------------------------- */

int tensor_rank(const Tensor *t)
{
    return t ? t->rank : -1;
}

int64_t tensor_side(const Tensor *t, int axis)
{
    if (!t)
        return -1;
    if (axis < 0)
        axis += t->rank;
    return axis >= 0 && axis < t->rank ? t->shape[axis] : -1;
}

const int64_t *tensor_shape(const Tensor *t)
{
    return t ? t->shape : NULL;
}

int64_t tensor_size(const Tensor *t)
{
    return t ? t->size : -1;
}

bool tensor_wants_grad(const Tensor *t)
{
    if (!t)
        return false;
    if (t->run)
        return t->run->flags & WANTS_GRAD;
    for (int64_t i = 0; i < t->size; i++) {
        if (t->table[i]->flags & WANTS_GRAD)
            return true;
    }
    return false;
}

bool tensor__is_contiguous(const Tensor *t)
{
    int64_t stride = 1;
    for (int i = t->rank - 1; t->run && i >= 0; i--) {
        if (t->shape[i] != 1 && t->strides[i] != stride)
            return t->size == 0;
        stride *= t->shape[i];
    }
    return t->run != NULL;
}

static int64_t slot_of(const Tensor *t, int64_t flat)
{
    int64_t slot = t->offset;
    for (int i = t->rank - 1; i >= 0; i--) {
        slot += flat % t->shape[i] * t->strides[i];
        flat /= t->shape[i];
    }
    return slot;
}

real tensor__number(const Tensor *t, int64_t i)
{
    return t->run ? dense_of(t->run)->data[slot_of(t, i)] : number_of(t->table[i]);
}

Value *tensor_at(const Tensor *t, int64_t i)
{
    if (!t)
        return error__null("tensor_at", "t"), NULL;
    if (i < 0 || i >= t->size) {
        error__set(VALGRAD_ERROR_INDEX, "tensor_at: index %lld of a tensor of size %lld",
                   (long long)i, (long long)t->size);
        return NULL;
    }
    return t->run ? dense__element(t->run, slot_of(t, i)) : t->table[i];
}

Value **tensor__pointers(const Tensor *t)
{
    Value **pointers = buffer__take(size_product((size_t)t->size, sizeof *pointers));
    for (int64_t i = 0; pointers && i < t->size; i++) {
        pointers[i] = tensor_at(t, i);
        if (!pointers[i]) {
            buffer__give(pointers);
            return NULL;
        }
    }
    return pointers;
}

ValgradStatus tensor_set_label(Tensor *t, const char *label)
{
    if (!t)
        return error__null("tensor_set_label", "t");
    if (!t->run)
        return error__set(VALGRAD_ERROR_STATE,
                          "tensor_set_label: t is made of several nodes; label these");
    return value_set_label(t->run, label);
}

const char *tensor_label(const Tensor *t)
{
    return t && t->run ? value_label(t->run) : "";
}
