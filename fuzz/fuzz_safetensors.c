/* fuzz_safetensors.c - safetensors files; networks are made of what is read. */
#include <valgrad/nn.h>

#include "fuzz.h"
#include "nn/files.h"

/* Every element of every array can be read. */
static void use(const NnState *state)
{
    for (int64_t i = 0; i < nn_state_count(state); i++) {
        const NnArray *array = nn_state_at(state, i);
        real *numbers = nn__bytes("fuzz", array->size ? array->size : 1, sizeof *numbers);
        FUZZ_CHECK(numbers && nn_array_get(array, array->size, numbers) == VALGRAD_OK);
        FUZZ_CHECK(nn_state_find(state, array->name) == array);
        nn__free(numbers);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const Bytes bytes = {"fuzz", "input", (uint8_t *)data, size};
    NnState *state = safetensors__parse(&bytes);
    FUZZ_CHECK(state || valgrad_last_error()[0]);
    if (state) {
        use(state);
        nn_mlp_free(nn_mlp_from_state(state, NULL));
    }
    nn_state_free(state);
    return 0;
}
