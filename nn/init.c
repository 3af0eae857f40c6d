/* init.c - how weights start. */
#include <math.h>

#include <valgrad/nn.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

#define NAME(name, text) text,
static const char *const names[] = {NN_INIT_RULE_LIST(NAME)};

static ValgradStatus check(const Tensor *weight, const NnInit *init, NnActivation activation,
                           const Random *random)
{
    if (!weight || !random)
        return error__null("nn_init_weight", weight ? "random" : "weight");
    if (tensor_rank(weight) != 2)
        return error__set(VALGRAD_ERROR_SHAPE,
                          "nn_init_weight: a weight of rank %d: expected 2, (in, out)",
                          tensor_rank(weight));
    if ((unsigned)init->rule >= NN_INIT_RULE_COUNT)
        return error__set(VALGRAD_ERROR_ARGUMENT, "nn_init_weight: rule %d: expected 0 to %d",
                          (int)init->rule, NN_INIT_RULE_COUNT - 1);
    if ((unsigned)activation >= NN_ACTIVATION_COUNT)
        return error__set(VALGRAD_ERROR_ARGUMENT, "nn_init_weight: activation %d: expected 0 to %d",
                          (int)activation, NN_ACTIVATION_COUNT - 1);
    if (init->rule == NN_UNIFORM && !(init->bound >= 0 && isfinite(init->bound)))
        return error__set(VALGRAD_ERROR_ARGUMENT,
                          "nn_init_weight: bound %g: expected a finite number from 0", init->bound);
    return VALGRAD_OK;
}

ValgradStatus nn_init_weight(Tensor *weight, const NnInit *init, NnActivation activation,
                             Random *random)
{
    const NnInit standard = NN_INIT_INIT;
    init = init ? init : &standard;
    ValgradStatus status = check(weight, init, activation, random);
    if (status != VALGRAD_OK)
        return status;
    double in = (double)tensor_side(weight, 0), out = (double)tensor_side(weight, 1);
    double gain = nn_activation_gain(activation);
    double deviation = 0, bound = 0; /* the rule sets one of them */
    switch (init->rule) {
    case NN_KAIMING_UNIFORM: bound = gain * sqrt(3 / in); break;
    case NN_KAIMING_NORMAL: deviation = gain / sqrt(in); break;
    case NN_XAVIER_UNIFORM: bound = gain * sqrt(6 / (in + out)); break;
    case NN_XAVIER_NORMAL: deviation = gain * sqrt(2 / (in + out)); break;
    case NN_FAN_IN_UNIFORM: bound = 1 / sqrt(in); break;
    case NN_UNIFORM:
    case NN_INIT_RULE_COUNT: bound = init->bound; break;
    }
    return deviation > 0 ? tensor_fill_normal(weight, 0, (real)deviation, random)
                         : tensor_fill_uniform(weight, (real)-bound, (real)bound, random);
}

const char *nn_init_name(NnInitRule rule)
{
    return (unsigned)rule < NN_INIT_RULE_COUNT ? names[rule] : "";
}

ValgradStatus nn_init_find(const char *name, NnInitRule *out)
{
    int i = 0;
    ValgradStatus status = nn__find_name("nn_init_find", name, names, NN_INIT_RULE_COUNT, &i);
    if (status == VALGRAD_OK)
        *out = (NnInitRule)i;
    return status;
}
