/* train.c - `mnist train`: the training loop. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "training.h"

static volatile sig_atomic_t interrupted;

/* ---- the loop -------------------------------------------------------------------------------- */

/* Lets the weights follow their gradients, at the rate of this step. */
static bool update(Training *t, double rate)
{
    return model_clip(t->config, t->net) && watch_before_step(t->watch, t->net) &&
           nn_optimizer_set_learning_rate(t->optimizer, rate) == VALGRAD_OK &&
           nn_optimizer_step(t->optimizer) == VALGRAD_OK;
}

static bool train_epoch(Training *t)
{
    for (const NnBatch *batch; !interrupted && (batch = nn_loader_next(t->samples));)
        VALGRAD_SCOPE {
            const double rate = nn_schedule_rate(&t->schedule, t->step, t->total_steps);
            Tensor *outputs = model_forward(t->config, t->net, batch->inputs, t->step++);
            Tensor *loss = model_loss(t->config, outputs, batch);
            nn_optimizer_zero_grad(t->optimizer);
            if (tensor_backward(loss, NULL) != VALGRAD_OK || !update(t, rate))
                return library_error();
            if (!watch_step(t->watch, batch, outputs, (double)tensor_item(loss), rate) ||
                !training_checkpoint(t))
                return false;
        }
    return true;
}

/* Keeps the weights of the best epoch; it is time to stop when none has been better for long. */
static bool keep_best(Training *t, int64_t epoch, double accuracy, bool *stop)
{
    Best *best = &t->best;
    if (best->weights && accuracy <= best->accuracy + t->config->min_gain / 100) {
        *stop = epoch - best->epoch >= t->config->patience;
        return true;
    }
    nn_state_free(best->weights);
    *best = (Best){nn_parameters_state(nn_mlp_parameters(t->net)), accuracy, epoch};
    return best->weights || library_error();
}

/* After an epoch: how well the network does on samples that it has not seen. */
static bool test_epoch(Training *t, bool *stop)
{
    Judgement judgement;
    NnLoader *unseen = t->validation ? t->validation : t->test;
    int64_t epoch = nn_loader_epoch(t->samples);
    watch_end_training(t->watch);
    if (!judge(t->config, t->net, unseen, 0, &judgement))
        return false;
    bool fine = watch_epoch(t->watch, t->net, unseen, judgement.loss, judgement.accuracy);
    if (fine && t->config->patience > 0)
        fine = keep_best(t, epoch, judgement.accuracy, stop);
    if (*stop)
        watch_say(t->watch, "no gain for %" PRId64 " epochs: back to the weights of epoch %" PRId64,
                  epoch - t->best.epoch, t->best.epoch);
    judgement_free(&judgement);
    return fine;
}

static bool train_all(Training *t)
{
    bool stop = false;
    while (!stop && !interrupted && nn_loader_epoch(t->samples) < t->config->epochs) {
        watch_begin_epoch(t->watch);
        if (!train_epoch(t) || (!interrupted && !test_epoch(t, &stop)))
            return false;
    }
    /* A run that was stopped goes on from the weights it has. */
    if (!interrupted && t->best.weights &&
        nn_parameters_load_state(nn_mlp_parameters(t->net), t->best.weights, true) != VALGRAD_OK)
        return library_error();
    return true;
}

/* ---- before and after ------------------------------------------------------------------------ */

static void interrupt(int number)
{
    (void)number;
    interrupted = true;
}

/* The first Ctrl-C finishes the step, a second one ends the program. */
static void watch_interrupts(void)
{
    struct sigaction action = {.sa_handler = interrupt,
                               .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

static bool finish(Training *t, const Data *data)
{
    Judgement judgement;
    if (!judge(t->config, t->net, t->test, t->config->mistakes, &judgement))
        return false;
    bool done = watch_end(t->watch) && report(t->config, data, data->test, t->net, &judgement);
    if (done && t->config->save)
        done = model_file_save(t->config, t->net, judgement.accuracy);
    if (done)
        printf("test accuracy %.2f %%\n", 100 * judgement.accuracy);
    judgement_free(&judgement);
    return done;
}

static bool train_on(const Config *config, const Data *data)
{
    Training t;
    watch_interrupts();
    bool done = training_begin(&t, config, data) && train_all(&t) &&
                (!interrupted || training_keep_stopped(&t)) && finish(&t, data);
    training_end(&t);
    return done;
}

static bool limit_fits(const Config *config, const Data *data)
{
    if (config->train_limit <= nn_dataset_count(data->train))
        return true;
    error_line("--train-limit %" PRId64 ": the data has %" PRId64 " samples to train",
               config->train_limit, nn_dataset_count(data->train));
    return false;
}

static int train(Config *config, char **arguments)
{
    const int stopped_by_interrupt = 128 + SIGINT; /* as shells have it */
    Data data;
    int code = EXIT_FAILURE;
    (void)arguments;
    if (!model_file_check(config) || !data_load(config, &data))
        return EXIT_FAILURE;
    if (!limit_fits(config, &data))
        code = EXIT_USAGE;
    else if (train_on(config, &data))
        code = interrupted ? stopped_by_interrupt : EXIT_SUCCESS;
    data_free(&data);
    return code;
}

const Command command_train = {
    .name = "train",
    .summary = "train a network and test it",
    .bit = TRAIN,
    .help =
        "Trains a small neural network on the handwritten digits of MNIST, or on other labelled "
        "data, and tests it on samples that it has not seen.",
    .notes = "Each epoch's line tells the mean loss and the accuracy over the epoch's training "
             "steps, the accuracy on the test (or validation) samples after them, and the time of "
             "the training alone. Ctrl-C finishes the step, then writes a checkpoint and tests.",
    .examples = "$ --epochs 3 --save digits.safetensors\n"
                "$ --layers 128,64 --optimizer adam --dropout 0.2 --validation 0.1\n"
                "$ --data train.csv.gz --test-data test.csv.gz\n"
                "$ --dataset fashion --epochs 5 --report --plot curves.svg\n"
                "$ --epochs 50 --checkpoint run.safetensors\n"
                "$ --resume run.safetensors --save digits.safetensors",
    .run = train,
};
