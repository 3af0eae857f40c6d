/* clip.c - gradients kept within bounds. */
#include <math.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"
#include "tensor/kernels.h"
#include "tensor/tensor_internal.h"

static ValgradStatus check(const char *function, const NnParameters *parameters, double most)
{
    if (!parameters)
        return error__null(function, "parameters");
    if (!(most > 0))
        return error__set(VALGRAD_ERROR_ARGUMENT, "%s: most %g: expected a number above 0",
                          function, most);
    return VALGRAD_OK;
}

/* Of the whole list; a number so large that its square overflows makes it infinite. */
static double norm(const NnParameters *parameters)
{
    double sum = 0;
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++) {
        const Tensor *tensor = nn_parameters_at(parameters, i);
        const real *gradient = tensor__gradient(tensor);
        if (gradient)
            sum += (double)kernels__get()->dot(gradient, gradient, tensor_size(tensor));
    }
    return sqrt(sum);
}

double nn_clip_grad_norm(const NnParameters *parameters, double most)
{
    if (check("nn_clip_grad_norm", parameters, most) != VALGRAD_OK)
        return (double)NAN;
    double length = norm(parameters);
    if (!isfinite(length) || length <= most)
        return length;
    for (int64_t i = 0; i < nn_parameters_count(parameters); i++) {
        Tensor *tensor = nn_parameters_at(parameters, i);
        real *gradient = tensor__gradient(tensor);
        if (gradient)
            kernels__get()->scale(gradient, (real)(most / length), gradient, tensor_size(tensor));
    }
    return length;
}

ValgradStatus nn_clip_grad_value(const NnParameters *parameters, double most)
{
    ValgradStatus status = check("nn_clip_grad_value", parameters, most);
    const real bound = (real)most;
    for (int64_t i = 0; status == VALGRAD_OK && i < nn_parameters_count(parameters); i++) {
        Tensor *tensor = nn_parameters_at(parameters, i);
        real *gradient = tensor__gradient(tensor);
        for (int64_t j = 0; gradient && j < tensor_size(tensor); j++)
            gradient[j] = gradient[j] > bound ? bound : gradient[j] < -bound ? -bound : gradient[j];
    }
    return status;
}
