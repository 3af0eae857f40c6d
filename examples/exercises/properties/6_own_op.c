/* 6_own_op.c - what softsign() must do. */
#include "property.h"

#include <string.h>

static const double places[] = {-1000, -3, -0.5, -0.001, 0, 0.001, 0.5, 3, 1000};

enum { PLACES = sizeof places / sizeof *places };

static double formula(double x)
{
    return x / (1 + fabs(x));
}

static void right_number(void)
{
    for (int i = 0; i < PLACES; i++) {
        VALGRAD_SCOPE {
            const double x = (real)places[i];
            near(value_data(softsign(value_leaf((real)x))), formula(x), EXACT, "softsign(%g)", x);
        }
    }
}

static void right_slope(void)
{
    for (int i = 0; i < PLACES; i++) {
        VALGRAD_SCOPE {
            Value *leaf = value_leaf((real)places[i]);
            const double x = (double)value_data(leaf), h = 6e-6;
            const double measured = (formula(x + h) - formula(x - h)) / (2 * h);
            value_backward(softsign(leaf));
            near(value_grad(leaf), measured, 1e-5, "the slope of softsign at %g, as measured,", x);
        }
    }
}

static void inside_expressions(void)
{
    for (int i = 0; i < 20; i++) {
        VALGRAD_SCOPE {
            Value *leaf = value_leaf((real)any(-2, 2));
            const double x = (double)value_data(leaf), size = 1 + fabs(3 * x);
            Value *y = softsign(value_mul(value_const(3), leaf));
            value_backward(value_mul(y, y));
            near(value_grad(leaf), 2 * formula(3 * x) * 3 / size / size, EXACT,
                 "the slope of softsign(3 x)^2 at x = %g", x);
        }
    }
}

static void one_node(void)
{
    VALGRAD_SCOPE {
        const Value *x = value_leaf(2), *y = softsign((Value *)x);
        if (so(y != NULL, "softsign(2) is NULL") &&
            so(strcmp(value_op_name(y), "softsign") == 0, "its name in the graph is '%s'",
               value_op_name(y)))
            so(value_operand(y, 0) == x, "its operand should be x itself");
    }
}

int main(void)
{
    const Property properties[] = {
        {"the number is x / (1 + |x|)", right_number},
        {"the slope is what one measures, on both sides and at 0", right_slope},
        {"it works inside of expressions", inside_expressions},
        {"it is one node called softsign", one_node},
    };
    return properties_check("examples/exercises/6_own_op.c; lesson 17 helps", 4, properties);
}
