/* 5_neuron.c - exercise: a neuron made of Values, that leaves nothing behind.
 *
 * neuron() returns a new Value,
 *
 *     tanh(w[0] x[0] + … + w[n-1] x[n-1] + b)
 *
 * built with value_mul(), value_add() and value_tanh(). The caller gets a handle on it, and gives it back by
 * value_release(); with the result all must go that you made on the way. So open a scope of your own, and carry
 * the result out of it. When something fails, the result is NULL.
 *
 * Lessons: 07, 10. Try it: ./run exercise 5 */
#include "exercises.h"

Value *neuron(size_t n, Value *const *w, Value *const *x, Value *b)
{
    (void)n, (void)w, (void)x, (void)b; /* your code here */
    return NULL;
}
