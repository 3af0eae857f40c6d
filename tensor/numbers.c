/* numbers.c - the numbers of a tensor and their gradients: copied out, written, drawn, zeroed. */
#include <math.h>
#include <string.h>

#include "tensor/sparse.h"

/* ---- reading ----------------------------------------------------------------------------------- */

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
    error__set(VALGRAD_ERROR_SHAPE, "%s: %lld numbers for a tensor of shape %s, which has %lld",
               function, (long long)n, shape__text(t->rank, t->shape, text), (long long)t->size);
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
        dense__complete(dense_of(t->run));
        Copy copy = {dense_of(t->run)->grad, out};
        tensor__each_row(t, copy_row, &copy);
        return VALGRAD_OK;
    }
    for (int64_t i = 0; i < n; i++)
        out[i] = t->table ? value_grad(t->table[i]) : 0;
    return VALGRAD_OK;
}

/* ---- writing ----------------------------------------------------------------------------------- */

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
    if (!is_whole_leaf(t) || !dense_of(t->run)->filled)
        return NULL;
    dense__complete(dense_of(t->run));
    return dense_of(t->run)->grad;
}

const real *tensor__gradient_rows(const Tensor *t, int64_t *rows, const uint8_t **marks)
{
    const Dense *dense = is_whole_leaf(t) ? dense_of(t->run) : NULL;
    *marks = dense && dense->by_rows ? dense->marks : NULL;
    *rows = dense ? dense->rows : 0;
    return dense && dense->filled ? dense->grad : NULL;
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
        return error__set(VALGRAD_ERROR_STATE,
                          "tensor_set_wants_grad: t is not one whole leaf or constant");
    return dense__set_wants_grad(t->run, wants)
               ? VALGRAD_OK
               : error__memory("tensor_set_wants_grad", (size_t)t->size * sizeof(real));
}
