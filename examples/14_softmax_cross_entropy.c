/* 14_softmax_cross_entropy.c - the formula from the book overflows; the same formula, shifted, does not.
 *
 * A classifier gives one score (logit) for each class. Softmax makes probabilities of them, and cross
 * entropy is the price of the probability given to the right class:
 *
 *     p_i = e^(x_i) / sum_j e^(x_j)          loss = -log p_right
 *
 * Done wrong: write it down like that. With scores such as 2, 1, 0 all is well. With 1000, 999, 998,
 * the same differences, e^1000 is larger than any number the machine has; infinity divided by infinity
 * is not a number, and after the next step no weight of the network is one either.
 *
 * Done right: subtract the largest score m first. Top and bottom shrink by the same factor e^m, so the
 * p_i are the same on paper, but no exponent is above 0 and at least one is 0, so that nothing
 * overflows and the sum is at least 1. And take the logarithm on paper, not of a rounded p (the third
 * scores have a p of e^-1000, which is rounded to 0, and log 0 is minus infinity):
 *
 *     loss = (m - x_right) + log(sum_j e^(x_j - m))
 *
 * Its gradient is as simple as could be: p, minus 1 at the right class. Every class is pulled down by
 * the probability it took; the right one is pulled up by what it lacks. (They add up to 0.)
 *
 * tensor_cross_entropy() does it the right way, in one node. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

enum { CLASSES = 3, RIGHT = 1 };

static Value *loss_by_the_book(Value *const *x)
{
    Value *e[CLASSES];
    for (int i = 0; i < CLASSES; i++)
        e[i] = value_exp(x[i]);
    return value_neg(value_log(value_div(e[RIGHT], value_sum(CLASSES, e))));
}

static Value *loss_shifted(Value *const *x)
{
    Value *e[CLASSES], *m = value_detach(x[0]); /* a constant: the result does not depend on it */
    for (int i = 1; i < CLASSES; i++)
        if (value_data(x[i]) > value_data(m))
            m = value_detach(x[i]);
    for (int i = 0; i < CLASSES; i++)
        e[i] = value_exp(value_sub(x[i], m));
    return value_add(value_sub(m, x[RIGHT]), value_log(value_sum(CLASSES, e)));
}

static void print_number(double number)
{
    if (isnan(number))
        printf("       NaN");
    else
        printf(" %9.3f", number);
}

static void print_loss(const char *how, Value *loss, Tensor *scores)
{
    tensor_zero_grad(scores);
    value_backward(loss);
    printf("  %-22s", how);
    print_number(value_data(loss));
    printf("   gradient");
    for (int64_t i = 0; i < CLASSES; i++)
        print_number(value_grad(tensor_at(scores, i)));
    printf("\n");
}

static void try_scores(const real *numbers)
{
    VALGRAD_SCOPE {
        Tensor *scores = tensor_leaf(numbers, TENSOR_SHAPE(CLASSES));
        Value *x[CLASSES];
        for (int64_t i = 0; i < CLASSES; i++)
            x[i] = tensor_at(scores, i);
        const int64_t label = RIGHT;
        printf("scores %g, %g, %g; class %d is right\n", numbers[0], numbers[1], numbers[2], RIGHT);
        print_loss("by the book", loss_by_the_book(x), scores);
        print_loss("shifted", loss_shifted(x), scores);
        print_loss("tensor_cross_entropy", tensor_at(tensor_cross_entropy(scores, 1, &label), 0),
                   scores);
    }
}

int main(void)
{
    try_scores((const real[]){2, 1, 0});
    try_scores((const real[]){1000, 999, 998});
    try_scores((const real[]){0, -1000, 0});

    VALGRAD_SCOPE {
        Tensor *p = tensor_softmax(tensor_const((const real[]){2, 1, 0}, TENSOR_SHAPE(CLASSES)), 0);
        printf("softmax of 2, 1, 0: %.4f %.4f %.4f\n", value_data(tensor_at(p, 0)),
               value_data(tensor_at(p, 1)), value_data(tensor_at(p, 2)));
    }
    return valgrad_live_nodes() != 0;
}
