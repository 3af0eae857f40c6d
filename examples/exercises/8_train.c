/* 8_train.c - exercise: a training loop.
 *
 * train() fits the line w x + b to n points, by gradient descent. It makes `steps` steps; each one
 *
 *     builds the loss, the mean over all points of (w x[i] + b - y[i])^2
 *     goes backward
 *     moves w and b by -rate times their gradients
 *
 * w and b are parameters: leaves that belong to the caller and to no scope. What a step builds shall be gone
 * after it.
 *
 * Lessons: 05, 07, 10. Try it: ./run exercise 8 */
#include "exercises.h"

void train(size_t n, const real *x, const real *y, int steps, real rate, Value *w, Value *b)
{
    (void)n, (void)x, (void)y, (void)steps, (void)rate, (void)w, (void)b; /* your code here */
}
