/* 09_kinks.c - where a function has a corner it has two slopes, and a library must promise one.
 *
 * relu(x) = max(x, 0) rises with slope 0 on the left of 0 and with slope 1 on the right. At 0 itself
 * there is no derivative. Yet training will ask for one, so each operation of the library declares what
 * it gives there, and the program reads those promises from the operation table. The rules behind them:
 *
 *     a corner of a convex function (relu, abs): any slope between left and right would do, since the
 *         line with that slope stays below the curve; the library gives the one nearest to 0
 *     a tie in min or max: both operands share the gradient
 *     a pole (sqrt at 0, log at 0): the slope grows without bound (the 32 below is 1 / sqrt(h), and gets
 *         larger as h gets smaller), and infinity is what you get
 *
 * The lesson for checking gradients: at a corner the central difference measures the mean of both
 * sides, 0.5 for relu, which is neither the left, nor the right, nor the promised slope. A numeric
 * check at a corner says nothing. If the two one-sided slopes disagree, and go on disagreeing when h
 * gets smaller, step aside and check there.
 *
 * The steps here are powers of two, so that the measured slopes come out exact. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

static void print_slope(double slope)
{
    if (isnan(slope))
        printf("    none");
    else
        printf(" %7.4g", slope);
}

/* Slopes of one operation in x, y fixed: measured on the left, on the right and across; promised. */
static void look_at(const char *name, const char *where, real x, real y)
{
    const ValueOpInfo *op = value_op_find(name);
    const real h = 1.0f / 1024, here = op->forward(x, y, 0);
    const real left = op->forward(x - h, y, 0), right = op->forward(x + h, y, 0);
    real promised[3];
    op->first(x, y, 0, here, promised);
    printf("%-5s %-9s", name, where);
    print_slope((here - left) / h);
    print_slope((right - here) / h);
    print_slope((right - left) / (2 * h));
    print_slope(promised[0]);
    printf("\n");
}

int main(void)
{
    printf("                  left   right central promised\n");
    look_at("relu", "x = -1", -1, 0);
    look_at("relu", "x = 0", 0, 0);
    look_at("relu", "x = 1/8", 0.125f, 0);
    look_at("abs", "x = 0", 0, 0);
    look_at("max", "x = y = 1", 1, 1);
    look_at("min", "x = y = 1", 1, 1);
    look_at("sqrt", "x = 0", 0, 0);

    VALGRAD_SCOPE {
        Value *x = value_leaf(0);
        value_backward(value_relu(x));
        printf("\nbackward through relu at 0: %g\n", value_grad(x));

        Value *a = value_leaf(1), *b = value_leaf(1);
        value_backward(value_max(a, b));
        printf("backward through max(1, 1): %g and %g\n", value_grad(a), value_grad(b));
    }
    return valgrad_live_nodes() != 0;
}
