/* 10_a_neuron.c - a neuron is a weighted sum and a squashing function, and it learns by descending.
 *
 *     p = sigmoid(w1 x1 + w2 x2 + b)
 *
 * The weighted sum asks on which side of a straight line the point (x1, x2) lies, and how far from it;
 * sigmoid makes of that a probability between 0 and 1. Learning is to move w1, w2 and b:
 *
 *     loss = mean over the examples of -log(p given to the right answer)
 *     each weight goes a step against its slope of the loss
 *
 * The program teaches one neuron AND (1 only if both inputs are 1). It starts with all weights 0, so
 * with p = 0.5 for everything: a loss of log 2 = 0.693. After 500 steps the loss is small, and w1 x1 +
 * w2 x2 + b = 0 is a line that cuts the point (1, 1) off from the others.
 *
 * Then the same neuron gets XOR (1 if the inputs differ). No straight line has (0, 1) and (1, 0) on one
 * side and (0, 0) and (1, 1) on the other, and the program finds that out: the loss stays at 0.693, the
 * best answer is "50 %" everywhere. Lines need to be put together; that takes layers: next lesson.
 *
 * -log sigmoid(s) is softplus(-s), and -log(1 - sigmoid(s)) is softplus(s), which cannot overflow. */
#include <stdio.h>
#include <valgrad/valgrad.h>

enum { EXAMPLES = 4, STEPS = 500 };

static const real inputs[EXAMPLES][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};

static Value *weighted_sum(Value *const w[3], int example)
{
    Value *x[] = {value_const(inputs[example][0]), value_const(inputs[example][1])};
    return value_affine(2, w, x, w[2]); /* w1 x1 + w2 x2 + b, one node */
}

static Value *mean_loss(Value *const w[3], const int *answers)
{
    Value *losses[EXAMPLES];
    for (int i = 0; i < EXAMPLES; i++) {
        Value *s = weighted_sum(w, i);
        losses[i] = value_softplus(answers[i] ? value_neg(s) : s);
    }
    return value_div(value_sum(EXAMPLES, losses), value_const(EXAMPLES));
}

static void teach(const char *name, const int *answers)
{
    Value *w[] = {value_param(0), value_param(0), value_param(0)};
    printf("%s\n", name);
    for (int step = 0; step <= STEPS; step++) {
        VALGRAD_SCOPE {
            Value *loss = mean_loss(w, answers);
            values_zero_grad(3, w);
            value_backward(loss);
            if (step == 0 || step == 10 || step == 100 || step == STEPS)
                printf("  step %3d  loss %.3f  w1 %5.2f  w2 %5.2f  b %5.2f\n", step,
                       value_data(loss), value_data(w[0]), value_data(w[1]), value_data(w[2]));
            for (int i = 0; i < 3; i++)
                value_set_data(w[i], value_data(w[i]) - value_grad(w[i]));
        }
    }
    for (int i = 0; i < EXAMPLES; i++) {
        VALGRAD_SCOPE {
            printf("  %g %g -> p = %.2f, should be %d\n", inputs[i][0], inputs[i][1],
                   value_data(value_sigmoid(weighted_sum(w, i))), answers[i]);
        }
    }
    for (int i = 0; i < 3; i++)
        value_release(w[i]);
}

int main(void)
{
    teach("AND", (const int[]){0, 0, 0, 1});
    teach("XOR", (const int[]){0, 1, 1, 0});
    return valgrad_live_nodes() != 0;
}
