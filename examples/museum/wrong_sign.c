/* wrong_sign.c - wrong on purpose: an operation of its own with a derivative that has a wrong sign.
 *
 * The derivative of 1 / (1 + x^2) is -2x / (1 + x^2)^2. Lose the minus and everything still runs. The
 * gradient even has the right size, so nothing looks odd, and descent goes up. At x = 0, where both are
 * 0, a check sees nothing: one place is not a check.
 *
 * Found by: the numeric slope at several places, compared with its sign (a check that compares absolute
 * values would let this pass; some do), or by value_gradcheck(), which does that and names the operation.
 * The mend: the minus. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

static real bell(size_t n, const real *x, void *context)
{
    (void)n, (void)context;
    return 1 / (1 + x[0] * x[0]);
}

static void bell_backward_wrong(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)context;
    partials[0] = 2 * x[0] * result * result;
}

static void bell_backward(size_t n, const real *x, real result, real *partials, void *context)
{
    (void)n, (void)context;
    partials[0] = -2 * x[0] * result * result;
}

static const ValueOp wrong = {"bell", bell, bell_backward_wrong, NULL};
static const ValueOp mended = {"bell", bell, bell_backward, NULL};

static double slope_by_backward(const ValueOp *op, double at)
{
    double slope = 0;
    VALGRAD_SCOPE {
        Value *x = value_leaf((real)at);
        if (value_backward(value_custom(op, 1, &x, NULL)) == VALGRAD_OK)
            slope = value_grad(x);
    }
    return slope;
}

static double slope_measured(double at)
{
    const double h = 1.0 / 1024, right = at + h, left = at - h;
    return (1 / (1 + right * right) - 1 / (1 + left * left)) / (2 * h);
}

static Value *apply(Value *const *x, void *op)
{
    return value_custom(op, 1, x, NULL);
}

static void gradcheck(const ValueOp *op)
{
    VALGRAD_SCOPE {
        GradcheckReport report;
        Value *x = value_leaf(0.5f);
        const bool pass =
            value_gradcheck(apply, (void *)(uintptr_t)op, 1, &x, NULL, &report) == VALGRAD_OK;
        printf("  gradcheck: %s%s\n", pass ? "pass" : "FAIL in ", report.op);
    }
}

static void check(const char *name, const ValueOp *op)
{
    const double places[] = {-2, 0, 0.5, 1};
    printf("%s\n", name);
    for (int i = 0; i < 4; i++) {
        const double slope = slope_by_backward(op, places[i]), measured = slope_measured(places[i]);
        printf("  x = %4.1f  backward %6.3f  measured %6.3f  %s\n", places[i], slope, measured,
               fabs(slope - measured) < 0.001 ? "right" : "WRONG");
    }
    gradcheck(op);
}

int main(void)
{
    check("without the minus", &wrong);
    check("mended", &mended);
    return valgrad_live_nodes() != 0;
}
