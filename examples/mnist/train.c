/* train.c - `mnist train`: the training loop. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnist.h"

typedef struct Training {
    const Config *config;
    NnMlp *net;
    NnOptimizer *optimizer;
    NnLoader *samples, *validation, *test; /* validation NULL: none */
    NnSchedule schedule;
    int64_t step, total_steps;
    Watch *watch;
    Best best; /* if stopping early */
} Training;

static volatile sig_atomic_t interrupted;

/* ---- checkpoints ----------------------------------------------------------------------------- */

static NnRun run_of(const Training *t)
{
    return (NnRun){t->net, t->optimizer, t->samples, NULL};
}

/* After every so many steps, or each epoch's last one, and after the last of all. */
static bool checkpoint(const Training *t)
{
    const Config *config = t->config;
    const int64_t steps = nn_loader_steps(t->samples);
    const int64_t every = config->checkpoint_every ? config->checkpoint_every : steps;
    bool due = t->step % every == 0 || t->step == t->total_steps;
    const NnRun run = run_of(t);
    return !config->checkpoint || !due ||
           checkpoint_save(config, &run, watch_progress(t->watch), &t->best);
}

static bool resume(Training *t)
{
    Progress progress = {0, 0, 0};
    const NnRun run = run_of(t);
    if (!checkpoint_load(t->config, &run, &progress, &t->best))
        return false;
    t->step = nn_loader_total_step(t->samples);
    watch_resume(t->watch, t->step, &progress);
    watch_say(t->watch, "resumed after step %" PRId64 " of %" PRId64, t->step, t->total_steps);
    return true;
}

/* ---- the loop -------------------------------------------------------------------------------- */

static bool train_epoch(Training *t)
{
    for (const NnBatch *batch; !interrupted && (batch = nn_loader_next(t->samples));)
        VALGRAD_SCOPE {
            double rate = nn_schedule_rate(&t->schedule, t->step, t->total_steps);
            Tensor *outputs = model_forward(t->config, t->net, batch->inputs, t->step);
            Tensor *loss = model_loss(t->config, outputs, batch);
            nn_optimizer_zero_grad(t->optimizer);
            if (tensor_backward(loss, NULL) != VALGRAD_OK || !model_clip(t->config, t->net) ||
                nn_optimizer_set_learning_rate(t->optimizer, rate) != VALGRAD_OK ||
                !watch_before_step(t->watch, t->net) ||
                nn_optimizer_step(t->optimizer) != VALGRAD_OK)
                return library_error();
            t->step++;
            if (!watch_step(t->watch, batch, outputs, (double)tensor_item(loss), rate) ||
                !checkpoint(t))
                return false;
        }
    return true;
}

/* Keeps the weights of the best epoch. False: no epoch has been better for `patience` epochs. */
static bool is_still_patient(Training *t, int64_t epoch, double accuracy)
{
    Best *best = &t->best;
    if (best->weights && accuracy <= best->accuracy + t->config->min_gain / 100)
        return epoch - best->epoch < t->config->patience;
    nn_state_free(best->weights);
    *best = (Best){nn_parameters_state(nn_mlp_parameters(t->net)), accuracy, epoch};
    return true;
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
        *stop = !is_still_patient(t, epoch, judgement.accuracy);
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
    struct sigaction action = {.sa_handler = interrupt, .sa_flags = (int)(SA_RESETHAND | SA_RESTART)};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

static bool prepare(Training *t, const Config *config, const Data *data)
{
    t->config = config;
    int64_t features = nn_dataset_features(data->train);
    int64_t classes = nn_dataset_classes(data->train);
    t->net = config->load ? model_file_load(config, features, classes)
                          : model_network(config, features, classes);
    if (!t->net)
        return config->load ? false : library_error();
    t->optimizer = model_optimizer(config, nn_mlp_parameters(t->net));
    t->samples = t->optimizer ? model_loader(config, data) : NULL;
    t->test = t->samples ? model_test_loader(data, data->test) : NULL;
    if (t->test && data->validation)
        t->validation = model_test_loader(data, data->validation);
    if (!t->test || (data->validation && !t->validation))
        return library_error();
    t->total_steps = config->epochs * nn_loader_steps(t->samples);
    t->schedule = model_schedule(config, nn_loader_steps(t->samples), t->total_steps);
    t->watch = watch_new(config, t->net, t->samples, data->validation ? "validation" : "test");
    return t->watch != NULL;
}

static void discard(Training *t)
{
    nn_state_free(t->best.weights);
    watch_free(t->watch);
    nn_loader_free(t->test);
    nn_loader_free(t->validation);
    nn_loader_free(t->samples);
    nn_optimizer_free(t->optimizer);
    nn_mlp_free(t->net);
}

static void introduce(const Training *t, const Data *data)
{
    char text[400], set_aside[60] = "";
    if (t->config->quiet)
        return;
    model_describe(t->net, text, sizeof text);
    if (data->validation)
        snprintf(set_aside, sizeof set_aside, ", %" PRId64 " to validate",
                 nn_dataset_count(data->validation));
    printf("%s; %" PRId64 " samples to train%s, %" PRId64 " to test\n", text,
           nn_loader_samples(t->samples), set_aside, nn_loader_samples(t->test));
    fflush(stdout);
}

/* What a run that was stopped leaves, and how to go on from it. */
static bool keep_stopped(Training *t)
{
    static char standard[] = "stopped.safetensors"; /* where nobody named a file */
    Config config = *t->config;
    const NnRun run = run_of(t);
    config.checkpoint = config.checkpoint ? config.checkpoint : standard;
    if (!checkpoint_save(&config, &run, watch_progress(t->watch), &t->best))
        return false;
    error_line("stopped after step %" PRId64 " of %" PRId64 "; to go on: %s train --resume %s",
               t->step, t->total_steps, program_name(), config.checkpoint);
    return true;
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
    Training t = {.net = NULL};
    watch_interrupts();
    bool done = prepare(&t, config, data);
    if (done)
        introduce(&t, data);
    done = done && (!config->resume || resume(&t)) && train_all(&t) &&
           (!interrupted || keep_stopped(&t)) && finish(&t, data);
    discard(&t);
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
