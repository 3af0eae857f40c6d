/* 1_slope.c - exercise: measure a slope.
 *
 * slope() returns the derivative of f at x, measured by a central difference,
 *
 *     (f(x + h) - f(x - h)) / (2 h)
 *
 * It is asked for nine digits or so, at places from 0 to a million, of functions that are as large as their
 * argument. Which h is good for that? Lesson 08 shows what happens when it is too small or too large.
 *
 * Lessons: 01, 08. Try it: ./run exercise 1 */
#include <math.h>

#include "exercises.h"

double slope(double (*f)(double), double x)
{
    (void)f, (void)x; /* your code here */
    return NAN;
}
