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

static bool train_epoch(Training *t, Progress *progress)
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

static bool train_all(Training *t, const Config *config, double *accuracy)
{
    Progress progress = progress_new(config, nn_loader_samples(t->samples));
    for (int64_t epoch = 0; epoch < config->epochs; epoch++) {
        progress_begin_epoch(&progress);
        if (!train_epoch(t, &progress))
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
    t->net = model_network(config, pixels, nn_dataset_classes(data->train));
    t->optimizer = t->net ? model_optimizer(config, nn_mlp_parameters(t->net)) : NULL;
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

static void introduce(const Training *t, const Config *config)
{
    char text[400];
    model_describe(config, t->net, text, sizeof text);
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
        introduce(&t, config);
    done = done && train_all(&t, config, &accuracy);
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
    if (!data_load(config, &data))
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
            "  mnist --data ~/fashion --seed 2",
    .run = train,
};
