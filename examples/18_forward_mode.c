/* 18_forward_mode.c - forward mode carries the slope along with the number, one input at a time.
 *
 * There is another way to use the chain rule: with the evaluation instead of against it. Each number is
 * a pair, its value and its slope by ONE chosen input; such a pair is called a dual number. An
 * operation computes both at once:
 *
 *     (a, a') * (b, b') = (a b, a' b + a b')          sin (a, a') = (sin a, cos(a) a')
 *
 * The chosen input starts with slope 1 and all others with 0. No graph is needed, nothing is remembered,
 * and there is no way back. The price: one run tells the slopes by one input only. For
 *
 *     f(x, y, z) = x y + sin(y z)
 *
 * three runs of forward mode are needed where reverse mode needs one. For a loss that depends on a
 * hundred thousand weights that decides the matter. With one input and many results it is the other
 * way round: one forward run gives them all, reverse mode needs a pass for each; that is the second
 * table, the slopes of t, t^2 and sin t. The last row is the library's forward mode, value_jvp(): it runs
 * the dual numbers over a graph that is there already.
 *
 * Forward and reverse mode use the same slopes of the same steps and only multiply in another order, so
 * each is a check on the other that needs no step size. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

typedef struct Dual {
    double number, slope;
} Dual;

static Dual dual_add(Dual a, Dual b)
{
    return (Dual){a.number + b.number, a.slope + b.slope};
}

static Dual dual_mul(Dual a, Dual b)
{
    return (Dual){a.number * b.number, a.slope * b.number + a.number * b.slope};
}

static Dual dual_sin(Dual a)
{
    return (Dual){sin(a.number), cos(a.number) * a.slope};
}

static Dual f(Dual x, Dual y, Dual z)
{
    return dual_add(dual_mul(x, y), dual_sin(dual_mul(y, z)));
}

int main(void)
{
    double forward[3];
    for (int chosen = 0; chosen < 3; chosen++) {
        const Dual result =
            f((Dual){2, chosen == 0}, (Dual){-1, chosen == 1}, (Dual){0.5, chosen == 2});
        forward[chosen] = result.slope;
        printf("forward run %d: f = %.4f, slope by %c = %.4f\n", chosen + 1, result.number,
               "xyz"[chosen], result.slope);
    }

    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = value_leaf(-1), *z = value_leaf(0.5);
        Value *result = value_add(value_mul(x, y), value_sin(value_mul(y, z)));
        value_backward(result);
        printf("reverse, once: f = %.4f, slopes %.4f %.4f %.4f\n", value_data(result),
               value_grad(x), value_grad(y), value_grad(z));
        const double difference = fabs(forward[0] - value_grad(x)) +
                                  fabs(forward[1] - value_grad(y)) +
                                  fabs(forward[2] - value_grad(z));
        printf("they agree up to rounding: %s\n", difference < 100 * REAL_EPSILON ? "yes" : "no");
    }

    const Dual t = {2, 1}, results[] = {t, dual_mul(t, t), dual_sin(t)};
    printf("\none input, three results\nforward, once:    %.4f %.4f %.4f\n", results[0].slope,
           results[1].slope, results[2].slope);
    printf("reverse, 3 times:");
    VALGRAD_SCOPE {
        Value *v = value_leaf(2), *outputs[] = {v, value_mul(v, v), value_sin(v)};
        for (int i = 0; i < 3; i++) {
            value_zero_grad(v);
            value_backward(outputs[i]);
            printf(" %.4f", value_grad(v));
        }
    }
    printf("\nvalue_jvp, once: ");
    VALGRAD_SCOPE {
        Value *v = value_leaf(2), *outputs[] = {v, value_mul(v, v), value_sin(v)};
        real slopes[3] = {0};
        value_jvp(3, outputs, 1, &v, (const real[]){1}, slopes); /* v starts with slope 1 */
        printf(" %.4f %.4f %.4f\n", slopes[0], slopes[1], slopes[2]);
    }
    return valgrad_live_nodes() != 0;
}
