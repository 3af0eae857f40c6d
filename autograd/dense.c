/* dense.c - nodes that hold many numbers, and the Values that stand for one of them. */
#include <string.h>

#include "autograd/graph.h"

static size_t no_operands(const Value *v)
{
    (void)v;
    return 0;
}

static void destroy_leaf(Value *v, bool counted)
{
    (void)counted;
    dense__destroy(v);
}

const NodeKind dense__leaf_kind = {NULL, no_operands, NULL, destroy_leaf, NULL};

Value *dense__node(OpCode op, size_t bytes, int64_t n, bool wants_grad, bool free_standing,
                   const NodeKind *kind, const char *name)
{
    const size_t room = size_product((size_t)n, sizeof(real));
    real *data = buffer__take(room);
    real *grad = data && wants_grad ? buffer__take(room) : NULL;
    Value *v = NULL;
    if (!data || (wants_grad && !grad))
        error__memory(name, room);
    else
        v = graph__extended(op, bytes, free_standing, kind, name);
    if (!v) {
        buffer__give(data);
        buffer__give(grad);
        return NULL;
    }
    graph__own(v);
    Dense *dense = dense_of(v);
    memset((char *)dense + sizeof dense->base, 0, bytes - sizeof dense->base);
    dense->n = n;
    dense->data = data;
    dense->grad = grad;
    v->flags |= (uint8_t)(DENSE | (wants_grad ? WANTS_GRAD : 0));
    if (op == OP_LEAF || op == OP_CONST)
        v->flags |= LEAF;
    return v;
}

static size_t block_count(const Dense *dense)
{
    return ((size_t)dense->n + ELEMENTS_IN_BLOCK - 1) / ELEMENTS_IN_BLOCK;
}

static void remove_labels(Value *block)
{
    for (int i = 0; i < ELEMENTS_IN_BLOCK; i++) {
        if (block[i].flags & LABELLED)
            label__remove(&block[i]);
    }
}

void dense__destroy(Value *v)
{
    Dense *dense = dense_of(v);
    for (size_t b = 0; dense->elements && b < block_count(dense); b++) {
        if (!dense->elements[b])
            continue;
        remove_labels(dense->elements[b]);
        buffer__give(dense->elements[b]);
    }
    buffer__give(dense->elements);
    buffer__give(dense->nonzeros);
    buffer__give(dense->marks);
    buffer__give(dense->data);
    buffer__give(dense->grad);
}

static Value *make_block(Value *v, int64_t first)
{
    Value *block = buffer__take(ELEMENTS_IN_BLOCK * sizeof *block);
    for (int i = 0; block && i < ELEMENTS_IN_BLOCK; i++) {
        block[i] = (Value){.owner = v,
                           .index = first + i,
                           .op = OP_ELEMENT,
                           .flags = (uint8_t)(v->flags & WANTS_GRAD)};
    }
    return block;
}

Value *dense__element(Value *v, int64_t i)
{
    Dense *dense = dense_of(v);
    if (!dense->elements) {
        const size_t bytes = block_count(dense) * sizeof *dense->elements;
        dense->elements = buffer__take(bytes);
        if (!dense->elements)
            return error__memory("tensor_at", bytes), NULL;
        memset(dense->elements, 0, bytes);
    }
    Value **block = &dense->elements[i / ELEMENTS_IN_BLOCK];
    if (!*block)
        *block = make_block(v, i - i % ELEMENTS_IN_BLOCK);
    return *block ? *block + i % ELEMENTS_IN_BLOCK : (error__memory("tensor_at", 0), NULL);
}

real dense__grad(const Value *v, int64_t i)
{
    const Dense *dense = dense_of(v);
    if (!dense->grad || !dense->filled || (dense->by_rows && !dense->marks[i / (dense->n / dense->rows)]))
        return 0;
    return dense->grad[i];
}

void dense__complete(Dense *dense)
{
    const int64_t columns = dense->by_rows ? dense->n / dense->rows : 0;
    for (int64_t r = 0; dense->by_rows && dense->filled && r < dense->rows; r++) {
        if (!dense->marks[r])
            memset(dense->grad + r * columns, 0, (size_t)columns * sizeof *dense->grad);
    }
    dense->by_rows = false;
}

uint8_t *dense__receive_rows(Value *v, int64_t rows, bool *fresh)
{
    enum { LEAST_SIZE = 1024 }; /* of leaves of which a part is worth leaving out */
    Dense *dense = dense_of(v);
    if (!(v->flags & LEAF) || dense->n < LEAST_SIZE || (dense->filled && !(dense->by_rows && dense->rows == rows)))
        return NULL;
    if (!dense->marks || dense->rows != rows) {
        buffer__give(dense->marks);
        dense->marks = buffer__take((size_t)rows);
        dense->rows = rows;
    }
    dense->by_rows = dense->marks != NULL;
    *fresh = !dense->filled;
    dense->filled |= dense->by_rows;
    return dense->marks;
}

bool dense__set_wants_grad(Value *v, bool wants)
{
    Dense *dense = dense_of(v);
    if (wants && !dense->grad && !(dense->grad = buffer__take((size_t)dense->n * sizeof(real))))
        return false;
    const uint8_t flag = wants ? WANTS_GRAD : 0;
    v->flags = (uint8_t)((v->flags & ~WANTS_GRAD) | flag);
    v->op = wants ? OP_LEAF : OP_CONST;
    for (size_t b = 0; dense->elements && b < block_count(dense); b++) {
        Value *block = dense->elements[b];
        for (int i = 0; block && i < ELEMENTS_IN_BLOCK; i++)
            block[i].flags = (uint8_t)((block[i].flags & ~WANTS_GRAD) | flag);
    }
    return true;
}
