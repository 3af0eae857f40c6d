/* 6_own_op.c - exercise: an operation that the library does not have.
 *
 * softsign() returns a new Value, one node called "softsign" made by value_custom():
 *
 *     softsign(x) = x / (1 + |x|)
 *
 * Work out its derivative on paper, on both sides of 0. Does it have a corner there?
 *
 * Lesson: 17. Try it: ./run exercise 6 */
#include "exercises.h"

Value *softsign(Value *x)
{
    (void)x; /* your code here */
    return NULL;
}
