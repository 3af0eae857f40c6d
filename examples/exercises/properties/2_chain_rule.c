/* 2_chain_rule.c - what gradient_by_hand() must do. */
#include "property.h"

static void at_zero(void)
{
    const Gradient g = gradient_by_hand(0, 2, 0);
    if (near(g.w, 0, 0, "at w = 0, x = 2, b = 0: dy/dw") &&
        near(g.x, 0, 0, "at w = 0, x = 2, b = 0: dy/dx"))
        near(g.b, 0, 0, "at w = 0, x = 2, b = 0: dy/db");
}

static void by_w_and_b(void)
{
    for (int i = 0; i < 50; i++) {
        const double w = any(-1, 1), x = any(-1, 1), b = any(-1, 1);
        const Gradient g = gradient_by_hand(w, x, b);
        if (!near(g.w, x * g.b, 1e-12, "at w = %g, x = %g, b = %g: dy/dw", w, x, b) ||
            !near(g.x, w * g.b, 1e-12, "at w = %g, x = %g, b = %g: dy/dx", w, x, b))
            return;
    }
}

static Gradient by_the_library(double w, double x, double b)
{
    Gradient g = {NAN, NAN, NAN};
    VALGRAD_SCOPE {
        Value *vw = value_leaf((real)w), *vx = value_leaf((real)x), *vb = value_leaf((real)b);
        value_backward(value_square(value_tanh(value_add(value_mul(vw, vx), vb))));
        g = (Gradient){value_grad(vw), value_grad(vx), value_grad(vb)};
    }
    return g;
}

static void as_the_library(void)
{
    for (int i = 0; i < 50; i++) {
        const double w = (real)any(-1, 1), x = (real)any(-1, 1), b = (real)any(-1, 1);
        const Gradient is = gradient_by_hand(w, x, b), should = by_the_library(w, x, b);
        if (!near(is.w, should.w, EXACT, "at w = %g, x = %g, b = %g: dy/dw", w, x, b) ||
            !near(is.x, should.x, EXACT, "at w = %g, x = %g, b = %g: dy/dx", w, x, b) ||
            !near(is.b, should.b, EXACT, "at w = %g, x = %g, b = %g: dy/db", w, x, b))
            return;
    }
}

static void saturated(void)
{
    const Gradient g = gradient_by_hand(1, 100, 0);
    near(g.b, 0, 1e-12, "at w = 1, x = 100, b = 0, where tanh is flat: dy/db");
}

int main(void)
{
    const Property properties[] = {
        {"at the bottom of the square all three are 0", at_zero},
        {"dy/dw is x times dy/db, and dy/dx is w times dy/db", by_w_and_b},
        {"they are what value_backward() finds", as_the_library},
        {"where tanh is flat, nothing moves y", saturated},
    };
    return properties_check("examples/exercises/2_chain_rule.c; lesson 03 helps", 4, properties);
}
