/* embedding.c - rows of a table by number, and numbers as rows of 0 and 1. */
#include <string.h>

#include "tensor/tensor_internal.h"

/* ---- indices ----------------------------------------------------------------------------------- */

static bool check_indices(const char *function, int64_t n, const int64_t *indices, int64_t most)
{
    if (!indices && n > 0)
        return error__null(function, "indices"), false;
    for (int64_t i = 0; i < n; i++) {
        if (indices[i] < 0 || indices[i] >= most) {
            error__set(VALGRAD_ERROR_INDEX, "%s: index %lld at place %lld; expected 0 to %lld",
                       function, (long long)indices[i], (long long)i, (long long)most - 1);
            return false;
        }
    }
    return true;
}

/* The shape of the indices with one more side at its end. */
static bool shape_of_rows(const char *function, int rank, const int64_t *sides, int64_t last,
                          Shape *shape, int64_t *rows)
{
    Shape indices;
    if (!shape__check(function, rank, sides, &indices))
        return false;
    *rows = indices.size;
    if (rank == TENSOR_MAX_RANK) {
        error__set(VALGRAD_ERROR_SHAPE, "%s: indices of rank %d; expected 0 to %d", function, rank,
                   TENSOR_MAX_RANK - 1);
        return false;
    }
    indices.sides[rank] = last;
    return shape__check(function, rank + 1, indices.sides, shape);
}

/* ---- embedding --------------------------------------------------------------------------------- */

typedef struct Embedding {
    Operation operation;
    int64_t rows, width;
    int64_t *indices;
} Embedding;

static Embedding *embedding_of(const Value *v)
{
    return (Embedding *)v->more;
}

/* A row that was looked up several times gets the sum. */
static void backward_embedding(Value *v)
{
    const Embedding *embedding = embedding_of(v);
    const Operand *weight = &embedding->operation.operand[0];
    const RowsGradient to = gradient__begin_adding(weight, weight->tensor->shape[0]);
    for (int64_t r = 0; r < embedding->rows; r++)
        gradient__add_row(to, embedding->indices[r], 1, embedding->operation.dense.grad + r * embedding->width);
    gradient__end(weight, (Gradient){.grad = to.grad});
}

static void expand_embedding(const Value *v, Expansion *e)
{
    const Embedding *embedding = embedding_of(v);
    const ProgramSlot *weight = operation__slots(v, 0, e);
    for (int64_t i = 0; weight && i < embedding->operation.dense.n; i++) {
        const int64_t width = embedding->width;
        expansion__result(e, i, weight[embedding->indices[i / width] * width + i % width]);
    }
}

static void destroy_embedding(Value *v, bool counted)
{
    buffer__give(embedding_of(v)->indices);
    operation__destroy(v, counted);
}

static const NodeKind embedding_kind = {backward_embedding, operation__operand_count,
                                        operation__operand, destroy_embedding, expand_embedding};

static Tensor *look_up(const char *function, Tensor *weight, const Shape *shape, int64_t rows,
                       const int64_t *indices)
{
    const size_t bytes = (size_t)rows * sizeof *indices;
    int64_t *copy = buffer__take(bytes);
    if (!copy)
        return error__memory(function, bytes), NULL;
    if (rows > 0)
        memcpy(copy, indices, bytes);
    Value *v = operation__begin(function, &embedding_kind, sizeof(Embedding), shape, 1, &weight, 0);
    if (!v)
        return buffer__give(copy), NULL;
    Embedding *embedding = embedding_of(v);
    embedding->rows = rows;
    embedding->width = weight->shape[1];
    embedding->indices = copy;
    for (int64_t r = 0; r < rows; r++)
        memcpy(embedding->operation.dense.data + r * embedding->width,
               embedding->operation.operand[0].numbers + copy[r] * embedding->width,
               (size_t)embedding->width * sizeof(real));
    return operation__end(v, shape);
}

Tensor *tensor_embedding(Tensor *weight, int rank, const int64_t *sides, const int64_t *indices)
{
    static const char function[] = "tensor_embedding";
    Shape shape;
    int64_t rows;
    if (!weight)
        return error__null(function, "weight"), NULL;
    if (weight->rank != 2) {
        char text[SHAPE_TEXT_BYTES];
        error__set(VALGRAD_ERROR_SHAPE, "%s: weight of shape %s; expected (rows, width)", function,
                   shape__text(weight->rank, weight->shape, text));
        return NULL;
    }
    if (!shape_of_rows(function, rank, sides, weight->shape[1], &shape, &rows) ||
        !check_indices(function, rows, indices, weight->shape[0]))
        return NULL;
    return look_up(function, weight, &shape, rows, indices);
}

/* ---- one-hot ----------------------------------------------------------------------------------- */

Tensor *tensor_one_hot(int64_t classes, int rank, const int64_t *sides, const int64_t *indices)
{
    static const char function[] = "tensor_one_hot";
    Shape shape;
    int64_t rows;
    if (!shape_of_rows(function, rank, sides, classes, &shape, &rows) ||
        !check_indices(function, rows, indices, classes))
        return NULL;
    Tensor *t = tensor_zeros(shape.rank, shape.sides);
    for (int64_t r = 0; t && r < rows; r++)
        dense_of(t->run)->data[r * classes + indices[r]] = 1;
    return t;
}
