/* training.c - a training before and after its loop: made, told of, kept, taken up again. */
#include <inttypes.h>
#include <stdio.h>

#include "training.h"

/* ---- beginning and end ----------------------------------------------------------------------- */

static bool prepare(Training *t, const Config *config, const Data *data)
{
    *t = (Training){.config = config};
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

/* ---- checkpoints ----------------------------------------------------------------------------- */

static NnRun run_of(const Training *t)
{
    return (NnRun){t->net, t->optimizer, t->samples, NULL};
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

bool training_begin(Training *t, const Config *config, const Data *data)
{
    if (!prepare(t, config, data))
        return false;
    introduce(t, data);
    return !config->resume || resume(t);
}

void training_end(Training *t)
{
    nn_state_free(t->best.weights);
    watch_free(t->watch);
    nn_loader_free(t->test);
    nn_loader_free(t->validation);
    nn_loader_free(t->samples);
    nn_optimizer_free(t->optimizer);
    nn_mlp_free(t->net);
}

bool training_checkpoint(const Training *t)
{
    const Config *config = t->config;
    const int64_t steps = nn_loader_steps(t->samples);
    const int64_t every = config->checkpoint_every ? config->checkpoint_every : steps;
    bool due = t->step % every == 0 || t->step == t->total_steps;
    const NnRun run = run_of(t);
    return !config->checkpoint || !due ||
           checkpoint_save(config, &run, watch_progress(t->watch), &t->best);
}

bool training_keep_stopped(const Training *t)
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
