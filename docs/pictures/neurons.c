/* neurons.c - draws two neurons in frames into picture.svg. */
#include <stdio.h>
#include <valgrad/valgrad.h>

static Value *labelled(Value *v, const char *label)
{
    value_set_label(v, label);
    return v;
}

int main(void)
{
    VALGRAD_SCOPE {
        Value *x = labelled(value_const(0.5), "x");
        Value *w1 = labelled(value_leaf(2), "first/w"), *b1 = labelled(value_leaf(-0.5), "first/b");
        Value *s1 = labelled(value_affine(1, &w1, &x, b1), "first/sum"), *h = labelled(value_tanh(s1), "first/h");
        Value *w2 = labelled(value_leaf(-3), "second/w"), *b2 = labelled(value_leaf(1), "second/b");
        Value *s2 = labelled(value_affine(1, &w2, &h, b2), "second/sum"), *y = labelled(value_sigmoid(s2), "second/y");
        value_backward(y);

        GraphWalk *walk = graph_walk_new(1, &y);
        FILE *file = fopen("picture.svg", "w");
        graph_write_svg(walk, NULL, file);
        fclose(file);
        graph_walk_free(walk);
    }
    return 0;
}
