/* 03_chain_rule_by_hand.c - the slope of a long expression is a product of the slopes of its steps.
 *
 * y = tanh(w x + b) is three steps, each so simple that its own slope is known from school:
 *
 *     p = w x        dp/dw = x    dp/dx = w
 *     s = p + b      ds/dp = 1    ds/db = 1
 *     y = tanh(s)    dy/ds = 1 - y^2
 *
 * If s moves y by 0.42 for each unit, and p moves s by 1, and w moves p by -1, then w moves y by
 * 0.42 * 1 * -1. That is the chain rule: along a path, slopes multiply.
 *
 * Start at the end with dy/dy = 1 and go backwards. At each step, what has been worked out for the
 * result (dy/ds) times the step's own slope (ds/dp) gives the same for its operand (dy/dp). Two facts
 * make this worth a library: a step needs to know nothing but its own slope, and one walk from the end
 * to the start finds the slopes by ALL inputs, however many there are.
 *
 * The last column is from value_backward(), which does nothing else. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

int main(void)
{
    const double w = 2, x = -1, b = 3;
    const double p = w * x, s = p + b, y = tanh(s);
    printf("forward:  p = w x = %.4f   s = p + b = %.4f   y = tanh(s) = %.4f\n\n", p, s, y);

    const double dy_dy = 1;
    const double dy_ds = dy_dy * (1 - y * y);
    const double dy_dp = dy_ds * 1;
    const double dy_db = dy_ds * 1;
    const double dy_dw = dy_dp * x;
    const double dy_dx = dy_dp * w;

    VALGRAD_SCOPE {
        Value *vw = value_leaf(2), *vx = value_leaf(-1), *vb = value_leaf(3);
        Value *vp = value_mul(vw, vx), *vs = value_add(vp, vb), *vy = value_tanh(vs);
        value_backward(vy);
        printf("backward                              by hand   by the library\n");
        printf("dy/dy =                              %8.4f   %8.4f\n", dy_dy, value_grad(vy));
        printf("dy/ds = dy/dy * (1 - y^2)            %8.4f   %8.4f\n", dy_ds, value_grad(vs));
        printf("dy/dp = dy/ds * 1                    %8.4f   %8.4f\n", dy_dp, value_grad(vp));
        printf("dy/db = dy/ds * 1                    %8.4f   %8.4f\n", dy_db, value_grad(vb));
        printf("dy/dw = dy/dp * x = dy/dp * -1       %8.4f   %8.4f\n", dy_dw, value_grad(vw));
        printf("dy/dx = dy/dp * w = dy/dp * 2        %8.4f   %8.4f\n", dy_dx, value_grad(vx));
    }
    return valgrad_live_nodes() != 0;
}
