/* train.h - a training run as a whole: the loop for those who want none, and checkpoints.
 *
 *     NnFitOptions options = NN_FIT_OPTIONS_INIT;
 *     options.epochs = 3;
 *     options.validation = test;
 *     options.on_epoch = print_epoch; // bool print_epoch(const NnProgress *, void *); false stops
 *     if (nn_fit(net, loader, optimizer, &options, NULL) != VALGRAD_OK)
 *         fprintf(stderr, "%s\n", valgrad_last_error());
 *
 * The loop in the open is at the top of nn.h; nn_fit() does the same, and what a run needs besides.
 *
 * A checkpoint is a state (state.h) with all that the rest of a run depends on, so that a run taken up
 * from it ends in the same bits as one that never stopped:
 *
 *     const NnRun run = {net, optimizer, loader, &random};
 *     NnState *state = nn_run_state(&run);
 *     nn_state_write(state, "run.safetensors");
 *     …
 *     state = nn_state_read("run.safetensors"); // in another process, with objects made alike
 *     nn_run_load_state(&run, state);
 *
 * Ownership and errors are as nn.h says. */
#ifndef VALGRAD_TRAIN_H
#define VALGRAD_TRAIN_H

#include <valgrad/nn.h>

VALGRAD_BEGIN

/* ---- the loop ------------------------------------------------------------------------------------ */

/* How far nn_fit() is. */
typedef struct NnProgress {
    int64_t epoch, epochs; /* the present one, from 0; how many there will be */
    int64_t step, steps;   /* taken in this epoch; in an epoch */
    int64_t samples;       /* seen in this epoch */
    double learning_rate;  /* of the last step */
    double loss;           /* of the last step; for on_epoch the mean over the epoch's samples */
    double accuracy;       /* the part of the epoch's samples that had the right label so far */
    double validation_loss; /* of this epoch (on_epoch), or the one before; NaN: there is none */
    double validation_accuracy;
} NnProgress;

typedef struct NnFitOptions {
    int64_t epochs;             /* in all: those that the loader has ended already count */
    const NnSchedule *schedule; /* NULL: the optimizer's learning rate stays */
    NnLoader *validation;       /* gone through after each epoch without gradients; NULL: none */

    /* New: what the model gives for a batch; `training` is false for the validation. NULL:
     * nn_mlp_forward(). */
    Tensor *(*forward)(NnMlp *net, Tensor *inputs, bool training, void *context);
    /* New, of size 1: the loss of a batch. NULL: tensor_cross_entropy(). */
    Tensor *(*loss)(Tensor *outputs, const NnBatch *batch, void *context);

    /* After each step and each epoch; false ends the run, as the end of all epochs does. */
    bool (*on_step)(const NnProgress *progress, void *context);
    bool (*on_epoch)(const NnProgress *progress, void *context);
    void *context; /* of all four */
} NnFitOptions;

#define NN_FIT_OPTIONS_INIT                                                                        \
    {                                                                                              \
        1, NULL, NULL, NULL, NULL, NULL, NULL, NULL                                                \
    }

/* Trains from where the loader stands to the end of the last epoch. *last (if not NULL) tells how it
 * ended. A schedule's steps are counted over all epochs.
 * Errors: NULL; epochs negative; those of the functions it calls; a loss that is NaN or infinite
 * (VALGRAD_ERROR_STATE: the learning rate is too high, or the data are wrong). */
VALGRAD_API ValgradStatus nn_fit(NnMlp *net, NnLoader *loader, NnOptimizer *optimizer,
                                 const NnFitOptions *options, NnProgress *last);

/* ---- checkpoints --------------------------------------------------------------------------------- */

/* What a run consists of. NULL: the run has none of it. */
typedef struct NnRun {
    NnMlp *net;
    NnOptimizer *optimizer;
    NnLoader *loader;
    Random *random;
} NnRun;

/* New: nn_mlp_state() and the rest of the run, in arrays that begin with "training.": what the
 * optimizer remembers and its learning rate, where the loader stands, the generator. Such a file is
 * a file of the network, too. Errors: NULL; out of memory. */
VALGRAD_API NnState *nn_run_state(const NnRun *run);

/* Takes the objects of a run, made as those were, to where the state's run stood. (A schedule is
 * nothing but a function of the step, see nn_loader_total_step().)
 * Errors: NULL; what the run has and the state has not; a network of other shapes, another kind of
 * optimizer, a loader with another number of samples or steps: then nothing is changed. */
VALGRAD_API ValgradStatus nn_run_load_state(const NnRun *run, const NnState *state);

VALGRAD_END

#endif
