/* 19_second_derivatives.c - how the slope itself changes: Newton's method jumps where descent crawls.
 *
 * Gradient descent knows which way is down, and not how far. The second derivatives say how fast the
 * gradient changes on the way: with them one can work out where it will be zero, and go there at once.
 * That is Newton's method: with g the gradient and H the table of second derivatives (the Hessian),
 *
 *     H d = -g,    place = place + d
 *
 * Where does H come from? Each column of it is a slope, of the gradient, when one input moves. So it can be
 * measured (lesson 08) by one central difference of exact gradients, which is good to ten digits where the
 * difference of differences of f would leave five. Or it is computed: send dual numbers (lesson 18) forwards
 * through the graph AND backwards, and each gradient comes with its own slope. That is value_hessian(), exact
 * to rounding. Either way H must come out symmetric.
 *
 * The first lines hold both against each other in the curved valley f = (1 - x)^2 + 10 (y - x^2)^2 with its
 * lowest point at (1, 1). Then both walk in it. Newton is there after four steps, though step 2 leads uphill (it
 * aims at the place where the gradient vanishes, not downwards). Descent, after two hundred steps, is not
 * there yet. The price: the work of n more gradients in each step, and n equations to solve; that is why
 * networks are trained by descent. */
#include <stdio.h>
#include <valgrad/valgrad.h>

static Value *valley(Value *x, Value *y)
{
    Value *across = value_sub(y, value_square(x));
    return value_add(value_square(value_sub(value_const(1), x)),
                     value_mul(value_const(10), value_square(across)));
}

/* f at place; its gradient into g. */
static double gradient(const double place[2], double g[2])
{
    double f = 0;
    VALGRAD_SCOPE {
        Value *x = value_leaf((real)place[0]), *y = value_leaf((real)place[1]);
        Value *result = valley(x, y);
        value_backward(result);
        f = value_data(result), g[0] = value_grad(x), g[1] = value_grad(y);
    }
    return f;
}

/* Column j: how the gradient changes when input j moves. */
static void measured(const double place[2], double h, double H[2][2])
{
    for (int j = 0; j < 2; j++) {
        double right[2] = {place[0], place[1]}, left[2] = {place[0], place[1]}, up[2], down[2];
        right[j] += h, left[j] -= h;
        gradient(right, up);
        gradient(left, down);
        for (int i = 0; i < 2; i++)
            H[i][j] = (up[i] - down[i]) / (2 * h);
    }
}

static void computed(const double place[2], double H[2][2])
{
    VALGRAD_SCOPE {
        Value *at[] = {value_leaf((real)place[0]), value_leaf((real)place[1])};
        real hessian[4] = {0};
        value_hessian(valley(at[0], at[1]), 2, at, hessian);
        for (int k = 0; k < 4; k++)
            H[k / 2][k % 2] = hessian[k];
    }
}

int main(void)
{
    double place[2] = {0.5, 2}, g[2], H[2][2];
    measured(place, 1.0 / 256, H); /* a good step: about the cube root of the precision, see 08 */
    printf("Hessian at (0.5, 2), measured: %7.2f %7.2f\n", H[0][0], H[0][1]);
    printf("                               %7.2f %7.2f\n", H[1][0], H[1][1]);
    computed(place, H);
    printf("                     computed: %7.2f %7.2f\n", H[0][0], H[0][1]);
    printf("                               %7.2f %7.2f\n\n", H[1][0], H[1][1]);

    printf("Newton      x       y        f\n");
    for (int step = 0; step <= 4; step++) {
        const double f = gradient(place, g);
        printf("step %d  %6.3f  %6.3f  %7.3f\n", step, place[0], place[1], f);
        computed(place, H);
        const double determinant = H[0][0] * H[1][1] - H[0][1] * H[1][0];
        place[0] -= (g[0] * H[1][1] - g[1] * H[0][1]) / determinant; /* Cramer's rule */
        place[1] -= (g[1] * H[0][0] - g[0] * H[1][0]) / determinant;
    }

    double walker[2] = {0.5, 2};
    printf("\ndescent     x       y        f\n");
    for (int step = 0; step <= 200; step++) {
        const double f = gradient(walker, g);
        if (step % 50 == 0)
            printf("step %-3d %5.2f  %6.2f  %7.2f\n", step, walker[0], walker[1], f);
        walker[0] -= 0.01 * g[0], walker[1] -= 0.01 * g[1];
    }
    return valgrad_live_nodes() != 0;
}
