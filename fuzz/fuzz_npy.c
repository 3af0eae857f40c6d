/* fuzz_npy.c - .npy files, and .npz files of them. */
#include <valgrad/state.h>

#include "fuzz.h"
#include "nn/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const Bytes bytes = {"fuzz", "input", (uint8_t *)data, size};
    NnState *state = nn_state_new(), *several = npz__parse(&bytes);
    FUZZ_CHECK(state);
    if (npy__parse(&bytes, state, "array") == VALGRAD_OK) {
        Tensor *t = nn_array_tensor(nn_state_at(state, 0));
        FUZZ_CHECK(t && tensor_size(t) == nn_state_at(state, 0)->size);
        tensor_release(t);
    } else {
        FUZZ_CHECK(nn_state_count(state) == 0 && valgrad_last_error()[0]);
    }
    nn_state_free(several);
    nn_state_free(state);
    return 0;
}
