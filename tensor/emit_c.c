/* emit_c.c - tensors as generated C: see autograd/emit_c.c. */
#include "autograd/emit.h"
#include "tensor/tensor_internal.h"

ValgradStatus tensor_emit_c(const char *name, Tensor *root, size_t input_count, Tensor *const *inputs,
                            FILE *out)
{
    static const char function[] = "tensor_emit_c";
    if (!root)
        return error__null(function, "root");
    if (!tensor__check_inputs(function, input_count, inputs))
        return valgrad_last_status();
    Place *from = tensor__places(function, 1, &root);
    Place *to = from ? tensor__places(function, input_count, inputs) : NULL;
    const ValgradStatus status =
        to ? emit__c(function, name, (size_t)root->size, from, tensor__total_size(input_count, inputs), to,
                     NULL, out)
           : valgrad_last_status();
    buffer__give(from);
    buffer__give(to);
    return status;
}
