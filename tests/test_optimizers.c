/* test_optimizers.c - RMSProp, warm-up, clipped gradients, dropout between layers. */
#include <stdlib.h>
#include <string.h>

#include <valgrad/valgrad.h>

#include "testing.h"

static const double tolerance = 20 * (double)REAL_EPSILON;

static NnParameters *one_parameter(real number)
{
    NnParameters *list = nn_parameters_new();
    Tensor *w = tensor_param(&number, TENSOR_SHAPE(1));
    assert_status(nn_parameters_add(list, "w", w), VALGRAD_OK);
    tensor_release(w);
    return list;
}

/* ---- RMSProp --------------------------------------------------------------------------------- */

/* RMSProp's definition, once more: w after `steps` steps down the loss (w - 3)^2. */
static double rmsprop_reference(double w, const NnRmspropOptions *o, int steps)
{
    double v = 0, u = 0;
    for (int t = 0; t < steps; t++) {
        double d = 2 * (w - 3) + o->weight_decay * w;
        v = o->alpha * v + (1 - o->alpha) * d * d;
        u = o->momentum * u + d / (sqrt(v) + o->epsilon);
        w -= o->learning_rate * u;
    }
    return w;
}

static const NnRmspropOptions descents[] = {
    {0.01, 0.99, 1e-8, 0, 0},
    {0.02, 0.9, 1e-3, 0.5, 0},
    {0.02, 0.9, 1e-3, 0.5, 0.1},
};

START_TEST(rmsprop_on_a_parabola)
{
    NnParameters *list = one_parameter(1);
    Tensor *w = nn_parameters_at(list, 0);
    NnOptimizer *optimizer = nn_optimizer_rmsprop(list, &descents[_i]);
    ck_assert_msg(optimizer != NULL, "%s", valgrad_last_error());
    for (int i = 0; i < 40; i++)
        VALGRAD_SCOPE {
            nn_optimizer_zero_grad(optimizer);
            tensor_backward(tensor_mse(w, tensor_full(3, TENSOR_SHAPE(1))), NULL);
            assert_status(nn_optimizer_step(optimizer), VALGRAD_OK);
        }
    ck_assert_double_eq_tol((double)tensor_item(w), rmsprop_reference(1, &descents[_i], 40),
                            50 * tolerance);
    nn_optimizer_free(optimizer);
    nn_parameters_free(list);
}
END_TEST

START_TEST(rmsprop_refuses)
{
    NnParameters *list = one_parameter(1);
    const struct {
        NnRmspropOptions options;
        const char *expected;
    } wrong[] = {
        {{-1, 0.9, 0, 0, 0}, "nn_optimizer_rmsprop: learning_rate -1"},
        {{1, 1, 0, 0, 0}, "alpha 1: expected a number from 0 to below 1"},
        {{1, 0.9, -1, 0, 0}, "epsilon -1"},
        {{1, 0.9, 0, 1, 0}, "momentum 1"},
        {{1, 0.9, 0, 0, (double)INFINITY}, "weight_decay inf"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        ck_assert_ptr_null(nn_optimizer_rmsprop(list, &wrong[i].options));
        assert_error(VALGRAD_ERROR_ARGUMENT, wrong[i].expected);
    }
    ck_assert_ptr_null(nn_optimizer_rmsprop(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "parameters is NULL");
    nn_parameters_free(list);
}
END_TEST

/* ---- warm-up --------------------------------------------------------------------------------- */

START_TEST(warm_up)
{
    NnSchedule schedule = NN_SCHEDULE_INIT;
    schedule.base = 0.4;
    schedule.warmup = 4;
    const double constant[] = {0.1, 0.2, 0.3, 0.4, 0.4, 0.4};
    for (int64_t s = 0; s < 6; s++)
        assert_near(nn_schedule_rate(&schedule, s, 10), constant[s], 1e-12);
    schedule.rule = NN_COSINE;
    assert_near(nn_schedule_rate(&schedule, 1, 10), 0.2, 1e-12);
    assert_near(nn_schedule_rate(&schedule, 4, 10), 0.4, 1e-12);
    assert_near(nn_schedule_rate(&schedule, 7, 10), 0.2, 1e-12);
    ck_assert_double_eq_tol(nn_schedule_rate(&schedule, 10, 10), 0, 1e-12);
    schedule.warmup = -1;
    ck_assert(isnan(nn_schedule_rate(&schedule, 0, 10)));
    assert_error(VALGRAD_ERROR_ARGUMENT, "warmup -1: expected 0 or more");
    schedule.warmup = 10;
    ck_assert(isnan(nn_schedule_rate(&schedule, 10, 10)));
    assert_error(VALGRAD_ERROR_ARGUMENT, "total 0: expected 1 or more");
}
END_TEST

/* ---- clipping -------------------------------------------------------------------------------- */

/* Two parameters with the gradients (3, 0) and (-4). */
static NnParameters *with_gradients(void)
{
    NnParameters *list = nn_parameters_new();
    Tensor *a = tensor_param((real[]){1, 0}, TENSOR_SHAPE(2));
    Tensor *b = tensor_param((real[]){1}, TENSOR_SHAPE(1));
    VALGRAD_SCOPE {
        Tensor *factors = tensor_const((real[]){3, 0}, TENSOR_SHAPE(2));
        Tensor *sum = tensor_sum_all(tensor_mul(a, factors));
        Tensor *other = tensor_mul(b, tensor_full(-4, TENSOR_SHAPE(1)));
        assert_status(tensor_backward(tensor_add(sum, tensor_sum_all(other)), NULL), VALGRAD_OK);
    }
    nn_parameters_add(list, "a", a);
    nn_parameters_add(list, "b", b);
    tensor_release(a);
    tensor_release(b);
    return list;
}

static void check_gradients(const NnParameters *list, double first, double second)
{
    real gradient[2];
    assert_status(tensor_get_grad(nn_parameters_at(list, 0), 2, gradient), VALGRAD_OK);
    assert_near(gradient[0], first, tolerance);
    ck_assert(gradient[1] == 0);
    assert_status(tensor_get_grad(nn_parameters_at(list, 1), 1, gradient), VALGRAD_OK);
    assert_near(gradient[0], second, tolerance);
}

START_TEST(clipped_norm)
{
    NnParameters *list = with_gradients();
    assert_near(nn_clip_grad_norm(list, (double)INFINITY), 5, tolerance);
    assert_near(nn_clip_grad_norm(list, 5.1), 5, tolerance);
    check_gradients(list, 3, -4);
    assert_near(nn_clip_grad_norm(list, 1), 5, tolerance);
    check_gradients(list, 0.6, -0.8);
    ck_assert(isnan(nn_clip_grad_norm(list, 0)));
    assert_error(VALGRAD_ERROR_ARGUMENT, "nn_clip_grad_norm: most 0: expected a number above 0");
    ck_assert(isnan(nn_clip_grad_norm(NULL, 1)));
    assert_error(VALGRAD_ERROR_NULL, "parameters is NULL");
    nn_parameters_zero_grad(list);
    ck_assert_double_eq(nn_clip_grad_norm(list, 1), 0);
    nn_parameters_free(list);
}
END_TEST

START_TEST(clipped_values)
{
    NnParameters *list = with_gradients();
    assert_status(nn_clip_grad_value(list, 3.5), VALGRAD_OK);
    check_gradients(list, 3, -3.5);
    assert_status(nn_clip_grad_value(list, 0.5), VALGRAD_OK);
    check_gradients(list, 0.5, -0.5);
    assert_status(nn_clip_grad_value(list, (double)NAN), VALGRAD_ERROR_ARGUMENT);
    valgrad_clear_error();
    assert_status(nn_clip_grad_value(NULL, 1), VALGRAD_ERROR_NULL);
    valgrad_clear_error();
    nn_parameters_free(list);
}
END_TEST

/* ---- dropout --------------------------------------------------------------------------------- */

/* Hidden units that are 1 each and weigh 1: the output counts those that were kept, doubled. */
START_TEST(dropout_between_layers)
{
    enum { HIDDEN = 64 };
    Random random = random_seeded(1), same = random_seeded(1), initial = random_seeded(2);
    NnMlp *net = nn_mlp_new(NN_SIZES(1, HIDDEN, 1), NULL, &initial);
    for (int64_t i = 0; i < nn_parameters_count(nn_mlp_parameters(net)); i++)
        tensor_fill(nn_parameters_at(nn_mlp_parameters(net), i), (real)(i % 2 == 0));
    VALGRAD_SCOPE {
        Tensor *x = tensor_full(1, TENSOR_SHAPE(1));
        ck_assert_double_eq((double)tensor_item(nn_mlp_forward(net, x)), HIDDEN);
        double sum = 0;
        for (int i = 0; i < 200; i++) {
            double kept = (double)tensor_item(nn_mlp_forward_dropout(net, x, 0.5, &random));
            ck_assert_double_eq(kept, 2 * floor(kept / 2));
            ck_assert_double_eq(kept,
                                (double)tensor_item(nn_mlp_forward_dropout(net, x, 0.5, &same)));
            sum += kept;
        }
        ck_assert_double_eq_tol(sum / 200, HIDDEN, 3); /* deviation 8 / sqrt(200) */
        ck_assert_double_eq((double)tensor_item(nn_mlp_forward_dropout(net, x, 0, &same)), HIDDEN);
        ck_assert_ptr_null(nn_mlp_forward_dropout(net, x, 1.5, &same));
        valgrad_clear_error();
        ck_assert_ptr_null(nn_mlp_forward_dropout(net, x, 0.5, NULL));
        assert_error(VALGRAD_ERROR_NULL, "nn_mlp_forward_dropout: random is NULL");
    }
    nn_mlp_free(net);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("optimizers");
    TCase *cases = new_case(suite, "optimizers", 10);
    tcase_add_loop_test(cases, rmsprop_on_a_parabola, 0, (int)COUNT(descents));
    tcase_add_test(cases, rmsprop_refuses);
    tcase_add_test(cases, warm_up);
    tcase_add_test(cases, clipped_norm);
    tcase_add_test(cases, clipped_values);
    tcase_add_test(cases, dropout_between_layers);
    return run_suite(suite);
}
