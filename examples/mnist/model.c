/* model.c - network, optimizer, schedule and mini-batches as the settings ask for them. */
#include <inttypes.h>
#include <stdio.h>

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
    options.init = (NnInit){(NnInitRule)config->init, config->init_bound, config->init_bias};
    Random random = random_seeded((uint64_t)config->seed);
    return nn_mlp_new(count, sizes, &options, &random);
}

NnOptimizer *model_optimizer(const Config *config, const NnParameters *parameters)
{
    if (config->optimizer == SGD) {
        NnSgdOptions options = {config->lr, config->momentum, config->weight_decay,
                                config->nesterov};
        return nn_optimizer_sgd(parameters, &options);
    }
    NnAdamOptions options = NN_ADAM_OPTIONS_INIT;
    options.learning_rate = config->lr;
    options.weight_decay = config->weight_decay;
    return config->optimizer == ADAM ? nn_optimizer_adam(parameters, &options)
                                     : nn_optimizer_adamw(parameters, &options);
}

NnLoader *model_loader(const Config *config, const NnDataset *dataset)
{
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.batch = config->batch;
    options.limit = config->train_limit;
    options.seed = (uint64_t)config->seed;
    options.sequential = !config->shuffle;
    return nn_loader_new(dataset, &options);
}

NnLoader *model_test_loader(const NnDataset *dataset)
{
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.batch = 500;
    options.sequential = true;
    return nn_loader_new(dataset, &options);
}

NnSchedule model_schedule(const Config *config, int64_t total_steps)
{
    NnSchedule schedule = NN_SCHEDULE_INIT;
    schedule.rule = (NnScheduleRule)config->schedule;
    schedule.base = config->lr;
    schedule.factor = 0.1;
    schedule.every = total_steps / 3 + (total_steps % 3 != 0);
    return schedule;
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
