/* train.c - the training loop. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnist.h"

typedef struct Training {
    NnMlp *net;
    NnOptimizer *optimizer;
    NnLoader *digits, *test_digits;
    NnSchedule schedule;
    int64_t step, total_steps;
} Training;

static bool fails(void)
{
    library_error();
    return false;
}

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
    for (const NnBatch *batch; (batch = nn_loader_next(t->digits));)
        VALGRAD_SCOPE {
            nn_optimizer_set_learning_rate(
                t->optimizer, nn_schedule_rate(&t->schedule, t->step++, t->total_steps));
            Tensor *logits = nn_mlp_forward(t->net, batch->inputs);
            Tensor *loss = tensor_cross_entropy(logits, batch->count, batch->labels);
            nn_optimizer_zero_grad(t->optimizer);
            if (tensor_backward(loss, NULL) != VALGRAD_OK ||
                nn_optimizer_step(t->optimizer) != VALGRAD_OK)
                return fails();
            if (!check_loss(t, (double)tensor_item(loss)))
                return false;
            progress_step(progress, batch->count, (double)tensor_item(loss),
                          nn_count_correct(logits, batch->count, batch->labels));
        }
    return true;
}

/* The part of the test digits that the network labels rightly. */
static bool test_accuracy(const Training *t, double *accuracy)
{
    int64_t correct = 0;
    VALGRAD_NO_GRAD
        for (const NnBatch *batch; (batch = nn_loader_next(t->test_digits));)
            VALGRAD_SCOPE {
                Tensor *logits = nn_mlp_forward(t->net, batch->inputs);
                int64_t right = nn_count_correct(logits, batch->count, batch->labels);
                if (right < 0)
                    return fails();
                correct += right;
            }
    *accuracy = (double)correct / (double)nn_loader_samples(t->test_digits);
    return true;
}

static bool train_all(Training *t, const Settings *settings, double *accuracy)
{
    Progress progress = progress_new(settings, nn_loader_samples(t->digits));
    for (int64_t epoch = 0; epoch < settings->epochs; epoch++) {
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

/* ---- what the settings ask for --------------------------------------------------------------- */

static NnMlp *make_network(const Settings *settings, int64_t inputs)
{
    int64_t sizes[MAX_HIDDEN + 2] = {inputs};
    int count = 1;
    for (int i = 0; i < settings->hidden_count; i++)
        sizes[count++] = settings->hidden[i];
    sizes[count++] = CLASSES;
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.hidden = (NnActivation)settings->activation;
    options.init = (NnInit){(NnInitRule)settings->init, settings->init_bound, settings->init_bias};
    Random random = random_seeded((uint64_t)settings->seed);
    return nn_mlp_new(count, sizes, &options, &random);
}

static NnOptimizer *make_optimizer(const Settings *settings, const NnParameters *parameters)
{
    if (settings->algorithm == SGD) {
        NnSgdOptions options = {settings->learning_rate, settings->momentum, settings->weight_decay,
                                settings->nesterov};
        return nn_optimizer_sgd(parameters, &options);
    }
    NnAdamOptions options = NN_ADAM_OPTIONS_INIT;
    options.learning_rate = settings->learning_rate;
    options.weight_decay = settings->weight_decay;
    return settings->algorithm == ADAM ? nn_optimizer_adam(parameters, &options)
                                       : nn_optimizer_adamw(parameters, &options);
}

static NnLoader *make_loader(const Settings *settings, const Data *data)
{
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.batch = settings->batch;
    options.limit = settings->train_limit;
    options.seed = (uint64_t)settings->seed;
    options.sequential = !settings->shuffle;
    return nn_loader_new(data->train, &options);
}

static NnLoader *make_test_loader(const Data *data)
{
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.batch = 500;
    options.sequential = true;
    return nn_loader_new(data->test, &options);
}

static NnSchedule make_schedule(const Settings *settings, int64_t total_steps)
{
    NnSchedule schedule = NN_SCHEDULE_INIT;
    schedule.rule = (NnScheduleRule)settings->schedule;
    schedule.base = settings->learning_rate;
    schedule.factor = 0.1;
    schedule.every = total_steps / 3 + (total_steps % 3 != 0);
    return schedule;
}

static bool prepare(Training *t, const Settings *settings, const Data *data)
{
    t->net = make_network(settings, nn_dataset_rows(data->train) * nn_dataset_columns(data->train));
    t->optimizer = t->net ? make_optimizer(settings, nn_mlp_parameters(t->net)) : NULL;
    t->digits = t->optimizer ? make_loader(settings, data) : NULL;
    t->test_digits = t->digits ? make_test_loader(data) : NULL;
    t->total_steps = settings->epochs * nn_loader_steps(t->digits);
    t->schedule = make_schedule(settings, t->total_steps);
    return t->test_digits || fails();
}

static void discard(Training *t)
{
    nn_loader_free(t->test_digits);
    nn_loader_free(t->digits);
    nn_optimizer_free(t->optimizer);
    nn_mlp_free(t->net);
}

static void introduce(const Training *t, const Settings *settings)
{
    const Tensor *first = nn_linear_weight(nn_mlp_layer(t->net, 0));
    printf("%" PRId64, tensor_side(first, 0));
    for (int i = 0; i < nn_mlp_layer_count(t->net); i++)
        printf("-%" PRId64, tensor_side(nn_linear_weight(nn_mlp_layer(t->net, i)), 1));
    printf(" %s, %" PRId64 " parameters, %s; %" PRId64 " digits to train, %" PRId64 " to test\n",
           nn_activation_name((NnActivation)settings->activation),
           nn_parameters_numbers(nn_mlp_parameters(t->net)), sizeof(real) == 8 ? "double" : "float",
           nn_loader_samples(t->digits), nn_loader_samples(t->test_digits));
    fflush(stdout);
}

int train(const Settings *settings, const Data *data)
{
    if (settings->train_limit > nn_dataset_count(data->train)) {
        error_line("--train-limit %" PRId64 ": the data has %" PRId64 " digits to train",
                   settings->train_limit, nn_dataset_count(data->train));
        return EXIT_USAGE;
    }
    Training t = {.net = NULL};
    double accuracy = 0;
    bool done = prepare(&t, settings, data);
    if (done && !settings->quiet)
        introduce(&t, settings);
    done = done && train_all(&t, settings, &accuracy);
    if (done)
        printf("test accuracy %.2f %%\n", 100 * accuracy);
    discard(&t);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
