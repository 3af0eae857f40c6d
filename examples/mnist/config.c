/* config.c - settings one by one, from text; what belongs together; what is left open. */
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

void config_free(Config *config)
{
    for (int i = 0; i < setting_count; i++) {
        void *place = (char *)config + settings[i].place;
        if (settings[i].kind == TEXT) {
            free(*(char **)place);
            *(char **)place = NULL;
        } else if (settings[i].kind == SERIES) {
            free(((Series *)place)->numbers);
            *(Series *)place = (Series){0, NULL};
        }
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

/* "0.13,0.31" */
static const char *set_series(const char *text, Series *to)
{
    Series series = {0, malloc((strlen(text) / 2 + 1) * sizeof(double))};
    const char *at = text;
    for (bool more = series.numbers && *text; more;) {
        char *end;
        double number = strtod(at, &end);
        if (end == at || !isfinite(number) || (*end != ',' && *end)) {
            free(series.numbers);
            return wrong("%.100s: expected numbers with commas", text);
        }
        series.numbers[series.count++] = number;
        more = *end == ',';
        at = end + 1;
    }
    if (!series.numbers)
        return "out of memory";
    free(to->numbers);
    *to = series;
    return NULL;
}

static const char *set_value(Config *config, const Setting *setting, const char *text)
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
    case SERIES:
        return set_series(text, place);
    case TITLE:
        break;
    }
    return NULL;
}

/* ---- settings that belong to others ---------------------------------------------------------- */

enum { ON = 0, EACH = ~0 };

/* What a setting needs to mean something: choices of another, as bits, or that the other is on. */
static const struct {
    const char *name, *of;
    int choices;
} companions[] = {
    {"threshold", "binary", ON},
    {"init-bound", "init", 1 << NN_UNIFORM},
    {"output-activation", "loss", EACH},
    {"label-smoothing", "loss", 1 << CROSS_ENTROPY},
    {"lr", "optimizer", EACH},
    {"momentum", "optimizer", 1 << SGD | 1 << RMSPROP},
    {"nesterov", "optimizer", 1 << SGD},
    {"nesterov", "momentum", ON},
    {"alpha", "optimizer", 1 << RMSPROP},
    {"beta1", "optimizer", 1 << ADAM | 1 << ADAMW},
    {"beta2", "optimizer", 1 << ADAM | 1 << ADAMW},
    {"epsilon", "optimizer", 1 << RMSPROP | 1 << ADAM | 1 << ADAMW},
    {"weight-decay", "optimizer", EACH},
    {"schedule-every", "schedule", 1 << NN_STEP},
    {"schedule-factor", "schedule", 1 << NN_STEP},
    {"lr-floor", "schedule", 1 << NN_COSINE},
    {"patience", "validation", ON},
    {"min-gain", "patience", ON},
    {"checkpoint-every", "checkpoint", ON},
};
enum { COMPANIONS = sizeof companions / sizeof companions[0] };

/* A number that is still open will become more than 0. */
static bool is_on(const Config *config, const Setting *setting)
{
    const void *place = (const char *)config + setting->place;
    switch (setting->kind) {
    case WHOLE:
        return *(const int64_t *)place > 0;
    case NUMBER:
        return !(*(const double *)place <= 0);
    case FLAG:
        return *(const int *)place == true;
    case TEXT:
        return *(char *const *)place != NULL;
    default:
        return true;
    }
}

/* Whether the other of a row is as the row needs it. */
static bool has_its_other(const Config *config, int row)
{
    const Setting *other = setting_find(companions[row].of);
    if (companions[row].choices == ON)
        return is_on(config, other);
    return companions[row].choices & 1 << *(const int *)((const char *)config + other->place);
}

bool setting_applies(const Config *config, const Setting *setting)
{
    for (int i = 0; i < COMPANIONS && setting->name; i++)
        if (strcmp(companions[i].name, setting->name) == 0 && !has_its_other(config, i))
            return false;
    return true;
}

Origin config_origin(const Config *config, const char *name)
{
    return config->origins[setting_find(name) - settings];
}

/* Back to the default. (No text is a companion.) */
static void reset(Config *config, const Setting *setting)
{
    const Config defaults = config_defaults();
    bool is_int = setting->kind == CHOICE || setting->kind == FLAG;
    memcpy((char *)config + setting->place, (const char *)&defaults + setting->place,
           is_int ? sizeof(int) : sizeof(double));
    config->origins[setting - settings] = BY_DEFAULT;
}

/* Another choice: what was said along with the one before goes with that. */
static void forget_companions(Config *config, const Setting *of)
{
    for (int i = 0; i < COMPANIONS; i++)
        if (strcmp(companions[i].of, of->name) == 0 &&
            config_origin(config, companions[i].name) == config_origin(config, of->name))
            reset(config, setting_find(companions[i].name));
}

const char *config_set(Config *config, const Setting *setting, const char *text, Origin origin)
{
    const int *choice = setting->kind == CHOICE ? (int *)((char *)config + setting->place) : NULL;
    const int before = choice ? *choice : 0;
    const char *error = set_value(config, setting, text);
    if (error)
        return error;
    if (choice && *choice != before && config->origins[setting - settings] != origin)
        forget_companions(config, setting);
    config->origins[setting - settings] = origin;
    return NULL;
}

/* What does nothing is an error if it was said with, or after, what makes it do nothing. */
static const char *check_companions(Config *config)
{
    for (int i = 0; i < COMPANIONS; i++) {
        const Setting *setting = setting_find(companions[i].name);
        const Setting *other = setting_find(companions[i].of);
        const Origin origin = config_origin(config, setting->name);
        if (has_its_other(config, i) || origin == BY_DEFAULT)
            continue;
        if (!is_on(config, setting) || origin < config_origin(config, other->name))
            reset(config, setting);
        else if (other->kind == CHOICE)
            return wrong("--%s %s does not take --%s", other->name,
                         other->choice(*(int *)((char *)config + other->place)), setting->name);
        else
            return wrong("--%s does nothing without --%s", setting->name, other->name);
    }
    return NULL;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* A checkpoint is gone on with in the file that it was read from. */
static const char *complete_files(Config *config)
{
    if (config->load && config->resume)
        return "--load with --resume: expected one of them";
    return config->resume && !config->checkpoint ? set_text(config->resume, &config->checkpoint)
                                                 : NULL;
}

static void set_default(double *number, double standard)
{
    if (isnan(*number))
        *number = standard;
}

const char *config_complete(Config *config)
{
    const bool sgd = config->optimizer == SGD, rmsprop = config->optimizer == RMSPROP;
    const bool adam = config->optimizer == ADAM || config->optimizer == ADAMW;
    const char *error = complete_files(config);
    error = error ? error : check_companions(config);
    if (error)
        return error;
    if (config->loss == CROSS_ENTROPY && config->output_activation > NN_IDENTITY)
        return "--output-activation with --loss cross_entropy: expected identity, as the loss "
               "takes logits";
    if (config->output_activation < 0)
        config->output_activation = config->loss == MSE ? NN_SIGMOID : NN_IDENTITY;
    set_default(&config->lr, sgd ? 0.1 : 0.001);
    set_default(&config->momentum, sgd ? 0.9 : 0);
    set_default(&config->alpha, rmsprop ? 0.99 : 0);
    set_default(&config->beta1, adam ? 0.9 : 0);
    set_default(&config->beta2, adam ? 0.999 : 0);
    set_default(&config->epsilon, sgd ? 0 : 1e-8);
    set_default(&config->weight_decay, config->optimizer == ADAMW ? 0.01 : 0);
    if (config->nesterov < 0)
        config->nesterov = sgd && config->momentum > 0;
    return NULL;
}
