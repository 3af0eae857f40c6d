/* data.h - labelled samples: from IDX and CSV files, split, normalised, dealt out in mini-batches.
 *
 *     NnDataset *train = nn_dataset_read_csv("train.csv.gz", NULL);
 *     NnDataset *kept, *validation;
 *     nn_dataset_split(train, nn_dataset_count(train) / 10, 1, &validation, &kept);
 *     NnLoader *loader = nn_loader_new(kept, NULL);
 *     for (const NnBatch *batch; (batch = nn_loader_next(loader));)
 *         …
 *
 * Ownership and errors are as nn.h says. Every error about a file names it and, for CSV, the line. */
#ifndef VALGRAD_DATA_H
#define VALGRAD_DATA_H

#include <stdbool.h>
#include <stdint.h>
#include <valgrad/error.h>
#include <valgrad/random.h>
#include <valgrad/tensor.h>

VALGRAD_BEGIN

/* ---- datasets -------------------------------------------------------------------------------- */

/* count samples of rows x columns features, each with a label 0 … classes-1. The features are bytes
 * (0 … 255: the pixels of an image) or, if a file has others, real numbers. */
typedef struct NnDataset NnDataset;

/* New: copies count rows columns pixels and count labels.
 * Errors: NULL; a number below 1, or more than 2^32-1 images; classes outside 1 … 256; a label out
 * of range (tells which); out of memory. */
VALGRAD_API NnDataset *nn_dataset_new(int64_t count, int64_t rows, int64_t columns, int classes,
                                      const uint8_t *pixels, const uint8_t *labels);

/* New: from two files in IDX form, plain or gzipped (format: Y. LeCun's MNIST page; magic 0x803 for
 * images, 0x801 for labels). Reads both whole or nothing.
 * Errors, each naming the file, what it has and what was expected: cannot be opened; not a file;
 * named .gz and not gzip; damaged; wrong magic; too short; too long; counts that differ; label out
 * of range. */
VALGRAD_API NnDataset *nn_dataset_read_idx(const char *images_path, const char *labels_path,
                                           int classes);

/* New: reads <directory>/<stem>-images-idx3-ubyte and <directory>/<stem>-labels-idx1-ubyte, or
 * these names with .gz behind; stem is "train" or "t10k". */
VALGRAD_API NnDataset *nn_dataset_find_idx(const char *directory, const char *stem, int classes);

typedef struct NnCsvOptions {
    const char *label;     /* the label's column by its name in the header; NULL: */
    int64_t label_column;  /* by its number from 0, or from the end if negative; or NN_CSV_… */
    int classes;           /* labels are 0 … classes-1; 0: one more than the greatest */
    bool numbers;          /* keep all features as numbers, even if they would fit bytes */
    const NnDataset *like; /* training data, for whose network this is: see below. NULL: none */
} NnCsvOptions;

/* "label" if the header has a column of that name, else the first. No labels: every one is 0. */
#define NN_CSV_FIND_LABEL INT64_MAX
#define NN_CSV_NO_LABEL INT64_MIN

#define NN_CSV_OPTIONS_INIT                                                                        \
    { NULL, NN_CSV_FIND_LABEL, 0, false, NULL }

/* New: from comma-separated values, plain or gzipped, a sample in each line: its label and its
 * features. (Kaggle's form of MNIST is one: a header, the label first, then 784 pixels.)
 *
 * Fields are separated by commas, semicolons or tabs, whichever the first line has most of, and may
 * be "quoted". The first line is a header if it holds a text where the second has a number, or no
 * number at all; empty lines count for nothing. Labels are whole numbers, or texts: these become the
 * classes 0, 1, … in alphabetical order.
 *
 * If every feature is a whole number from 0 to 255 (and `numbers` is false) they are kept as bytes,
 * like pixels, and as square images if their number is a square. `like` asks for the same features,
 * form and classes as that dataset has.
 *
 * Errors, with line and column: a missing value; not a number, NaN or infinite; a row with more or
 * fewer fields; a label out of range or not known; no such column; cut off. */
VALGRAD_API NnDataset *nn_dataset_read_csv(const char *path, const NnCsvOptions *options);

/* New: samples indices[0 … n-1], copied. Errors: NULL; n below 1; an index out of range. */
VALGRAD_API NnDataset *nn_dataset_select(const NnDataset *dataset, int64_t n,
                                         const int64_t *indices);

/* Two new datasets: `count` samples drawn at random by seed, and the others; both keep their order.
 * Errors: NULL; count outside 1 … number of samples - 1. Then neither is made. */
VALGRAD_API ValgradStatus nn_dataset_split(const NnDataset *dataset, int64_t count, uint64_t seed,
                                           NnDataset **drawn, NnDataset **others);

VALGRAD_API void nn_dataset_free(NnDataset *dataset);

VALGRAD_API int64_t nn_dataset_count(const NnDataset *dataset);   /* samples; 0 for NULL */
VALGRAD_API int64_t nn_dataset_rows(const NnDataset *dataset);    /* of an image, in pixels; or 1 */
VALGRAD_API int64_t nn_dataset_columns(const NnDataset *dataset); /* of an image; or features */
VALGRAD_API int64_t nn_dataset_features(const NnDataset *dataset); /* rows columns */
VALGRAD_API int nn_dataset_classes(const NnDataset *dataset);

/* The name of class c if the labels were texts, else NULL. Borrowed. */
VALGRAD_API const char *nn_dataset_class_name(const NnDataset *dataset, int c);

/* The features of sample i, row by row, borrowed: NULL if they are not in this form, or i is out of
 * range. Its label; -1 when i is out of range. */
VALGRAD_API const uint8_t *nn_dataset_pixels(const NnDataset *dataset, int64_t i);
VALGRAD_API const real *nn_dataset_numbers(const NnDataset *dataset, int64_t i);
VALGRAD_API int nn_dataset_label(const NnDataset *dataset, int64_t i);

/* Makes every pixel 255 that is at least threshold, and 0 the others.
 * Errors: NULL; threshold outside 1 … 255; the features are no bytes. */
VALGRAD_API ValgradStatus nn_dataset_binarize(NnDataset *dataset, int threshold);

/* Mean and (population) deviation of the numbers that a loader would deal: of all of them (n = 1), or
 * of each feature (n = nn_dataset_features()). A deviation of 0 is given as 1.
 * Errors: NULL; another n. */
VALGRAD_API ValgradStatus nn_dataset_moments(const NnDataset *dataset, int64_t n, double *mean,
                                             double *deviation);

/* ---- mini-batches ---------------------------------------------------------------------------- */

/* Deals a dataset out in batches, epoch after epoch. */
typedef struct NnLoader NnLoader;

typedef struct NnLoaderOptions {
    int64_t batch; /* samples in a batch, 1 or more; the last of an epoch has what is left */
    int64_t limit; /* use the first so many samples; 0: all */
    uint64_t seed; /* the order of epoch e is a function of seed and e, so is what is drawn below */
    bool sequential; /* in the order of the dataset, every epoch */

    /* Numbers x are dealt as (x - mean[j]) / deviation[j]: one pair for all, or one for each feature.
     * Copied. 0: as they are. */
    int64_t moments;
    const double *mean, *deviation;

    /* Of images: each time one is dealt it is moved by up to `shift` pixels down or up and right or
     * left, and turned by up to `rotation` degrees, drawn evenly. 0: not. */
    double shift, rotation;
} NnLoaderOptions;

#define NN_LOADER_OPTIONS_INIT                                                                     \
    { 64, 0, 1, false, 0, NULL, NULL, 0, 0 }

/* Borrowed from the loader; the next call overwrites tensors and labels. */
typedef struct NnBatch {
    Tensor *inputs;        /* (count, features): numbers, or pixel / 255; wants no gradient */
    const int64_t *labels; /* count */
    int64_t count;
} NnBatch;

/* New: a loader at the start of epoch 0. Borrows the dataset, which must outlive it.
 * Errors: NULL; batch below 1; limit negative or above the number of samples; moments other than 0, 1
 * or the features; a deviation not above 0; shift or rotation negative, not finite, or asked of
 * features that are no pixels; out of memory. */
VALGRAD_API NnLoader *nn_loader_new(const NnDataset *dataset, const NnLoaderOptions *options);
VALGRAD_API void nn_loader_free(NnLoader *loader);

/* The next batch of the epoch; NULL once when the epoch has ended, then the next epoch begins.
 * Every full batch comes in the same tensor, the smaller last ones in another. Errors: NULL. */
VALGRAD_API const NnBatch *nn_loader_next(NnLoader *loader);

/* Goes to the start of the given epoch, dropping what is left of the present one. Errors: NULL;
 * negative. */
VALGRAD_API ValgradStatus nn_loader_start(NnLoader *loader, int64_t epoch);

/* The same, to a step (from 0) of the epoch. Errors: those, too; a step beyond the epoch's end. */
VALGRAD_API ValgradStatus nn_loader_seek(NnLoader *loader, int64_t epoch, int64_t step);

VALGRAD_API int64_t nn_loader_samples(const NnLoader *loader);    /* in an epoch; 0 for NULL */
VALGRAD_API int64_t nn_loader_steps(const NnLoader *loader);      /* batches in an epoch */
VALGRAD_API int64_t nn_loader_epoch(const NnLoader *loader);      /* epochs ended */
VALGRAD_API int64_t nn_loader_step(const NnLoader *loader);       /* batches dealt in this epoch */
VALGRAD_API int64_t nn_loader_total_step(const NnLoader *loader); /* in all epochs together */

VALGRAD_END

#endif
