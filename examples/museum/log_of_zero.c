/* log_of_zero.c - wrong on purpose: a loss that takes the logarithm of a rounded probability.
 *
 * The loss of a yes-or-no answer is -log(1 - p) if the answer is no, with p = sigmoid(s). From s = 37 on
 * p is rounded to exactly 1 in double, 1 - p is 0, and the loss is infinite. Worse, so is its gradient,
 * and from s = 746 on it is infinity times the slope of p, 0, which is not a number; either spoils every
 * weight at the next step. A network gets there by being sure and wrong once.
 *
 * Found by: looking at the loss and the gradient with isfinite(), here and in a training loop. What
 * backward reports is right: these ARE the numbers of this expression. Which operation was the first to
 * make such a number, and of what, says the anomaly trap.
 * The mend: do it on paper. -log(1 - sigmoid(s)) is log(1 + e^s), value_softplus(); its slope is p. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

static Value *loss_wrong(Value *s)
{
    return value_neg(value_log(value_sub(value_const(1), value_sigmoid(s))));
}

static Value *loss_mended(Value *s)
{
    return value_softplus(s);
}

static void show(const char *name, Value *(*loss_of)(Value *), real score)
{
    VALGRAD_SCOPE {
        Value *s = value_leaf(score), *loss = loss_of(s);
        value_backward(loss);
        const double number = value_data(loss), slope = value_grad(s);
        printf("  %-8s loss %8.3f  gradient ", name, number);
        if (isfinite(slope))
            printf("%.3f  %s\n", slope, isfinite(number) ? "right" : "WRONG");
        else
            printf("%5s  WRONG\n", isnan(slope) ? "NaN" : "inf");
    }
}

static void set_trap(void)
{
    valgrad_set_anomaly_trap(true);
    VALGRAD_SCOPE {
        if (!loss_wrong(value_leaf(40)))
            printf("the trap, at s = 40\n  %s\n", valgrad_last_error());
    }
    valgrad_set_anomaly_trap(false);
}

int main(void)
{
    const real scores[] = {-2, 0, 5, 40, 1000};
    for (int i = 0; i < 5; i++) {
        printf("s = %g, and the answer is no\n", scores[i]);
        show("log", loss_wrong, scores[i]);
        show("softplus", loss_mended, scores[i]);
    }
    set_trap();
    return valgrad_live_nodes() != 0;
}
