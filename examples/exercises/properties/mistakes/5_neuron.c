/* 5_neuron.c - the products and sums on the way are nobody's.
 * FAILS: nothing is left behind */
#include "exercises.h"

Value *neuron(size_t n, Value *const *w, Value *const *x, Value *b)
{
    Value *sum = b;
    for (size_t i = 0; i < n; i++)
        sum = value_add(sum, value_mul(w[i], x[i]));
    return value_tanh(sum);
}
