/* 8_train.c - gradients are never zeroed.
 * FAILS: the second step starts with a fresh gradient */
#include "exercises.h"

void train(size_t n, const real *x, const real *y, int steps, real rate, Value *w, Value *b)
{
    for (int step = 0; step < steps; step++) {
        VALGRAD_SCOPE {
            Value *sum = value_const(0);
            for (size_t i = 0; i < n; i++) {
                Value *line = value_add(value_mul(w, value_const(x[i])), b);
                sum = value_add(sum, value_square(value_sub(line, value_const(y[i]))));
            }
            value_backward(value_div(sum, value_const((real)n)));
        }
        value_set_data(w, value_data(w) - rate * value_grad(w));
        value_set_data(b, value_data(b) - rate * value_grad(b));
    }
}
