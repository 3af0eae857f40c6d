/* 3_backward.c - exercise: the backward functions of two operations.
 *
 * y->grad is the derivative of the end result by y. Each function gives the operands of y their share:
 *
 *     backward_mul     y = operands[0] * operands[1]
 *     backward_tanh    y = tanh(operands[0])
 *
 * Mind that a node may be used more than once, even twice by the same operation, and that what has arrived
 * in a gradient before must not be lost.
 *
 * Lessons: 04, 05. Try it: ./run exercise 3 */
#include "exercises.h"

void backward_mul(Node *y)
{
    (void)y; /* your code here */
}

void backward_tanh(Node *y)
{
    (void)y; /* your code here */
}
