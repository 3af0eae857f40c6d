/* config.h - all settings of a run. One table (config.c) gives each its name, which is that of the
 * command line's option and of the member in a JSON file. */
#ifndef MNIST_CONFIG_H
#define MNIST_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MAX_HIDDEN = 16 };

/* The commands that read a setting. */
typedef enum CommandBit { TRAIN = 1, SHOW = 2, EXPORT = 4, INFO = 8 } CommandBit;

typedef enum Algorithm { SGD, ADAM, ADAMW, ALGORITHM_COUNT } Algorithm;
typedef enum Part { PART_TRAIN, PART_TEST, PART_COUNT } Part;
typedef enum Dtype { DTYPE_KEEP, DTYPE_F64, DTYPE_F32, DTYPE_F16, DTYPE_BF16, DTYPE_COUNT } Dtype;

typedef struct Layers {
    int64_t count, sizes[MAX_HIDDEN];
} Layers;

typedef struct Config {
    char *config; /* the JSON file that was read; NULL: none */

    char *data;          /* NULL: search */
    int64_t train_limit; /* 0: all */
    int shuffle;

    Layers layers;        /* the hidden ones */
    int activation, init; /* NnActivation, NnInitRule */
    double init_bound, init_bias;
    int64_t seed;

    int64_t epochs, batch;
    int optimizer, schedule; /* Algorithm, NnScheduleRule */
    double lr, momentum, weight_decay;
    int nesterov;

    char *load, *save, *resume, *checkpoint; /* files; NULL: none */
    int64_t checkpoint_every;                /* steps; 0: at the end of each epoch */

    char *c, *npz, *safetensors; /* files to export to; NULL: not */
    int dtype;                   /* Dtype */
    char *name;                  /* of C functions; NULL: digits */

    int part; /* Part */
    int64_t count;
    int64_t label; /* -1: any */

    int quiet;
} Config;

typedef enum Kind { TITLE, WHOLE, NUMBER, CHOICE, FLAG, TEXT, LIST } Kind;

typedef struct Setting {
    int commands; /* CommandBits */
    const char *name, *argument, *help;
    Kind kind;
    size_t place;                 /* in Config */
    double low, high;             /* of WHOLE and NUMBER */
    const char *(*choice)(int i); /* of CHOICE: name i, "" after the last */
    bool transient;               /* says how to run, not what: not saved with a model */
} Setting;

extern const Setting settings[];
extern const int setting_count;

/* The defaults. Some depend on others and are not numbers until config_complete(). */
Config config_defaults(void);
void config_free(Config *config);

/* The setting of this name; NULL if there is none. */
const Setting *setting_find(const char *name);

/* Sets one from text as the command line has it; a FLAG from "true" or "false". NULL, or what is
 * wrong: "ten: expected a whole number from 1 to 1000000". That text is kept until the next call. */
const char *config_set(Config *config, const Setting *setting, const char *text);

/* Fills in what depends on other settings. NULL, or what contradicts what. */
const char *config_complete(Config *config);

/* "relu, tanh, sigmoid": the choices of a CHOICE. */
void setting_list_choices(const Setting *setting, char *text, size_t room);

/* ---- config_json.c: the same as a JSON object ------------------------------------------------ */

/* New text, which the caller frees: all settings but the transient ones and those without value.
 * NULL when out of memory. */
char *config_to_json(const Config *config);

/* Sets what the object of this text names and leaves the rest. NULL, or what is wrong, beginning with
 * the line if it is no JSON at all; kept until the next call. */
const char *config_from_json(Config *config, const char *text, size_t length);

/* The same from a file; config->config becomes its path. Says what is wrong on standard error. */
bool config_read(Config *config, const char *path);

#endif
