/* mlp.c - linear layers with activations between them. */
#include <inttypes.h>
#include <stdio.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"
#include "tensor/tensor_internal.h"

struct NnMlp {
    int count;
    NnLinear **layers;
    NnActivation hidden, output;
    NnParameters *parameters;
};

static ValgradStatus check(int count, const int64_t *sizes, const Random *random)
{
    static const char function[] = "nn_mlp_new";
    if (!sizes || !random)
        return error__null(function, sizes ? "random" : "sizes");
    if (count < 2)
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: %d sizes: expected 2 or more, inputs to outputs", function, count);
    for (int i = 0; i < count; i++)
        if (sizes[i] < 1)
            return error__set(VALGRAD_ERROR_ARGUMENT,
                              "%s: size %d is %" PRId64 ": expected 1 or more", function, i,
                              sizes[i]);
    return VALGRAD_OK;
}

static NnActivation activation_after(const NnMlp *mlp, int i)
{
    return i == mlp->count - 1 ? mlp->output : mlp->hidden;
}

/* Layer i, its parameters named as in nn.Sequential, where every activation has a number too. */
static bool add_layer(NnMlp *mlp, int i, int64_t in, int64_t out, const NnMlpOptions *options,
                      Random *random)
{
    NnLinearOptions linear = {options->init, activation_after(mlp, i), options->no_bias};
    char prefix[16];
    snprintf(prefix, sizeof prefix, "%u", 2 * (unsigned)i);
    mlp->layers[i] = nn_linear_new(in, out, &linear, random);
    return mlp->layers[i] &&
           nn_linear_collect(mlp->layers[i], prefix, mlp->parameters) == VALGRAD_OK;
}

static bool make_layers(NnMlp *mlp, const int64_t *sizes, const NnMlpOptions *options,
                        Random *random)
{
    mlp->parameters = nn_parameters_new();
    mlp->layers = nn__zeros("nn_mlp_new", mlp->count, sizeof *mlp->layers);
    if (!mlp->parameters || !mlp->layers)
        return false;
    for (int i = 0; i < mlp->count; i++)
        if (!add_layer(mlp, i, sizes[i], sizes[i + 1], options, random))
            return false;
    return true;
}

NnMlp *nn_mlp_new(int count, const int64_t *sizes, const NnMlpOptions *options, Random *random)
{
    const NnMlpOptions standard = NN_MLP_OPTIONS_INIT;
    options = options ? options : &standard;
    if (check(count, sizes, random) != VALGRAD_OK)
        return NULL;
    NnMlp *mlp = nn__zeros("nn_mlp_new", 1, sizeof *mlp);
    if (!mlp)
        return NULL;
    mlp->count = count - 1;
    mlp->hidden = options->hidden;
    mlp->output = options->output;
    if (make_layers(mlp, sizes, options, random))
        return mlp;
    nn_mlp_free(mlp);
    return NULL;
}

void nn_mlp_free(NnMlp *mlp)
{
    if (!mlp)
        return;
    for (int i = 0; mlp->layers && i < mlp->count; i++)
        nn_linear_free(mlp->layers[i]);
    nn__free(mlp->layers);
    nn_parameters_free(mlp->parameters);
    nn__free(mlp);
}

/* The result of layer i with its activation and, if random is there, dropout. */
static Tensor *layer_forward(const NnMlp *mlp, int i, Tensor *x, double dropout, Random *random)
{
    Tensor *signal = nn_linear_forward_activated(mlp->layers[i], x, activation_after(mlp, i));
    if (!signal || !random || i == mlp->count - 1)
        return signal;
    Tensor *kept = tensor_dropout(signal, (real)dropout, true, random);
    tensor__drop(signal, kept);
    return kept;
}

static Tensor *forward(const NnMlp *mlp, Tensor *x, double dropout, Random *random)
{
    Tensor *signal = x;
    for (int i = 0; signal && i < mlp->count; i++) {
        Tensor *next = layer_forward(mlp, i, signal, dropout, random);
        tensor__drop(signal, x);
        signal = next;
    }
    return signal;
}

Tensor *nn_mlp_forward(const NnMlp *mlp, Tensor *x)
{
    if (mlp && x)
        return forward(mlp, x, 0, NULL);
    error__null("nn_mlp_forward", mlp ? "x" : "mlp");
    return NULL;
}

Tensor *nn_mlp_forward_dropout(const NnMlp *mlp, Tensor *x, double dropout, Random *random)
{
    if (mlp && x && random)
        return forward(mlp, x, dropout, random);
    error__null("nn_mlp_forward_dropout", !mlp ? "mlp" : !x ? "x" : "random");
    return NULL;
}

NnParameters *nn_mlp_parameters(const NnMlp *mlp)
{
    if (!mlp)
        error__null("nn_mlp_parameters", "mlp");
    return mlp ? mlp->parameters : NULL;
}

NnActivation nn_mlp_hidden_activation(const NnMlp *mlp)
{
    return mlp ? mlp->hidden : NN_IDENTITY;
}

NnActivation nn_mlp_output_activation(const NnMlp *mlp)
{
    return mlp ? mlp->output : NN_IDENTITY;
}

int nn_mlp_layer_count(const NnMlp *mlp)
{
    return mlp ? mlp->count : 0;
}

NnLinear *nn_mlp_layer(const NnMlp *mlp, int i)
{
    if (!mlp) {
        error__null("nn_mlp_layer", "mlp");
        return NULL;
    }
    if (i >= 0 && i < mlp->count)
        return mlp->layers[i];
    error__set(VALGRAD_ERROR_INDEX, "nn_mlp_layer: layer %d: the network has %d", i, mlp->count);
    return NULL;
}
