/* leaf_changed_in_graph.c - wrong on purpose: a leaf gets another number while a graph is using it.
 *
 * y = w * x was computed with w = 2. If w becomes 5 afterwards, y is still 2 * x, but dy/dx would come
 * out as 5: half of the graph is from before, half from after. In a training loop this happens when the
 * weights are updated before backward, or when one graph is kept for many steps.
 *
 * Found by: the library. Each leaf knows when it was changed, and backward refuses if that was after the
 * graph had used it. It names the leaf if it has a label; no gradient has been touched.
 * The mend: build, backward, then update; and build anew. */
#include <stdio.h>
#include <valgrad/valgrad.h>

int main(void)
{
    Value *w = value_param(2);
    value_set_label(w, "w");

    VALGRAD_SCOPE {
        Value *x = value_leaf(3), *y = value_mul(w, x);
        value_set_data(w, 5); /* WRONG: before backward */
        const ValgradStatus status = value_backward(y);
        printf("update, then backward: %s\n", valgrad_status_text(status));
        printf("  %s\n", valgrad_last_error());
        printf("  y = %g is from before, w = %g from after; dy/dx is left at %g\n", value_data(y),
               value_data(w), value_grad(x));
    }

    VALGRAD_SCOPE {
        Value *x = value_leaf(3), *y = value_mul(w, x);
        const ValgradStatus status = value_backward(y);
        printf("mended, built anew: %s\n", valgrad_status_text(status));
        printf("  y = %g, dy/dx = %g, dy/dw = %g\n", value_data(y), value_grad(x), value_grad(w));
        value_set_data(w, value_data(w) - value_grad(w)); /* the graph is not needed any more */
        printf("  then updated: w = %g\n", value_data(w));
    }
    value_release(w);
    return valgrad_live_nodes() != 0;
}
