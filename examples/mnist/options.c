/* options.c - the command line: a table of options, each with its kind, range and place in
 * Settings. */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnist.h"

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fprintf(stream, "mnist (valgrad %s, %s)\n", valgrad_version(),
            sizeof(real) == 8 ? "double" : "float");
}

static const Settings defaults = {
    .shuffle = true,
    .hidden_count = 1,
    .hidden = {128},
    .activation = NN_RELU,
    .init = NN_FAN_IN_UNIFORM,
    .init_bound = 0.1,
    .seed = 1,
    .epochs = 10,
    .batch = 64,
    .algorithm = SGD,
    .schedule = NN_COSINE,
    .learning_rate = NAN, /* these depend on the algorithm, see complete() */
    .momentum = NAN,
    .weight_decay = NAN,
    .nesterov = -1,
};

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

const char *algorithm_name(int i)
{
    static const char *const names[] = {"sgd", "adam", "adamw"};
    return i >= 0 && i < ALGORITHM_COUNT ? names[i] : "";
}

typedef enum Kind { TITLE, WHOLE, NUMBER, CHOICE, ON, OFF, TEXT, LIST } Kind;

typedef struct Option {
    const char *name, *argument, *help;
    Kind kind;
    size_t place;                 /* in Settings */
    double low, high;             /* of WHOLE and NUMBER */
    const char *(*choice)(int i); /* of CHOICE: name i, "" after the last */
} Option;

#define IN(field) offsetof(Settings, field)

static const Option options[] = {
    {NULL, NULL, "Data", TITLE, 0, 0, 0, NULL},
    {"data", "DIR", "directory of the four IDX files of MNIST, plain or .gz", TEXT, IN(data), 0, 0,
     NULL},
    {"train-limit", "N", "use only the first N digits to train (default: all)", WHOLE,
     IN(train_limit), 1, 1e9, NULL},
    {"no-shuffle", NULL, "keep the digits in the order of the files", OFF, IN(shuffle), 0, 0, NULL},
    {NULL, NULL, "Network", TITLE, 0, 0, 0, NULL},
    {"layers", "LIST", "sizes of the hidden layers, as 128,64; none for none (default 128)", LIST,
     IN(hidden), 0, 0, NULL},
    {"activation", "NAME", "of the hidden layers (default relu)", CHOICE, IN(activation), 0, 0,
     activation_name},
    {"init", "RULE", "how weights start (default fan_in_uniform)", CHOICE, IN(init), 0, 0,
     init_name},
    {"init-bound", "A", "of --init uniform: weights between -A and A (default 0.1)", NUMBER,
     IN(init_bound), 0, 1e3, NULL},
    {"init-bias", "B", "biases start as B (default 0)", NUMBER, IN(init_bias), -1e3, 1e3, NULL},
    {"seed", "N", "of weights and shuffling (default 1)", WHOLE, IN(seed), 0, 1e15, NULL},
    {NULL, NULL, "Training", TITLE, 0, 0, 0, NULL},
    {"epochs", "N", "passes over the digits (default 10)", WHOLE, IN(epochs), 1, 1e6, NULL},
    {"batch", "N", "digits in a step (default 64)", WHOLE, IN(batch), 1, 1e9, NULL},
    {"optimizer", "NAME", "how weights follow gradients (default sgd)", CHOICE, IN(algorithm), 0, 0,
     algorithm_name},
    {"lr", "RATE", "learning rate (default 0.1; 0.001 for adam and adamw)", NUMBER,
     IN(learning_rate), 0, 1e3, NULL},
    {"momentum", "M", "of sgd (default 0.9)", NUMBER, IN(momentum), 0, 0.9999, NULL},
    {"nesterov", NULL, "look ahead along the momentum (the default if there is one)", ON,
     IN(nesterov), 0, 0, NULL},
    {"no-nesterov", NULL, "do not", OFF, IN(nesterov), 0, 0, NULL},
    {"weight-decay", "D", "pull weights towards 0 (default 0; 0.01 for adamw)", NUMBER,
     IN(weight_decay), 0, 1e3, NULL},
    {"schedule", "RULE",
     "of the learning rate: cosine falls to 0; step divides by 10 after each third "
     "(default cosine)",
     CHOICE, IN(schedule), 0, 0, schedule_name},
    {NULL, NULL, "Output", TITLE, 0, 0, 0, NULL},
    {"quiet", NULL, "print nothing but the last line", ON, IN(quiet), 0, 0, NULL},
};

enum { OPTION_COUNT = sizeof options / sizeof options[0], FIRST_KEY = 1000 };

/* ---- one option ------------------------------------------------------------------------------ */

#define REFUSE(state, ...) argp_failure(state, EXIT_USAGE, 0, __VA_ARGS__)

static void read_whole(const Option *option, const char *text, int64_t *to,
                       struct argp_state *state)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno || (double)number < option->low ||
        (double)number > option->high)
        REFUSE(state, "--%s %s: expected a whole number from %.0f to %.0f", option->name, text,
               option->low, option->high);
    *to = number;
}

static void read_number(const Option *option, const char *text, double *to,
                        struct argp_state *state)
{
    char *end;
    double number = strtod(text, &end);
    if (end == text || *end || !(number >= option->low && number <= option->high))
        REFUSE(state, "--%s %s: expected a number from %g to %g", option->name, text, option->low,
               option->high);
    *to = number;
}

/* "relu, tanh, sigmoid" */
static void list_choices(const Option *option, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; option->choice(i)[0] && used < room; i++)
        used +=
            (size_t)snprintf(text + used, room - used, "%s%s", i ? ", " : "", option->choice(i));
}

static void read_choice(const Option *option, const char *text, int *to, struct argp_state *state)
{
    char list[200];
    for (int i = 0; option->choice(i)[0]; i++)
        if (strcmp(text, option->choice(i)) == 0) {
            *to = i;
            return;
        }
    list_choices(option, list, sizeof list);
    REFUSE(state, "--%s %s: expected one of %s", option->name, text, list);
}

static void read_layers(const char *text, Settings *settings, struct argp_state *state)
{
    const char *at = text;
    settings->hidden_count = 0;
    if (strcmp(text, "none") == 0)
        return;
    for (;;) {
        char *end;
        errno = 0;
        long long size = strtoll(at, &end, 10);
        bool fine = end > at && !errno && size >= 1 && size <= 1000000 && (*end == ',' || !*end);
        if (!fine || settings->hidden_count == MAX_HIDDEN)
            REFUSE(state,
                   "--layers %s: expected up to %d whole numbers from 1 to 1000000 with commas, or "
                   "none",
                   text, MAX_HIDDEN);
        settings->hidden[settings->hidden_count++] = size;
        if (!*end)
            return;
        at = end + 1;
    }
}

static void read_option(const Option *option, const char *text, Settings *settings,
                        struct argp_state *state)
{
    void *place = (char *)settings + option->place;
    switch (option->kind) {
    case WHOLE: read_whole(option, text, place, state); break;
    case NUMBER: read_number(option, text, place, state); break;
    case CHOICE: read_choice(option, text, place, state); break;
    case LIST: read_layers(text, settings, state); break;
    case TEXT: *(const char **)place = text; break;
    case ON: *(int *)place = true; break;
    case OFF: *(int *)place = false; break;
    case TITLE: break;
    }
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Fills in what depends on other options, and refuses what contradicts them. */
static void complete(Settings *settings, struct argp_state *state)
{
    bool sgd = settings->algorithm == SGD;
    if (!sgd && (!isnan(settings->momentum) || settings->nesterov == true))
        REFUSE(state, "--optimizer %s takes neither --momentum nor --nesterov: they belong to sgd",
               algorithm_name(settings->algorithm));
    if (settings->nesterov == true && settings->momentum == 0)
        REFUSE(state, "--nesterov with --momentum 0: expected a momentum above 0");
    if (isnan(settings->learning_rate))
        settings->learning_rate = sgd ? 0.1 : 0.001;
    if (isnan(settings->momentum))
        settings->momentum = sgd ? 0.9 : 0;
    if (isnan(settings->weight_decay))
        settings->weight_decay = settings->algorithm == ADAMW ? 0.01 : 0;
    if (settings->nesterov < 0)
        settings->nesterov = settings->momentum > 0;
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    Settings *settings = state->input;
    if (key >= FIRST_KEY && key < FIRST_KEY + OPTION_COUNT)
        read_option(&options[key - FIRST_KEY], text, settings, state);
    else if (key == ARGP_KEY_ARG)
        REFUSE(state, "\"%s\": expected options only, which begin with --", text);
    else if (key == ARGP_KEY_END)
        complete(settings, state);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* The help of an option with choices ends in their list. */
static void describe(const Option *option, int i, struct argp_option *out)
{
    static char texts[OPTION_COUNT][320];
    snprintf(texts[i], sizeof texts[i], "%s", option->help);
    if (option->choice) {
        char list[200];
        list_choices(option, list, sizeof list);
        snprintf(texts[i], sizeof texts[i], "%s: %s", option->help, list);
    }
    int key = option->kind == TITLE ? 0 : FIRST_KEY + i;
    *out = (struct argp_option){option->name, key, option->argument, 0, texts[i], 0};
}

Settings settings_parse(int argc, char **argv)
{
    struct argp_option table[OPTION_COUNT + 1] = {{0}};
    for (int i = 0; i < OPTION_COUNT; i++)
        describe(&options[i], i, &table[i]);
    const struct argp argp = {
        .options = table,
        .parser = parse,
        .doc = "Trains a small neural network on the handwritten digits of MNIST and tests it on "
               "10,000 others."
               "\vEach epoch's line tells the mean loss and the accuracy over the epoch's training "
               "steps, the "
               "accuracy on the test digits after them, and the time of the training alone.\n\n"
               "Examples:\n  mnist --epochs 3\n  mnist --layers 128,64 --optimizer adam\n"
               "  mnist --data ~/fashion --seed 2",
    };
    Settings settings = defaults;
    argp_err_exit_status = EXIT_USAGE;
    argp_program_version_hook = print_version;
    argp_parse(&argp, argc, argv, 0, NULL, &settings);
    return settings;
}
