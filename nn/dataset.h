/* dataset.h - what the makers of datasets share. */
#ifndef VALGRAD_NN_DATASET_H
#define VALGRAD_NN_DATASET_H

#include "nn/nn_internal.h"

struct NnDataset {
    int64_t count, rows, columns;
    int classes;
    uint8_t *pixels; /* one of these two is NULL */
    real *numbers;
    int32_t *labels;
    char **names; /* of the classes, one allocation; NULL: they have numbers only */
};

/* New: copies of names[0 … n-1] in one allocation, given back by nn__free(); NULL when out of memory. */
char **dataset__copy_names(const char *function, char *const *names, int n);

#endif
