/* test_activated_layers.c - a layer and its activation in one node do what they do in two, to the bit. */
#include <math.h>

#include <valgrad/inspect.h>
#include <valgrad/valgrad.h>

#include "testing.h"

enum { BATCH = 70, IN = 90, OUT = 64 }; /* of x, few numbers are not 0: enough that lists of them pay */

typedef Tensor *Layer(Tensor *x, Tensor *w, Tensor *b);

static Tensor *relu_of_affine(Tensor *x, Tensor *w, Tensor *b)
{
    return tensor_relu(tensor_affine(x, w, b));
}

static Tensor *sigmoid_of_affine(Tensor *x, Tensor *w, Tensor *b)
{
    return tensor_sigmoid(tensor_affine(x, w, b));
}

static Tensor *tanh_of_affine(Tensor *x, Tensor *w, Tensor *b)
{
    return tensor_tanh(tensor_affine(x, w, b));
}

static const struct {
    Layer *one, *two;
    NnActivation activation;
} layers[] = {{tensor_affine_relu, relu_of_affine, NN_RELU},
              {tensor_affine_sigmoid, sigmoid_of_affine, NN_SIGMOID},
              {tensor_affine_tanh, tanh_of_affine, NN_TANH}};

/* ---- results and gradients --------------------------------------------------------------------- */

typedef struct Run {
    real y[BATCH * OUT], y_grad[BATCH * OUT], x_grad[BATCH * IN], w_grad[IN * OUT], b_grad[OUT];
} Run;

typedef struct Numbers {
    real x[BATCH * IN], w[IN * OUT], b[OUT], seed[BATCH * OUT];
} Numbers;

static void draw(Numbers *numbers, uint64_t seed, int one_in)
{
    Random random = random_seeded(seed);
    for (int i = 0; i < BATCH * IN; i++)
        numbers->x[i] = random_below(&random, (uint64_t)one_in) ? 0 : random_uniform(&random, -2, 2);
    for (int i = 0; i < IN * OUT; i++)
        numbers->w[i] = random_uniform(&random, -1, 1);
    for (int i = 0; i < OUT; i++)
        numbers->b[i] = random_uniform(&random, -1, 1);
    for (int i = 0; i < BATCH * OUT; i++)
        numbers->seed[i] = random_below(&random, 4) ? random_uniform(&random, -1, 1) : 0;
}

/* `rows` 0 stands for a vector x. Backward twice: gradients of the leaves add up, those of the node do not. */
static void run(Layer *layer, const Numbers *numbers, int64_t rows, bool with_bias, Run *run)
{
    const int64_t n = rows ? rows : 1;
    memset(run, 0, sizeof *run);
    VALGRAD_SCOPE {
        Tensor *x = rows ? tensor_leaf(numbers->x, TENSOR_SHAPE(rows, IN)) : tensor_leaf(numbers->x, TENSOR_SHAPE(IN));
        Tensor *w = tensor_leaf(numbers->w, TENSOR_SHAPE(IN, OUT));
        Tensor *b = with_bias ? tensor_leaf(numbers->b, TENSOR_SHAPE(OUT)) : NULL;
        Tensor *y = layer(x, w, b);
        Tensor *seed = tensor_reshape(tensor_const(numbers->seed, TENSOR_SHAPE(n, OUT)), tensor_rank(y),
                                      tensor_shape(y));
        assert_status(tensor_backward(y, seed), VALGRAD_OK);
        assert_status(tensor_backward(y, seed), VALGRAD_OK);
        assert_status(tensor_get(y, n * OUT, run->y), VALGRAD_OK);
        assert_status(tensor_get_grad(y, n * OUT, run->y_grad), VALGRAD_OK);
        assert_status(tensor_get_grad(x, n * IN, run->x_grad), VALGRAD_OK);
        assert_status(tensor_get_grad(w, IN * OUT, run->w_grad), VALGRAD_OK);
        if (b)
            assert_status(tensor_get_grad(b, OUT, run->b_grad), VALGRAD_OK);
    }
}

static void check_alike(const real *one, const real *two, int64_t n, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        ck_assert_msg(one[i] == two[i] || (isnan(one[i]) && isnan(two[i])), "%s %lld: %.17g, not %.17g", what,
                      (long long)i, (double)one[i], (double)two[i]);
}

static void check_same_runs(const Numbers *numbers, int64_t rows, bool with_bias)
{
    static Run one, two;
    for (size_t k = 0; k < COUNT(layers); k++) {
        run(layers[k].one, numbers, rows, with_bias, &one);
        run(layers[k].two, numbers, rows, with_bias, &two);
        check_alike(one.y, two.y, BATCH * OUT, "result");
        check_alike(one.y_grad, two.y_grad, BATCH * OUT, "gradient of the result");
        check_alike(one.x_grad, two.x_grad, BATCH * IN, "gradient of x");
        check_alike(one.w_grad, two.w_grad, IN * OUT, "gradient of w");
        check_alike(one.b_grad, two.b_grad, OUT, "gradient of b");
    }
}

START_TEST(one_node_does_what_two_do)
{
    static const int64_t rows[] = {0, 1, 2, 7, BATCH};
    static Numbers numbers;
    for (int one_in = 1; one_in <= 16; one_in *= 16) /* dense and sparse */
        for (size_t i = 0; i < COUNT(rows); i++) {
            draw(&numbers, i + 1, one_in);
            check_same_runs(&numbers, rows[i], true);
            check_same_runs(&numbers, rows[i], false);
        }
}
END_TEST

/* Infinite sums and NaN, gradients of exactly 0 and strict IEEE arithmetic keep their meaning. */
START_TEST(special_numbers_mean_the_same)
{
    static const real specials[] = {INFINITY, -INFINITY, NAN};
    static Numbers numbers;
    for (int strict = 0; strict < 2; strict++)
        for (size_t s = 0; s < 3 * COUNT(specials); s++) {
            draw(&numbers, s + 1, 16);
            real *into[] = {numbers.x + 5 * IN + 3, numbers.w + 3 * OUT + 2, numbers.seed + 5 * OUT + 2};
            *into[s % 3] = specials[s / 3];
            const bool before = valgrad_set_strict_ieee(strict);
            check_same_runs(&numbers, BATCH, true);
            (void)valgrad_set_strict_ieee(before);
        }
}
END_TEST

/* ---- the node ---------------------------------------------------------------------------------- */

START_TEST(there_is_one_node)
{
    static Numbers numbers;
    draw(&numbers, 1, 1);
    VALGRAD_SCOPE {
        Tensor *x = tensor_const(numbers.x, TENSOR_SHAPE(BATCH, IN)), *w = tensor_leaf(numbers.w, TENSOR_SHAPE(IN, OUT));
        for (size_t k = 0; k < COUNT(layers); k++) {
            const int64_t before = valgrad_live_nodes();
            ck_assert_ptr_nonnull(layers[k].one(x, w, NULL));
            ck_assert_int_eq(valgrad_live_nodes() - before, 1);
        }
    }
}
END_TEST

START_TEST(errors_name_the_function)
{
    VALGRAD_SCOPE {
        Tensor *x = tensor_zeros(TENSOR_SHAPE(2, 3)), *w = tensor_zeros(TENSOR_SHAPE(3, 4));
        ck_assert_ptr_null(tensor_affine_relu(NULL, w, NULL));
        assert_error(VALGRAD_ERROR_NULL, "tensor_affine_relu: x is NULL");
        ck_assert_ptr_null(tensor_affine_sigmoid(x, NULL, NULL));
        assert_error(VALGRAD_ERROR_NULL, "tensor_affine_sigmoid: w is NULL");
        ck_assert_ptr_null(tensor_affine_tanh(w, x, NULL));
        assert_error(VALGRAD_ERROR_SHAPE, "tensor_affine_tanh: (3, 4) x (2, 3): inner dimensions 4 and 2 differ");
        ck_assert_ptr_null(tensor_affine_relu(x, w, x));
        assert_error(VALGRAD_ERROR_SHAPE,
                     "tensor_affine_relu: weights (3, 4) and bias (2, 3); expected (in, out) and (out)");
    }
}
END_TEST

/* ---- layers ------------------------------------------------------------------------------------ */

START_TEST(a_layer_takes_any_activation)
{
    Random random = random_seeded(1);
    NnLinear *layer = nn_linear_new(5, 3, NULL, &random);
    for (int a = 0; a < NN_ACTIVATION_COUNT; a++)
        VALGRAD_SCOPE {
            real one[6], two[6];
            Tensor *x = tensor_normal(0, 1, &random, TENSOR_SHAPE(2, 5));
            Tensor *sums = nn_linear_forward(layer, x);
            assert_status(tensor_get(nn_linear_forward_activated(layer, x, (NnActivation)a), 6, one), VALGRAD_OK);
            assert_status(tensor_get(nn_activation_apply((NnActivation)a, sums), 6, two), VALGRAD_OK);
            check_alike(one, two, 6, nn_activation_name((NnActivation)a));
        }
    VALGRAD_SCOPE {
        Tensor *x = tensor_zeros(TENSOR_SHAPE(2, 5));
        ck_assert_ptr_null(nn_linear_forward_activated(NULL, x, NN_RELU));
        assert_error(VALGRAD_ERROR_NULL, "nn_linear_forward_activated: layer is NULL");
        ck_assert_ptr_null(nn_linear_forward_activated(layer, NULL, NN_RELU));
        assert_error(VALGRAD_ERROR_NULL, "nn_linear_forward_activated: x is NULL");
        ck_assert_ptr_null(nn_linear_forward_activated(layer, x, NN_ACTIVATION_COUNT));
        assert_error(VALGRAD_ERROR_ARGUMENT, "nn_activation_apply: activation 15: expected 0 to 14");
    }
    nn_linear_free(layer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("activated layers");
    TCase *tests = new_case(suite, "activated layers", 60);
    tcase_add_test(tests, one_node_does_what_two_do);
    tcase_add_test(tests, special_numbers_mean_the_same);
    tcase_add_test(tests, there_is_one_node);
    tcase_add_test(tests, errors_name_the_function);
    tcase_add_test(tests, a_layer_takes_any_activation);
    return run_suite(suite);
}
