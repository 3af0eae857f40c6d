/* tensor.c - making tensors, looking at them, giving them other numbers. */
#include <math.h>
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

static Tensor *make_leaf(const char *function, OpCode op, bool free_standing, const real *data, int rank,
                         const int64_t *sides)
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
        error__set(VALGRAD_ERROR_STATE, "tensor_release: no handle is left: a scope owns this Tensor, or "
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
        error__set(VALGRAD_ERROR_INDEX, "tensor_at: index %lld of a tensor of size %lld", (long long)i,
                   (long long)t->size);
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

/* An odometer over all axes but the last. */
void tensor__each_row(const Tensor *t, RowVisitor *visit, void *context)
{
    const int last = t->rank - 1;
    const int64_t n = last >= 0 ? t->shape[last] : 1, stride = last >= 0 ? t->strides[last] : 1;
    int64_t index[TENSOR_MAX_RANK] = {0}, slot = t->offset;
    for (int64_t flat = 0; flat < t->size; flat += n) {
        visit(context, flat, slot, n, stride);
        for (int axis = last - 1; axis >= 0; axis--) {
            slot += t->strides[axis];
            if (++index[axis] < t->shape[axis])
                break;
            slot -= t->shape[axis] * t->strides[axis];
            index[axis] = 0;
        }
    }
}

typedef struct Copy {
    const real *from;
    real *to;
} Copy;

static void copy_row(void *context, int64_t flat, int64_t slot, int64_t n, int64_t stride)
{
    const Copy *copy = context;
    const real *from = copy->from + slot;
    real *to = copy->to + flat;
    if (stride == 1) {
        memcpy(to, from, (size_t)n * sizeof *to);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        to[i] = from[i * stride];
}

void tensor__gather(const Tensor *t, real *out)
{
    if (t->run) {
        Copy copy = {dense_of(t->run)->data, out};
        tensor__each_row(t, copy_row, &copy);
        return;
    }
    for (int64_t i = 0; i < t->size; i++)
        out[i] = number_of(t->table[i]);
}

static bool check_room(const char *function, const Tensor *t, int64_t n, const void *numbers)
{
    if (!t || (!numbers && n != 0))
        return error__null(function, t ? "the array" : "t"), false;
    if (n == t->size)
        return true;
    char text[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: %lld numbers for a tensor of shape %s, which has %lld", function,
               (long long)n, shape__text(t->rank, t->shape, text), (long long)t->size);
    return false;
}

real tensor_item(const Tensor *t)
{
    real number = (real)NAN;
    if (check_room("tensor_item", t, 1, &number))
        tensor__gather(t, &number);
    return number;
}

ValgradStatus tensor_get(const Tensor *t, int64_t n, real *out)
{
    if (!check_room("tensor_get", t, n, out))
        return valgrad_last_status();
    tensor__gather(t, out);
    return VALGRAD_OK;
}

ValgradStatus tensor_get_grad(const Tensor *t, int64_t n, real *out)
{
    if (!check_room("tensor_get_grad", t, n, out))
        return valgrad_last_status();
    if (t->run && dense_of(t->run)->grad && dense_of(t->run)->filled) {
        Copy copy = {dense_of(t->run)->grad, out};
        tensor__each_row(t, copy_row, &copy);
        return VALGRAD_OK;
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = t->table ? value_grad(t->table[i]) : 0;
    return VALGRAD_OK;
}

/* ---- other numbers ----------------------------------------------------------------------------- */

static bool check_leaves(const char *function, const Tensor *t)
{
    const Value *result = NULL;
    if (t->run && !(t->run->flags & LEAF))
        result = t->run;
    for (int64_t i = 0; t->table && i < t->size && !result; i++) {
        const Value *node = node_of(t->table[i]);
        if (!(node->flags & LEAF))
            result = node;
    }
    if (!result)
        return true;
    error__set(VALGRAD_ERROR_STATE,
               "%s: t holds the result of %s; only leaves and constants can be changed", function,
               value_op_name(result));
    return false;
}

typedef struct Source {
    real *numbers;    /* of the node */
    const real *data; /* or NULL: */
    real number;
} Source;

static void write_row(void *context, int64_t flat, int64_t slot, int64_t n, int64_t stride)
{
    const Source *source = context;
    for (int64_t i = 0; i < n; i++)
        source->numbers[slot + i * stride] = source->data ? source->data[flat + i] : source->number;
}

static void write_numbers(Tensor *t, const real *data, real number)
{
    if (t->run) {
        Source source = {dense_of(t->run)->data, data, number};
        tensor__each_row(t, write_row, &source);
        graph__changed(t->run);
        sparse__filled(t->run);
        return;
    }
    for (int64_t i = 0; i < t->size; i++)
        (void)value_set_data(t->table[i], data ? data[i] : number);
}

ValgradStatus tensor_set(Tensor *t, int64_t n, const real *data)
{
    if (!check_room("tensor_set", t, n, data) || !check_leaves("tensor_set", t))
        return valgrad_last_status();
    write_numbers(t, data, 0);
    return VALGRAD_OK;
}

ValgradStatus tensor_fill(Tensor *t, real number)
{
    if (!t)
        return error__null("tensor_fill", "t");
    if (!check_leaves("tensor_fill", t))
        return valgrad_last_status();
    write_numbers(t, NULL, number);
    return VALGRAD_OK;
}

/* Fills with draws in row-major order, so that the numbers depend on the shape's size alone. */
static ValgradStatus fill_drawn(const char *function, Tensor *t, Random *random, real a, real b,
                                real (*draw)(Random *random, real a, real b))
{
    if (!t || !random)
        return error__null(function, t ? "random" : "t");
    if (!check_leaves(function, t))
        return valgrad_last_status();
    real *numbers = buffer__take((size_t)t->size * sizeof *numbers);
    if (!numbers)
        return error__memory(function, (size_t)t->size * sizeof *numbers);
    for (int64_t i = 0; i < t->size; i++)
        numbers[i] = draw(random, a, b);
    write_numbers(t, numbers, 0);
    buffer__give(numbers);
    return VALGRAD_OK;
}

ValgradStatus tensor_fill_uniform(Tensor *t, real low, real high, Random *random)
{
    return fill_drawn("tensor_fill_uniform", t, random, low, high, random_uniform);
}

ValgradStatus tensor_fill_normal(Tensor *t, real mean, real deviation, Random *random)
{
    return fill_drawn("tensor_fill_normal", t, random, mean, deviation, random_normal);
}

static bool is_whole_leaf(const Tensor *t)
{
    return t->run && (t->run->flags & LEAF) && t->offset == 0 && tensor__is_contiguous(t) &&
           t->size == dense_of(t->run)->n;
}

real *tensor__writable(Tensor *t)
{
    graph__changed(t->run);
    return dense_of(t->run)->data;
}

real *tensor__gradient(const Tensor *t)
{
    return is_whole_leaf(t) && dense_of(t->run)->filled ? dense_of(t->run)->grad : NULL;
}

static void zero_row(void *context, int64_t flat, int64_t slot, int64_t n, int64_t stride)
{
    real *grad = context;
    (void)flat;
    for (int64_t i = 0; i < n; i++)
        grad[slot + i * stride] = 0;
}

void tensor_zero_grad(Tensor *t)
{
    if (!t)
        return;
    if (is_whole_leaf(t))
        value_zero_grad(t->run);
    else if (t->run && dense_of(t->run)->grad)
        tensor__each_row(t, zero_row, dense_of(t->run)->grad);
    for (int64_t i = 0; t->table && i < t->size; i++)
        value_zero_grad(t->table[i]);
}

ValgradStatus tensor_set_wants_grad(Tensor *t, bool wants)
{
    if (!t)
        return error__null("tensor_set_wants_grad", "t");
    if (!is_whole_leaf(t))
        return error__set(VALGRAD_ERROR_STATE, "tensor_set_wants_grad: t is not one whole leaf or constant");
    return dense__set_wants_grad(t->run, wants)
               ? VALGRAD_OK
               : error__memory("tensor_set_wants_grad", (size_t)t->size * sizeof(real));
}

ValgradStatus tensor_set_label(Tensor *t, const char *label)
{
    if (!t)
        return error__null("tensor_set_label", "t");
    if (!t->run)
        return error__set(VALGRAD_ERROR_STATE, "tensor_set_label: t is made of several nodes; label these");
    return value_set_label(t->run, label);
}

const char *tensor_label(const Tensor *t)
{
    return t && t->run ? value_label(t->run) : "";
}

/* ---- backward ---------------------------------------------------------------------------------- */

typedef struct TensorSeed {
    Operand root;
    const real *seed; /* NULL: ones */
} TensorSeed;

static void give_seed(void *context)
{
    const TensorSeed *seed = context;
    const Gradient gradient = gradient__begin(&seed->root);
    for (int64_t i = 0; i < seed->root.tensor->size; i++) {
        const real g = seed->seed ? seed->seed[i] : 1;
        gradient.grad[i] = gradient.fresh ? g : gradient.grad[i] + g;
    }
    gradient__end(&seed->root, gradient);
}

static bool check_seed(const Tensor *root, const Tensor *seed)
{
    if (!seed || (seed->rank == root->rank &&
                  memcmp(seed->shape, root->shape, (size_t)root->rank * sizeof *root->shape) == 0))
        return true;
    char a[SHAPE_TEXT_BYTES], b[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "tensor_backward: a seed of shape %s for a root of shape %s",
               shape__text(seed->rank, seed->shape, a), shape__text(root->rank, root->shape, b));
    return false;
}

ValgradStatus tensor_backward(Tensor *root, const Tensor *seed)
{
    if (!root)
        return error__null("tensor_backward", "root");
    if (!check_seed(root, seed))
        return VALGRAD_ERROR_SHAPE;
    if (!tensor_wants_grad(root))
        return error__set(VALGRAD_ERROR_STATE,
                          "tensor_backward: the root depends on no leaf that wants a gradient");
    const size_t bytes = (size_t)root->size * sizeof(real);
    real *numbers = seed ? buffer__take(bytes) : NULL, *room = buffer__take(bytes);
    ValgradStatus status;
    if (!room || (seed && !numbers)) {
        status = error__memory("tensor_backward", bytes);
    } else {
        if (seed)
            tensor__gather(seed, numbers);
        TensorSeed context = {{.tensor = root, .scattered = room, .wants_grad = true}, numbers};
        const size_t count = root->run ? 1 : (size_t)root->size;
        status = backward__run("tensor_backward", count, root->run ? &root->run : root->table, give_seed,
                               &context);
    }
    buffer__give(numbers);
    buffer__give(room);
    return status;
}
