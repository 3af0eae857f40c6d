/* 2_chain_rule.c - the outer square is forgotten.
 * FAILS: they are what value_backward() finds */
#include <math.h>

#include "exercises.h"

Gradient gradient_by_hand(double w, double x, double b)
{
    const double t = tanh(w * x + b), ds = t * (1 - t * t);
    return (Gradient){.w = ds * x, .x = ds * w, .b = ds};
}
