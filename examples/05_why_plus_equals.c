/* 05_why_plus_equals.c - a node that is used twice gets a gradient from each use, and they add up.
 *
 * y = a * a at a = 3. Think of the two places where a stands as two different inputs, y = u * v:
 *
 *     nudge only u: y moves by v = 3 for each unit        dy/du = 3
 *     nudge only v: y moves by u = 3                      dy/dv = 3
 *
 * But u and v are both a: nudging a nudges both, and y moves by 3 + 3 = 6. That is why a backward
 * function says `operand->grad += …`. With `=` the second use would wipe out the first, and the slope
 * of a^2 at 3 would come out as 3.
 *
 * It is a general rule: slopes multiply along a path and add over paths. From a to the last result
 * below there are three paths, one through each use of a, and the gradient is their sum. The numeric
 * slope, which knows nothing of paths, agrees.
 *
 * The same `+=` is why gradients of leaves keep growing from one backward to the next: a second result
 * is one more use. Set them to 0 when a new sum shall begin. */
#include <stdio.h>
#include <valgrad/valgrad.h>

/* y = a^2 + 4a, its slope by a small step to both sides */
static double numeric_slope(double a)
{
    const double h = 0.001, right = a + h, left = a - h;
    return ((right * right + 4 * right) - (left * left + 4 * left)) / (2 * h);
}

int main(void)
{
    VALGRAD_SCOPE {
        Value *u = value_leaf(3), *v = value_leaf(3);
        value_backward(value_mul(u, v));
        printf("y = u * v   two leaves:      dy/du = %g, dy/dv = %g\n", value_grad(u),
               value_grad(v));

        Value *a = value_leaf(3);
        value_backward(value_mul(a, a));
        printf("y = a * a   one leaf twice:  dy/da = %g\n\n", value_grad(a));

        Value *four = value_const(4), *b = value_leaf(3);
        Value *y = value_add(value_mul(b, b), value_mul(four, b));
        value_backward(y);
        printf("y = b * b + 4 * b\n");
        printf("  first b of b * b:   %g\n", value_data(b));
        printf("  second b of b * b:  %g\n", value_data(b));
        printf("  b of 4 * b:         %g\n", value_data(four));
        printf("  sum, dy/db:         %g\n", value_grad(b));
        printf("  numeric slope:      %.4f\n\n", numeric_slope(3));

        value_backward(y);
        printf("after a second backward without zeroing: %g\n", value_grad(b));
        value_zero_grad(b);
        value_backward(y);
        printf("after zeroing and one more:              %g\n", value_grad(b));
    }
    return valgrad_live_nodes() != 0;
}
