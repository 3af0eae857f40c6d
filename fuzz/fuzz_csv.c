/* fuzz_csv.c - CSV files, plain or gzipped: what is taken has every label and number in range. */
#include <math.h>
#include <valgrad/valgrad.h>

#include "fuzz.h"

static void check(const NnDataset *dataset)
{
    int64_t features = nn_dataset_features(dataset);
    FUZZ_CHECK(nn_dataset_count(dataset) > 0 && features > 0);
    for (int64_t i = 0; i < nn_dataset_count(dataset); i++) {
        const real *numbers = nn_dataset_numbers(dataset, i);
        int label = nn_dataset_label(dataset, i);
        FUZZ_CHECK(label >= 0 && label < nn_dataset_classes(dataset));
        FUZZ_CHECK(numbers || nn_dataset_pixels(dataset, i));
        for (int64_t j = 0; numbers && j < features; j++)
            FUZZ_CHECK(isfinite(numbers[j]));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NnCsvOptions options = NN_CSV_OPTIONS_INIT;
    const char *path = fuzz_file(data, size, "");
    NnDataset *dataset = nn_dataset_read_csv(path, NULL);
    if (!dataset) {
        FUZZ_CHECK(valgrad_last_error()[0]);
        return 0;
    }
    check(dataset);
    options.like = dataset;
    NnDataset *again = nn_dataset_read_csv(path, &options);
    FUZZ_CHECK(again && nn_dataset_count(again) == nn_dataset_count(dataset));
    nn_dataset_free(again);
    nn_dataset_free(dataset);
    return 0;
}
