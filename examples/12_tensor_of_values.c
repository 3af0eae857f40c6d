/* 12_tensor_of_values.c - a tensor is an array of Values: what holds for one number holds for many.
 *
 * Up to here every number was a node of its own, which is good to look at and slow to compute with. A
 * tensor is a shape and a list of Values. Its numbers lie side by side in one node, so that a matrix
 * costs one node and not a hundred. Yet each element still is a Value: ask for it with tensor_at(), and
 * it can go into any expression, and it has a gradient, which is the tensor's gradient at that place.
 * Asked for twice, it is the same pointer.
 *
 * It works in the other direction too: tensor_from_values() makes a tensor of Values from anywhere.
 * One backward pass goes through tensor operations and scalar operations alike. The last expression of
 * this program starts in a tensor, does something with single elements, goes back into a tensor, and
 * ends in one number; the gradients of the first tensor are what the chain rule says.
 *
 * Operations on the shape only hand out the same Values in another order: element 1 of the transpose
 * is element 3 of the original, the pointer itself, and no node is made. So they need no backward
 * function at all. */
#include <stdio.h>
#include <valgrad/valgrad.h>

static void print_gradient(const char *name, const Tensor *t)
{
    printf("%s:", name);
    for (int64_t i = 0; i < tensor_size(t); i++)
        printf(" %g", value_grad(tensor_at(t, i)));
    printf("\n");
}

int main(void)
{
    const real numbers[] = {1, 2, 3, 4, 5, 6};
    VALGRAD_SCOPE {
        Tensor *t = tensor_leaf(numbers, TENSOR_SHAPE(2, 3));
        printf("six numbers, nodes: %d\n", (int)valgrad_live_nodes());
        printf("element 4 (row 1, column 1): %g\n", value_data(tensor_at(t, 4)));
        printf("asked twice, the same pointer: %s\n",
               tensor_at(t, 4) == tensor_at(t, 4) ? "yes" : "no");

        Tensor *flipped = tensor_transpose(t);
        printf("\nthe transpose is (%d, %d)\n", (int)tensor_side(flipped, 0),
               (int)tensor_side(flipped, 1));
        printf("its element 1 is element 3 of the original: %s\n\n",
               tensor_at(flipped, 1) == tensor_at(t, 3) ? "yes" : "no");

        Value *y = value_mul(tensor_at(t, 0), tensor_at(t, 5));
        value_backward(y);
        printf("y = t0 * t5 = %g\n", value_data(y));
        print_gradient("dy/dt", t);
        tensor_zero_grad(t);

        /* tensor -> scalars -> tensor -> one number */
        Tensor *squares = tensor_square(t);
        Value *sum = value_add(tensor_at(squares, 0), tensor_at(squares, 1));
        Value *product = value_mul(tensor_at(squares, 2), value_const(10));
        Tensor *pair = tensor_from_values((Value *[]){sum, product}, TENSOR_SHAPE(2));
        Tensor *z = tensor_sum_all(pair);
        tensor_backward(z, NULL);
        printf("\nz = (t0^2 + t1^2) + 10 t2^2 = %g\n", tensor_item(z));
        print_gradient("dz/dt", t);
    }
    return valgrad_live_nodes() != 0;
}
