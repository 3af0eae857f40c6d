/* 1_slope.c - a step that is good near 0 and too small far out.
 * FAILS: far from 0 it is as good */
#include "exercises.h"

double slope(double (*f)(double), double x)
{
    return (f(x + 1e-6) - f(x - 1e-6)) / 2e-6;
}
