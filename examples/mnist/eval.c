/* eval.c - `mnist eval`: tests a saved network. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnist.h"

static bool fits(const Config *config, const NnMlp *net, const Data *data)
{
    const Tensor *first = nn_linear_weight(nn_mlp_layer(net, 0));
    int64_t features = nn_dataset_features(data->test);
    if (tensor_side(first, 0) == features)
        return true;
    error_line("the samples have %" PRId64 " features: the network of %s takes %" PRId64, features,
               config->load, tensor_side(first, 0));
    return false;
}

static bool eval_on(const Config *config, const NnMlp *net, const Data *data)
{
    Judgement judgement;
    NnLoader *samples = model_test_loader(data, data->test);
    if (!samples)
        return library_error();
    bool done = judge(config, net, samples, config->mistakes, &judgement);
    nn_loader_free(samples);
    if (!done)
        return false;
    done = report(config, data, data->test, net, &judgement);
    if (done && !config->quiet)
        printf("%" PRId64 " samples, loss %.4f\n", nn_dataset_count(data->test), judgement.loss);
    if (done)
        printf("%s accuracy %.2f %%\n", config->part == PART_TRAIN ? "train" : "test",
               100 * judgement.accuracy);
    judgement_free(&judgement);
    return done;
}

static int eval(Config *config, char **arguments)
{
    Data data;
    (void)arguments;
    if (!config->load) {
        error_line("expected --load FILE, a network that train --save wrote");
        return EXIT_USAGE;
    }
    NnMlp *net = model_file_open(config);
    bool done = net && data_load_test(config, &data);
    if (done) {
        done = fits(config, net, &data) && eval_on(config, net, &data);
        data_free(&data);
    }
    nn_mlp_free(net);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

const Command command_eval = {
    .name = "eval",
    .summary = "test a saved network",
    .bit = EVAL,
    .help = "Tests a network that train saved: on the samples that it was tested on then, or on "
            "others of the same form.",
    .examples = "$ eval --load digits.safetensors --report --mistakes 10\n"
                "$ eval --load digits.safetensors --confusion table.svg\n"
                "$ eval --load digits.safetensors --test-data mine.csv.gz",
    .run = eval,
};
