/* model.c - network, optimizer, schedule, loss and mini-batches as the settings ask for them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnist.h"

NnMlp *model_network(const Config *config, int64_t inputs, int64_t classes)
{
    int64_t sizes[MAX_HIDDEN + 2] = {inputs};
    int count = 1;
    for (int64_t i = 0; i < config->layers.count; i++)
        sizes[count++] = config->layers.sizes[i];
    sizes[count++] = classes;
    NnMlpOptions options = NN_MLP_OPTIONS_INIT;
    options.hidden = (NnActivation)config->activation;
    options.output = (NnActivation)config->output_activation;
    options.init = (NnInit){(NnInitRule)config->init, config->init_bound, config->init_bias};
    Random random = random_seeded((uint64_t)config->seed);
    return nn_mlp_new(count, sizes, &options, &random);
}

static NnOptimizer *make_adam(const Config *config, const NnParameters *parameters)
{
    const NnAdamOptions options = {config->lr, config->beta1, config->beta2, config->epsilon,
                                   config->weight_decay};
    return config->optimizer == ADAM ? nn_optimizer_adam(parameters, &options)
                                     : nn_optimizer_adamw(parameters, &options);
}

NnOptimizer *model_optimizer(const Config *config, const NnParameters *parameters)
{
    if (config->optimizer == SGD) {
        const NnSgdOptions options = {config->lr, config->momentum, config->weight_decay,
                                      config->nesterov};
        return nn_optimizer_sgd(parameters, &options);
    }
    if (config->optimizer == RMSPROP) {
        const NnRmspropOptions options = {config->lr, config->alpha, config->epsilon,
                                          config->momentum, config->weight_decay};
        return nn_optimizer_rmsprop(parameters, &options);
    }
    return make_adam(config, parameters);
}

NnSchedule model_schedule(const Config *config, int64_t epoch_steps, int64_t total_steps)
{
    NnSchedule schedule = NN_SCHEDULE_INIT;
    schedule.rule = (NnScheduleRule)config->schedule;
    schedule.base = config->lr;
    schedule.factor = config->schedule_factor;
    schedule.every = config->schedule_every * epoch_steps;
    if (schedule.every == 0)
        schedule.every = total_steps / 3 + (total_steps % 3 != 0);
    schedule.floor = config->lr_floor;
    schedule.warmup = config->warmup;
    return schedule;
}

/* ---- data ------------------------------------------------------------------------------------ */

static void set_moments(NnLoaderOptions *options, const Data *data)
{
    options->moments = data->mean.count;
    options->mean = data->mean.numbers;
    options->deviation = data->deviation.numbers;
}

NnLoader *model_loader(const Config *config, const Data *data)
{
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    set_moments(&options, data);
    options.batch = config->batch;
    options.limit = config->train_limit;
    options.seed = (uint64_t)config->seed;
    options.sequential = !config->shuffle;
    options.shift = config->shift;
    options.rotation = config->rotation;
    return nn_loader_new(data->train, &options);
}

NnLoader *model_test_loader(const Data *data, const NnDataset *dataset)
{
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    set_moments(&options, data);
    options.batch = TEST_BATCH;
    options.sequential = true;
    return nn_loader_new(dataset, &options);
}

/* ---- a step ---------------------------------------------------------------------------------- */

Tensor *model_forward(const Config *config, const NnMlp *net, Tensor *inputs, int64_t step)
{
    if (config->dropout == 0)
        return nn_mlp_forward(net, inputs);
    /* a function of the step alone, so that a run can be taken up anywhere */
    Random random = random_seeded(((uint64_t)config->seed << 32) + (uint64_t)step);
    return nn_mlp_forward_dropout(net, inputs, config->dropout, &random);
}

/* 1 at each row's label, 0 elsewhere. */
static Tensor *one_hot(const NnBatch *batch, int64_t classes)
{
    real *numbers = calloc((size_t)(batch->count * classes), sizeof *numbers);
    for (int64_t i = 0; numbers && i < batch->count; i++)
        numbers[i * classes + batch->labels[i]] = 1;
    Tensor *targets = numbers ? tensor_const(numbers, TENSOR_SHAPE(batch->count, classes)) : NULL;
    free(numbers);
    return targets;
}

Tensor *model_loss(const Config *config, Tensor *outputs, const NnBatch *batch)
{
    if (config->loss == MSE)
        return tensor_mse(outputs, one_hot(batch, tensor_side(outputs, -1)));
    if (config->label_smoothing > 0)
        return tensor_cross_entropy_smoothed(outputs, (real)config->label_smoothing, batch->count,
                                             batch->labels);
    return tensor_cross_entropy(outputs, batch->count, batch->labels);
}

Tensor *model_probabilities(const Config *config, Tensor *outputs)
{
    return config->loss == MSE ? outputs : tensor_softmax(outputs, -1);
}

bool model_clip(const Config *config, const NnMlp *net)
{
    NnParameters *parameters = nn_mlp_parameters(net);
    if (config->clip_value > 0 && nn_clip_grad_value(parameters, config->clip_value) != VALGRAD_OK)
        return false;
    return config->clip_norm == 0 || nn_clip_grad_norm(parameters, config->clip_norm) >= 0;
}

void model_describe(const NnMlp *net, char *text, size_t room)
{
    int layers = nn_mlp_layer_count(net);
    const Tensor *first = nn_linear_weight(nn_mlp_layer(net, 0));
    size_t used = (size_t)snprintf(text, room, "%" PRId64, tensor_side(first, 0));
    for (int i = 0; i < layers && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "-%" PRId64,
                                 tensor_side(nn_linear_weight(nn_mlp_layer(net, i)), 1));
    if (used < room)
        snprintf(text + used, room - used, " %s, %" PRId64 " parameters, %s",
                 nn_activation_name(nn_mlp_hidden_activation(net)),
                 nn_parameters_numbers(nn_mlp_parameters(net)),
                 sizeof(real) == 8 ? "double" : "float");
}
