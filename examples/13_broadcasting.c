/* 13_broadcasting.c - broadcasting repeats pointers, so the gradients of the copies add up.
 *
 * A layer adds its bias, one number for each output, to every row of a batch. The shapes (2, 3) and (3)
 * differ, and the rule is to repeat the bias for each row until they fit. Other libraries copy, or
 * pretend to, and need a backward function that sums the gradient of the copies up again; getting that
 * sum wrong is a classic mistake.
 *
 * A tensor here is a list of pointers to Values. To repeat an element is to list its pointer again. The
 * picture shows it: elements 0 and 3 of the broadcast bias are one Value. When the gradient flows back,
 * both places add to that Value, by the `+=` of lesson 05, and that is all there is to it.
 *
 *     y = x + b    each b gets 1 from each of its two rows                          -> 2
 *     y = x * b    each b gets the x of its column from each row                    -> column sums of x
 *     y = x + c    c of shape (2, 1): repeated along the row, one for each column   -> 3
 *
 * The rule for shapes: write them right-aligned; sides must be equal, or 1, or missing; a side that is
 * 1 or missing is repeated. What does not fit is an error that says so. */
#include <stdio.h>
#include <valgrad/valgrad.h>

static void print_gradient(const char *what, Tensor *y, Tensor *repeated)
{
    tensor_zero_grad(repeated);
    tensor_backward(y, NULL); /* all ones: the sum of y's elements is differentiated */
    printf("%s:", what);
    for (int64_t i = 0; i < tensor_size(repeated); i++)
        printf(" %g", value_grad(tensor_at(repeated, i)));
    printf("\n");
}

int main(void)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_const((const real[]){1, 2, 3, 4, 5, 6}, TENSOR_SHAPE(2, 3));
        Tensor *b = tensor_leaf((const real[]){10, 20, 30}, TENSOR_SHAPE(3));
        Tensor *c = tensor_leaf((const real[]){100, 200}, TENSOR_SHAPE(2, 1));

        Tensor *wide = tensor_broadcast(b, TENSOR_SHAPE(2, 3));
        printf("b broadcast to (2, 3), which element of b stands where:\n");
        for (int64_t i = 0; i < 6; i++)
            for (int64_t j = 0; j < 3; j++)
                if (tensor_at(wide, i) == tensor_at(b, j))
                    printf(i % 3 == 2 ? " b%d\n" : " b%d", (int)j);
        printf("elements 0 and 3 are one Value: %s\n\n",
               tensor_at(wide, 0) == tensor_at(wide, 3) ? "yes" : "no");

        print_gradient("d sum(x + b) / db", tensor_add(x, b), b);
        print_gradient("d sum(x * b) / db", tensor_mul(x, b), b);
        print_gradient("d sum(x + c) / dc", tensor_add(x, c), c);

        /* The same by scalar Values: what the tensor operation means. */
        Value *sums[6];
        for (int64_t i = 0; i < 6; i++)
            sums[i] = value_mul(tensor_at(x, i), tensor_at(b, i % 3));
        tensor_zero_grad(b);
        value_backward(value_sum(6, sums));
        printf("x * b element by element: %g %g %g\n\n", value_grad(tensor_at(b, 0)),
               value_grad(tensor_at(b, 1)), value_grad(tensor_at(b, 2)));

        if (!tensor_add(x, tensor_zeros(TENSOR_SHAPE(2))))
            printf("%s\n", valgrad_last_error());
    }
    return valgrad_live_nodes() != 0;
}
