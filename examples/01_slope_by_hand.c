/* 01_slope_by_hand.c - a slope says how much the result moves when an input moves a little.
 *
 * Take f(x) = x^2 - 3x + 1, stand at x = 2, go a small step h to the right and see how far f rose:
 *
 *     slope = (f(x + h) - f(x)) / h
 *
 * The first table does it with smaller and smaller h. The slope comes closer and closer to 1, which is
 * what the rules of calculus give: f'(x) = 2x - 3. That limit is the derivative.
 *
 * The second table says what a slope is good for. Where it is negative, f falls as x grows, so going
 * right makes f smaller; where it is positive, going left does; where it is 0, f is at its lowest.
 * "Step against the slope" is all that training a network is.
 *
 * With several inputs there is one slope for each: nudge that one and leave the others alone. For
 * g(a, b, c) = a b + c the slopes are b, a and 1. All of them together are called the gradient.
 *
 * Finding a gradient in this way costs one more evaluation for each input. A network has a hundred
 * thousand of them; the lessons that follow get all slopes at the price of a few evaluations. */
#include <stdio.h>

static double f(double x)
{
    return x * x - 3 * x + 1;
}

static double g(double a, double b, double c)
{
    return a * b + c;
}

int main(void)
{
    printf("slope of f(x) = x^2 - 3x + 1 at x = 2\n");
    for (double h = 1; h > 0.00005; h /= 10)
        printf("  h = %-6g  (f(2 + h) - f(2)) / h = %.4f\n", h, (f(2 + h) - f(2)) / h);

    printf("\nthe same at other places, h = 0.0001\n");
    const double places[] = {-1, 0, 1.5, 4}, h = 0.0001;
    for (int i = 0; i < 4; i++) {
        const double x = places[i], slope = (f(x + h) - f(x)) / h;
        const char *advice = slope > 0.01 ? "go left" : slope < -0.01 ? "go right" : "stay";
        printf("  x = %4.1f  f = %5.2f  slope = %5.2f  to make f smaller, %s\n", x, f(x), slope,
               advice);
    }

    const double a = 2, b = -3, c = 10;
    printf("\ng = a b + c = %g at a = %g, b = %g, c = %g\n", g(a, b, c), a, b, c);
    printf("  nudge a: slope %7.4f (b)\n", (g(a + h, b, c) - g(a, b, c)) / h);
    printf("  nudge b: slope %7.4f (a)\n", (g(a, b + h, c) - g(a, b, c)) / h);
    printf("  nudge c: slope %7.4f (1)\n", (g(a, b, c + h) - g(a, b, c)) / h);
    return 0; /* the library was not needed yet */
}
