/* forgotten_zero_grad.c - wrong on purpose: a training loop that never zeroes its gradients.
 *
 * Gradients of leaves add up from one backward to the next. That is meant so: a batch may be worked
 * through in parts. But a loop that forgets to begin anew steps along the sum of all slopes since the
 * start. It goes on downhill after it has passed the bottom, and swings like a pendulum.
 *
 * Found by: one backward on a fresh graph compared with the measured slope, not at the first step,
 * where all is well, but at the second.
 * The mend: zero the gradients before each backward. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

static Value *loss_of(Value *w)
{
    return value_square(value_sub(w, value_const(3)));
}

static double measured_slope(double w)
{
    const double h = 1.0 / 1024, right = w + h - 3, left = w - h - 3;
    return (right * right - left * left) / (2 * h);
}

static void train(const char *name, int zero)
{
    Value *w = value_param(0);
    printf("%s\n", name);
    for (int step = 1; step <= 8; step++) {
        VALGRAD_SCOPE {
            Value *loss = loss_of(w);
            if (zero)
                value_zero_grad(w);
            value_backward(loss);
            const double slope = measured_slope(value_data(w));
            printf("  step %d  w %6.3f  loss %6.3f  gradient %7.3f  measured %7.3f  %s\n", step,
                   value_data(w), value_data(loss), value_grad(w), slope,
                   fabs(value_grad(w) - slope) < 0.001 ? "right" : "WRONG");
            value_set_data(w, value_data(w) - value_grad(w) / 4);
        }
    }
    value_release(w);
}

int main(void)
{
    train("gradients never zeroed", 0);
    train("mended: zeroed before each backward", 1);
    return valgrad_live_nodes() != 0;
}
