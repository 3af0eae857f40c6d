/* mnist.h - what the files of the trainer share. */
#ifndef MNIST_H
#define MNIST_H

#include <stdbool.h>
#include <stdint.h>
#include <valgrad/valgrad.h>

#include "config.h"

enum { EXIT_USAGE = 2 }; /* a wrong command line; EXIT_FAILURE is for wrong data */

/* ---- commands: one in each file of that name ------------------------------------------------- */

typedef struct Command {
    const char *name, *summary;
    CommandBit bit;        /* which settings are its options */
    const char *arguments; /* as "FILE..." in the usage line; NULL: it takes none */
    const char *help;      /* for argp: before the options, \v, after them */
    int (*run)(const Config *config, char **arguments); /* returns the program's exit code */
} Command;

extern const Command command_train, command_show, command_export, command_info;

/* ---- options.c: the command line ------------------------------------------------------------- */

/* Reads the command line of a command into *config; writes help or one message and ends the program
 * if it asks for that. New: the other arguments, NULL after the last; the caller frees the list. */
char **options_parse(const Command *command, int argc, char **argv, Config *config);

/* ---- data.c: where the digits are ------------------------------------------------------------ */

typedef struct Data {
    NnDataset *train, *test;
} Data;

/* Reads training and test digits; says why not. */
bool data_load(const Config *config, Data *data);
void data_free(Data *data);

/* ---- model.c: what the settings ask for ------------------------------------------------------ */

NnMlp *model_network(const Config *config, int64_t inputs, int64_t classes);
NnOptimizer *model_optimizer(const Config *config, const NnParameters *parameters);
NnLoader *model_loader(const Config *config, const NnDataset *dataset);
NnLoader *model_test_loader(const NnDataset *dataset);
NnSchedule model_schedule(const Config *config, int64_t total_steps);

/* "784-128-10 relu, 101770 parameters, double" */
void model_describe(const NnMlp *net, char *text, size_t room);

/* ---- progress.c: what is seen of the training ------------------------------------------------ */

typedef struct Progress {
    bool terminal, quiet;
    int64_t epoch, epochs, samples; /* samples in an epoch */
    int64_t seen, correct;          /* of this epoch, so far */
    int64_t earlier;                /* of those seen, how many before this run was resumed */
    double loss;                    /* summed over the samples seen */
    double begun, seconds, drawn;
} Progress;

Progress progress_new(const Config *config, int64_t samples);
void progress_begin_epoch(Progress *progress, int64_t epoch);
void progress_step(Progress *progress, int64_t count, double loss, int64_t correct);
void progress_end_training(Progress *progress); /* stops the clock; the test comes after it */
void progress_end_epoch(Progress *progress, double test_accuracy);

/* ---- model_file.c: networks and checkpoints in files ----------------------------------------- */

/* All of these say what is wrong. */

/* New: what a file holds. */
NnState *model_file_read(const char *path);

/* Sets what the file tells about its training: all settings, or only the layers. */
bool model_file_config(const char *path, Config *config);

/* The accuracy on the test samples that it had when it was saved; NaN if that is not known. */
double model_file_accuracy(const NnState *state);

/* New: the network of a state, which must have the layers and activation of the settings. */
NnMlp *model_file_network(const char *path, const NnState *state, const Config *config);

/* New: the network of --load, for data of this form. */
NnMlp *model_file_load(const Config *config, int64_t inputs, int64_t classes);

/* Adds settings, and the accuracy unless it is NaN; says nothing itself. */
bool model_file_annotate(NnState *state, const Config *config, double accuracy);

/* Writes the network to --save. */
bool model_file_save(const Config *config, const NnMlp *net, double accuracy);

/* Writes a run to --checkpoint; takes a run like it to where that of --resume stood. */
bool checkpoint_save(const Config *config, const NnRun *run, const Progress *progress);
bool checkpoint_load(const Config *config, const NnRun *run, Progress *progress);

/* Whether the files that the training will write can be written: better known before it. */
bool model_file_check(const Config *config);

/* ---- draw.c: images in the terminal ---------------------------------------------------------- */

enum { CAPTION_ROOM = 40 };

typedef struct Picture {
    const uint8_t *pixels; /* 0 for paper, 255 for ink */
    char caption[CAPTION_ROOM];
} Picture;

/* Draws pictures of one size side by side, as many in a line as fit, captions below: a character
 * shows two pixels, in shades of grey on a terminal. */
void draw_pictures(const Picture *pictures, int64_t count, int64_t rows, int64_t columns);

/* ---- message.c ------------------------------------------------------------------------------- */

/* The program's name and the message, on standard error; library_error() prints the library's last
 * one and returns false; message_of_library() is that one. */
void error_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool library_error(void);
const char *message_of_library(void);

#endif
