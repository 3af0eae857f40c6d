/* fit.c - the training loop for those who want none. */
#include <inttypes.h>
#include <math.h>

#include <valgrad/train.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

typedef struct Fit {
    NnMlp *net;
    NnLoader *loader;
    NnOptimizer *optimizer;
    const NnFitOptions *options;
    NnProgress progress;
    double loss; /* summed over the samples of this epoch */
    int64_t correct;
    bool stopped; /* by a callback */
} Fit;

static Tensor *forward(const Fit *fit, const NnBatch *batch, bool training)
{
    const NnFitOptions *options = fit->options;
    return options->forward ? options->forward(fit->net, batch->inputs, training, options->context)
                            : nn_mlp_forward(fit->net, batch->inputs);
}

static Tensor *loss_of(const Fit *fit, Tensor *outputs, const NnBatch *batch)
{
    const NnFitOptions *options = fit->options;
    return options->loss ? options->loss(outputs, batch, options->context)
                         : tensor_cross_entropy(outputs, batch->count, batch->labels);
}

/* Loss and right labels of a batch, added to the sums. */
static ValgradStatus count(const Tensor *outputs, const Tensor *loss, const NnBatch *batch,
                           double *sum, int64_t *correct)
{
    const int64_t right = nn_count_correct(outputs, batch->count, batch->labels);
    const double number = loss ? (double)tensor_item(loss) : (double)NAN;
    if (right < 0 || !loss)
        return valgrad_last_status();
    *sum += number * (double)batch->count;
    *correct += right;
    return VALGRAD_OK;
}

/* ---- validation ---------------------------------------------------------------------------------- */

static ValgradStatus validate(Fit *fit)
{
    NnLoader *loader = fit->options->validation;
    double loss = 0;
    int64_t correct = 0;
    ValgradStatus status = nn_loader_start(loader, nn_loader_epoch(loader));
    VALGRAD_NO_GRAD
        for (const NnBatch *batch; status == VALGRAD_OK && (batch = nn_loader_next(loader));)
            VALGRAD_SCOPE {
                Tensor *outputs = forward(fit, batch, false);
                status = count(outputs, loss_of(fit, outputs, batch), batch, &loss, &correct);
            }
    const double samples = (double)nn_loader_samples(loader);
    fit->progress.validation_loss = loss / samples;
    fit->progress.validation_accuracy = (double)correct / samples;
    return status;
}

/* ---- training ------------------------------------------------------------------------------------ */

static ValgradStatus set_rate(Fit *fit)
{
    const NnSchedule *schedule = fit->options->schedule;
    const int64_t step = fit->progress.epoch * fit->progress.steps + fit->progress.step;
    if (schedule) {
        double rate = nn_schedule_rate(schedule, step, fit->progress.epochs * fit->progress.steps);
        if (isnan(rate))
            return valgrad_last_status();
        ValgradStatus status = nn_optimizer_set_learning_rate(fit->optimizer, rate);
        if (status != VALGRAD_OK)
            return status;
    }
    fit->progress.learning_rate = nn_optimizer_learning_rate(fit->optimizer);
    return VALGRAD_OK;
}

static ValgradStatus check_loss(const Fit *fit, double loss)
{
    if (isfinite(loss))
        return VALGRAD_OK;
    return error__set(VALGRAD_ERROR_STATE,
                      "nn_fit: the loss is %g at step %" PRId64 " of epoch %" PRId64
                      ": expected a number (is the learning rate %g too high?)",
                      loss, fit->progress.step, fit->progress.epoch, fit->progress.learning_rate);
}

static ValgradStatus descend(Fit *fit, Tensor *loss)
{
    nn_optimizer_zero_grad(fit->optimizer);
    ValgradStatus status = tensor_backward(loss, NULL);
    return status == VALGRAD_OK ? nn_optimizer_step(fit->optimizer) : status;
}

static void advance(Fit *fit, const NnBatch *batch, double loss)
{
    NnProgress *progress = &fit->progress;
    progress->step++;
    progress->samples += batch->count;
    progress->loss = loss;
    progress->accuracy = (double)fit->correct / (double)progress->samples;
    const NnFitOptions *options = fit->options;
    fit->stopped = options->on_step && !options->on_step(progress, options->context);
}

static ValgradStatus take_step(Fit *fit, const NnBatch *batch)
{
    ValgradStatus status = set_rate(fit);
    if (status != VALGRAD_OK)
        return status;
    VALGRAD_SCOPE {
        Tensor *outputs = forward(fit, batch, true), *loss = loss_of(fit, outputs, batch);
        status = count(outputs, loss, batch, &fit->loss, &fit->correct);
        if (status == VALGRAD_OK)
            status = check_loss(fit, (double)tensor_item(loss));
        if (status == VALGRAD_OK)
            status = descend(fit, loss);
        if (status == VALGRAD_OK)
            advance(fit, batch, (double)tensor_item(loss));
    }
    return status;
}

static ValgradStatus end_epoch(Fit *fit)
{
    const NnFitOptions *options = fit->options;
    NnProgress *progress = &fit->progress;
    if (progress->samples > 0)
        progress->loss = fit->loss / (double)progress->samples;
    ValgradStatus status = options->validation ? validate(fit) : VALGRAD_OK;
    if (status == VALGRAD_OK && options->on_epoch)
        fit->stopped = !options->on_epoch(progress, options->context);
    return status;
}

static ValgradStatus run_epoch(Fit *fit)
{
    fit->progress.epoch = nn_loader_epoch(fit->loader);
    fit->progress.step = nn_loader_step(fit->loader);
    fit->progress.samples = 0;
    fit->loss = 0;
    fit->correct = 0;
    const NnBatch *batch;
    while (!fit->stopped && (batch = nn_loader_next(fit->loader))) {
        ValgradStatus status = take_step(fit, batch);
        if (status != VALGRAD_OK)
            return status;
    }
    return fit->stopped ? VALGRAD_OK : end_epoch(fit);
}

static ValgradStatus check(const NnMlp *net, const NnLoader *loader, const NnOptimizer *optimizer,
                           const NnFitOptions *options)
{
    static const char function[] = "nn_fit";
    if (!net || !loader || !optimizer)
        return error__null(function, !net ? "net" : !loader ? "loader" : "optimizer");
    if (options->epochs < 0)
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: %" PRId64 " epochs: expected 0 or more",
                          function, options->epochs);
    return VALGRAD_OK;
}

ValgradStatus nn_fit(NnMlp *net, NnLoader *loader, NnOptimizer *optimizer,
                     const NnFitOptions *options, NnProgress *last)
{
    const NnFitOptions standard = NN_FIT_OPTIONS_INIT;
    options = options ? options : &standard;
    ValgradStatus status = check(net, loader, optimizer, options);
    Fit fit = {.net = net, .loader = loader, .optimizer = optimizer, .options = options};
    fit.progress = (NnProgress){.epochs = options->epochs,
                                .steps = nn_loader_steps(loader),
                                .learning_rate = nn_optimizer_learning_rate(optimizer),
                                .loss = (double)NAN,
                                .accuracy = (double)NAN,
                                .validation_loss = (double)NAN,
                                .validation_accuracy = (double)NAN};
    while (status == VALGRAD_OK && !fit.stopped && nn_loader_epoch(loader) < options->epochs)
        status = run_epoch(&fit);
    if (last)
        *last = fit.progress;
    return status;
}
