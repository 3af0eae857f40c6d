/* test_optimizers.c - optimizers, schedules, clipped gradients. */
#include <stdlib.h>
#include <string.h>

#include <valgrad/valgrad.h>

#include "testing.h"

static const double tolerance = 20 * (double)REAL_EPSILON;

static void check_close(double given, double expected)
{
    ck_assert_double_eq_tol(given, expected, tolerance * (1 + fabs(expected)));
}

/* A list of one parameter, called w. */
static NnParameters *one_parameter(real number)
{
    NnParameters *list = nn_parameters_new();
    Tensor *w = tensor_param(&number, TENSOR_SHAPE(1));
    ck_assert_int_eq(nn_parameters_add(list, "w", w), VALGRAD_OK);
    tensor_release(w);
    return list;
}

/* ---- gradient descent, Adam ------------------------------------------------------------------- */

/* One number w = 1, loss = w (so the gradient is always 1), learning rate 0.1: w after each of
 * three steps, worked out by hand from the definitions. */
static const struct {
    const char *name;
    NnSgdOptions options;
    double expected[3];
} descents[] = {
    {"plain", {0.1, 0, 0, false}, {0.9, 0.8, 0.7}},
    {"momentum", {0.1, 0.9, 0, false}, {0.9, 0.71, 0.439}},
    {"nesterov", {0.1, 0.9, 0, true}, {0.81, 0.539, 0.1951}},
    {"decay", {0.1, 0, 0.5, false}, {0.85, 0.7075, 0.572125}},
    /* d = 1.5, v = 1.5, w = 0.85; d = 1.425, v = 2.775, w = 0.5725; d = 1.28625, v = 3.78375 */
    {"decay and momentum", {0.1, 0.9, 0.5, false}, {0.85, 0.5725, 0.194125}},
};

/* Takes steps along the gradient 1 and compares. */
static void check_steps(NnOptimizer *optimizer, Tensor *w, const double expected[3])
{
    ck_assert_msg(optimizer != NULL, "%s", valgrad_last_error());
    for (int i = 0; i < 3; i++) {
        VALGRAD_SCOPE {
            nn_optimizer_zero_grad(optimizer);
            ck_assert_int_eq(tensor_backward(tensor_sum_all(w), NULL), VALGRAD_OK);
            ck_assert_int_eq(nn_optimizer_step(optimizer), VALGRAD_OK);
        }
        check_close((double)tensor_item(w), expected[i]);
    }
    nn_optimizer_free(optimizer);
}

START_TEST(sgd_by_hand)
{
    NnParameters *list = one_parameter(1);
    check_steps(nn_optimizer_sgd(list, &descents[_i].options), nn_parameters_at(list, 0),
                descents[_i].expected);
    nn_parameters_free(list);
}
END_TEST

START_TEST(adam_by_hand)
{
    /* With a constant gradient both corrected moments are 1. */
    const NnAdamOptions adam = {0.1, 0.9, 0.999, 0, 0}, adamw = {0.1, 0.9, 0.999, 0, 0.5};
    NnParameters *list = one_parameter(1);
    check_steps(nn_optimizer_adam(list, &adam), nn_parameters_at(list, 0),
                (double[]){0.9, 0.8, 0.7});
    tensor_fill(nn_parameters_at(list, 0), 1);
    check_steps(nn_optimizer_adamw(list, &adamw), nn_parameters_at(list, 0),
                (double[]){0.85, 0.7075, 0.572125});
    nn_parameters_free(list);
}
END_TEST

/* Adam's definition, once more: w -> w after `steps` steps down the loss (w - 3)^2. */
static double adam_reference(double w, const NnAdamOptions *o, bool decoupled, int steps)
{
    double m = 0, v = 0;
    for (int t = 1; t <= steps; t++) {
        double d = 2 * (w - 3);
        if (decoupled)
            w -= o->learning_rate * o->weight_decay * w;
        else
            d += o->weight_decay * w;
        m = o->beta1 * m + (1 - o->beta1) * d;
        v = o->beta2 * v + (1 - o->beta2) * d * d;
        w -= o->learning_rate * (m / (1 - pow(o->beta1, t))) /
             (sqrt(v / (1 - pow(o->beta2, t))) + o->epsilon);
    }
    return w;
}

START_TEST(adam_on_a_parabola)
{
    const NnAdamOptions options = {0.05, 0.8, 0.95, 1e-4, 0.1};
    for (int decoupled = 0; decoupled < 2; decoupled++) {
        NnParameters *list = one_parameter(1);
        Tensor *w = nn_parameters_at(list, 0);
        NnOptimizer *optimizer =
            decoupled ? nn_optimizer_adamw(list, &options) : nn_optimizer_adam(list, &options);
        for (int i = 0; i < 50; i++)
            VALGRAD_SCOPE {
                nn_optimizer_zero_grad(optimizer);
                tensor_backward(tensor_mse(w, tensor_full(3, TENSOR_SHAPE(1))), NULL);
                nn_optimizer_step(optimizer);
            }
        const double expected = adam_reference(1, &options, decoupled, 50);
        ck_assert_double_eq_tol((double)tensor_item(w), expected, 100 * tolerance);
        nn_optimizer_free(optimizer);
        nn_parameters_free(list);
    }
}
END_TEST

/* A parameter that the loss does not use stays as it is, and its Adam step count stays at 0. */
START_TEST(no_gradient_no_step)
{
    NnParameters *list = one_parameter(1);
    Tensor *w = nn_parameters_at(list, 0), *other = tensor_param((real[]){5}, TENSOR_SHAPE(1));
    nn_parameters_add(list, "other", other);
    const NnAdamOptions options = {0.1, 0.9, 0.999, 0, 0.5};
    NnOptimizer *optimizer = nn_optimizer_adamw(list, &options);
    for (int i = 0; i < 2; i++)
        VALGRAD_SCOPE {
            nn_optimizer_zero_grad(optimizer);
            tensor_backward(tensor_sum_all(w), NULL);
            nn_optimizer_step(optimizer);
        }
    ck_assert(tensor_item(other) == 5);
    VALGRAD_SCOPE {
        nn_optimizer_zero_grad(optimizer);
        tensor_backward(tensor_sum_all(other), NULL);
        nn_optimizer_step(optimizer);
    }
    check_close((double)tensor_item(w), 0.7075);
    check_close((double)tensor_item(other), 5 * 0.95 - 0.1); /* its first step */
    nn_optimizer_free(optimizer);
    tensor_release(other);
    nn_parameters_free(list);
}
END_TEST

START_TEST(frozen_parameters_stay)
{
    Random random = random_seeded(1);
    NnMlp *mlp = nn_mlp_new(NN_SIZES(2, 3, 1), NULL, &random);
    NnParameters *list = nn_mlp_parameters(mlp);
    NnOptimizer *optimizer = nn_optimizer_sgd(list, NULL);
    real before[6], after[6];
    for (int frozen = 1; frozen >= 0; frozen--) {
        Tensor *weight = nn_parameters_find(list, "0.weight");
        ck_assert_int_eq(nn_parameters_freeze(list, "0.weight", frozen), VALGRAD_OK);
        tensor_get(weight, 6, before);
        for (int i = 0; i < 2; i++)
            VALGRAD_SCOPE {
                nn_optimizer_zero_grad(optimizer);
                Tensor *y = nn_mlp_forward(mlp, tensor_full(1, TENSOR_SHAPE(4, 2)));
                ck_assert_int_eq(tensor_backward(tensor_mean_all(tensor_square(y)), NULL),
                                 VALGRAD_OK);
                ck_assert_int_eq(nn_optimizer_step(optimizer), VALGRAD_OK);
            }
        tensor_get(weight, 6, after);
        ck_assert((memcmp(before, after, sizeof before) == 0) == (frozen == 1));
    }
    nn_optimizer_free(optimizer);
    nn_mlp_free(mlp);
}
END_TEST

START_TEST(learning_rate_can_be_set)
{
    NnParameters *list = one_parameter(1);
    NnOptimizer *optimizer = nn_optimizer_sgd(list, NULL);
    ck_assert(nn_optimizer_learning_rate(optimizer) == 0.1);
    ck_assert_int_eq(nn_optimizer_set_learning_rate(optimizer, 0.5), VALGRAD_OK);
    VALGRAD_SCOPE {
        tensor_backward(tensor_sum_all(nn_parameters_at(list, 0)), NULL);
        nn_optimizer_step(optimizer);
    }
    check_close((double)tensor_item(nn_parameters_at(list, 0)), 0.5);
    nn_optimizer_set_learning_rate(optimizer, -1);
    assert_error(VALGRAD_ERROR_ARGUMENT,
                 "nn_optimizer_set_learning_rate: learning rate -1: expected");
    nn_optimizer_set_learning_rate(optimizer, (double)NAN);
    assert_error(VALGRAD_ERROR_ARGUMENT, "learning rate nan");
    nn_optimizer_set_learning_rate(NULL, 1);
    assert_error(VALGRAD_ERROR_NULL, "optimizer is NULL");
    ck_assert(isnan(nn_optimizer_learning_rate(NULL)));
    ck_assert_int_eq(nn_optimizer_step(NULL), VALGRAD_ERROR_NULL);
    valgrad_clear_error();
    nn_optimizer_zero_grad(NULL);
    nn_optimizer_free(NULL);
    nn_optimizer_free(optimizer);
    nn_parameters_free(list);
}
END_TEST

START_TEST(optimizer_errors)
{
    static const struct {
        NnSgdOptions options;
        const char *expected;
    } sgd[] = {
        {{-0.1, 0, 0, false},
         "nn_optimizer_sgd: learning_rate -0.1: expected a finite number from 0"},
        {{INFINITY, 0, 0, false}, "learning_rate inf"},
        {{0.1, 1, 0, false}, "momentum 1: expected a number from 0 to below 1"},
        {{0.1, 0, -1, false}, "weight_decay -1: expected a finite number from 0"},
        {{0.1, 0, 0, true}, "nesterov with momentum 0: expected a momentum above 0"},
    };
    static const struct {
        NnAdamOptions options;
        const char *expected;
    } adam[] = {
        {{NAN, 0.9, 0.999, 1e-8, 0}, "nn_optimizer_adam: learning_rate nan"},
        {{0.1, 1, 0.999, 1e-8, 0}, "beta1 1: expected a number from 0 to below 1"},
        {{0.1, 0.9, -1, 1e-8, 0}, "beta2 -1"},
        {{0.1, 0.9, 0.999, -1, 0}, "epsilon -1"},
        {{0.1, 0.9, 0.999, 1e-8, -2}, "weight_decay -2"},
    };
    NnParameters *list = one_parameter(1);
    for (int i = 0; i < (int)COUNT(sgd); i++) {
        ck_assert_ptr_null(nn_optimizer_sgd(list, &sgd[i].options));
        assert_error(VALGRAD_ERROR_ARGUMENT, sgd[i].expected);
    }
    for (int i = 0; i < (int)COUNT(adam); i++) {
        ck_assert_ptr_null(nn_optimizer_adam(list, &adam[i].options));
        assert_error(VALGRAD_ERROR_ARGUMENT, adam[i].expected);
    }
    ck_assert_ptr_null(nn_optimizer_sgd(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_optimizer_sgd: parameters is NULL");
    ck_assert_ptr_null(nn_optimizer_adamw(NULL, NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_optimizer_adamw: parameters is NULL");
    nn_parameters_free(list);
}
END_TEST

/* A step under a living graph is found out by the next backward pass, which names the parameter. */
START_TEST(step_under_a_graph_is_detected)
{
    NnParameters *list = one_parameter(2);
    NnOptimizer *optimizer = nn_optimizer_sgd(list, NULL);
    VALGRAD_SCOPE {
        Tensor *loss = tensor_sum_all(tensor_square(nn_parameters_at(list, 0)));
        ck_assert_int_eq(tensor_backward(loss, NULL), VALGRAD_OK);
        ck_assert_int_eq(nn_optimizer_step(optimizer), VALGRAD_OK);
        ck_assert_int_eq(tensor_backward(loss, NULL), VALGRAD_ERROR_MODIFIED);
        assert_error(VALGRAD_ERROR_MODIFIED, "'w'");
    }
    nn_optimizer_free(optimizer);
    nn_parameters_free(list);
}
END_TEST

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

static const NnRmspropOptions rmsprops[] = {
    {0.01, 0.99, 1e-8, 0, 0},
    {0.02, 0.9, 1e-3, 0.5, 0},
    {0.02, 0.9, 1e-3, 0.5, 0.1},
};

START_TEST(rmsprop_on_a_parabola)
{
    NnParameters *list = one_parameter(1);
    Tensor *w = nn_parameters_at(list, 0);
    NnOptimizer *optimizer = nn_optimizer_rmsprop(list, &rmsprops[_i]);
    ck_assert_msg(optimizer != NULL, "%s", valgrad_last_error());
    for (int i = 0; i < 40; i++)
        VALGRAD_SCOPE {
            nn_optimizer_zero_grad(optimizer);
            tensor_backward(tensor_mse(w, tensor_full(3, TENSOR_SHAPE(1))), NULL);
            assert_status(nn_optimizer_step(optimizer), VALGRAD_OK);
        }
    ck_assert_double_eq_tol((double)tensor_item(w), rmsprop_reference(1, &rmsprops[_i], 40),
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

/* ---- schedules ------------------------------------------------------------------------------- */

START_TEST(schedules_at_points)
{
    static const struct {
        NnSchedule schedule;
        int64_t step, total;
        double expected;
    } points[] = {
        {{NN_CONSTANT, 0.3, 0, 0, 0, 0}, 0, 10, 0.3},
        {{NN_CONSTANT, 0.3, 0, 0, 0, 0}, 99, 10, 0.3},
        {{NN_STEP, 0.8, 0.5, 10, 0, 0}, 0, 100, 0.8},
        {{NN_STEP, 0.8, 0.5, 10, 0, 0}, 9, 100, 0.8},
        {{NN_STEP, 0.8, 0.5, 10, 0, 0}, 10, 100, 0.4},
        {{NN_STEP, 0.8, 0.5, 10, 0, 0}, 35, 100, 0.1},
        {{NN_COSINE, 0.2, 0, 0, 0.02, 0}, 0, 100, 0.2},
        {{NN_COSINE, 0.2, 0, 0, 0.02, 0}, 50, 100, 0.11},
        {{NN_COSINE, 0.2, 0, 0, 0, 0}, 25, 100, 0.17071067811865476},
        {{NN_COSINE, 0.2, 0, 0, 0.02, 0}, 100, 100, 0.02},
        {{NN_COSINE, 0.2, 0, 0, 0.02, 0}, 101, 100, 0.02},
    };
    for (int i = 0; i < (int)COUNT(points); i++) {
        double rate = nn_schedule_rate(&points[i].schedule, points[i].step, points[i].total);
        ck_assert_double_eq_tol(rate, points[i].expected, 1e-15);
    }
}
END_TEST

static void check_no_rate(NnScheduleRule rule, int64_t every, int64_t step, int64_t total,
                          const char *expected)
{
    const NnSchedule schedule = {rule, 0.1, 0.1, every, 0, 0};
    ck_assert(isnan(nn_schedule_rate(&schedule, step, total)));
    assert_error(VALGRAD_ERROR_ARGUMENT, expected);
}

START_TEST(schedule_errors)
{
    check_no_rate(NN_STEP, 0, 1, 10, "nn_schedule_rate: every 0: expected 1 or more");
    check_no_rate(NN_COSINE, 1, 1, 0, "nn_schedule_rate: total 0: expected 1 or more");
    check_no_rate(NN_CONSTANT, 1, -1, 10, "nn_schedule_rate: step -1: expected 0 or more");
    check_no_rate((NnScheduleRule)9, 1, 1, 10,
                  "nn_schedule_rate: rule 9: expected constant, step or cosine");
    ck_assert(isnan(nn_schedule_rate(NULL, 0, 1)));
    assert_error(VALGRAD_ERROR_NULL, "nn_schedule_rate: schedule is NULL");
    NnScheduleRule found;
    ck_assert_int_eq(nn_schedule_find("cosine", &found), VALGRAD_OK);
    ck_assert_int_eq((int)found, NN_COSINE);
    ck_assert_str_eq(nn_schedule_name(NN_STEP), "step");
    ck_assert_int_eq(nn_schedule_find("linear", &found), VALGRAD_ERROR_NAME);
    assert_error(VALGRAD_ERROR_NAME, "\"linear\": expected constant, step or cosine");
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

int main(void)
{
    Suite *suite = suite_create("optimizers");
    TCase *cases = new_case(suite, "optimizers", 10);
    tcase_add_loop_test(cases, sgd_by_hand, 0, (int)COUNT(descents));
    tcase_add_test(cases, adam_by_hand);
    tcase_add_test(cases, adam_on_a_parabola);
    tcase_add_test(cases, no_gradient_no_step);
    tcase_add_test(cases, frozen_parameters_stay);
    tcase_add_test(cases, learning_rate_can_be_set);
    tcase_add_test(cases, optimizer_errors);
    tcase_add_test(cases, step_under_a_graph_is_detected);
    tcase_add_loop_test(cases, rmsprop_on_a_parabola, 0, (int)COUNT(rmsprops));
    tcase_add_test(cases, rmsprop_refuses);
    tcase_add_test(cases, schedules_at_points);
    tcase_add_test(cases, schedule_errors);
    tcase_add_test(cases, warm_up);
    tcase_add_test(cases, clipped_norm);
    tcase_add_test(cases, clipped_values);
    return run_suite(suite);
}
