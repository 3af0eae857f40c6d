/* first_value.c - build an expression, differentiate it, read the gradients. */
#include <stdio.h>
#include <valgrad/valgrad.h>

int main(void)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *w = value_leaf(-3), *b = value_leaf(7);
        Value *y = value_tanh(value_add(value_mul(w, x), b));
        value_backward(y);
        printf("y     = %.6f\n", value_data(y));
        printf("dy/dx = %.6f\n", value_grad(x));
        printf("dy/dw = %.6f\n", value_grad(w));
        printf("dy/db = %.6f\n", value_grad(b));
    }
    return 0;
}
