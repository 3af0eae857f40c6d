/* mnist.h - what the files of the trainer share. */
#ifndef MNIST_H
#define MNIST_H

#include <stdbool.h>
#include <stdint.h>
#include <valgrad/valgrad.h>

enum { MAX_HIDDEN = 16, CLASSES = 10, EXIT_USAGE = 2 };

/* ---- options.c: the command line ------------------------------------------------------------- */

typedef enum Algorithm { SGD, ADAM, ADAMW, ALGORITHM_COUNT } Algorithm;

typedef struct Settings {
    const char *data;    /* NULL: search */
    int64_t train_limit; /* 0: all */
    int shuffle;

    int hidden_count;
    int64_t hidden[MAX_HIDDEN];
    int activation, init; /* NnActivation, NnInitRule */
    double init_bound, init_bias;
    int64_t seed;

    int64_t epochs, batch;
    int algorithm, schedule; /* Algorithm, NnScheduleRule */
    double learning_rate, momentum, weight_decay;
    int nesterov;

    int quiet;
} Settings;

/* The settings of a command line; writes help or one message and ends the program if it asks for
 * that. */
Settings settings_parse(int argc, char **argv);

const char *algorithm_name(int algorithm);

/* ---- data.c: where the digits are ------------------------------------------------------------ */

typedef struct Data {
    NnDataset *train, *test;
} Data;

/* Reads training and test digits; says why not. */
bool data_load(const char *directory, Data *data);
void data_free(Data *data);

/* ---- train.c: the training loop -------------------------------------------------------------- */

/* Trains and prints; returns the exit code of the program. */
int train(const Settings *settings, const Data *data);

/* ---- progress.c: what is seen of it ---------------------------------------------------------- */

typedef struct Progress {
    bool terminal, quiet;
    int64_t epoch, epochs, samples; /* samples in an epoch */
    int64_t seen, correct;          /* of this epoch, so far */
    double loss;                    /* summed over the samples seen */
    double begun, seconds, drawn;
} Progress;

Progress progress_new(const Settings *settings, int64_t samples);
void progress_begin_epoch(Progress *progress);
void progress_step(Progress *progress, int64_t count, double loss, int64_t correct);
void progress_end_training(Progress *progress); /* stops the clock; the test comes after it */
void progress_end_epoch(Progress *progress, double test_accuracy);

/* ---- main.c: messages ------------------------------------------------------------------------ */

/* The program's name and the message, on standard error; library_error() prints the library's last
 * one. */
void error_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
void library_error(void);

#endif
