/* fuzz_idx.c - IDX files, plain or gzipped, of any rank that is read. */
#include <valgrad/valgrad.h>

#include "fuzz.h"
#include "nn/nn_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_file(data, size, "");
    for (int rank = 1; rank <= 3; rank++) {
        IdxFile file;
        unsigned sum = 0;
        if (idx__read("fuzz", path, rank, &file) != VALGRAD_OK)
            FUZZ_CHECK(!file.bytes && valgrad_last_error()[0]);
        for (int64_t i = 0; file.bytes && i < file.size; i++)
            sum += file.bytes[i];
        FUZZ_CHECK(sum <= 255 * (file.bytes ? (uint64_t)file.size : 1));
        nn__free(file.bytes);
    }
    return 0;
}
