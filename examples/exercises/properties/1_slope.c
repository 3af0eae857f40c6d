/* 1_slope.c - what slope() must do. */
#include "property.h"

static double line(double x)
{
    return 3 * x + 1;
}

static double parabola(double x)
{
    return x * x;
}

static double odd_part(double x)
{
    return exp(x) - exp(-x);
}

static void of_a_line(void)
{
    for (int i = 0; i < 20; i++) {
        const double x = any(-10, 10);
        if (!near(slope(line, x), 3, 1e-8, "the slope of 3 x + 1 at x = %g", x))
            return;
    }
}

static void of_a_parabola(void)
{
    for (int i = 0; i < 20; i++) {
        const double x = any(-10, 10);
        if (!near(slope(parabola, x), 2 * x, 1e-8, "the slope of x^2 at x = %g", x))
            return;
    }
}

static void of_sin(void)
{
    for (int i = 0; i < 50; i++) {
        const double x = any(-10, 10);
        if (!near(slope(sin, x), cos(x), 1e-8, "the slope of sin(x) at x = %g", x))
            return;
    }
}

static void where_one_side_is_not_enough(void)
{
    near(slope(odd_part, 0), 2, 1e-9, "the slope of e^x - e^-x at x = 0");
}

static void far_out(void)
{
    for (double x = 1e3; x <= 1e6; x *= 10) {
        if (!near(slope(parabola, x), 2 * x, 1e-8, "the slope of x^2 at x = %g", x) ||
            !near(slope(sqrt, x), 1 / (2 * sqrt(x)), 1e-8, "the slope of sqrt(x) at x = %g", x))
            return;
    }
}

int main(void)
{
    const Property properties[] = {
        {"the slope of a line is the same everywhere", of_a_line},
        {"the slope of x^2 is 2 x, to eight digits", of_a_parabola},
        {"the slope of sin is cos, to eight digits", of_sin},
        {"what bends left and right alike does no harm", where_one_side_is_not_enough},
        {"far from 0 it is as good", far_out},
    };
    return properties_check("examples/exercises/1_slope.c; lessons 01 and 08 help", 5, properties);
}
