/* 8_train.c - a solution: a scope for each step, gradients zeroed in each. */
#include "exercises.h"

static Value *loss(size_t n, const real *x, const real *y, Value *w, Value *b)
{
    Value *sum = value_const(0);
    for (size_t i = 0; i < n; i++) {
        Value *line = value_add(value_mul(w, value_const(x[i])), b);
        sum = value_add(sum, value_square(value_sub(line, value_const(y[i]))));
    }
    return value_div(sum, value_const((real)n));
}

static void descend(Value *parameter, real rate)
{
    value_set_data(parameter, value_data(parameter) - rate * value_grad(parameter));
}

void train(size_t n, const real *x, const real *y, int steps, real rate, Value *w, Value *b)
{
    for (int i = 0; i < steps; i++) {
        VALGRAD_SCOPE {
            value_zero_grad(w), value_zero_grad(b);
            value_backward(loss(n, x, y, w, b));
        }
        descend(w, rate), descend(b, rate); /* after the graph is gone */
    }
}
