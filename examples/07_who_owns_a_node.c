/* 07_who_owns_a_node.c - a node lives as long as a handle or something made from it holds it.
 *
 * Python has a garbage collector; in C one must know who frees what. There are two kinds of hold:
 *
 *     a handle   a Value * that is yours: you made it, or you called value_retain()
 *     an edge    y = x * x holds x, for backward will need it
 *
 * A node goes when neither is left. So in the first part x may be released right after it was used:
 * y holds it. Releasing y lets go of y, and with it of x. The count of live nodes shows it.
 *
 * Long expressions make many nodes that have no name and that nobody could release one by one. For
 * them there are scopes. What is made inside VALGRAD_SCOPE belongs to the scope and goes with it,
 * however the block is left, `return` included. What shall outlive it is retained, and then released
 * like any handle; the third part does so.
 *
 * Weights live longer than any one expression. value_param() makes a leaf that no scope owns: each
 * training step opens a scope, builds its graph on the parameters, and closes it. The last part shows
 * that the count is the same after each step: that is what "no leak" looks like. */
#include <stdio.h>
#include <valgrad/valgrad.h>

static void count(const char *after)
{
    printf("  %-44s %d live\n", after, (int)valgrad_live_nodes());
}

int main(void)
{
    printf("handles and edges\n");
    Value *x = value_leaf(3);
    count("x = leaf");
    Value *y = value_mul(x, x);
    count("y = x * x");
    value_release(x);
    count("x released: held by y, so it stays");
    value_release(y);
    count("y released: both go");

    printf("a scope\n");
    VALGRAD_SCOPE {
        Value *a = value_leaf(2), *b = value_leaf(5);
        Value *z = value_tanh(value_add(value_mul(a, b), value_square(a)));
        count("inside, with unnamed nodes");
        (void)z;
    }
    count("after it");

    printf("carried out of a scope\n");
    Value *kept = NULL;
    VALGRAD_SCOPE {
        Value *a = value_leaf(2);
        kept = value_retain(value_square(a));
    }
    count("after the scope: the result and its operand");
    printf("  its number is still there: %g\n", value_data(kept));
    value_release(kept);
    count("released");

    printf("parameters\n");
    Value *w = value_param(1);
    for (int step = 1; step <= 3; step++) {
        VALGRAD_SCOPE {
            Value *loss = value_square(value_sub(w, value_const(4)));
            value_backward(loss);
            value_set_data(w, value_data(w) - value_grad(w) / 4);
            value_zero_grad(w);
        }
        printf("  step %d: w = %.3f%27s %d live\n", step, value_data(w), "",
               (int)valgrad_live_nodes());
    }
    value_release(w);
    count("w released");
    return valgrad_live_nodes() != 0;
}
