/* train.c - `mnist train`: the training loop. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnist.h"

typedef struct Training {
    NnMlp *net;
    NnOptimizer *optimizer;
    NnLoader *samples, *test_samples;
    NnSchedule schedule;
    int64_t step, total_steps;
} Training;

/* Whether the loss is still a number; a learning rate that is too high makes it infinite. */
static bool check_loss(const Training *t, double loss)
{
    if (isfinite(loss))
        return true;
    error_line("the loss is %g after %" PRId64 " steps: expected a number: try a smaller --lr",
               loss, t->step);
    return false;
}

/* After every so many steps, or each epoch's last one, and after the last of all. */
static bool checkpoint(const Training *t, const Config *config, const Progress *progress)
{
    const int64_t steps = nn_loader_steps(t->samples);
    const int64_t every = config->checkpoint_every ? config->checkpoint_every : steps;
    if (!config->checkpoint || (t->step % every != 0 && t->step != t->total_steps))
        return true;
    const NnRun run = {t->net, t->optimizer, t->samples, NULL};
    return checkpoint_save(config, &run, progress);
}

static bool train_epoch(Training *t, const Config *config, Progress *progress)
{
    for (const NnBatch *batch; (batch = nn_loader_next(t->samples));)
        VALGRAD_SCOPE {
            nn_optimizer_set_learning_rate(
                t->optimizer, nn_schedule_rate(&t->schedule, t->step++, t->total_steps));
            Tensor *logits = nn_mlp_forward(t->net, batch->inputs);
            Tensor *loss = tensor_cross_entropy(logits, batch->count, batch->labels);
            nn_optimizer_zero_grad(t->optimizer);
            if (tensor_backward(loss, NULL) != VALGRAD_OK ||
                nn_optimizer_step(t->optimizer) != VALGRAD_OK)
                return library_error();
            if (!check_loss(t, (double)tensor_item(loss)))
                return false;
            progress_step(progress, batch->count, (double)tensor_item(loss),
                          nn_count_correct(logits, batch->count, batch->labels));
            if (!checkpoint(t, config, progress))
                return false;
        }
    return true;
}

/* The part of the test samples that the network labels rightly. */
static bool test_accuracy(const Training *t, double *accuracy)
{
    int64_t correct = 0;
    VALGRAD_NO_GRAD
        for (const NnBatch *batch; (batch = nn_loader_next(t->test_samples));)
            VALGRAD_SCOPE {
                Tensor *logits = nn_mlp_forward(t->net, batch->inputs);
                int64_t right = nn_count_correct(logits, batch->count, batch->labels);
                if (right < 0)
                    return library_error();
                correct += right;
            }
    *accuracy = (double)correct / (double)nn_loader_samples(t->test_samples);
    return true;
}

static bool resume(Training *t, const Config *config, Progress *progress)
{
    const NnRun run = {t->net, t->optimizer, t->samples, NULL};
    if (!checkpoint_load(config, &run, progress))
        return false;
    t->step = nn_run_step(t->samples);
    if (!config->quiet)
        printf("resumed after step %" PRId64 " of %" PRId64 "\n", t->step, t->total_steps);
    return true;
}

static bool train_all(Training *t, const Config *config, double *accuracy)
{
    Progress progress = progress_new(config, nn_loader_samples(t->samples));
    if (config->resume && !resume(t, config, &progress))
        return false;
    if (nn_loader_epoch(t->samples) >= config->epochs)
        return test_accuracy(t, accuracy); /* resumed where all was done */
    for (int64_t epoch = nn_loader_epoch(t->samples); epoch < config->epochs; epoch++) {
        progress_begin_epoch(&progress, epoch);
        if (!train_epoch(t, config, &progress))
            return false;
        progress_end_training(&progress);
        if (!test_accuracy(t, accuracy))
            return false;
        progress_end_epoch(&progress, *accuracy);
    }
    return true;
}

/* ---- before and after ------------------------------------------------------------------------ */

static bool prepare(Training *t, const Config *config, const Data *data)
{
    int64_t pixels = nn_dataset_rows(data->train) * nn_dataset_columns(data->train);
    const int64_t classes = nn_dataset_classes(data->train);
    t->net = config->load ? model_file_load(config, pixels, classes)
                          : model_network(config, pixels, classes);
    if (!t->net)
        return config->load ? false : library_error();
    t->optimizer = model_optimizer(config, nn_mlp_parameters(t->net));
    t->samples = t->optimizer ? model_loader(config, data->train) : NULL;
    t->test_samples = t->samples ? model_test_loader(data->test) : NULL;
    t->total_steps = config->epochs * nn_loader_steps(t->samples);
    t->schedule = model_schedule(config, t->total_steps);
    return t->test_samples || library_error();
}

static void discard(Training *t)
{
    nn_loader_free(t->test_samples);
    nn_loader_free(t->samples);
    nn_optimizer_free(t->optimizer);
    nn_mlp_free(t->net);
}

static void introduce(const Training *t)
{
    char text[400];
    model_describe(t->net, text, sizeof text);
    printf("%s; %" PRId64 " digits to train, %" PRId64 " to test\n", text,
           nn_loader_samples(t->samples), nn_loader_samples(t->test_samples));
    fflush(stdout);
}

static bool train_on(const Config *config, const Data *data)
{
    Training t = {.net = NULL};
    double accuracy = 0;
    bool done = prepare(&t, config, data);
    if (done && !config->quiet)
        introduce(&t);
    done = done && train_all(&t, config, &accuracy) &&
           (!config->save || model_file_save(config, t.net, accuracy));
    if (done)
        printf("test accuracy %.2f %%\n", 100 * accuracy);
    discard(&t);
    return done;
}

static int train(const Config *config, char **arguments)
{
    (void)arguments;
    Data data = {NULL, NULL};
    int code = EXIT_FAILURE;
    if (!model_file_check(config) || !data_load(config, &data))
        return code;
    if (config->train_limit > nn_dataset_count(data.train)) {
        error_line("--train-limit %" PRId64 ": the data has %" PRId64 " digits to train",
                   config->train_limit, nn_dataset_count(data.train));
        code = EXIT_USAGE;
    } else if (train_on(config, &data)) {
        code = EXIT_SUCCESS;
    }
    data_free(&data);
    return code;
}

const Command command_train = {
    .name = "train",
    .summary = "train a network and test it",
    .bit = TRAIN,
    .help = "Trains a small neural network on the handwritten digits of MNIST and tests it on "
            "10,000 others."
            "\vEach epoch's line tells the mean loss and the accuracy over the epoch's training "
            "steps, the accuracy on the test digits after them, and the time of the training "
            "alone.\n\n"
            "Examples:\n  mnist --epochs 3\n  mnist --layers 128,64 --optimizer adam\n"
            "  mnist --data ~/fashion --seed 2\n"
            "  mnist --epochs 5 --save digits.safetensors --checkpoint run.safetensors\n"
            "  mnist --resume run.safetensors --save digits.safetensors",
    .run = train,
};
