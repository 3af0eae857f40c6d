/* info.c - `mnist info`: what a file of weights holds. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnist.h"

/* "  0.weight  F64  128 x 784" */
static void print_array(const NnArray *array, int width)
{
    printf("  %-*s  %-4s  ", width, array->name, nn_dtype_name(array->dtype));
    for (int i = 0; i < array->rank; i++)
        printf("%s%" PRId64, i ? " x " : "", array->shape[i]);
    printf(array->rank ? "\n" : "one number\n");
}

static void print_arrays(const NnState *state)
{
    int width = 0;
    for (int64_t i = 0; i < nn_state_count(state); i++) {
        int length = (int)strlen(nn_state_at(state, i)->name);
        width = length > width ? length : width;
    }
    printf("%" PRId64 " arrays\n", nn_state_count(state));
    for (int64_t i = 0; i < nn_state_count(state); i++)
        print_array(nn_state_at(state, i), width);
}

static void print_network(const NnState *state, const char *path)
{
    NnMlp *net = nn_mlp_from_state(state, NULL);
    if (!net) {
        printf("%s: no network of linear layers\n", path);
        return;
    }
    char text[400];
    model_describe(net, text, sizeof text);
    printf("%s: %s\n", path, text);
    nn_mlp_free(net);
}

static void print_position(const NnState *state)
{
    const char *optimizer = nn_state_text(state, "training.optimizer");
    int64_t position[4];
    if (!optimizer || !nn_state_has(state, "training.loader"))
        return;
    const NnArray *array = nn_state_find(state, "training.loader");
    if (array->dtype != NN_I64 || array->size != 4)
        return;
    memcpy(position, array->data, sizeof position);
    printf("checkpoint of a run with %s: epoch %" PRId64 ", step %" PRId64 " of %" PRId64 "\n",
           optimizer, position[0] + 1, position[1], position[3]);
}

static void print_texts(const NnState *state)
{
    for (int64_t i = 0; i < nn_state_text_count(state); i++) {
        const char *key = nn_state_text_key(state, i);
        if (strcmp(key, "test_accuracy") != 0) /* it stands at the top */
            printf("%s: %s\n", key, nn_state_text(state, key));
    }
}

static int info(Config *config, char **arguments)
{
    (void)config;
    if (!arguments[0] || arguments[1]) {
        error_line("expected one FILE");
        return EXIT_USAGE;
    }
    NnState *state = model_file_read(arguments[0]);
    if (!state)
        return EXIT_FAILURE;
    const double accuracy = model_file_accuracy(state);
    print_network(state, arguments[0]);
    if (!isnan(accuracy))
        printf("test accuracy %.2f %%\n", 100 * accuracy);
    print_position(state);
    print_arrays(state);
    print_texts(state);
    nn_state_free(state);
    return EXIT_SUCCESS;
}

const Command command_info = {
    .name = "info",
    .summary = "tell what a file of weights holds",
    .bit = INFO,
    .arguments = "FILE",
    .help = "Tells layers, accuracy, arrays and settings of a file that --save, --checkpoint or "
            "PyTorch wrote (.safetensors), or NumPy (.npz).",
    .examples = "$ info digits.safetensors",
    .run = info,
};
