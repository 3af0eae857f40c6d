/* settings.c - the table of settings: each with its kind, range, place in Config and default. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <valgrad/valgrad.h>

#include "config.h"

Config config_defaults(void)
{
    return (Config){
        .shuffle = true,
        .threshold = 128,
        .layers = {1, {128}},
        .activation = NN_RELU,
        .output_activation = -1, /* this and NAN depend on others, see config_complete() */
        .init = NN_FAN_IN_UNIFORM,
        .init_bound = 0.1,
        .epochs = 10,
        .batch = 64,
        .lr = (double)NAN,
        .momentum = (double)NAN,
        .alpha = (double)NAN,
        .beta1 = (double)NAN,
        .beta2 = (double)NAN,
        .epsilon = (double)NAN,
        .weight_decay = (double)NAN,
        .nesterov = -1,
        .schedule = NN_COSINE,
        .schedule_factor = 0.1,
        .seed = 1,
        .threads = 1,
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

static const char *dataset_name(int i)
{
    static const char *const names[] = {"mnist", "fashion"};
    return i >= 0 && i < DATASET_COUNT ? names[i] : "";
}

static const char *optimizer_name(int i)
{
    static const char *const names[] = {"sgd", "rmsprop", "adam", "adamw"};
    return i >= 0 && i < ALGORITHM_COUNT ? names[i] : "";
}

static const char *loss_name(int i)
{
    static const char *const names[] = {"cross_entropy", "mse"};
    return i >= 0 && i < LOSS_COUNT ? names[i] : "";
}

static const char *dtype_name(int i)
{
    static const char *const names[] = {"keep", "f64", "f32", "f16", "bf16"};
    return i >= 0 && i < DTYPE_COUNT ? names[i] : "";
}

static const char *features_name(int i)
{
    static const char *const names[] = {"pixels", "numbers"};
    return i >= 0 && i < FEATURES_COUNT ? names[i] : "";
}

static const char *part_name(int i)
{
    static const char *const names[] = {"train", "test"};
    return i >= 0 && i < PART_COUNT ? names[i] : "";
}

/* clang-format off */
#define IN(field) offsetof(Config, field)
#define GROUP(commands, text) {commands, NULL, NULL, text, TITLE, 0, 0, 0, NULL}
#define WHOLE_SETTING(commands, name, argument, field, low, high, help) \
    {commands, name, argument, help, WHOLE, IN(field), low, high, NULL}
#define NUMBER_SETTING(commands, name, argument, field, low, high, help) \
    {commands, name, argument, help, NUMBER, IN(field), low, high, NULL}
#define CHOICE_SETTING(commands, name, argument, field, choice, help) \
    {commands, name, argument, help, CHOICE, IN(field), 0, 0, choice}
#define FLAG_SETTING(commands, name, field, help) {commands, name, NULL, help, FLAG, IN(field), 0, 0, NULL}
#define TEXT_SETTING(commands, name, argument, field, help) \
    {commands, name, argument, help, TEXT, IN(field), 0, 0, NULL}

enum { ALL_DATA = TRAIN | EVAL | SHOW, USERS = EVAL | PREDICT };

const Setting settings[] = {
    GROUP(ALL_DATA, "Data"),
    CHOICE_SETTING(ALL_DATA, "dataset", "NAME", dataset, dataset_name,
                   "which set of images, if --data names none (default mnist)"),
    TEXT_SETTING(ALL_DATA, "data", "PATH", data,
                 "directory of the four IDX files of MNIST, plain or .gz; or a .csv or .csv.gz file"),
    TEXT_SETTING(ALL_DATA, "test-data", "PATH", test_data,
                 "test samples of their own; without them a CSV file's tenth is set aside"),
    TEXT_SETTING(ALL_DATA, "label-column", "COLUMN", label_column,
                 "of CSV: the label's column, by its name or its number from 1, or from the end if "
                 "negative (default: \"label\", or else the first)"),
    WHOLE_SETTING(TRAIN, "train-limit", "N", train_limit, 1, 1e9,
                  "use only the first N samples to train (default: all)"),
    NUMBER_SETTING(TRAIN, "validation", "PART", validation, 0, 0.9,
                   "set aside this part of the training samples; each epoch is tested on it "
                   "(default 0: on the test samples)"),
    FLAG_SETTING(TRAIN, "shuffle", shuffle, "keep the samples in the order of the files"),
    FLAG_SETTING(TRAIN, "binary", binary, "make every pixel black or white"),
    WHOLE_SETTING(TRAIN, "threshold", "T", threshold, 1, 255,
                  "of --binary: from which pixel on it is white (default 128)"),
    FLAG_SETTING(TRAIN, "normalize", normalize,
                 "bring inputs to mean 0 and deviation 1, those of the training samples"),
    NUMBER_SETTING(TRAIN, "shift", "P", shift, 0, 100,
                   "move images by up to P pixels, at random, each time anew (default 0)"),
    NUMBER_SETTING(TRAIN, "rotation", "D", rotation, 0, 180,
                   "turn images by up to D degrees, at random, each time anew (default 0)"),

    GROUP(TRAIN, "Network"),
    {TRAIN, "layers", "LIST", "sizes of the hidden layers, as 128,64; none for none (default 128)",
     LIST, IN(layers), 0, 0, NULL},
    CHOICE_SETTING(TRAIN, "activation", "NAME", activation, activation_name,
                   "of the hidden layers (default relu)"),
    CHOICE_SETTING(TRAIN, "output-activation", "NAME", output_activation, activation_name,
                   "of the last layer (default identity; sigmoid with --loss mse)"),
    CHOICE_SETTING(TRAIN, "init", "RULE", init, init_name,
                   "how weights start (default fan_in_uniform)"),
    NUMBER_SETTING(TRAIN, "init-bound", "A", init_bound, 0, 1e3,
                   "of --init uniform: weights between -A and A (default 0.1)"),
    NUMBER_SETTING(TRAIN, "init-bias", "B", init_bias, -1e3, 1e3, "biases start as B (default 0)"),
    NUMBER_SETTING(TRAIN, "dropout", "P", dropout, 0, 0.95,
                   "drop each hidden unit with probability P in training (default 0)"),

    GROUP(TRAIN, "Training"),
    WHOLE_SETTING(TRAIN, "epochs", "N", epochs, 1, 1e6, "passes over the samples (default 10)"),
    WHOLE_SETTING(TRAIN, "batch", "N", batch, 1, 1e9, "samples in a step (default 64)"),
    CHOICE_SETTING(TRAIN, "loss", "NAME", loss, loss_name,
                   "what is made small; mse compares with 1 at the label and 0 elsewhere "
                   "(default cross_entropy)"),
    NUMBER_SETTING(TRAIN, "label-smoothing", "S", label_smoothing, 0, 0.99,
                   "of cross_entropy: the part of the target that is spread over all classes "
                   "(default 0)"),
    CHOICE_SETTING(TRAIN, "optimizer", "NAME", optimizer, optimizer_name,
                   "how weights follow gradients (default sgd)"),
    NUMBER_SETTING(TRAIN, "lr", "RATE", lr, 0, 1e3,
                   "learning rate (default 0.1; 0.001 but for sgd)"),
    NUMBER_SETTING(TRAIN, "momentum", "M", momentum, 0, 0.9999,
                   "of sgd (default 0.9) and rmsprop (default 0)"),
    FLAG_SETTING(TRAIN, "nesterov", nesterov,
                 "of sgd: look ahead along the momentum (the default if there is one)"),
    NUMBER_SETTING(TRAIN, "alpha", "A", alpha, 0, 0.999999,
                   "of rmsprop: how long squares are remembered (default 0.99)"),
    NUMBER_SETTING(TRAIN, "beta1", "B", beta1, 0, 0.999999,
                   "of adam and adamw: how long gradients are remembered (default 0.9)"),
    NUMBER_SETTING(TRAIN, "beta2", "B", beta2, 0, 0.999999,
                   "of adam and adamw: how long squares are remembered (default 0.999)"),
    NUMBER_SETTING(TRAIN, "epsilon", "E", epsilon, 0, 1,
                   "of rmsprop, adam and adamw: added to what is divided by (default 1e-8)"),
    NUMBER_SETTING(TRAIN, "weight-decay", "D", weight_decay, 0, 1e3,
                   "pull weights towards 0 (default 0; 0.01 for adamw)"),
    CHOICE_SETTING(TRAIN, "schedule", "RULE", schedule, schedule_name,
                   "of the learning rate: cosine falls to --lr-floor; step multiplies by "
                   "--schedule-factor now and then (default cosine)"),
    WHOLE_SETTING(TRAIN, "schedule-every", "N", schedule_every, 1, 1e6,
                  "of --schedule step: after N epochs each (default: each third)"),
    NUMBER_SETTING(TRAIN, "schedule-factor", "F", schedule_factor, 0, 1,
                   "of --schedule step (default 0.1)"),
    NUMBER_SETTING(TRAIN, "lr-floor", "RATE", lr_floor, 0, 1e3,
                   "of --schedule cosine: where it ends (default 0)"),
    WHOLE_SETTING(TRAIN, "warmup", "N", warmup, 0, 1e9,
                  "steps in which the learning rate rises from 0 at first (default 0)"),
    NUMBER_SETTING(TRAIN, "clip-norm", "C", clip_norm, 0, 1e9,
                   "shorten the gradient of all weights to C if it is longer (default 0: no)"),
    NUMBER_SETTING(TRAIN, "clip-value", "C", clip_value, 0, 1e9,
                   "cut each weight's gradient off at -C and C (default 0: no)"),
    WHOLE_SETTING(TRAIN, "patience", "N", patience, 1, 1e6,
                  "stop when N epochs brought no gain on the validation samples, and go back to the "
                  "best weights (default: never)"),
    NUMBER_SETTING(TRAIN, "min-gain", "G", min_gain, 0, 100,
                   "of --patience: a rise of the accuracy by G percent or less is no gain (default 0)"),
    WHOLE_SETTING(TRAIN, "seed", "N", seed, 0, 1e15,
                  "of weights, shuffling and all that is random (default 1)"),
    WHOLE_SETTING(RUN | TRAIN | EVAL, "threads", "N", threads, 1, 256,
                  "compute on so many (default 1); the results are the same at any number"),

    GROUP(SHOW, "What to show"),
    CHOICE_SETTING(RUN | EVAL | SHOW, "part", "PART", part, part_name, "which of the two sets (default test)"),
    WHOLE_SETTING(RUN | SHOW, "count", "N", count, 1, 1e9, "how many, if no INDEX is given (default 10)"),
    WHOLE_SETTING(RUN | SHOW, "label", "L", label, 0, 255, "only those with this label"),
    GROUP(PREDICT, "Images"),
    FLAG_SETTING(RUN | PREDICT | SHOW, "one", one, "all ink of an image is one digit"),
    FLAG_SETTING(RUN | PREDICT, "show", show, "show each digit as the network sees it"),

    GROUP(TRAIN | USERS, "Files"),
    TEXT_SETTING(RUN | TRAIN, "save", "FILE", save,
                 "write the trained network there (.safetensors, or .npz)"),
    TEXT_SETTING(RUN | TRAIN | USERS, "load", "FILE", load,
                 "begin with the network in FILE, and its settings"),
    TEXT_SETTING(RUN | TRAIN, "checkpoint", "FILE", checkpoint,
                 "write there what it takes to go on, at the end of each epoch"),
    WHOLE_SETTING(RUN | TRAIN, "checkpoint-every", "N", checkpoint_every, 1, 1e12, "and after every N steps"),
    TEXT_SETTING(RUN | TRAIN, "resume", "FILE", resume,
                 "go on from this checkpoint, with its settings; more are written to the same FILE "
                 "unless --checkpoint names another"),

    GROUP(EXPORT, "What to write"),
    TEXT_SETTING(RUN | EXPORT, "c", "FILE", c, "a header of C99 that predicts by itself"),
    TEXT_SETTING(RUN | EXPORT, "npz", "FILE", npz, "arrays for NumPy"),
    TEXT_SETTING(RUN | EXPORT, "safetensors", "FILE", safetensors, "arrays for PyTorch"),
    CHOICE_SETTING(RUN | EXPORT, "dtype", "TYPE", dtype, dtype_name,
                   "numbers in the files (default keep; for --c that is f32)"),
    TEXT_SETTING(RUN | EXPORT, "name", "NAME", name,
                 "of the functions of --c: NAME_predict() (default digits)"),

    GROUP(TRAIN | EVAL, "Output"),
    FLAG_SETTING(RUN | TRAIN | EVAL, "report", report,
                 "precision and recall of each class, and which is taken for which"),
    WHOLE_SETTING(RUN | TRAIN | EVAL, "mistakes", "N", mistakes, 0, 10000,
                  "show the N samples that are told wrongly and with most conviction"),
    TEXT_SETTING(RUN | TRAIN | EVAL, "confusion", "FILE", confusion, "draw the confusion matrix, as SVG"),
    TEXT_SETTING(RUN | TRAIN | EVAL, "weights", "FILE", weights, "draw the first layer's weights, as PNG"),
    TEXT_SETTING(RUN | TRAIN, "plot", "FILE", plot, "draw loss and accuracy, as SVG (needs gnuplot)"),
    TEXT_SETTING(RUN | TRAIN, "log", "FILE", log, "write each step and epoch as a line of JSON"),
    TEXT_SETTING(RUN | TRAIN, "debug", "FILE", debug, "write each step's loss as a line of CSV"),
    FLAG_SETTING(RUN | TRAIN, "diagnose", diagnose,
                 "after each epoch: gradients, updates and dead units of each layer"),
    TEXT_SETTING(RUN | TRAIN, "config", "FILE", config,
                 "settings from a JSON file; the command line wins"),
    FLAG_SETTING(RUN | TRAIN | EVAL, "quiet", quiet, "print nothing but the last line"),

    CHOICE_SETTING(0, "features", NULL, features, features_name, NULL),
    {0, "mean", NULL, NULL, SERIES, IN(mean), 0, 0, NULL},
    {0, "deviation", NULL, NULL, SERIES, IN(deviation), 0, 0, NULL},
};
/* clang-format on */

const int setting_count = sizeof settings / sizeof settings[0];
_Static_assert(sizeof settings / sizeof settings[0] <= MAX_SETTINGS, "MAX_SETTINGS is too small");

const Setting *setting_find(const char *name)
{
    for (int i = 0; i < setting_count; i++)
        if (settings[i].name && strcmp(settings[i].name, name) == 0)
            return &settings[i];
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
