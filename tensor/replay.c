/* replay.c - programs of tensors: see autograd/replay.c. */
#include "autograd/replay.h"
#include "tensor/tensor_internal.h"

Program *program_record_tensor(Tensor *root, size_t input_count, Tensor *const *inputs)
{
    static const char function[] = "program_record_tensor";
    if (!root)
        return error__null(function, "root"), NULL;
    if (!tensor__check_inputs(function, input_count, inputs))
        return NULL;
    Place *from = tensor__places(function, 1, &root);
    Place *to = from ? tensor__places(function, input_count, inputs) : NULL;
    Program *program = NULL;
    if (to)
        program = replay__record(function, (size_t)root->size, from,
                                 tensor__total_size(input_count, inputs), to);
    buffer__give(from);
    buffer__give(to);
    return program;
}
