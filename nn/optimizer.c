/* optimizer.c - SGD, RMSProp, Adam and AdamW: one pass of a kernel over each parameter. */
#include <inttypes.h>
#include <math.h>

#include <valgrad/nn.h>

#include "autograd/error.h"
#include "autograd/profile_internal.h"
#include "nn/nn_internal.h"
#include "tensor/sparse.h"
#include "tensor/threads.h"

/* A parameter and what the optimizer remembers about it. */
typedef struct Slot {
    Tensor *tensor;
    int64_t size;
    int64_t steps; /* that it has taken */
    real *state;   /* buffers of size numbers, one after the other; NULL for none */
} Slot;

struct NnOptimizer {
    const char *name;
    /* The slot's next step, with numbers and gradient filled in; whether all numbers are finite then. */
    bool (*step)(const NnOptimizer *optimizer, const Slot *slot, OptimizerStep step);
    double learning_rate;
    NnSgdOptions sgd;
    NnRmspropOptions rmsprop;
    NnAdamOptions adam;
    bool decoupled; /* AdamW */
    int buffers;    /* of each slot's state */
    int64_t count;
    Slot *slots;
};

static bool step_sgd(const NnOptimizer *optimizer, const Slot *slot, OptimizerStep step)
{
    const NnSgdOptions *options = &optimizer->sgd;
    step.m = slot->state;
    step.sgd = &(SgdStep){
        .learning_rate = (real)optimizer->learning_rate,
        .momentum = (real)options->momentum,
        .weight_decay = (real)options->weight_decay,
        .nesterov = options->nesterov,
    };
    return threads__step(&step);
}

static bool step_rmsprop(const NnOptimizer *optimizer, const Slot *slot, OptimizerStep step)
{
    const NnRmspropOptions *options = &optimizer->rmsprop;
    step.m = slot->state + slot->size;
    step.v = slot->state;
    step.rmsprop = &(RmspropStep){
        .learning_rate = (real)optimizer->learning_rate,
        .alpha = (real)options->alpha,
        .epsilon = (real)options->epsilon,
        .momentum = (real)options->momentum,
        .weight_decay = (real)options->weight_decay,
    };
    return threads__step(&step);
}

static bool step_adam(const NnOptimizer *optimizer, const Slot *slot, OptimizerStep step)
{
    const NnAdamOptions *options = &optimizer->adam;
    step.m = slot->state;
    step.v = slot->state + slot->size;
    step.adam = &(AdamStep){
        .learning_rate = (real)optimizer->learning_rate,
        .beta1 = (real)options->beta1,
        .beta2 = (real)options->beta2,
        .epsilon = (real)options->epsilon,
        .weight_decay = (real)options->weight_decay,
        .decoupled = optimizer->decoupled,
        .correction1 = (real)(1 - pow(options->beta1, (double)slot->steps)),
        .correction2 = (real)(1 - pow(options->beta2, (double)slot->steps)),
    };
    return threads__step(&step);
}

/* ---- options --------------------------------------------------------------------------------- */

/* Whether 0 <= number < below. */
static bool check_range(const char *function, const char *name, double number, double below)
{
    if (number >= 0 && number < below)
        return true;
    if (isinf(below))
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: %s %g: expected a finite number from 0", function,
                   name, number);
    else
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: %s %g: expected a number from 0 to below %g",
                   function, name, number, below);
    return false;
}

static bool check_sgd(const char *function, const NnSgdOptions *options)
{
    if (!check_range(function, "learning_rate", options->learning_rate, (double)INFINITY) ||
        !check_range(function, "momentum", options->momentum, 1) ||
        !check_range(function, "weight_decay", options->weight_decay, (double)INFINITY))
        return false;
    if (!options->nesterov || options->momentum > 0)
        return true;
    error__set(VALGRAD_ERROR_ARGUMENT, "%s: nesterov with momentum 0: expected a momentum above 0",
               function);
    return false;
}

static bool check_rmsprop(const char *function, const NnRmspropOptions *options)
{
    return check_range(function, "learning_rate", options->learning_rate, (double)INFINITY) &&
           check_range(function, "alpha", options->alpha, 1) &&
           check_range(function, "epsilon", options->epsilon, (double)INFINITY) &&
           check_range(function, "momentum", options->momentum, 1) &&
           check_range(function, "weight_decay", options->weight_decay, (double)INFINITY);
}

static bool check_adam(const char *function, const NnAdamOptions *options)
{
    return check_range(function, "learning_rate", options->learning_rate, (double)INFINITY) &&
           check_range(function, "beta1", options->beta1, 1) &&
           check_range(function, "beta2", options->beta2, 1) &&
           check_range(function, "epsilon", options->epsilon, (double)INFINITY) &&
           check_range(function, "weight_decay", options->weight_decay, (double)INFINITY);
}

/* ---- create ---------------------------------------------------------------------------------- */

static bool fill_slot(const char *function, Slot *slot, Tensor *tensor, int buffers)
{
    slot->tensor = tensor_retain(tensor);
    slot->size = tensor_size(tensor);
    if (buffers == 0 || slot->size == 0)
        return true;
    slot->state = nn__zeros(function, slot->size, (size_t)buffers * sizeof(real));
    return slot->state != NULL;
}

/* An optimizer with `buffers` numbers of state for each number of the parameters. */
static NnOptimizer *new_optimizer(const char *function, const NnParameters *parameters, int buffers)
{
    NnOptimizer *optimizer = nn__zeros(function, 1, sizeof *optimizer);
    if (!optimizer)
        return NULL;
    int64_t count = nn_parameters_count(parameters);
    optimizer->buffers = buffers;
    optimizer->slots = nn__zeros(function, count ? count : 1, sizeof *optimizer->slots);
    bool complete = optimizer->slots != NULL;
    for (int64_t i = 0; complete && i < count; i++) {
        optimizer->count++;
        complete =
            fill_slot(function, &optimizer->slots[i], nn_parameters_at(parameters, i), buffers);
    }
    if (complete)
        return optimizer;
    nn_optimizer_free(optimizer);
    return NULL;
}

NnOptimizer *nn_optimizer_sgd(const NnParameters *parameters, const NnSgdOptions *options)
{
    static const char function[] = "nn_optimizer_sgd";
    const NnSgdOptions standard = NN_SGD_OPTIONS_INIT;
    options = options ? options : &standard;
    if (!parameters) {
        error__null(function, "parameters");
        return NULL;
    }
    if (!check_sgd(function, options))
        return NULL;
    NnOptimizer *optimizer = new_optimizer(function, parameters, options->momentum > 0 ? 1 : 0);
    if (!optimizer)
        return NULL;
    optimizer->name = "sgd";
    optimizer->step = step_sgd;
    optimizer->sgd = *options;
    optimizer->learning_rate = options->learning_rate;
    return optimizer;
}

NnOptimizer *nn_optimizer_rmsprop(const NnParameters *parameters, const NnRmspropOptions *options)
{
    static const char function[] = "nn_optimizer_rmsprop";
    const NnRmspropOptions standard = NN_RMSPROP_OPTIONS_INIT;
    options = options ? options : &standard;
    if (!parameters) {
        error__null(function, "parameters");
        return NULL;
    }
    if (!check_rmsprop(function, options))
        return NULL;
    NnOptimizer *optimizer = new_optimizer(function, parameters, 2);
    if (!optimizer)
        return NULL;
    optimizer->name = "rmsprop";
    optimizer->step = step_rmsprop;
    optimizer->rmsprop = *options;
    optimizer->learning_rate = options->learning_rate;
    return optimizer;
}

static NnOptimizer *new_adam(const char *function, const NnParameters *parameters,
                             const NnAdamOptions *options, bool decoupled)
{
    if (!parameters) {
        error__null(function, "parameters");
        return NULL;
    }
    if (!check_adam(function, options))
        return NULL;
    NnOptimizer *optimizer = new_optimizer(function, parameters, 2);
    if (!optimizer)
        return NULL;
    optimizer->name = decoupled ? "adamw" : "adam";
    optimizer->step = step_adam;
    optimizer->adam = *options;
    optimizer->decoupled = decoupled;
    optimizer->learning_rate = options->learning_rate;
    return optimizer;
}

NnOptimizer *nn_optimizer_adam(const NnParameters *parameters, const NnAdamOptions *options)
{
    const NnAdamOptions standard = NN_ADAM_OPTIONS_INIT;
    return new_adam("nn_optimizer_adam", parameters, options ? options : &standard, false);
}

NnOptimizer *nn_optimizer_adamw(const NnParameters *parameters, const NnAdamOptions *options)
{
    const NnAdamOptions standard = NN_ADAMW_OPTIONS_INIT;
    return new_adam("nn_optimizer_adamw", parameters, options ? options : &standard, true);
}

void nn_optimizer_free(NnOptimizer *optimizer)
{
    if (!optimizer)
        return;
    for (int64_t i = 0; i < optimizer->count; i++) {
        tensor_release(optimizer->slots[i].tensor);
        nn__free(optimizer->slots[i].state);
    }
    nn__free(optimizer->slots);
    nn__free(optimizer);
}

/* ---- use ------------------------------------------------------------------------------------- */

/* Whether a gradient of 0 leaves the slot's numbers as they are: not with momentum or decay, nor does it leave NaN
 * finite. */
static bool zeros_do_nothing(const NnOptimizer *optimizer, const Slot *slot)
{
    const NnSgdOptions *sgd = &optimizer->sgd;
    return optimizer->step == step_sgd && sgd->momentum == 0 && sgd->weight_decay == 0 &&
           sparse__knows_finite(slot->tensor);
}

/* How many numbers took a step. */
static int64_t step_all(NnOptimizer *optimizer)
{
    int64_t numbers = 0;
    for (int64_t i = 0; i < optimizer->count; i++) {
        Slot *slot = &optimizer->slots[i];
        OptimizerStep step = {.n = slot->size};
        if (!tensor_wants_grad(slot->tensor))
            continue;
        step.g = zeros_do_nothing(optimizer, slot)
                     ? tensor__gradient_rows(slot->tensor, &step.rows, &step.marks)
                     : tensor__gradient(slot->tensor);
        if (!step.g)
            continue;
        slot->steps++;
        step.w = tensor__writable(slot->tensor);
        if (optimizer->step(optimizer, slot, step))
            sparse__note_finite(slot->tensor);
        numbers += slot->size;
    }
    return numbers;
}

ValgradStatus nn_optimizer_step(NnOptimizer *optimizer)
{
    if (!optimizer)
        return error__null("nn_optimizer_step", "optimizer");
    const bool timed = profile__on;
    const ProfileSpan outer = timed ? profile__begin() : (ProfileSpan){0};
    const int64_t numbers = step_all(optimizer);
    const double buffers = 2 + optimizer->buffers; /* numbers and gradient */
    if (timed)
        profile__end("nn_optimizer_step", false, buffers * (double)numbers * sizeof(real), outer);
    return VALGRAD_OK;
}

void nn_optimizer_zero_grad(NnOptimizer *optimizer)
{
    for (int64_t i = 0; optimizer && i < optimizer->count; i++)
        tensor_zero_grad(optimizer->slots[i].tensor);
}

double nn_optimizer_learning_rate(const NnOptimizer *optimizer)
{
    return optimizer ? optimizer->learning_rate : (double)NAN;
}

ValgradStatus nn_optimizer_set_learning_rate(NnOptimizer *optimizer, double rate)
{
    static const char function[] = "nn_optimizer_set_learning_rate";
    if (!optimizer)
        return error__null(function, "optimizer");
    if (!check_range(function, "learning rate", rate, (double)INFINITY))
        return VALGRAD_ERROR_ARGUMENT;
    optimizer->learning_rate = rate;
    return VALGRAD_OK;
}

const char *nn_optimizer_name(const NnOptimizer *optimizer)
{
    return optimizer ? optimizer->name : "";
}

bool optimizer__memory(NnOptimizer *optimizer, int64_t i, OptimizerMemory *memory)
{
    if (i < 0 || i >= optimizer->count)
        return false;
    Slot *slot = &optimizer->slots[i];
    *memory = (OptimizerMemory){&slot->steps, slot->state, slot->state ? optimizer->buffers : 0,
                                slot->size};
    return true;
}
