/* model_file.c - networks and checkpoints in files, with the settings that they were made by. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mnist.h"

static const char config_key[] = "config", accuracy_key[] = "test_accuracy";
static const char progress_array[] = "training.progress"; /* samples seen, right ones, loss */
static const char best_array[] = "training.best";         /* accuracy, epoch; .NAME: its weights */

NnState *model_file_read(const char *path)
{
    NnState *state = nn_state_read(path);
    if (!state)
        library_error();
    return state;
}

/* ---- settings -------------------------------------------------------------------------------- */

/* Of a file without them, as PyTorch writes it: the layers are seen in the arrays. */
static bool layers_from_network(const NnState *state, Config *config, const char *path)
{
    NnMlp *net = nn_mlp_from_state(state, NULL);
    if (!net)
        return error_line("%s: %s", path, message_of_library()), false;
    const int layers = nn_mlp_layer_count(net);
    if (layers - 1 <= MAX_HIDDEN) {
        config->layers.count = layers - 1;
        for (int i = 0; i + 1 < layers; i++)
            config->layers.sizes[i] = tensor_side(nn_linear_weight(nn_mlp_layer(net, i)), 1);
    } else {
        error_line("%s: %d hidden layers: expected at most %d", path, layers - 1, MAX_HIDDEN);
    }
    nn_mlp_free(net);
    return layers - 1 <= MAX_HIDDEN;
}

bool model_file_config(const char *path, Config *config)
{
    NnState *state = model_file_read(path);
    if (!state)
        return false;
    const char *text = nn_state_text(state, config_key);
    bool done = true;
    if (text) {
        const char *error = config_from_json(config, text, strlen(text), BY_MODEL);
        if (error)
            error_line("%s: its settings: %s", path, error);
        done = !error;
    } else {
        done = layers_from_network(state, config, path);
    }
    nn_state_free(state);
    return done;
}

double model_file_accuracy(const NnState *state)
{
    const char *text = nn_state_text(state, accuracy_key);
    return text ? strtod(text, NULL) : (double)NAN;
}

/* ---- networks -------------------------------------------------------------------------------- */

/* The network that the settings describe; the command line may have changed them. */
static bool is_as_configured(const Config *config, const NnMlp *net)
{
    bool same = nn_mlp_layer_count(net) == config->layers.count + 1 &&
                (int)nn_mlp_hidden_activation(net) == config->activation;
    for (int i = 0; same && i < config->layers.count; i++)
        same = tensor_side(nn_linear_weight(nn_mlp_layer(net, i)), 1) == config->layers.sizes[i];
    return same;
}

NnMlp *model_file_network(const char *path, const NnState *state, const Config *config)
{
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.hidden = (NnActivation)config->activation;
    if (config->output_activation >= 0)
        options.output = (NnActivation)config->output_activation;
    NnMlp *net = nn_mlp_from_state(state, &options);
    if (!net) {
        error_line("%s: %s", path, message_of_library());
        return NULL;
    }
    if (is_as_configured(config, net))
        return net;
    error_line("%s: its network has not the layers or activation of the settings", path);
    nn_mlp_free(net);
    return NULL;
}

/* Whether means and deviations are for inputs of this network. */
static bool moments_fit(const Config *config, const NnMlp *net)
{
    int64_t inputs = tensor_side(nn_linear_weight(nn_mlp_layer(net, 0)), 0);
    int64_t n = config->mean.count;
    if (n == config->deviation.count && (n == 0 || n == 1 || n == inputs))
        return true;
    error_line("%s: its settings: %" PRId64 " means and %" PRId64 " deviations for %" PRId64
               " inputs",
               config->load, n, config->deviation.count, inputs);
    return false;
}

NnMlp *model_file_open(const Config *config)
{
    NnState *state = model_file_read(config->load);
    NnMlp *net = state ? model_file_network(config->load, state, config) : NULL;
    nn_state_free(state);
    if (!net || moments_fit(config, net))
        return net;
    nn_mlp_free(net);
    return NULL;
}

NnMlp *model_file_load(const Config *config, int64_t inputs, int64_t classes)
{
    NnMlp *net = model_file_open(config);
    if (!net)
        return NULL;
    const int last = nn_mlp_layer_count(net) - 1;
    const int64_t ins = tensor_side(nn_linear_weight(nn_mlp_layer(net, 0)), 0);
    const int64_t outs = tensor_side(nn_linear_weight(nn_mlp_layer(net, last)), 1);
    if (ins == inputs && outs == classes)
        return net;
    error_line("%s: a network of %" PRId64 " inputs and %" PRId64 " classes: the data have %" PRId64
               " and %" PRId64,
               config->load, ins, outs, inputs, classes);
    nn_mlp_free(net);
    return NULL;
}

/* ---- writing --------------------------------------------------------------------------------- */

bool model_file_annotate(NnState *state, const Config *config, double accuracy)
{
    char number[40];
    char *settings_text = config_to_json(config);
    snprintf(number, sizeof number, "%.17g", accuracy);
    bool done =
        settings_text && nn_state_set_text(state, config_key, settings_text) == VALGRAD_OK &&
        nn_state_set_text(state, accuracy_key, isnan(accuracy) ? NULL : number) == VALGRAD_OK;
    free(settings_text);
    return done;
}

/* Writes a state with settings, and frees it. */
static bool write_with_settings(NnState *state, const Config *config, double accuracy,
                                const char *path)
{
    bool done = state && model_file_annotate(state, config, accuracy) &&
                nn_state_write(state, path) == VALGRAD_OK;
    nn_state_free(state);
    return done || library_error();
}

bool model_file_save(const Config *config, const NnMlp *net, double accuracy)
{
    return write_with_settings(nn_mlp_state(net), config, accuracy, config->save);
}

/* 0, or why a file cannot be written: it, or else its folder. */
static int why_not_written(const char *path)
{
    struct stat about;
    if (stat(path, &about) == 0)
        return S_ISDIR(about.st_mode) ? EISDIR : access(path, W_OK) == 0 ? 0 : errno;
    const char *slash = strrchr(path, '/');
    char *folder = strndup(slash ? path : ".", slash && slash > path ? (size_t)(slash - path) : 1);
    int reason = !folder ? ENOMEM : access(folder, W_OK | X_OK) == 0 ? 0 : errno;
    free(folder);
    return reason;
}

bool model_file_check(const Config *config)
{
    const char *const paths[] = {config->save, config->checkpoint};
    for (int i = 0; i < 2; i++) {
        int reason = paths[i] ? why_not_written(paths[i]) : 0;
        if (reason) {
            error_line("%s: cannot be written: %s", paths[i], strerror(reason));
            return false;
        }
    }
    return true;
}

/* ---- checkpoints ----------------------------------------------------------------------------- */

/* "training.best.0.weight" */
static void name_best(char *text, size_t room, const char *name)
{
    snprintf(text, room, "%s.%s", best_array, name);
}

static bool add_best(NnState *state, const Best *best)
{
    const double numbers[] = {best->accuracy, (double)best->epoch};
    char name[256];
    if (!best->weights)
        return true;
    bool done = nn_state_add(state, best_array, NN_F64, TENSOR_SHAPE(2), numbers) == VALGRAD_OK;
    for (int64_t i = 0; done && i < nn_state_count(best->weights); i++) {
        const NnArray *array = nn_state_at(best->weights, i);
        name_best(name, sizeof name, array->name);
        done = nn_state_add(state, name, array->dtype, array->rank, array->shape, array->data) ==
               VALGRAD_OK;
    }
    return done;
}

bool checkpoint_save(const Config *config, const NnRun *run, const Progress *progress,
                     const Best *best)
{
    const double seen[] = {(double)progress->seen, (double)progress->correct, progress->loss};
    NnState *state = nn_run_state(run);
    if (state &&
        (nn_state_add(state, progress_array, NN_F64, TENSOR_SHAPE(3), seen) != VALGRAD_OK ||
         !add_best(state, best))) {
        nn_state_free(state);
        state = NULL;
    }
    return write_with_settings(state, config, (double)NAN, config->checkpoint);
}

/* The elements of an array of `size` doubles; NULL if there is none. */
static const double *doubles_of(const NnState *state, const char *name, int64_t size)
{
    const NnArray *array = nn_state_has(state, name) ? nn_state_find(state, name) : NULL;
    return array && array->dtype == NN_F64 && array->size == size ? array->data : NULL;
}

/* If there is none, only what is shown of the present epoch is missing. */
static void load_progress(const NnState *state, Progress *progress)
{
    const double *seen = doubles_of(state, progress_array, 3);
    if (seen)
        *progress = (Progress){(int64_t)seen[0], (int64_t)seen[1], seen[2]};
}

/* The weights of the best epoch, under the names of the network's parameters. */
static NnState *best_weights(const NnState *state, const NnParameters *parameters)
{
    NnState *weights = nn_state_new();
    bool done = weights != NULL;
    for (int64_t i = 0; done && i < nn_parameters_count(parameters); i++) {
        char name[256];
        const char *own = nn_parameters_name(parameters, i);
        name_best(name, sizeof name, own);
        const NnArray *array = nn_state_find(state, name);
        done = array && nn_state_add(weights, own, array->dtype, array->rank, array->shape,
                                     array->data) == VALGRAD_OK;
    }
    if (done)
        return weights;
    nn_state_free(weights);
    return NULL;
}

static bool load_best(const NnState *state, const NnMlp *net, Best *best)
{
    const double *numbers = doubles_of(state, best_array, 2);
    if (!numbers)
        return true;
    *best = (Best){best_weights(state, nn_mlp_parameters(net)), numbers[0], (int64_t)numbers[1]};
    return best->weights != NULL;
}

bool checkpoint_load(const Config *config, const NnRun *run, Progress *progress, Best *best)
{
    NnState *state = model_file_read(config->resume);
    if (!state)
        return false;
    bool done = nn_run_load_state(run, state) == VALGRAD_OK && load_best(state, run->net, best);
    if (done)
        load_progress(state, progress);
    else
        error_line("%s: cannot be resumed: %s", config->resume, message_of_library());
    nn_state_free(state);
    return done;
}
