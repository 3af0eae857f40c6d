/* training.h - a training: what it is made of, how it begins, is kept and taken up again. */
#ifndef MNIST_TRAINING_H
#define MNIST_TRAINING_H

#include "mnist.h"

typedef struct Training {
    const Config *config;
    NnMlp *net;
    NnOptimizer *optimizer;
    NnLoader *samples, *validation, *test; /* validation NULL: none */
    NnSchedule schedule;
    int64_t step, total_steps; /* step: taken so far, in all epochs */
    Watch *watch;
    Best best; /* if stopping early */
} Training;

/* All of these say what is wrong. */

/* Makes what the settings ask for, and tells of it; takes up the run of --resume. After false, too,
 * training_end() frees what was made. */
bool training_begin(Training *t, const Config *config, const Data *data);
void training_end(Training *t);

/* Writes --checkpoint if it is due: after every so many steps, or at the end of each epoch. */
bool training_checkpoint(const Training *t);

/* Writes a checkpoint of a run that was stopped, and says how to go on from it. */
bool training_keep_stopped(const Training *t);

#endif
