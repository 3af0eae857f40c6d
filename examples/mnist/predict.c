/* predict.c - `mnist predict`: what a saved network takes images, or rows of numbers, for. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnist.h"

typedef struct Model {
    const Config *config;
    NnMlp *net;
} Model;

/* Writes the probabilities of one sample's classes, which data has alone. */
static bool ask(const Model *model, const Data *data, int classes, real *probabilities)
{
    bool fine = false;
    NnLoader *loader = model_test_loader(data, data->test);
    const NnBatch *batch = loader ? nn_loader_next(loader) : NULL;
    VALGRAD_NO_GRAD
        VALGRAD_SCOPE {
            Tensor *outputs = batch ? nn_mlp_forward(model->net, batch->inputs) : NULL;
            Tensor *answer = model_probabilities(model->config, outputs);
            fine = answer && tensor_get(answer, classes, probabilities) == VALGRAD_OK;
        }
    nn_loader_free(loader);
    return fine || library_error();
}

static int best_of(const real *probabilities, int classes, int but, int but_also)
{
    int best = -1;
    for (int c = 0; c < classes; c++)
        if (c != but && c != but_also && (best < 0 || probabilities[c] > probabilities[best]))
            best = c;
    return best;
}

/* "7  99.93 %  (9 0.05 %, 3 0.01 %)" */
static void print_answer(const Data *data, const real *probabilities, int classes)
{
    int first = best_of(probabilities, classes, -1, -1);
    int second = best_of(probabilities, classes, first, -1);
    int third = best_of(probabilities, classes, first, second);
    const int shown[] = {first, second, third};
    for (int i = 0; i < 3 && shown[i] >= 0; i++) {
        const char *name = data_class_name(data, shown[i]);
        fputs(i == 0 ? "" : i == 1 ? "  (" : ", ", stdout);
        if (name)
            printf("%s", name);
        else
            printf("%d", shown[i]);
        printf(i ? " %.2f %%" : "  %.2f %%", 100 * (double)probabilities[shown[i]]);
    }
    printf(second >= 0 ? ")\n" : "\n");
}

/* ---- images ---------------------------------------------------------------------------------- */

static bool predict_digit(const Model *model, Data *data, const char *name, const uint8_t *pixels,
                          int classes, real *probabilities)
{
    const uint8_t label = 0;
    if (model->config->show)
        draw_pictures(&(Picture){pixels, ""}, 1, NN_DIGIT_SIDE, NN_DIGIT_SIDE);
    data->test = nn_dataset_new(1, NN_DIGIT_SIDE, NN_DIGIT_SIDE, 1, pixels, &label);
    bool fine = data->test ? data_prepare(model->config, data->test) &&
                                 ask(model, data, classes, probabilities)
                           : library_error();
    nn_dataset_free(data->test);
    data->test = NULL;
    if (fine) {
        printf("%s: ", name);
        print_answer(data, probabilities, classes);
    }
    return fine;
}

static bool predict_digits(const Model *model, Data *data, const char *path, const NnDigits *digits,
                           int classes, real *probabilities)
{
    int64_t count = nn_digits_count(digits);
    char *line = calloc((size_t)count + 1, 8), *at = line;
    bool fine = line != NULL;
    for (int64_t i = 0; fine && i < count; i++) {
        char name[600];
        snprintf(name, sizeof name, count > 1 ? "%.500s, digit %" PRId64 : "%.500s", path, i + 1);
        fine =
            predict_digit(model, data, name, nn_digits_pixels(digits, i), classes, probabilities);
        at += snprintf(at, 8, "%d", best_of(probabilities, classes, -1, -1));
    }
    if (fine && count > 1)
        printf("%s: %s\n", path, line);
    free(line);
    return fine;
}

static bool predict_image(const Model *model, Data *data, const char *path, int classes,
                          real *probabilities)
{
    NnImage image;
    if (nn_image_read(path, &image) != VALGRAD_OK)
        return library_error();
    bool one =
        model->config->one || (image.rows == NN_DIGIT_SIDE && image.columns == NN_DIGIT_SIDE);
    NnDigits *digits = nn_digits_new(&image, !one);
    nn_image_free(&image);
    if (!digits)
        return library_error();
    bool fine = nn_digits_count(digits) > 0;
    if (!fine)
        error_line("%s: no ink: expected a digit, dark on light or light on dark", path);
    fine = fine && predict_digits(model, data, path, digits, classes, probabilities);
    nn_digits_free(digits);
    return fine;
}

/* ---- rows of a CSV file ---------------------------------------------------------------------- */

/* In the form in which Kaggle takes submissions. */
static bool print_rows(const Model *model, const Data *data)
{
    int64_t row = 0, *predicted = calloc(TEST_BATCH, sizeof *predicted);
    NnLoader *loader = model_test_loader(data, data->test);
    bool fine = predicted && loader;
    printf("ImageId,Label\n");
    for (const NnBatch *batch; fine && (batch = nn_loader_next(loader));) {
        fine = nn_mlp_predict(model->net, batch->inputs, batch->count, predicted) == VALGRAD_OK;
        for (int64_t i = 0; fine && i < batch->count; i++)
            printf("%" PRId64 ",%" PRId64 "\n", ++row, predicted[i]);
    }
    free(predicted);
    nn_loader_free(loader);
    return fine || library_error();
}

static bool predict_rows(const Model *model, Data *data, const char *path, int64_t features)
{
    NnCsvOptions options = NN_CSV_OPTIONS_INIT;
    options.label_column = NN_CSV_NO_LABEL;
    options.numbers = model->config->features == NUMBERS;
    data->test = nn_dataset_read_csv(path, &options);
    bool fine = data->test ? data_prepare(model->config, data->test) : library_error();
    if (fine && nn_dataset_features(data->test) != features) {
        error_line("%s: has %" PRId64 " columns: the network takes %" PRId64
                   " features, and no label",
                   path, nn_dataset_features(data->test), features);
        fine = false;
    }
    fine = fine && print_rows(model, data);
    nn_dataset_free(data->test);
    data->test = NULL;
    return fine;
}

/* ---- all ------------------------------------------------------------------------------------- */

static bool predict_files(const Model *model, char **paths)
{
    int layers = nn_mlp_layer_count(model->net);
    int classes = (int)tensor_side(nn_linear_weight(nn_mlp_layer(model->net, layers - 1)), 1);
    int64_t features = tensor_side(nn_linear_weight(nn_mlp_layer(model->net, 0)), 0);
    real *probabilities = calloc((size_t)classes, sizeof *probabilities);
    Data data = data_without_samples(model->config);
    bool fine = probabilities != NULL;
    if (!fine)
        error_line("out of memory");
    for (; fine && *paths; paths++)
        if (data_is_csv(*paths)) {
            fine = predict_rows(model, &data, *paths, features);
        } else if (features != NN_DIGIT_SIDE * NN_DIGIT_SIDE) {
            error_line("%s: the network takes %" PRId64
                       " features: expected 784, those of an image",
                       *paths, features);
            fine = false;
        } else {
            fine = predict_image(model, &data, *paths, classes, probabilities);
        }
    free(probabilities);
    data_free(&data);
    return fine;
}

static int predict(Config *config, char **arguments)
{
    if (!config->load || !arguments[0]) {
        error_line(config->load ? "expected FILE: a PNG, PGM or CSV file"
                                : "expected --load FILE, a network that train --save wrote");
        return EXIT_USAGE;
    }
    Model model = {config, model_file_open(config)};
    bool done = model.net && predict_files(&model, arguments);
    nn_mlp_free(model.net);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}

const Command command_predict = {
    .name = "predict",
    .summary = "tell digits in images, or label rows of a CSV file",
    .bit = PREDICT,
    .arguments = "FILE...",
    .help =
        "Tells what a network that train saved takes the digits in PNG or PGM images for, with "
        "its probabilities. Digits are found, brought to the form of MNIST and told in the order "
        "of reading. Of a CSV file without labels every row is labelled.",
    .examples = "$ predict --load digits.safetensors seven.png page.pgm\n"
                "$ predict --load digits.safetensors --show seven.png\n"
                "$ predict --load digits.safetensors test.csv.gz > submission.csv",
    .run = predict,
};
