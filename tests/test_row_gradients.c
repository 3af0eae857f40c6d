/* test_row_gradients.c - gradients that hold something in some rows only: whatever gives to them, takes them away or
 * reads them, in any order, finds 0 in the others. */
#include <valgrad/inspect.h>
#include <valgrad/profile.h>
#include <valgrad/valgrad.h>

#include "tensor/tensor_internal.h"
#include "testing.h"

enum { WORDS = 600, WIDTH = 64, SIZE = WORDS * WIDTH }; /* enough of both that lists of non-zeros pay */

static Random random_state;

static int64_t draw(int64_t below)
{
    return (int64_t)random_below(&random_state, (uint64_t)below);
}

/* The weights under test, and the gradient that they should have. */
static Tensor *w;
static double expected[SIZE];

static void begin(uint64_t seed)
{
    random_state = random_seeded(seed);
    w = tensor_param(NULL, TENSOR_SHAPE(WORDS, WIDTH));
    assert_status(tensor_fill_uniform(w, -1, 1, &random_state), VALGRAD_OK);
    memset(expected, 0, sizeof expected);
}

static void check_gradient(void)
{
    static real found[SIZE];
    const int64_t one = draw(SIZE);
    assert_near(value_grad(tensor_at(w, one)), expected[one], 1000 * REAL_EPSILON);
    if (draw(2))
        return;
    assert_status(tensor_get_grad(w, SIZE, found), VALGRAD_OK);
    for (int i = 0; i < SIZE; i++)
        assert_near(found[i], expected[i], 1000 * REAL_EPSILON);
}

/* ---- what gives -------------------------------------------------------------------------------- */

/* Rows of x, of whose numbers few are not 0, times w: row p of the gradient gets x[i][p] times the factors. */
static void give_by_product(int64_t rows)
{
    static real x[8 * WORDS], factors[8 * WIDTH];
    memset(x, 0, sizeof x);
    for (int64_t i = 0; i < rows; i++)
        for (int k = 0; k < 6; k++)
            x[i * WORDS + draw(WORDS)] = random_uniform(&random_state, -1, 1);
    for (int64_t i = 0; i < rows * WIDTH; i++)
        factors[i] = random_uniform(&random_state, -1, 1);
    VALGRAD_SCOPE {
        Tensor *inputs = tensor_const(x, TENSOR_SHAPE(rows, WORDS));
        assert_status(tensor_backward(tensor_matmul(inputs, w), tensor_const(factors, TENSOR_SHAPE(rows, WIDTH))),
                      VALGRAD_OK);
    }
    for (int64_t i = 0; i < rows; i++)
        for (int p = 0; p < WORDS; p++)
            for (int j = 0; j < WIDTH; j++)
                expected[p * WIDTH + j] += (double)x[i * WORDS + p] * (double)factors[i * WIDTH + j];
}

static void give_by_embedding(void)
{
    int64_t indices[5];
    for (int i = 0; i < 5; i++)
        indices[i] = i == 4 ? indices[0] : draw(WORDS);
    VALGRAD_SCOPE {
        Tensor *rows = tensor_embedding(w, TENSOR_SHAPE(5), indices);
        assert_status(tensor_backward(rows, tensor_full((real)0.5, TENSOR_SHAPE(5, WIDTH))), VALGRAD_OK);
    }
    for (int i = 0; i < 5; i++)
        for (int j = 0; j < WIDTH; j++)
            expected[indices[i] * WIDTH + j] += 0.5;
}

static void give_to_all(void)
{
    VALGRAD_SCOPE
        assert_status(tensor_backward(tensor_sum_all(tensor_add(w, w)), NULL), VALGRAD_OK);
    for (int i = 0; i < SIZE; i++)
        expected[i] += 2;
}

static void give_to_one(void)
{
    const int64_t i = draw(SIZE);
    VALGRAD_SCOPE
        assert_status(value_backward(value_mul(tensor_at(w, i), value_const(3))), VALGRAD_OK);
    expected[i] += 3;
}

/* ---- what takes away, or changes --------------------------------------------------------------- */

static void zero_all(void)
{
    tensor_zero_grad(w);
    memset(expected, 0, sizeof expected);
}

static void zero_some(void)
{
    const int64_t row = draw(WORDS - 50), one = draw(SIZE);
    VALGRAD_SCOPE
        tensor_zero_grad(tensor_slice(w, 0, row, row + 50, 1));
    value_zero_grad(tensor_at(w, one));
    memset(expected + row * WIDTH, 0, 50 * WIDTH * sizeof *expected);
    expected[one] = 0;
}

static void clip(void)
{
    NnParameters *parameters = nn_parameters_new();
    assert_status(nn_parameters_add(parameters, "w", w), VALGRAD_OK);
    assert_status(nn_clip_grad_value(parameters, 1), VALGRAD_OK);
    for (int i = 0; i < SIZE; i++)
        expected[i] = fmax(-1, fmin(1, expected[i]));
    nn_parameters_free(parameters);
}

/* A stepper puts gradients aside and brings them back. */
static void step_through(void)
{
    VALGRAD_SCOPE {
        const GraphStepperOptions options = {.seed = 1, .keep_gradients = true};
        GraphWalk *walk = graph_walk_tensor(tensor_embedding(w, TENSOR_SHAPE(1), (int64_t[]){draw(WORDS)}));
        GraphStepper *stepper = graph_stepper_new(walk, &options);
        ck_assert_msg(stepper != NULL, "%s", valgrad_last_error());
        for (GraphStep step; graph_stepper_next(stepper, &step);) {
        }
        graph_stepper_free(stepper);
        graph_walk_free(walk);
    }
}

static void act(int action)
{
    switch (action) {
    case 0: give_by_product(1); break;
    case 1: give_by_product(1 + draw(8)); break;
    case 2: give_by_embedding(); break;
    case 3: give_to_all(); break;
    case 4: give_to_one(); break;
    case 5: zero_all(); break;
    case 6: zero_some(); break;
    case 7: clip(); break;
    default: step_through(); break;
    }
}

START_TEST(rows_left_out_count_as_0_whatever_comes_before_and_after)
{
    enum { ACTIONS = 9 };
    begin((uint64_t)_i + 1);
    for (int n = 0; n < 300; n++) {
        act((int)draw(ACTIONS));
        if (draw(2)) /* what gives to some rows, and zeroing, twice as often */
            act((int[]){0, 1, 2, 5}[draw(4)]);
        check_gradient();
    }
    tensor_release(w);
}
END_TEST

START_TEST(few_rows_are_written)
{
    begin(1);
    give_to_all();
    zero_all();
    profile_start();
    give_by_product(1);
    profile_stop();
    int64_t rows;
    const uint8_t *marks;
    int marked = 0;
    ck_assert_ptr_nonnull(tensor__gradient_rows(w, &rows, &marks));
    ck_assert_ptr_nonnull(marks);
    ck_assert_int_eq(rows, WORDS);
    for (int r = 0; r < WORDS; r++)
        marked += marks[r];
    ck_assert_int_ge(marked, 1);
    ck_assert_int_le(marked, 6);
    ProfileRow row;
    size_t i = 0;
    while (profile_row(i, &row) && !(row.backward && strcmp(row.name, "matmul") == 0))
        i++;
    assert_same(row.flops, 2.0 * WIDTH * marked);
    profile_clear();
    tensor_release(w);
}
END_TEST

/* ---- optimizers -------------------------------------------------------------------------------- */

static const NnSgdOptions descents[] = {{.learning_rate = 0.1},
                                        {.learning_rate = 0.1, .momentum = 0.9},
                                        {.learning_rate = 0.1, .weight_decay = 0.01}};

START_TEST(optimizers_know_the_rows_left_out)
{
    static double weights[SIZE], velocity[SIZE];
    const NnSgdOptions *options = &descents[_i];
    begin(7);
    NnParameters *parameters = nn_parameters_new();
    assert_status(nn_parameters_add(parameters, "w", w), VALGRAD_OK);
    NnOptimizer *optimizer = nn_optimizer_sgd(parameters, options);
    for (int i = 0; i < SIZE; i++) {
        weights[i] = (double)value_data(tensor_at(w, i));
        velocity[i] = 0;
    }
    for (int step = 0; step < 6; step++) {
        nn_optimizer_zero_grad(optimizer);
        memset(expected, 0, sizeof expected);
        give_by_product(step % 2 ? 5 : 1);
        assert_status(nn_optimizer_step(optimizer), VALGRAD_OK);
        for (int i = 0; i < SIZE; i++) {
            velocity[i] = options->momentum * velocity[i] + expected[i] + options->weight_decay * weights[i];
            weights[i] -= options->learning_rate * velocity[i];
            assert_near(value_data(tensor_at(w, i)), weights[i], 1000 * REAL_EPSILON);
        }
        check_gradient();
    }
    nn_optimizer_free(optimizer);
    nn_parameters_free(parameters);
    tensor_release(w);
}
END_TEST

/* The steps of several threads are those of one. */
START_TEST(threads_share_the_rows)
{
    static real found[2][SIZE];
    for (int threads = 1; threads <= 2; threads++) {
        assert_status(valgrad_set_threads(threads), VALGRAD_OK);
        begin(3);
        NnParameters *parameters = nn_parameters_new();
        assert_status(nn_parameters_add(parameters, "w", w), VALGRAD_OK);
        NnOptimizer *optimizer = nn_optimizer_sgd(parameters, NULL);
        for (int step = 0; step < 4; step++) {
            nn_optimizer_zero_grad(optimizer);
            for (int k = 0; k < 150; k++) /* so many rows that sharing them pays */
                give_by_embedding();
            assert_status(nn_optimizer_step(optimizer), VALGRAD_OK);
        }
        assert_status(tensor_get(w, SIZE, found[threads - 1]), VALGRAD_OK);
        nn_optimizer_free(optimizer);
        nn_parameters_free(parameters);
        tensor_release(w);
    }
    assert_status(valgrad_set_threads(1), VALGRAD_OK);
    ck_assert_mem_eq(found[0], found[1], sizeof found[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("row gradients");
    TCase *tests = new_case(suite, "row gradients", 60);
    tcase_add_loop_test(tests, rows_left_out_count_as_0_whatever_comes_before_and_after, 0, 6);
    tcase_add_test(tests, few_rows_are_written);
    tcase_add_loop_test(tests, optimizers_know_the_rows_left_out, 0, (int)COUNT(descents));
    tcase_add_test(tests, threads_share_the_rows);
    return run_suite(suite);
}
