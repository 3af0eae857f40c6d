/* data.c - finds and reads the samples, and brings them to the form that the settings ask for. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mnist.h"

#ifndef VALGRAD_MNIST_SOURCE_DATA
#define VALGRAD_MNIST_SOURCE_DATA ""
#endif

enum { DIGITS = 10 };

static const double test_part = 0.1; /* of a CSV file that has no test data beside it */
static const char fashion_directory[] = "/usr/share/datasets/fashion-mnist"; /* Debian's */

/* ---- where they are -------------------------------------------------------------------------- */

static bool is_directory(const char *path)
{
    struct stat about;
    return path[0] != '\0' && stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* <prefix>/share/valgrad/mnist for a program <prefix>/bin/mnist; "" if that cannot be told. */
static void installed_data(char path[PATH_MAX])
{
    static const char below_prefix[] = "/share/valgrad/mnist";
    ssize_t length = readlink("/proc/self/exe", path, PATH_MAX - sizeof below_prefix);
    path[length > 0 ? length : 0] = '\0';
    for (int i = 0; i < 2; i++) { /* the program's name, then bin */
        char *slash = strrchr(path, '/');
        if (slash)
            *slash = '\0';
    }
    if (length > 0)
        strcat(path, below_prefix);
}

static const char *find_fashion(void)
{
    const char *environment = getenv("VALGRAD_FASHION_DATA");
    const char *path = environment && environment[0] ? environment : fashion_directory;
    if (is_directory(path))
        return path;
    error_line("no Fashion-MNIST: %s does not exist: install the Debian package "
               "dataset-fashion-mnist, or give its directory with --data DIR",
               path);
    return NULL;
}

/* The path to read from: given, else the first that exists. NULL, and a message, if there is none. */
static const char *find_data(const Config *config, char room[PATH_MAX])
{
    const char *environment = getenv("VALGRAD_MNIST_DATA");
    if (config->data)
        return config->data;
    if (config->dataset == FASHION)
        return find_fashion();
    if (environment && environment[0])
        return environment;
    if (is_directory(VALGRAD_MNIST_SOURCE_DATA))
        return VALGRAD_MNIST_SOURCE_DATA;
    installed_data(room);
    if (is_directory(room))
        return room;
    error_line("no digits: neither %s%s%s exists: give their directory with --data DIR",
               VALGRAD_MNIST_SOURCE_DATA, VALGRAD_MNIST_SOURCE_DATA[0] ? " nor " : "", room);
    return NULL;
}

bool data_is_csv(const char *path)
{
    size_t length = strlen(path);
    return (length >= 4 && strcmp(path + length - 4, ".csv") == 0) ||
           (length >= 7 && strcmp(path + length - 7, ".csv.gz") == 0);
}

const char *data_class_name(const Data *data, int c)
{
    static const char *const fashion[DIGITS] = {"T-shirt/top", "trouser",   "pullover", "dress",
                                                "coat",        "sandal",    "shirt",    "sneaker",
                                                "bag",         "ankle boot"};
    const NnDataset *dataset = data->train ? data->train : data->test;
    if (nn_dataset_class_name(dataset, c))
        return nn_dataset_class_name(dataset, c);
    return data->fashion && c >= 0 && c < DIGITS ? fashion[c] : NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* --label-column: a number counts from 1, or from the end if negative; all else is a name. */
static void choose_label(const Config *config, NnCsvOptions *options)
{
    char *end;
    if (!config->label_column)
        return;
    long long number = strtoll(config->label_column, &end, 10);
    if (*end || end == config->label_column || number == 0)
        options->label = config->label_column;
    else
        options->label_column = number > 0 ? number - 1 : number;
}

static NnDataset *read_csv(const Config *config, const char *path, const NnDataset *like,
                           bool numbers)
{
    NnCsvOptions options = NN_CSV_OPTIONS_INIT;
    choose_label(config, &options);
    options.like = like;
    options.numbers = numbers;
    return nn_dataset_read_csv(path, &options);
}

/* The part of the training data that stands in for test data where there are none. */
static bool hold_out(const Config *config, double part, NnDataset **from, NnDataset **held)
{
    NnDataset *others = NULL;
    int64_t count = nn_dataset_count(*from);
    int64_t drawn = (int64_t)fmax(1, round(part * (double)count));
    if (nn_dataset_split(*from, drawn, (uint64_t)config->seed, held, &others) != VALGRAD_OK)
        return library_error();
    nn_dataset_free(*from);
    *from = others;
    return true;
}

static bool load_csv(const Config *config, const char *path, Data *data)
{
    data->train = read_csv(config, path, NULL, false);
    if (!data->train)
        return library_error();
    if (!config->test_data)
        return hold_out(config, test_part, &data->train, &data->test);
    data->test = read_csv(config, config->test_data, data->train, false);
    return data->test || library_error();
}

static bool sizes_agree(const Data *data)
{
    int64_t rows = nn_dataset_rows(data->train), columns = nn_dataset_columns(data->train);
    int64_t test_rows = nn_dataset_rows(data->test), test_columns = nn_dataset_columns(data->test);
    if (rows == test_rows && columns == test_columns)
        return true;
    error_line("test images have %lld x %lld pixels: expected %lld x %lld, as for training",
               (long long)test_rows, (long long)test_columns, (long long)rows, (long long)columns);
    return false;
}

static bool load_idx(const Config *config, const char *path, Data *data)
{
    data->train = nn_dataset_find_idx(path, "train", DIGITS);
    if (data->train && config->test_data)
        data->test = data_is_csv(config->test_data)
                         ? read_csv(config, config->test_data, data->train, false)
                         : nn_dataset_find_idx(config->test_data, "t10k", DIGITS);
    else if (data->train)
        data->test = nn_dataset_find_idx(path, "t10k", DIGITS);
    return data->test ? sizes_agree(data) : library_error();
}

/* ---- their form ------------------------------------------------------------------------------ */

bool data_prepare(const Config *config, NnDataset *dataset)
{
    if (!config->binary)
        return true;
    if (nn_dataset_pixels(dataset, 0))
        return nn_dataset_binarize(dataset, (int)config->threshold) == VALGRAD_OK ||
               library_error();
    error_line("--binary: the features are numbers: expected pixels");
    return false;
}

static bool make_series(int64_t n, Series *series)
{
    free(series->numbers);
    *series = (Series){n, calloc((size_t)n, sizeof(double))};
    return series->numbers != NULL;
}

/* One mean and deviation for all pixels of images, one for each feature otherwise. */
static bool measure(Config *config, const NnDataset *train)
{
    bool image = nn_dataset_pixels(train, 0) && nn_dataset_rows(train) > 1;
    int64_t n = image ? 1 : nn_dataset_features(train);
    if (make_series(n, &config->mean) && make_series(n, &config->deviation))
        return nn_dataset_moments(train, n, config->mean.numbers, config->deviation.numbers) ==
                   VALGRAD_OK ||
               library_error();
    error_line("out of memory");
    return false;
}

static bool bring_to_form(Config *config, Data *data)
{
    bool pixels = nn_dataset_pixels(data->train, 0) && nn_dataset_rows(data->train) > 1;
    if ((config->shift > 0 || config->rotation > 0) && !pixels) {
        error_line("--shift and --rotation: the samples are no images");
        return false;
    }
    if (!data_prepare(config, data->train) || !data_prepare(config, data->test))
        return false;
    if (config->validation > 0 &&
        !hold_out(config, config->validation, &data->train, &data->validation))
        return false;
    config->features = nn_dataset_pixels(data->train, 0) ? PIXELS : NUMBERS;
    if (config->normalize && !measure(config, data->train))
        return false;
    data->mean = config->mean;
    data->deviation = config->deviation;
    return true;
}

bool data_load(Config *config, Data *data)
{
    char room[PATH_MAX];
    const char *path = find_data(config, room);
    *data = (Data){.fashion = config->dataset == FASHION};
    if (!path)
        return false;
    bool loaded = data_is_csv(path) ? load_csv(config, path, data) : load_idx(config, path, data);
    if (loaded && bring_to_form(config, data))
        return true;
    data_free(data);
    return false;
}

Data data_without_samples(const Config *config)
{
    return (Data){.fashion = config->dataset == FASHION,
                  .mean = config->mean,
                  .deviation = config->deviation};
}

/* The part of a file that train set aside as test data, or what it then trained on. */
static NnDataset *other_part(const Config *config, NnDataset *dataset)
{
    NnDataset *held = NULL;
    if (!hold_out(config, test_part, &dataset, &held)) {
        nn_dataset_free(dataset);
        return NULL;
    }
    nn_dataset_free(config->part == PART_TEST ? dataset : held);
    return config->part == PART_TEST ? held : dataset;
}

/* The samples of one part, in the form that the network was trained with. */
static NnDataset *read_part(const Config *config)
{
    char room[PATH_MAX];
    bool train = config->part == PART_TRAIN;
    const char *path = !train && config->test_data ? config->test_data : find_data(config, room);
    if (!path)
        return NULL;
    NnDataset *dataset = data_is_csv(path)
                             ? read_csv(config, path, NULL, config->features == NUMBERS)
                             : nn_dataset_find_idx(path, train ? "train" : "t10k", DIGITS);
    if (!dataset)
        library_error();
    else if (data_is_csv(path) && !config->test_data &&
             config_origin(config, "data") != BY_COMMAND_LINE)
        return other_part(config, dataset);
    return dataset;
}

bool data_load_test(const Config *config, Data *data)
{
    *data = data_without_samples(config);
    data->test = read_part(config);
    if (data->test && data_prepare(config, data->test))
        return true;
    data_free(data);
    return false;
}

void data_free(Data *data)
{
    nn_dataset_free(data->train);
    nn_dataset_free(data->validation);
    nn_dataset_free(data->test);
    *data = (Data){.train = NULL};
}
