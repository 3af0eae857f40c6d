/* activation.c - the activations of nn.h's table, by number and by name. */
#include <math.h>

#include <valgrad/nn.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

static Tensor *identity(Tensor *x)
{
    return x;
}

static Tensor *leaky_relu(Tensor *x)
{
    return tensor_leaky_relu(x, (real)NN_LEAKY_SLOPE);
}

static Tensor *elu(Tensor *x)
{
    return tensor_elu(x, (real)NN_ELU_ALPHA);
}

static Tensor *(*const functions[NN_ACTIVATION_COUNT])(Tensor *) = {
    [NN_IDENTITY] = identity,
    [NN_RELU] = tensor_relu,
    [NN_LEAKY_RELU] = leaky_relu,
    [NN_TANH] = tensor_tanh,
    [NN_SIGMOID] = tensor_sigmoid,
    [NN_SOFTPLUS] = tensor_softplus,
    [NN_RELU6] = tensor_relu6,
    [NN_ELU] = elu,
    [NN_SELU] = tensor_selu,
    [NN_GELU] = tensor_gelu,
    [NN_GELU_TANH] = tensor_gelu_tanh,
    [NN_SILU] = tensor_silu,
    [NN_SOFTSIGN] = tensor_softsign,
    [NN_HARDTANH] = tensor_hardtanh,
    [NN_HARDSIGMOID] = tensor_hardsigmoid,
};

#define NAME(name, text, gain) text,
static const char *const names[] = {NN_ACTIVATION_LIST(NAME)};
#define GAIN(name, text, gain) gain,
static const double gains[] = {NN_ACTIVATION_LIST(GAIN)};

static bool exists(NnActivation activation)
{
    return (unsigned)activation < NN_ACTIVATION_COUNT;
}

Tensor *nn_activation_apply(NnActivation activation, Tensor *x)
{
    if (exists(activation))
        return functions[activation](x);
    error__set(VALGRAD_ERROR_ARGUMENT, "nn_activation_apply: activation %d: expected 0 to %d",
               (int)activation, NN_ACTIVATION_COUNT - 1);
    return NULL;
}

const char *nn_activation_name(NnActivation activation)
{
    return exists(activation) ? names[activation] : "";
}

double nn_activation_gain(NnActivation activation)
{
    return exists(activation) ? gains[activation] : (double)NAN;
}

ValgradStatus nn_activation_find(const char *name, NnActivation *out)
{
    int i = 0;
    ValgradStatus status =
        nn__find_name("nn_activation_find", name, names, NN_ACTIVATION_COUNT, &i);
    if (status == VALGRAD_OK)
        *out = (NnActivation)i;
    return status;
}
