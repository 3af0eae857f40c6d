/* 17_your_own_op.c - an operation of your own: say its value and its slopes, then prove them.
 *
 * Huber's loss is x^2 / 2 near 0 and a straight line beyond delta, so that one wild measurement does
 * not pull the whole fit over. The library does not have it. To add it one writes two functions:
 *
 *     forward     the result for given operands
 *     backward    the slope of the result by each operand, the "partials"
 *
 * The chain rule is the library's part: it multiplies the partials by the gradient that comes in and
 * adds the products to the operands. What a node has to remember besides its operands, here delta, is
 * its context; value_custom() takes it over and calls destroy() when the node goes. Forward, backward
 * and context together are a closure, as in lesson 04.
 *
 * Now the proof. A backward function that has a mistake still runs and still trains, only worse, which
 * is the most expensive kind of mistake. So each slope is measured (lesson 08) on both sides of delta,
 * on both sides of 0 and inside an expression, and the two columns must agree in every row. That is how
 * it works; value_gradcheck() does it with more care (five evaluations instead of two tell a kink from a
 * mistake), for any number of inputs and outputs, and names the operation that is wrong.
 *
 * Numbers are powers of two, so that the table is the same whatever the precision of `real`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrad/valgrad.h>

static int contexts; /* made and not yet destroyed */

static real huber_forward(size_t n, const real *x, void *context)
{
    const real delta = *(const real *)context, size = x[0] < 0 ? -x[0] : x[0];
    (void)n;
    return size <= delta ? x[0] * x[0] / 2 : delta * (size - delta / 2);
}

static void huber_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    const real delta = *(const real *)context;
    (void)n, (void)result;
    partials[0] = x[0] > delta ? delta : x[0] < -delta ? -delta : x[0];
}

static void huber_destroy(void *context)
{
    contexts -= context != NULL;
    free(context);
}

static const ValueOp huber = {"huber", huber_forward, huber_backward, huber_destroy};

/* New, like any other value_…: NULL on failure. */
static Value *value_huber(Value *x, real delta)
{
    real *context = malloc(sizeof *context);
    if (!context)
        return NULL;
    *context = delta;
    contexts++;
    return value_custom(&huber, 1, &x, context);
}

/* huber(3x - 1) with delta = 1.5, and its slope by x if gradient is not NULL. */
static double expression(double number, double *gradient)
{
    double result = 0;
    VALGRAD_SCOPE {
        Value *x = value_leaf((real)number);
        Value *y = value_huber(value_sub(value_mul(value_const(3), x), value_const(1)), 1.5f);
        result = value_data(y);
        if (gradient && value_backward(y) == VALGRAD_OK)
            *gradient = value_grad(x);
    }
    return result;
}

/* The same expression as a function that value_gradcheck() can call wherever it likes. */
static Value *checked(Value *const *x, void *context)
{
    (void)context;
    return value_huber(value_sub(value_mul(value_const(3), x[0]), value_const(1)), 1.5f);
}

static const char *proof(double number)
{
    GradcheckReport report;
    VALGRAD_SCOPE {
        Value *x = value_leaf((real)number);
        if (value_gradcheck(checked, NULL, 1, &x, NULL, &report) != VALGRAD_OK)
            fprintf(stderr, "%s\n", valgrad_last_error());
    }
    return report.outcome == GRADCHECK_PASS ? "pass" : "FAIL";
}

int main(void)
{
    const double places[] = {-2, -0.125, 0.25, 0.5, 0.75, 4}, h = 1.0 / 256;
    int wrong = 0;
    printf("y = huber(3x - 1), delta = 1.5\n      x   3x - 1        y   backward   measured   "
           "gradcheck\n");
    for (int i = 0; i < 6; i++) {
        const double x = places[i];
        double gradient = 0;
        const double y = expression(x, &gradient);
        const double measured = (expression(x + h, NULL) - expression(x - h, NULL)) / (2 * h);
        printf("%7.3f  %7.3f  %7.3f  %9.4f  %9.4f   %s\n", x, 3 * x - 1, y, gradient, measured,
               proof(x));
        wrong += fabs(gradient - measured) > 1e-4;
    }
    printf("\nrows that disagree: %d\n", wrong);
    VALGRAD_SCOPE {
        printf("its name in the graph: %s\n", value_op_name(value_huber(value_leaf(1), 1)));
    }
    printf("contexts not destroyed: %d\n", contexts);
    return wrong != 0 || valgrad_live_nodes() != 0;
}
