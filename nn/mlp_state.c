/* mlp_state.c - a whole network as a state: its layers by number, its activations as texts. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

static const char hidden_key[] = "hidden_activation", output_key[] = "output_activation";
static const char function[] = "nn_mlp_from_state";

NnState *nn_mlp_state(const NnMlp *mlp)
{
    if (!mlp) {
        error__null("nn_mlp_state", "mlp");
        return NULL;
    }
    NnState *state = nn_parameters_state(nn_mlp_parameters(mlp));
    if (state &&
        nn_state_set_text(state, hidden_key, nn_activation_name(nn_mlp_hidden_activation(mlp))) ==
            VALGRAD_OK &&
        nn_state_set_text(state, output_key, nn_activation_name(nn_mlp_output_activation(mlp))) ==
            VALGRAD_OK)
        return state;
    nn_state_free(state);
    return NULL;
}

/* ---- back ---------------------------------------------------------------------------------------- */

/* A layer found in a state: "<number>.weight" and perhaps "<number>.bias". */
typedef struct Found {
    long number;
    const NnArray *weight, *bias;
} Found;

static int compare_numbers(const void *left, const void *right)
{
    const Found *x = left, *y = right;
    return (x->number > y->number) - (x->number < y->number);
}

/* Whether the name is "<number>.weight". */
static bool is_weight(const char *name, long *number)
{
    char *end;
    if (name[0] < '0' || name[0] > '9')
        return false;
    *number = strtol(name, &end, 10);
    return strcmp(end, ".weight") == 0 && *number < 1000000;
}

static int find_layers(const NnState *state, Found *layers)
{
    int count = 0;
    for (int64_t i = 0; i < nn_state_count(state); i++) {
        const NnArray *array = nn_state_at(state, i);
        long number;
        if (!is_weight(array->name, &number))
            continue;
        char bias[32];
        snprintf(bias, sizeof bias, "%ld.bias", number);
        layers[count++] =
            (Found){number, array, nn_state_has(state, bias) ? nn_state_find(state, bias) : NULL};
    }
    qsort(layers, (size_t)count, sizeof *layers, compare_numbers);
    return count;
}

static bool fail(const Found *layer, const char *what)
{
    error__set(VALGRAD_ERROR_SHAPE, "%s: layer %ld: %s", function, layer->number, what);
    return false;
}

/* Whether layer i fits behind the one before it, and is made as the first is. */
static bool check_layer(const Found *layers, int i)
{
    const Found *layer = &layers[i];
    if (layer->weight->rank != 2 || layer->weight->shape[0] < 1 || layer->weight->shape[1] < 1)
        return fail(layer, "its weight is no matrix: expected (out, in)");
    if (!layer->bias != !layers[0].bias)
        return fail(layer, "expected a bias in every layer, or in none");
    if (layer->bias && (layer->bias->rank != 1 || layer->bias->shape[0] != layer->weight->shape[0]))
        return fail(layer, "its bias does not fit its weight: expected (out)");
    if (i > 0 && layer->number == layers[i - 1].number)
        return fail(layer, "its number comes twice");
    if (i > 0 && layer->weight->shape[1] != layers[i - 1].weight->shape[0])
        return fail(layer, "its inputs are not the outputs of the layer before it");
    return true;
}

static bool read_activation(const NnState *state, const char *key, NnActivation *activation)
{
    const char *name = nn_state_text(state, key);
    return !name || nn_activation_find(name, activation) == VALGRAD_OK;
}

/* The state under the names that the network's parameters have. */
static bool load_layers(NnMlp *mlp, const Found *layers)
{
    NnParameters *parameters = nn_mlp_parameters(mlp);
    NnState *renamed = nn_state_new();
    bool done = renamed != NULL;
    for (int i = 0; done && i < nn_mlp_layer_count(mlp); i++) {
        const NnArray *arrays[] = {layers[i].weight, layers[i].bias};
        for (int j = 0; done && j < 2 && arrays[j]; j++) {
            char name[32];
            snprintf(name, sizeof name, "%d.%s", 2 * i, j ? "bias" : "weight");
            done = nn_state_add(renamed, name, arrays[j]->dtype, arrays[j]->rank, arrays[j]->shape,
                                arrays[j]->data) == VALGRAD_OK;
        }
    }
    done = done && nn_parameters_load_state(parameters, renamed, true) == VALGRAD_OK;
    nn_state_free(renamed);
    return done;
}

static NnMlp *make(const Found *layers, int count, int64_t *sizes, const NnMlpOptions *options)
{
    Random random = random_seeded(0); /* every number it gives is overwritten */
    sizes[0] = layers[0].weight->shape[1];
    for (int i = 0; i < count; i++)
        sizes[i + 1] = layers[i].weight->shape[0];
    NnMlp *mlp = nn_mlp_new(count + 1, sizes, options, &random);
    if (!mlp || load_layers(mlp, layers))
        return mlp;
    nn_mlp_free(mlp);
    return NULL;
}

static NnMlp *from_layers(const Found *layers, int count, const NnMlpOptions *options)
{
    for (int i = 0; i < count; i++)
        if (!check_layer(layers, i))
            return NULL;
    if (count == 0) {
        error__set(VALGRAD_ERROR_NAME,
                   "%s: no \"<number>.weight\" in the state: expected one for each layer, as "
                   "nn.Sequential names them",
                   function);
        return NULL;
    }
    int64_t *sizes = nn__bytes(function, count + 1, sizeof *sizes);
    NnMlpOptions own = *options;
    own.no_bias = !layers[0].bias;
    NnMlp *mlp = sizes ? make(layers, count, sizes, &own) : NULL;
    nn__free(sizes);
    return mlp;
}

NnMlp *nn_mlp_from_state(const NnState *state, const NnMlpOptions *options)
{
    const NnMlpOptions standard = NN_MLP_OPTIONS_INIT;
    NnMlpOptions own = options ? *options : standard;
    if (!state) {
        error__null(function, "state");
        return NULL;
    }
    if (!read_activation(state, hidden_key, &own.hidden) ||
        !read_activation(state, output_key, &own.output))
        return NULL;
    Found *layers = nn__zeros(function, nn_state_count(state) + 1, sizeof *layers);
    if (!layers)
        return NULL;
    NnMlp *mlp = from_layers(layers, find_layers(state, layers), &own);
    nn__free(layers);
    return mlp;
}

/* ---- by a file ----------------------------------------------------------------------------------- */

ValgradStatus nn_mlp_save(const NnMlp *mlp, const char *path)
{
    NnState *state = nn_mlp_state(mlp);
    if (!state)
        return valgrad_last_status();
    ValgradStatus status = nn_state_write(state, path);
    nn_state_free(state);
    return status;
}

NnMlp *nn_mlp_load(const char *path, const NnMlpOptions *options)
{
    NnState *state = nn_state_read(path);
    NnMlp *mlp = state ? nn_mlp_from_state(state, options) : NULL;
    nn_state_free(state);
    return mlp;
}
