/* 08_numeric_check.c - a small step checks a gradient; one too small is as bad as one too large.
 *
 * f(x) = x^3 + 1/x at x = 2 has the slope 11.75, which backward finds exactly. Two ways to measure it:
 *
 *     one-sided   (f(x + h) - f(x)) / h           error about 6 h     + rounding / h
 *     central     (f(x + h) - f(x - h)) / (2 h)   error about 1 h^2   + rounding / h
 *
 * The first part of each error is the curve bending away from its tangent: it shrinks with h. The
 * second part is the machine. A double keeps 16 digits; f(x + h) and f(x - h) agree in most of them,
 * the difference keeps only the few that are left, and dividing by h blows their error up. So the error
 * falls, reaches a lowest point, and climbs again: the V below. (Each # is a factor of ten above 10^-15.)
 *
 * The central difference loses two digits of error for each digit of h, so its V goes deeper and has
 * its point at a larger step: about the cube root of the precision, 10^-5, where the one-sided one needs
 * its square root, 10^-8. Rule: central, h = 10^-5 times the size of x, and expect about ten digits.
 *
 * That is enough to find any mistake in a backward function, and it needs nothing but the function
 * itself. It is no way to train: each input costs two evaluations, and half of the digits are lost. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

/* In double, whatever the library was built for. */
static double f(double x)
{
    return x * x * x + 1 / x;
}

static double exact_slope(void)
{
    double slope = 0;
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *one = value_const(1);
        Value *cube = value_mul(value_square(x), x);
        value_backward(value_add(cube, value_div(one, x)));
        slope = value_grad(x);
    }
    return slope;
}

static int power_of_ten(double error)
{
    return error > 0 ? (int)floor(log10(error) + 0.5) : -16;
}

int main(void)
{
    const double x = 2, exact = exact_slope();
    printf("backward: f'(2) = %.10f\n\n", exact);
    printf("              one-sided                   central\n");
    for (int digits = 1; digits <= 13; digits++) {
        double h = 1;
        for (int i = 0; i < digits; i++)
            h /= 10;
        const double one_sided = (f(x + h) - f(x)) / h;
        const double central = (f(x + h) - f(x - h)) / (2 * h);
        const int error1 = power_of_ten(fabs(one_sided - exact));
        const int error2 = power_of_ten(fabs(central - exact));
        printf("h = 10^-%-2d   10^%-3d %-16.*s    10^%-3d %.*s\n", digits, error1, 15 + error1,
               "################", error2, 15 + error2, "################");
    }
    return valgrad_live_nodes() != 0;
}
