/* test_train.c - nn_fit() does what the loop in the open does; a run taken up again ends in the same
 * bits as one that never stopped. */
#include <valgrad/train.h>

#include "files_testing.h"

enum { SAMPLES = 50, SIDE = 3, BATCH = 8, STEPS = 7, EPOCHS = 3, ALL_STEPS = EPOCHS * STEPS };

/* Noise, with a bright row for class 1. */
static NnDataset *new_dataset(void)
{
    uint8_t pixels[SAMPLES * SIDE * SIDE], labels[SAMPLES];
    Random random = random_seeded(3);
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = (uint8_t)(i % 2);
        for (int j = 0; j < SIDE * SIDE; j++)
            pixels[i * SIDE * SIDE + j] =
                (uint8_t)(random_below(&random, 100) + (j < SIDE && labels[i] ? 100 : 0));
    }
    return nn_dataset_new(SAMPLES, SIDE, SIDE, 2, pixels, labels);
}

/* ---- runs ---------------------------------------------------------------------------------------- */

typedef enum Kind { SGD, MOMENTUM, RMSPROP, ADAM, ADAMW, KINDS } Kind;

static NnOptimizer *new_optimizer(Kind kind, const NnParameters *parameters)
{
    NnSgdOptions sgd = NN_SGD_OPTIONS_INIT;
    sgd.momentum = kind == MOMENTUM ? 0.9 : 0;
    sgd.nesterov = kind == MOMENTUM;
    switch (kind) {
    case ADAM:
        return nn_optimizer_adam(parameters, NULL);
    case ADAMW:
        return nn_optimizer_adamw(parameters, NULL);
    case SGD:
    case MOMENTUM:
    case KINDS:
    default:
        return nn_optimizer_sgd(parameters, &sgd);
    }
}

typedef struct Objects {
    NnDataset *dataset;
    NnRun run;
    Random random; /* of dropout */
    NnSchedule schedule;
} Objects;

static void make(Objects *objects, Kind kind)
{
    Random random = random_seeded(1);
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.batch = BATCH;
    objects->dataset = new_dataset();
    objects->random = random_seeded(2);
    objects->run.net = nn_mlp_new(NN_SIZES(SIDE * SIDE, 6, 2), NULL, &random);
    objects->run.optimizer = new_optimizer(kind, nn_mlp_parameters(objects->run.net));
    objects->run.loader = nn_loader_new(objects->dataset, &options);
    objects->run.random = &objects->random;
    objects->schedule = (NnSchedule)NN_SCHEDULE_INIT;
    objects->schedule.rule = NN_COSINE;
    objects->schedule.base = 0.05;
}

static void discard(Objects *objects)
{
    nn_loader_free(objects->run.loader);
    nn_optimizer_free(objects->run.optimizer);
    nn_mlp_free(objects->run.net);
    nn_dataset_free(objects->dataset);
}

/* All parameters, one after the other. */
enum { NUMBERS = SIDE * SIDE * 6 + 6 + 6 * 2 + 2 };

static void get_numbers(const Objects *objects, real numbers[NUMBERS])
{
    const NnParameters *parameters = nn_mlp_parameters(objects->run.net);
    ck_assert_int_eq(nn_parameters_numbers(parameters), NUMBERS);
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++) {
        Tensor *tensor = nn_parameters_at(parameters, i);
        assert_status(tensor_get(tensor, tensor_size(tensor), numbers), VALGRAD_OK);
        numbers += tensor_size(tensor);
    }
}

/* Half of the inputs, and what follows from them: so that the generator's state matters. */
static Tensor *forward_with_dropout(NnMlp *net, Tensor *inputs, bool training, void *context)
{
    Objects *objects = context;
    return nn_mlp_forward(net, tensor_dropout(inputs, (real)0.5, training, &objects->random));
}

static bool stop_here(const NnProgress *progress, void *context)
{
    (void)progress, (void)context;
    return false;
}

static int64_t stop_at;

static bool stop_at_step(const NnProgress *progress, void *context)
{
    (void)context;
    return progress->epoch * progress->steps + progress->step < stop_at;
}

static NnFitOptions options_of(Objects *objects)
{
    NnFitOptions options = NN_FIT_OPTIONS_INIT;
    options.epochs = EPOCHS;
    options.schedule = &objects->schedule;
    options.forward = forward_with_dropout;
    options.context = objects;
    return options;
}

static void fit(Objects *objects, int64_t up_to)
{
    NnFitOptions options = options_of(objects);
    stop_at = up_to;
    options.on_step = stop_at_step;
    const NnRun *run = &objects->run;
    if (up_to > 0)
        assert_status(nn_fit(run->net, run->loader, run->optimizer, &options, NULL), VALGRAD_OK);
    ck_assert_int_eq(nn_loader_total_step(run->loader), up_to);
}

/* ---- the loop ------------------------------------------------------------------------------------ */

START_TEST(same_as_the_open_loop)
{
    Objects open, closed;
    real expected[NUMBERS], numbers[NUMBERS];
    make(&open, ADAM);
    for (int64_t step = 0; step < ALL_STEPS;) {
        const NnBatch *batch = nn_loader_next(open.run.loader);
        if (!batch)
            continue;
        VALGRAD_SCOPE {
            nn_optimizer_set_learning_rate(open.run.optimizer,
                                           nn_schedule_rate(&open.schedule, step++, ALL_STEPS));
            Tensor *outputs = forward_with_dropout(open.run.net, batch->inputs, true, &open);
            Tensor *loss = tensor_cross_entropy(outputs, batch->count, batch->labels);
            nn_optimizer_zero_grad(open.run.optimizer);
            assert_status(tensor_backward(loss, NULL), VALGRAD_OK);
            assert_status(nn_optimizer_step(open.run.optimizer), VALGRAD_OK);
        }
    }
    make(&closed, ADAM);
    NnFitOptions options = options_of(&closed);
    assert_status(nn_fit(closed.run.net, closed.run.loader, closed.run.optimizer, &options, NULL),
                  VALGRAD_OK);
    get_numbers(&open, expected);
    get_numbers(&closed, numbers);
    ck_assert_mem_eq(numbers, expected, sizeof numbers);
    discard(&open);
    discard(&closed);
}
END_TEST

static struct {
    int steps, epochs;
    double loss, accuracy;
} seen;

static bool see_step(const NnProgress *progress, void *context)
{
    (void)context;
    ck_assert_int_eq(progress->step, seen.steps % STEPS + 1);
    ck_assert_int_eq(progress->epoch, seen.steps / STEPS);
    ck_assert_int_eq(progress->samples, progress->step == STEPS ? SAMPLES : progress->step * BATCH);
    seen.steps++;
    return true;
}

static bool see_epoch(const NnProgress *progress, void *context)
{
    (void)context;
    ck_assert_int_eq(progress->epoch, seen.epochs++);
    ck_assert_int_eq(progress->samples, SAMPLES);
    ck_assert(progress->validation_accuracy >= 0 && progress->validation_accuracy <= 1);
    seen.loss = progress->loss;
    seen.accuracy = progress->validation_accuracy;
    return true;
}

START_TEST(callbacks_and_validation)
{
    Objects objects;
    make(&objects, ADAM);
    NnLoader *validation = nn_loader_new(objects.dataset, NULL);
    NnFitOptions options = NN_FIT_OPTIONS_INIT;
    NnProgress last;
    options.epochs = 40;
    options.validation = validation;
    options.on_step = see_step;
    options.on_epoch = see_epoch;
    memset(&seen, 0, sizeof seen);
    const NnRun *run = &objects.run;
    nn_optimizer_set_learning_rate(run->optimizer, 0.05);
    assert_status(nn_fit(run->net, run->loader, run->optimizer, &options, &last), VALGRAD_OK);
    ck_assert_int_eq(seen.epochs, 40);
    ck_assert_int_eq(seen.steps, 40 * STEPS);
    ck_assert(seen.loss < 0.1 && same(seen.loss, last.loss));
    assert_near(seen.accuracy, 1, 1e-12);
    assert_near(last.learning_rate, 0.05, 1e-12);
    nn_loader_free(validation);
    discard(&objects);
}
END_TEST

static Tensor *squared(Tensor *outputs, const NnBatch *batch, void *context)
{
    (void)batch;
    *(int *)context += 1;
    return tensor_mean_all(tensor_square(outputs));
}

START_TEST(own_loss)
{
    Objects objects;
    int calls = 0;
    NnProgress last;
    make(&objects, SGD);
    NnFitOptions options = NN_FIT_OPTIONS_INIT;
    options.loss = squared;
    options.context = &calls;
    const NnRun *run = &objects.run;
    assert_status(nn_fit(run->net, run->loader, run->optimizer, &options, &last), VALGRAD_OK);
    ck_assert_int_eq(calls, STEPS);
    ck_assert(isnan(last.validation_loss));
    discard(&objects);
}
END_TEST

START_TEST(stopped_by_a_callback)
{
    Objects objects;
    NnProgress last;
    make(&objects, SGD);
    NnFitOptions options = NN_FIT_OPTIONS_INIT;
    options.on_epoch = stop_here;
    options.epochs = 9;
    const NnRun *run = &objects.run;
    assert_status(nn_fit(run->net, run->loader, run->optimizer, &options, &last), VALGRAD_OK);
    ck_assert_int_eq(nn_loader_epoch(run->loader), 1);
    options.epochs = 1; /* which it has already */
    assert_status(nn_fit(run->net, run->loader, run->optimizer, &options, &last), VALGRAD_OK);
    ck_assert(isnan(last.loss));
    discard(&objects);
}
END_TEST

static Tensor *no_outputs(NnMlp *net, Tensor *inputs, bool training, void *context)
{
    (void)training, (void)context;
    return nn_mlp_forward(net, tensor_transpose(inputs));
}

START_TEST(fit_errors)
{
    Objects objects;
    make(&objects, SGD);
    NnFitOptions options = NN_FIT_OPTIONS_INIT;
    const NnRun *run = &objects.run;
    nn_fit(run->net, NULL, run->optimizer, &options, NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_fit: loader is NULL");
    options.epochs = -1;
    nn_fit(run->net, run->loader, run->optimizer, &options, NULL);
    assert_error(VALGRAD_ERROR_ARGUMENT, "nn_fit: -1 epochs: expected 0 or more");
    options.epochs = 1;
    options.forward = no_outputs;
    nn_fit(run->net, run->loader, run->optimizer, &options, NULL);
    assert_error(VALGRAD_ERROR_SHAPE, "(9, 8)");
    options = (NnFitOptions)NN_FIT_OPTIONS_INIT;
    options.epochs = 3;
    nn_optimizer_set_learning_rate(run->optimizer, 1e300);
    nn_fit(run->net, run->loader, run->optimizer, &options, NULL);
    assert_error(VALGRAD_ERROR_STATE, "nn_fit: the loss is ");
    discard(&objects);
}
END_TEST

/* ---- checkpoints --------------------------------------------------------------------------------- */

/* Stops after `step` steps, goes on from a file with new objects, and compares at the end. */
static void check_stop(Kind kind, int64_t step, const real expected[NUMBERS])
{
    const char *path = in_folder("run.safetensors");
    Objects first, second;
    real numbers[NUMBERS];
    make(&first, kind);
    fit(&first, step);
    NnState *state = nn_run_state(&first.run);
    assert_status(nn_state_write(state, path), VALGRAD_OK);
    nn_state_free(state);
    discard(&first);

    make(&second, kind);
    state = nn_state_read(path);
    assert_status(nn_run_load_state(&second.run, state), VALGRAD_OK);
    nn_state_free(state);
    fit(&second, ALL_STEPS);
    get_numbers(&second, numbers);
    ck_assert_msg(memcmp(numbers, expected, sizeof numbers) == 0,
                  "taken up after step %d, the run ends elsewhere", (int)step);
    discard(&second);
}

START_TEST(taken_up_anywhere)
{
    Objects objects;
    real expected[NUMBERS];
    make(&objects, (Kind)_i);
    fit(&objects, ALL_STEPS);
    get_numbers(&objects, expected);
    discard(&objects);
    for (int64_t step = 0; step < ALL_STEPS; step++)
        check_stop((Kind)_i, step, expected);
}
END_TEST

/* A checkpoint is a file of the network. */
START_TEST(a_checkpoint_is_a_model)
{
    const char *path = in_folder("run.safetensors");
    Objects objects;
    make(&objects, ADAM);
    fit(&objects, 5);
    NnState *state = nn_run_state(&objects.run);
    assert_status(nn_state_write(state, path), VALGRAD_OK);
    nn_state_free(state);
    assert_status(nn_parameters_load(nn_mlp_parameters(objects.run.net), path), VALGRAD_OK);
    NnMlp *net = nn_mlp_load(path, NULL);
    ck_assert_ptr_nonnull(net);
    nn_mlp_free(net);
    discard(&objects);
}
END_TEST

START_TEST(other_runs_are_refused)
{
    Objects adam, sgd, wide;
    real before[NUMBERS], after[NUMBERS];
    make(&adam, ADAM);
    make(&sgd, SGD);
    make(&wide, SGD);
    fit(&adam, 3);
    get_numbers(&sgd, before);
    NnState *state = nn_run_state(&adam.run);
    nn_run_load_state(&sgd.run, state);
    assert_error(VALGRAD_ERROR_STATE, "the state's optimizer is adam: expected sgd");
    nn_state_free(state);

    state = nn_mlp_state(adam.run.net);
    nn_run_load_state(&sgd.run, state);
    assert_error(VALGRAD_ERROR_STATE, "the state's optimizer is missing: expected sgd");
    nn_state_set_text(state, "training.optimizer", "sgd");
    nn_run_load_state(&sgd.run, state);
    assert_error(VALGRAD_ERROR_NAME, "no \"training.learning_rate\" in the state");
    nn_state_free(state);

    nn_loader_free(wide.run.loader);
    wide.run.loader = nn_loader_new(wide.dataset, NULL);
    state = nn_run_state(&sgd.run);
    nn_run_load_state(&wide.run, state);
    assert_error(VALGRAD_ERROR_STATE,
                 "the state's epochs have 50 samples in 7 steps: expected 50 in 1");
    nn_state_free(state);

    Random random = random_seeded(1);
    nn_loader_free(wide.run.loader);
    wide.run.loader = NULL;
    NnMlp *net = nn_mlp_new(NN_SIZES(SIDE * SIDE, 7, 2), NULL, &random);
    const NnRun other = {net, NULL, NULL, NULL};
    state = nn_run_state(&adam.run);
    nn_run_load_state(&other, state);
    assert_error(VALGRAD_ERROR_SHAPE, "\"0.weight\" is (6, 9): expected (7, 9)");
    nn_state_free(state);
    nn_mlp_free(net);

    get_numbers(&sgd, after);
    ck_assert_mem_eq(before, after, sizeof before);
    ck_assert_int_eq(nn_loader_total_step(sgd.run.loader), 0);
    nn_run_load_state(NULL, NULL);
    assert_error(VALGRAD_ERROR_NULL, "nn_run_load_state: run is NULL");
    ck_assert_ptr_null(nn_run_state(NULL));
    assert_error(VALGRAD_ERROR_NULL, "nn_run_state: run is NULL");
    discard(&adam);
    discard(&sgd);
    discard(&wide);
}
END_TEST

START_TEST(seek)
{
    Objects objects;
    make(&objects, SGD);
    NnLoader *loader = objects.run.loader;
    real there[BATCH * SIDE * SIDE], sought[BATCH * SIDE * SIDE];
    for (int i = 0; i < STEPS + 1 + 3; i++)
        nn_loader_next(loader);
    ck_assert_int_eq(nn_loader_total_step(loader), STEPS + 3);
    tensor_get(nn_loader_next(loader)->inputs, BATCH * SIDE * SIDE, there);
    nn_loader_next(loader);
    assert_status(nn_loader_seek(loader, 1, 3), VALGRAD_OK);
    tensor_get(nn_loader_next(loader)->inputs, BATCH * SIDE * SIDE, sought);
    ck_assert_mem_eq(there, sought, sizeof there);
    assert_status(nn_loader_seek(loader, 1, STEPS), VALGRAD_OK);
    ck_assert_ptr_null(nn_loader_next(loader));
    ck_assert_int_eq(nn_loader_epoch(loader), 2);
    nn_loader_seek(loader, 0, STEPS + 1);
    assert_error(VALGRAD_ERROR_ARGUMENT, "step 8: expected 0 to 7, the steps of an epoch");
    nn_loader_seek(loader, -1, 0);
    assert_error(VALGRAD_ERROR_ARGUMENT, "epoch -1: expected 0 or more");
    nn_loader_seek(NULL, 0, 0);
    assert_error(VALGRAD_ERROR_NULL, "nn_loader_seek: loader is NULL");
    discard(&objects);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("train");
    TCase *tests = new_case(suite, "fit", 10);
    tcase_add_test(tests, same_as_the_open_loop);
    tcase_add_test(tests, callbacks_and_validation);
    tcase_add_test(tests, own_loss);
    tcase_add_test(tests, stopped_by_a_callback);
    tcase_add_test(tests, fit_errors);

    tests = new_case(suite, "checkpoints", 30);
    tcase_add_checked_fixture(tests, in_a_folder, out_of_the_folder);
    tcase_add_loop_test(tests, taken_up_anywhere, 0, KINDS);
    tcase_add_test(tests, a_checkpoint_is_a_model);
    tcase_add_test(tests, other_runs_are_refused);
    tcase_add_test(tests, seek);
    return run_suite(suite);
}
