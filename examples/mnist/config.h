/* config.h - all settings of a run. One table (settings.c) gives each its name, which is that of the
 * command line's option and of the member in a JSON file. */
#ifndef MNIST_CONFIG_H
#define MNIST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_HIDDEN = 16, MAX_SETTINGS = 100 };

/* Who has said what a setting is: the later, the stronger. */
typedef enum Origin { BY_DEFAULT, BY_MODEL, BY_FILE, BY_COMMAND_LINE } Origin;

/* The commands that read a setting; and RUN, if it says how to run, not what: it is not saved with a model. */
typedef enum CommandBit {
    TRAIN = 1,
    EVAL = 2,
    PREDICT = 4,
    SHOW = 8,
    EXPORT = 16,
    INFO = 32,
    MAN = 64,
    COMPLETION = 128,
    RUN = 256
} CommandBit;

typedef enum Dataset { MNIST, FASHION, DATASET_COUNT } Dataset;
typedef enum Algorithm { SGD, RMSPROP, ADAM, ADAMW, ALGORITHM_COUNT } Algorithm;
typedef enum Loss { CROSS_ENTROPY, MSE, LOSS_COUNT } Loss;
typedef enum Part { PART_TRAIN, PART_TEST, PART_COUNT } Part;
typedef enum Features { PIXELS, NUMBERS, FEATURES_COUNT } Features;
typedef enum Dtype { DTYPE_KEEP, DTYPE_F64, DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_COUNT } Dtype;

typedef struct Layers {
    int64_t count, sizes[MAX_HIDDEN];
} Layers;

/* A list of numbers of any length. */
typedef struct Series {
    int64_t count;
    double *numbers;
} Series;

/* Members are named as their options. NULL texts: not asked for. */
typedef struct Config {
    char *config; /* the JSON file that was read */

    int dataset;         /* Dataset */
    char *data;          /* NULL: search for the dataset */
    char *test_data;     /* NULL: what lies beside data, or a part of it */
    char *label_column;  /* NULL: "label", or the first */
    int64_t train_limit; /* 0: all */
    double validation;   /* the part of the training samples */
    int shuffle;
    int binary;
    int64_t threshold;
    int normalize;
    double shift, rotation;

    Layers layers;                           /* the hidden ones */
    int activation, output_activation, init; /* NnActivation, NnInitRule */
    double init_bound, init_bias, dropout;

    int loss; /* Loss */
    double label_smoothing;
    int64_t epochs, batch;
    int optimizer; /* Algorithm */
    double lr, momentum, alpha, beta1, beta2, epsilon, weight_decay;
    int nesterov;
    int schedule; /* NnScheduleRule */
    int64_t schedule_every;
    double schedule_factor, lr_floor;
    int64_t warmup;
    double clip_norm, clip_value; /* 0: not */
    int64_t patience;             /* 0: all epochs */
    double min_gain;              /* in percent */
    int64_t seed, threads;

    char *load, *save, *resume, *checkpoint; /* files */
    int64_t checkpoint_every;                /* steps; 0: at the end of each epoch */

    char *c, *npz, *safetensors; /* files to export to */
    int dtype;                   /* Dtype */
    char *name;                  /* of C functions; NULL: digits */

    char *log, *debug, *plot;
    int diagnose, report;
    char *confusion, *weights;
    int64_t mistakes;
    int quiet;

    int part; /* Part */
    int64_t count;
    int64_t label; /* -1: any */
    int one, show;

    /* What the training data told; no options, but saved with a network. */
    int features;           /* Features */
    Series mean, deviation; /* by which inputs were normalised */

    Origin origins[MAX_SETTINGS]; /* of the settings, as settings[] has them */
} Config;

typedef enum Kind { TITLE, WHOLE, NUMBER, CHOICE, FLAG, TEXT, LIST, SERIES } Kind;

typedef struct Setting {
    int commands; /* CommandBits; without a command it is no option */
    const char *name, *argument, *help;
    Kind kind;
    size_t place;                 /* in Config */
    double low, high;             /* of WHOLE and NUMBER */
    const char *(*choice)(int i); /* of CHOICE: name i, "" after the last */
} Setting;

/* ---- settings.c: the table ------------------------------------------------------------------- */

extern const Setting settings[];
extern const int setting_count;

/* The setting of this name; NULL if there is none. */
const Setting *setting_find(const char *name);

/* "relu, tanh, sigmoid": the choices of a CHOICE. */
void setting_list_choices(const Setting *setting, char *text, size_t room);

/* The defaults. Some depend on others and are not numbers until config_complete(). */
Config config_defaults(void);

/* ---- config.c: one by one -------------------------------------------------------------------- */

void config_free(Config *config);

/* Sets one from text as the command line has it; a FLAG from "true" or "false". Another choice, of an
 * optimizer say, drops what an earlier origin had said along with its own. NULL, or what is wrong:
 * "ten: expected a whole number from 1 to 1000000"; that text is kept until the next call. */
const char *config_set(Config *config, const Setting *setting, const char *text, Origin origin);

Origin config_origin(const Config *config, const char *name);

/* Whether it means something beside what is chosen: momentum does with some optimizers. */
bool setting_applies(const Config *config, const Setting *setting);

/* Fills in what depends on other settings. NULL, or what contradicts what. */
const char *config_complete(Config *config);

/* ---- config_json.c: the same as a JSON object ------------------------------------------------ */

/* New text, which the caller frees: all settings that say what to run and have a value.
 * NULL when out of memory. */
char *config_to_json(const Config *config);

/* Sets what the object of this text names and leaves the rest. NULL, or what is wrong, beginning with
 * the line if it is no JSON at all; kept until the next call. */
const char *config_from_json(Config *config, const char *text, size_t length, Origin origin);

/* The same from a file that somebody wrote. Says what is wrong on standard error. */
bool config_read(Config *config, const char *path);

#endif
