/* predict.c - from outputs to labels. */
#include <inttypes.h>
#include <math.h>

#include "autograd/buffer.h"
#include "autograd/error.h"
#include "nn/nn_internal.h"
#include "tensor/tensor_internal.h"

/* Whether n is the number of rows of tensor: side 0 of rank 2, 1 for rank 1. */
static ValgradStatus check_rows(const char *function, const Tensor *tensor, int64_t n)
{
    int rank = tensor_rank(tensor);
    if (rank != 1 && rank != 2)
        return error__set(VALGRAD_ERROR_SHAPE,
                          "%s: a tensor of rank %d: expected 1, or 2 for a batch", function, rank);
    int64_t rows = rank == 2 ? tensor_side(tensor, 0) : 1;
    if (n != rows)
        return error__set(VALGRAD_ERROR_SHAPE,
                          "%s: %" PRId64 " labels for %" PRId64 " rows: expected one each",
                          function, n, rows);
    return VALGRAD_OK;
}

ValgradStatus nn_mlp_predict(const NnMlp *mlp, Tensor *x, int64_t n, int64_t *labels)
{
    static const char function[] = "nn_mlp_predict";
    if (!mlp || !x || !labels)
        return error__null(function, !mlp ? "mlp" : !x ? "x" : "labels");
    ValgradStatus status = check_rows(function, x, n);
    if (status != VALGRAD_OK)
        return status;
    VALGRAD_NO_GRAD
        VALGRAD_SCOPE {
            Tensor *outputs = nn_mlp_forward(mlp, x);
            status = outputs ? tensor_argmax(outputs, TENSOR_AXES(-1), n, labels)
                             : valgrad_last_status();
        }
    return status;
}

/* The numbers of t in order: in place, or copied to *copy, which the caller gives back. */
static const real *numbers_of(const Tensor *t, real **copy)
{
    *copy = NULL;
    if (tensor__is_contiguous(t))
        return dense_of(t->run)->data + t->offset;
    *copy = buffer__take((size_t)t->size * sizeof(real));
    if (*copy)
        tensor__gather(t, *copy);
    else
        error__memory("nn_count_correct", (size_t)t->size * sizeof(real));
    return *copy;
}

/* The first greatest of n >= 1 numbers; a NaN counts as greater, as for tensor_argmax(). */
static int64_t greatest(const real *numbers, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n && !isnan(numbers[best]); i++)
        if (numbers[i] > numbers[best] || isnan(numbers[i]))
            best = i;
    return best;
}

int64_t nn_count_correct(const Tensor *logits, int64_t n, const int64_t *labels)
{
    static const char function[] = "nn_count_correct";
    if (!logits || !labels) {
        error__null(function, logits ? "labels" : "logits");
        return -1;
    }
    if (check_rows(function, logits, n) != VALGRAD_OK)
        return -1;
    real *copy;
    const real *numbers = numbers_of(logits, &copy);
    int64_t classes = tensor_side(logits, -1), correct = 0;
    if (!numbers)
        return -1;
    for (int64_t i = 0; i < n && classes > 0; i++)
        correct += greatest(numbers + i * classes, classes) == labels[i];
    buffer__give(copy);
    return correct;
}
