/* config.c - the table of settings: each with its kind, range and place in Config. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <valgrad/valgrad.h>

#include "config.h"
#include "mnist.h"

Config config_defaults(void)
{
    return (Config){
        .shuffle = true,
        .layers = {1, {128}},
        .activation = NN_RELU,
        .init = NN_FAN_IN_UNIFORM,
        .init_bound = 0.1,
        .seed = 1,
        .epochs = 10,
        .batch = 64,
        .optimizer = SGD,
        .schedule = NN_COSINE,
        .lr = (double)NAN, /* these depend on the algorithm, see config_complete() */
        .momentum = (double)NAN,
        .weight_decay = (double)NAN,
        .nesterov = -1,
        .part = PART_TEST,
        .count = 10,
        .label = -1,
    };
}

static const char *activation_name(int i)
{
    return nn_activation_name((NnActivation)i);
}

static const char *init_name(int i)
{
    return nn_init_name((NnInitRule)i);
}

static const char *schedule_name(int i)
{
    return nn_schedule_name((NnScheduleRule)i);
}

static const char *optimizer_name(int i)
{
    static const char *const names[] = {"sgd", "adam", "adamw"};
    return i >= 0 && i < ALGORITHM_COUNT ? names[i] : "";
}

static const char *part_name(int i)
{
    static const char *const names[] = {"train", "test"};
    return i >= 0 && i < PART_COUNT ? names[i] : "";
}

static const char *dtype_name(int i)
{
    static const char *const names[] = {"keep", "f64", "f32", "f16", "bf16"};
    return i >= 0 && i < DTYPE_COUNT ? names[i] : "";
}

/* clang-format off */
#define GROUP(commands, text) {commands, NULL, NULL, text, TITLE, 0, 0, 0, NULL, true}
#define IN(field) offsetof(Config, field)

const Setting settings[] = {
    GROUP(TRAIN | SHOW, "Data"),
    {TRAIN | SHOW, "data", "DIR", "directory of the four IDX files of MNIST, plain or .gz",
     TEXT, IN(data), 0, 0, NULL, false},
    {TRAIN, "train-limit", "N", "use only the first N samples to train (default: all)",
     WHOLE, IN(train_limit), 1, 1e9, NULL, false},
    {TRAIN, "shuffle", NULL, "keep the samples in the order of the files",
     FLAG, IN(shuffle), 0, 0, NULL, false},

    GROUP(TRAIN, "Network"),
    {TRAIN, "layers", "LIST", "sizes of the hidden layers, as 128,64; none for none (default 128)",
     LIST, IN(layers), 0, 0, NULL, false},
    {TRAIN, "activation", "NAME", "of the hidden layers (default relu)",
     CHOICE, IN(activation), 0, 0, activation_name, false},
    {TRAIN, "init", "RULE", "how weights start (default fan_in_uniform)",
     CHOICE, IN(init), 0, 0, init_name, false},
    {TRAIN, "init-bound", "A", "of --init uniform: weights between -A and A (default 0.1)",
     NUMBER, IN(init_bound), 0, 1e3, NULL, false},
    {TRAIN, "init-bias", "B", "biases start as B (default 0)",
     NUMBER, IN(init_bias), -1e3, 1e3, NULL, false},
    {TRAIN, "seed", "N", "of weights and shuffling (default 1)",
     WHOLE, IN(seed), 0, 1e15, NULL, false},

    GROUP(TRAIN, "Training"),
    {TRAIN, "epochs", "N", "passes over the samples (default 10)",
     WHOLE, IN(epochs), 1, 1e6, NULL, false},
    {TRAIN, "batch", "N", "samples in a step (default 64)",
     WHOLE, IN(batch), 1, 1e9, NULL, false},
    {TRAIN, "optimizer", "NAME", "how weights follow gradients (default sgd)",
     CHOICE, IN(optimizer), 0, 0, optimizer_name, false},
    {TRAIN, "lr", "RATE", "learning rate (default 0.1; 0.001 for adam and adamw)",
     NUMBER, IN(lr), 0, 1e3, NULL, false},
    {TRAIN, "momentum", "M", "of sgd (default 0.9)",
     NUMBER, IN(momentum), 0, 0.9999, NULL, false},
    {TRAIN, "nesterov", NULL, "look ahead along the momentum (the default if there is one)",
     FLAG, IN(nesterov), 0, 0, NULL, false},
    {TRAIN, "weight-decay", "D", "pull weights towards 0 (default 0; 0.01 for adamw)",
     NUMBER, IN(weight_decay), 0, 1e3, NULL, false},
    {TRAIN, "schedule", "RULE", "of the learning rate: cosine falls to 0; step divides by 10 after "
     "each third (default cosine)",
     CHOICE, IN(schedule), 0, 0, schedule_name, false},

    GROUP(TRAIN, "Files"),
    {TRAIN, "save", "FILE", "write the trained network there (.safetensors, or .npz)",
     TEXT, IN(save), 0, 0, NULL, true},
    {TRAIN, "load", "FILE", "start from the network in FILE, and from its settings",
     TEXT, IN(load), 0, 0, NULL, true},
    {TRAIN, "checkpoint", "FILE", "write there what it takes to go on, at the end of each epoch",
     TEXT, IN(checkpoint), 0, 0, NULL, true},
    {TRAIN, "checkpoint-every", "N", "and after every N steps",
     WHOLE, IN(checkpoint_every), 1, 1e12, NULL, true},
    {TRAIN, "resume", "FILE", "go on from this checkpoint, with its settings; more are written to "
     "the same FILE unless --checkpoint names another",
     TEXT, IN(resume), 0, 0, NULL, true},

    GROUP(EXPORT, "What to write"),
    {EXPORT, "c", "FILE", "a header of C99 that predicts by itself", TEXT, IN(c), 0, 0, NULL, true},
    {EXPORT, "npz", "FILE", "arrays for NumPy", TEXT, IN(npz), 0, 0, NULL, true},
    {EXPORT, "safetensors", "FILE", "arrays for PyTorch", TEXT, IN(safetensors), 0, 0, NULL, true},
    {EXPORT, "dtype", "TYPE", "numbers in the files (default keep; for --c that is f32)",
     CHOICE, IN(dtype), 0, 0, dtype_name, true},
    {EXPORT, "name", "NAME", "of the functions of --c: NAME_predict() (default digits)",
     TEXT, IN(name), 0, 0, NULL, true},

    GROUP(SHOW, "What to show"),
    {SHOW, "part", "PART", "which of the two sets (default test)",
     CHOICE, IN(part), 0, 0, part_name, true},
    {SHOW, "count", "N", "how many, if no INDEX is given (default 10)",
     WHOLE, IN(count), 1, 1e9, NULL, true},
    {SHOW, "label", "L", "only those with this label", WHOLE, IN(label), 0, 255, NULL, true},

    GROUP(TRAIN, "Run"),
    {TRAIN, "config", "FILE", "settings from a JSON file; the command line wins",
     TEXT, IN(config), 0, 0, NULL, true},
    {TRAIN, "quiet", NULL, "print nothing but the last line",
     FLAG, IN(quiet), 0, 0, NULL, true},
};
/* clang-format on */

const int setting_count = sizeof settings / sizeof settings[0];

const Setting *setting_find(const char *name)
{
    for (int i = 0; i < setting_count; i++)
        if (settings[i].name && strcmp(settings[i].name, name) == 0)
            return &settings[i];
    return NULL;
}

void config_free(Config *config)
{
    for (int i = 0; i < setting_count; i++)
        if (settings[i].kind == TEXT) {
            char **text = (char **)((char *)config + settings[i].place);
            free(*text);
            *text = NULL;
        }
}

/* ---- setting one ----------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2))) static const char *wrong(const char *format, ...)
{
    static char text[500];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return text;
}

static const char *set_whole(const Setting *setting, const char *text, int64_t *to)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno || (double)number < setting->low ||
        (double)number > setting->high)
        return wrong("%.100s: expected a whole number from %.0f to %.0f", text, setting->low,
                     setting->high);
    *to = number;
    return NULL;
}

static const char *set_number(const Setting *setting, const char *text, double *to)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || !(number >= setting->low && number <= setting->high))
        return wrong("%.100s: expected a number from %g to %g", text, setting->low, setting->high);
    *to = number;
    return NULL;
}

void setting_list_choices(const Setting *setting, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; setting->choice(i)[0] && used < room; i++)
        used +=
            (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "", setting->choice(i));
}

static const char *set_choice(const Setting *setting, const char *text, int *to)
{
    char list[300];
    for (int i = 0; setting->choice(i)[0]; i++)
        if (strcmp(text, setting->choice(i)) == 0) {
            *to = i;
            return NULL;
        }
    setting_list_choices(setting, list, sizeof list);
    return wrong("%.100s: expected one of %s", text, list);
}

static const char *set_flag(const char *text, int *to)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return wrong("%.100s: expected true or false", text);
    *to = text[0] == 't';
    return NULL;
}

static const char *set_layers(const char *text, Layers *to)
{
    Layers layers = {0, {0}};
    const char *at = text;
    bool more = strcmp(text, "none") != 0;
    while (more) {
        char *end;
        errno = 0;
        long long size = strtoll(at, &end, 10);
        bool fine = end > at && !errno && size >= 1 && size <= 1000000 && (*end == ',' || !*end);
        if (!fine || layers.count == MAX_HIDDEN)
            return wrong("%.100s: expected up to %d whole numbers from 1 to 1000000 with commas, "
                         "or none",
                         text, MAX_HIDDEN);
        layers.sizes[layers.count++] = size;
        more = *end == ',';
        at = end + 1;
    }
    *to = layers;
    return NULL;
}

static const char *set_text(const char *text, char **to)
{
    char *copy = strdup(text);
    if (!copy)
        return wrong("%.100s: out of memory", text);
    free(*to);
    *to = copy;
    return NULL;
}

const char *config_set(Config *config, const Setting *setting, const char *text)
{
    void *place = (char *)config + setting->place;
    switch (setting->kind) {
    case WHOLE:
        return set_whole(setting, text, place);
    case NUMBER:
        return set_number(setting, text, place);
    case CHOICE:
        return set_choice(setting, text, place);
    case FLAG:
        return set_flag(text, place);
    case LIST:
        return set_layers(text, place);
    case TEXT:
        return set_text(text, place);
    case TITLE:
        break;
    }
    return NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Files that belong together. */
static const char *complete_files(Config *config)
{
    if (config->load && config->resume)
        return "--load with --resume: expected one of them";
    if (config->checkpoint_every && !config->checkpoint && !config->resume)
        return "--checkpoint-every without --checkpoint: expected a file to write";
    if (config->resume && !config->checkpoint)
        return set_text(config->resume, &config->checkpoint);
    return NULL;
}

const char *config_complete(Config *config)
{
    bool sgd = config->optimizer == SGD;
    if (!sgd && ((!isnan(config->momentum) && config->momentum != 0) || config->nesterov == true))
        return wrong("--optimizer %s takes neither --momentum nor --nesterov: they belong to sgd",
                     optimizer_name(config->optimizer));
    if (config->nesterov == true && config->momentum == 0)
        return "--nesterov with --momentum 0: expected a momentum above 0";
    if (isnan(config->lr))
        config->lr = sgd ? 0.1 : 0.001;
    if (isnan(config->momentum))
        config->momentum = sgd ? 0.9 : 0;
    if (isnan(config->weight_decay))
        config->weight_decay = config->optimizer == ADAMW ? 0.01 : 0;
    if (config->nesterov < 0)
        config->nesterov = config->momentum > 0;
    return complete_files(config);
}
