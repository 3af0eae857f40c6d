/* backward.c - from a tensor to the leaves, with a seed of its shape. */
#include <string.h>

#include "tensor/tensor_internal.h"

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
        status = backward__run("tensor_backward", count, root->run ? &root->run : root->table,
                               give_seed, &context);
    }
    buffer__give(numbers);
    buffer__give(room);
    return status;
}
