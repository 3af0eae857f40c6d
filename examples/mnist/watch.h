/* watch.h - what the files share that watch a training: watch.c, log.c, curve.c, diagnose.c. */
#ifndef MNIST_WATCH_H
#define MNIST_WATCH_H

#include <stdio.h>

#include "mnist.h"

typedef struct Diagnosis Diagnosis;

/* What an epoch came to; `steps` were taken at its end. */
typedef struct Epoch {
    int64_t steps;
    double loss, accuracy, unseen_loss, unseen_accuracy;
} Epoch;

struct Watch {
    const Config *config;
    NnLoader *samples;
    const char *unseen; /* what the network is tested on after an epoch: "test" or "validation" */
    bool terminal, quiet;
    FILE *log, *debug; /* NULL: not wanted */

    int64_t epoch;   /* from 1 */
    Progress now;    /* of this epoch */
    int64_t earlier; /* of the samples seen, how many before this run was resumed */
    double begun, ended, drawn;

    double *losses; /* of each step of this run */
    int64_t loss_count, loss_room;
    int64_t first_step; /* steps that were taken before it */
    Epoch *epochs;
    int64_t epoch_count;
    Diagnosis *diagnosis; /* NULL: not wanted */
};

/* ---- log.c ------------------------------------------------------------------------------------ */

/* The first line of the log: the settings. */
bool log_config(Watch *watch);

/* ---- curve.c ---------------------------------------------------------------------------------- */

/* The loss by step in the terminal. */
void draw_curve(const Watch *watch);

/* Whether there is gnuplot; a message if not. Draws losses and accuracies to config->plot. */
bool plot_check(void);
bool plot(const Watch *watch);

/* ---- diagnose.c ------------------------------------------------------------------------------- */

/* How the layers fare: gradients and updates in the middle of an epoch, dead units at its end. */
bool diagnosis_new(Watch *watch, const NnMlp *net);
void diagnosis_free(Watch *watch);
bool diagnosis_before_step(Watch *watch, const NnMlp *net); /* of the step in the middle */
bool diagnosis_after_step(Watch *watch);                    /* of any */
bool diagnosis_print(Watch *watch, const NnMlp *net, NnLoader *unseen);

#endif
