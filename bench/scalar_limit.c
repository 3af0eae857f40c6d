/* scalar_limit.c - see scalar_limit.h. */
#include "bench/scalar_limit.h"

#include "bench/scalar_workloads.h"

/* ---- W1 ---------------------------------------------------------------------------------------- */

static volatile double expr_a = -4, expr_b = 2; /* not known when this is compiled */

void limit_expr(double *results)
{
    const double a = expr_a, b = expr_b;
    const double sum = b + a, difference = b - a;
    const double c = a + b, c1 = c + (c + 1), c2 = c1 + ((1 + c1) + (-a));
    const double d = a * b + b * b * b, relu_sum = sum > 0 ? sum : 0;
    const double d1 = d + (d * 2 + relu_sum), relu_difference = difference > 0 ? difference : 0;
    const double d2 = d1 + (3 * d1 + relu_difference);
    const double e = c2 - d2, f = e * e, g = f / 2 + 10 / f;

    const double e_grad = (0.5 - 10 / (f * f)) * 2 * e; /* dg/de */
    const double c_grad = 4 * e_grad, d_grad = -12 * e_grad;
    const double sum_grad = sum > 0 ? -4 * e_grad : 0;
    const double difference_grad = difference > 0 ? -e_grad : 0;
    results[0] = g;
    results[1] = c_grad - e_grad + d_grad * b + sum_grad - difference_grad;
    results[2] = c_grad + d_grad * (a + 3 * b * b) + sum_grad + difference_grad;
}

/* ---- W2 ---------------------------------------------------------------------------------------- */

/* Adds a layer's contribution: n_out neurons, each n_in weights and a bias, at p. */
static inline void layer_forward(int n_in, int n_out, const double *p, const double *x, double *sum)
{
    for (int j = 0; j < n_out; j++, p += n_in + 1) {
        sum[j] = p[n_in];
        for (int i = 0; i < n_in; i++)
            sum[j] += p[i] * x[i];
    }
}

static inline void layer_backward(int n_in, int n_out, const double *p, const double *x,
                                  const double *sum_grad, double *p_grad, double *x_grad)
{
    for (int j = 0; j < n_out; j++, p += n_in + 1, p_grad += n_in + 1) {
        p_grad[n_in] += sum_grad[j];
        for (int i = 0; i < n_in; i++)
            p_grad[i] += sum_grad[j] * x[i];
        for (int i = 0; x_grad && i < n_in; i++)
            x_grad[i] += sum_grad[j] * p[i];
    }
}

static inline void relu(double *x)
{
    for (int i = 0; i < MLP_HIDDEN; i++)
        x[i] = x[i] > 0 ? x[i] : 0;
}

/* y = relu(x) had derivative 0 where y is 0. */
static inline void relu_backward(const double *y, double *grad)
{
    for (int i = 0; i < MLP_HIDDEN; i++)
        grad[i] = y[i] > 0 ? grad[i] : 0;
}

static Mlp mlp;

/* One sample's loss; adds its gradient times `weight`. */
static double sample(int i, const double *p, double weight, double *p_grad)
{
    enum { SECOND = MLP_HIDDEN * (MLP_INPUTS + 1), THIRD = SECOND + MLP_HIDDEN * (MLP_HIDDEN + 1) };
    const double *x = mlp.inputs[i], y = mlp.targets[i];
    double first[MLP_HIDDEN], second[MLP_HIDDEN], score;
    layer_forward(MLP_INPUTS, MLP_HIDDEN, p, x, first);
    relu(first);
    layer_forward(MLP_HIDDEN, MLP_HIDDEN, p + SECOND, first, second);
    relu(second);
    layer_forward(MLP_HIDDEN, 1, p + THIRD, second, &score);
    const double margin = 1 - y * score;
    if (margin <= 0)
        return 0;

    const double score_grad = -y * weight;
    double first_grad[MLP_HIDDEN] = {0}, second_grad[MLP_HIDDEN] = {0};
    layer_backward(MLP_HIDDEN, 1, p + THIRD, second, &score_grad, p_grad + THIRD, second_grad);
    relu_backward(second, second_grad);
    layer_backward(MLP_HIDDEN, MLP_HIDDEN, p + SECOND, first, second_grad, p_grad + SECOND,
                   first_grad);
    relu_backward(first, first_grad);
    layer_backward(MLP_INPUTS, MLP_HIDDEN, p, x, first_grad, p_grad, NULL);
    return margin;
}

void limit_prepare_mlp(void)
{
    mlp_make(&mlp);
}

void limit_mlp(double *results)
{
    const double *p = mlp.parameters;
    double grad[MLP_PARAMETERS] = {0}, data = 0, squares = 0, weighted = 0;
    for (int i = 0; i < MLP_SAMPLES; i++)
        data += sample(i, p, 0.01, grad);
    for (int k = 0; k < MLP_PARAMETERS; k++) {
        squares += p[k] * p[k];
        grad[k] += 2e-4 * p[k];
        weighted += (k + 1) * grad[k];
    }
    results[0] = data * 0.01 + 1e-4 * squares;
    results[1] = weighted;
    results[2] = grad[100];
}

/* ---- W4 ---------------------------------------------------------------------------------------- */

static volatile double chain_start = 1;

static void chain(int steps, double *results)
{
    double x = chain_start, grad = 1;
    for (int i = 0; i < steps; i++) {
        x = x * chain_factor + chain_term;
        grad *= chain_factor;
    }
    results[0] = x;
    results[1] = grad;
}

void limit_chain_million(double *results)
{
    chain(1000000, results);
}

void limit_chain_ten_million(double *results)
{
    chain(10000000, results);
}
