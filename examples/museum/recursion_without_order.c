/* recursion_without_order.c - wrong on purpose: each node passes its gradient on as soon as it gets some.
 *
 * "Give each operand its share, then do the same with the operands" sounds like the chain rule and is
 * right for a tree. When a node is used twice it is visited twice, and at the second visit it passes on
 * what it got at the first once more. In a ladder where each rung uses the one below twice, each rung
 * doubles the visits: 20 rungs take two million of them, and the result is beyond all measure.
 *
 * Found by: the numeric slope on a diamond, and the clock on a ladder.
 * The mend: visit each node once, after all nodes that use it (lesson 06). */
#include <stdio.h>
#include <valgrad/valgrad.h>

enum { RUNGS = 20 };

typedef struct Node {
    double data, grad;
    struct Node *x; /* this is x + x: both operands are the same */
} Node;

static Node ladder[RUNGS + 1];
static long visits;

static void build(double data)
{
    visits = 0;
    ladder[0] = (Node){data, 0, NULL};
    for (int i = 1; i <= RUNGS; i++)
        ladder[i] = (Node){ladder[i - 1].data * 0.5 + ladder[i - 1].data * 0.5, 0, &ladder[i - 1]};
}

/* y = x / 2 + x / 2, so each use of x gets half of the gradient */
static void backward_wrong(Node *n)
{
    visits++;
    for (int use = 0; n->x && use < 2; use++) {
        n->x->grad += 0.5 * n->grad;
        backward_wrong(n->x);
    }
}

static void backward_mended(void)
{
    for (int i = RUNGS; i >= 0; i--) {
        visits++;
        for (int use = 0; ladder[i].x && use < 2; use++)
            ladder[i].x->grad += 0.5 * ladder[i].grad;
    }
}

static double measured_slope(void)
{
    const double h = 1.0 / 1024;
    build(3 + h);
    const double right = ladder[RUNGS].data;
    build(3 - h);
    return (right - ladder[RUNGS].data) / (2 * h);
}

int main(void)
{
    printf("a ladder of %d rungs, each x / 2 + x / 2 of the one below: the result is the input\n",
           RUNGS);
    printf("measured slope:     %g\n", measured_slope());

    build(3);
    ladder[RUNGS].grad = 1;
    backward_wrong(&ladder[RUNGS]);
    printf("recursion:          %g after %ld visits: WRONG\n", ladder[0].grad, visits);

    build(3);
    ladder[RUNGS].grad = 1;
    backward_mended();
    printf("youngest first:     %g after %ld visits: right\n", ladder[0].grad, visits);

    VALGRAD_SCOPE {
        Value *leaf = value_leaf(3), *top = leaf, *half = value_const(0.5);
        for (int i = 0; i < RUNGS; i++)
            top = value_add(value_mul(top, half), value_mul(top, half));
        value_backward(top);
        printf("the library:        %g: right\n", value_grad(leaf));
    }
    return valgrad_live_nodes() != 0;
}
