/* linear.c - a layer of neurons without their activation: y = x w + b. */
#include <inttypes.h>
#include <stdio.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"
#include "tensor/tensor_internal.h"

struct NnLinear {
    Tensor *weight; /* (in, out) */
    Tensor *bias;   /* (out), or NULL */
};

static ValgradStatus check(int64_t in, int64_t out, const Random *random)
{
    static const char function[] = "nn_linear_new";
    if (!random)
        return error__null(function, "random");
    if (in < 1 || out < 1)
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "%s: %" PRId64 " inputs, %" PRId64 " outputs: expected 1 or more",
                          function, in, out);
    return VALGRAD_OK;
}

static bool make_parameters(NnLinear *layer, int64_t in, int64_t out,
                            const NnLinearOptions *options, Random *random)
{
    layer->weight = tensor_param(NULL, TENSOR_SHAPE(in, out));
    if (!layer->weight ||
        nn_init_weight(layer->weight, &options->init, options->activation, random) != VALGRAD_OK)
        return false;
    if (options->no_bias)
        return true;
    layer->bias = tensor_param(NULL, TENSOR_SHAPE(out));
    return layer->bias && tensor_fill(layer->bias, (real)options->init.bias) == VALGRAD_OK;
}

NnLinear *nn_linear_new(int64_t in, int64_t out, const NnLinearOptions *options, Random *random)
{
    const NnLinearOptions standard = NN_LINEAR_OPTIONS_INIT;
    if (check(in, out, random) != VALGRAD_OK)
        return NULL;
    NnLinear *layer = nn__zeros("nn_linear_new", 1, sizeof *layer);
    if (layer && make_parameters(layer, in, out, options ? options : &standard, random))
        return layer;
    nn_linear_free(layer);
    return NULL;
}

void nn_linear_free(NnLinear *layer)
{
    if (!layer)
        return;
    tensor_release(layer->weight);
    tensor_release(layer->bias);
    nn__free(layer);
}

Tensor *nn_linear_forward(const NnLinear *layer, Tensor *x)
{
    if (layer && x)
        return tensor_affine(x, layer->weight, layer->bias);
    error__null("nn_linear_forward", layer ? "x" : "layer");
    return NULL;
}

/* In one node with the sums. */
static Tensor *(*const activated[NN_ACTIVATION_COUNT])(Tensor *, Tensor *, Tensor *) = {
    [NN_IDENTITY] = tensor_affine,
    [NN_RELU] = tensor_affine_relu,
    [NN_SIGMOID] = tensor_affine_sigmoid,
    [NN_TANH] = tensor_affine_tanh,
};

Tensor *nn_linear_forward_activated(const NnLinear *layer, Tensor *x, NnActivation activation)
{
    if (!layer || !x) {
        error__null("nn_linear_forward_activated", layer ? "x" : "layer");
        return NULL;
    }
    if ((unsigned)activation < NN_ACTIVATION_COUNT && activated[activation])
        return activated[activation](x, layer->weight, layer->bias);
    Tensor *sums = nn_linear_forward(layer, x);
    Tensor *signal = sums ? nn_activation_apply(activation, sums) : NULL;
    tensor__drop(sums, signal);
    return signal;
}

static NnLinear *not_null(const NnLinear *layer, const char *function)
{
    if (!layer)
        error__null(function, "layer");
    return (NnLinear *)layer;
}

Tensor *nn_linear_weight(const NnLinear *layer)
{
    return not_null(layer, "nn_linear_weight") ? layer->weight : NULL;
}

Tensor *nn_linear_bias(const NnLinear *layer)
{
    return not_null(layer, "nn_linear_bias") ? layer->bias : NULL;
}

static ValgradStatus add(NnParameters *into, const char *prefix, const char *name, Tensor *tensor)
{
    char full[256];
    int length = snprintf(full, sizeof full, "%s%s%s", prefix, prefix[0] ? "." : "", name);
    if (length < 0 || (size_t)length >= sizeof full)
        return error__set(VALGRAD_ERROR_NAME,
                          "nn_linear_collect: a prefix of %d bytes: expected at most 240", length);
    ValgradStatus status = nn_parameters_add(into, full, tensor);
    if (status == VALGRAD_OK && tensor_rank(tensor) == 2)
        status = nn_parameters_set_transposed(into, full, true);
    return status;
}

ValgradStatus nn_linear_collect(const NnLinear *layer, const char *prefix, NnParameters *into)
{
    if (!layer || !prefix || !into)
        return error__null("nn_linear_collect", !layer ? "layer" : !prefix ? "prefix" : "into");
    ValgradStatus status = add(into, prefix, "weight", layer->weight);
    if (status == VALGRAD_OK && layer->bias)
        status = add(into, prefix, "bias", layer->bias);
    return status;
}
