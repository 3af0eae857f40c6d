/* mnist.h - what the files of the trainer share. */
#ifndef MNIST_H
#define MNIST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

#include "config.h"

enum {
    EXIT_USAGE = 2,  /* a wrong command line; EXIT_FAILURE is for wrong data */
    TEST_BATCH = 500 /* samples that are tested at once */
};

/* ---- commands: one in each file of that name ------------------------------------------------- */

typedef struct Command {
    const char *name, *summary;
    CommandBit bit;        /* which settings are its options */
    const char *arguments; /* as "FILE..." in the usage line; NULL: it takes none */
    const char *help;      /* what it does */
    const char *notes;     /* what else there is to know, after the options; or NULL */
    const char *examples;  /* a line each; $ stands for the program */
    int (*run)(Config *config, char **arguments); /* returns the program's exit code */
} Command;

extern const Command command_train, command_eval, command_predict, command_show, command_export,
    command_info, command_man, command_completion;

/* All of them, NULL after the last. */
extern const Command *const commands[];

/* Its examples, for a program of this name. */
void command_examples(const Command *command, const char *name, char *text, size_t room);

/* ---- options.c: the command line ------------------------------------------------------------- */

/* Reads the command line of a command into *config; writes help or one message and ends the program
 * if it asks for that. New: the other arguments, NULL after the last; the caller frees the list. */
char **options_parse(const Command *command, int argc, char **argv, Config *config);

/* ---- data.c: the samples --------------------------------------------------------------------- */

typedef struct Data {
    NnDataset *train, *validation, *test; /* NULL: there are none */
    Series mean, deviation;               /* by which inputs are normalised; borrowed */
    bool fashion;                         /* the classes are those of Fashion-MNIST */
} Data;

/* Reads samples to train on and to test on, in the form that the settings ask for; says why not. What
 * the training samples tell (mean, deviation, kind of features) goes into the settings, which are saved
 * with the network. */
bool data_load(Config *config, Data *data);

/* Only what a saved network is to be tested on, in the form that its settings tell. */
bool data_load_test(const Config *config, Data *data);

/* None yet; how samples are dealt out to a saved network. */
Data data_without_samples(const Config *config);
void data_free(Data *data);

/* Makes pixels binary if the settings ask for it. */
bool data_prepare(const Config *config, NnDataset *dataset);

/* The name of a class; NULL if it has none but its number. Borrowed. */
const char *data_class_name(const Data *data, int c);

/* Whether a path ends as a CSV file's does. */
bool data_is_csv(const char *path);

/* ---- model.c: what the settings ask for ------------------------------------------------------ */

NnMlp *model_network(const Config *config, int64_t inputs, int64_t classes);
NnOptimizer *model_optimizer(const Config *config, const NnParameters *parameters);
NnSchedule model_schedule(const Config *config, int64_t epoch_steps, int64_t total_steps);
NnLoader *model_loader(const Config *config, const Data *data);
NnLoader *model_test_loader(const Data *data, const NnDataset *dataset);

/* The outputs in training at a step, the loss of a batch, the clipping of gradients. */
Tensor *model_forward(const Config *config, const NnMlp *net, Tensor *inputs, int64_t step);
Tensor *model_loss(const Config *config, Tensor *outputs, const NnBatch *batch);
bool model_clip(const Config *config, const NnMlp *net);

/* How sure outputs are of each class. */
Tensor *model_probabilities(const Config *config, Tensor *outputs);

/* "784-128-10 relu, 101770 parameters, double" */
void model_describe(const NnMlp *net, char *text, size_t room);

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

/* New: the network of --load, whatever its data are; or for data of this form. */
NnMlp *model_file_open(const Config *config);
NnMlp *model_file_load(const Config *config, int64_t inputs, int64_t classes);

/* Adds settings, and the accuracy unless it is NaN; says nothing itself. */
bool model_file_annotate(NnState *state, const Config *config, double accuracy);

/* Writes the network to --save. */
bool model_file_save(const Config *config, const NnMlp *net, double accuracy);

/* What the present epoch has come to so far. */
typedef struct Progress {
    int64_t seen, correct; /* samples */
    double loss;           /* summed over them */
} Progress;

/* The best epoch so far, for early stopping. */
typedef struct Best {
    NnState *weights; /* NULL: none yet */
    double accuracy;
    int64_t epoch;
} Best;

/* Writes a run to --checkpoint; takes a run like it to where that of --resume stood. */
bool checkpoint_save(const Config *config, const NnRun *run, const Progress *progress,
                     const Best *best);
bool checkpoint_load(const Config *config, const NnRun *run, Progress *progress, Best *best);

/* Whether the files that the training will write can be written: better known before it. */
bool model_file_check(const Config *config);

/* ---- judge.c: testing ------------------------------------------------------------------------ */

/* A sample that is told wrongly: its label, what it was taken for, and how sure that was. */
typedef struct Mistake {
    int64_t index;
    int label, predicted;
    double probability, right_probability;
} Mistake;

typedef struct Judgement {
    double loss, accuracy;
    NnConfusion *confusion;
    Mistake *mistakes; /* the worst first */
    int64_t mistake_count;
} Judgement;

/* Goes through all samples without learning; keeps at most `keep` mistakes. */
bool judge(const Config *config, const NnMlp *net, NnLoader *samples, int64_t keep,
           Judgement *judgement);
void judgement_free(Judgement *judgement);

/* ---- report.c: what is told of it ------------------------------------------------------------ */

/* What the settings ask for; `dataset` has the samples that were judged. */
bool report(const Config *config, const Data *data, const NnDataset *dataset, const NnMlp *net,
            const Judgement *judgement);

/* ---- watch.c: what is seen of the training --------------------------------------------------- */

typedef struct Watch Watch;

/* `unseen` names what the network is tested on after an epoch. NULL and a message if a file cannot be
 * written. */
Watch *watch_new(const Config *config, const NnMlp *net, NnLoader *samples, const char *unseen);
void watch_free(Watch *watch);

/* A run that goes on: the steps that were taken, and what the present epoch came to before. */
void watch_resume(Watch *watch, int64_t step, const Progress *progress);
const Progress *watch_progress(const Watch *watch);

void watch_begin_epoch(Watch *watch);

/* Between backward and the optimizer's step; false and the library's error when out of memory. */
bool watch_before_step(Watch *watch, const NnMlp *net);

/* After it; false, and a message, if the loss is no number. */
bool watch_step(Watch *watch, const NnBatch *batch, const Tensor *outputs, double loss,
                double rate);

void watch_end_training(Watch *watch); /* stops the clock; the test comes after it */
bool watch_epoch(Watch *watch, const NnMlp *net, NnLoader *unseen, double unseen_loss,
                 double unseen_accuracy);

/* After all epochs: curves. */
bool watch_end(Watch *watch);

/* A line, unless all is quiet. */
void watch_say(const Watch *watch, const char *format, ...) __attribute__((format(printf, 2, 3)));

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

/* How the program is started: its name, or the command of a script that starts it. */
const char *program_name(void);

/* The program's name and the message, on standard error; library_error() prints the library's last
 * one and returns false; message_of_library() is that one. */
void error_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool library_error(void);
const char *message_of_library(void);

#endif
