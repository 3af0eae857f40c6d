/* report.c - what is told after a network was tested: tables, a picture of the confusion, mistakes,
 * weights. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnist.h"
#include "nn/files.h"

/* The name of class c, or its number, in room for `text`. */
static const char *class_name(const Data *data, int c, char text[CAPTION_ROOM])
{
    const char *name = data_class_name(data, c);
    snprintf(text, CAPTION_ROOM, name ? "%.20s" : "%.0s%d", name ? name : "", c);
    return text;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void print_part(double part)
{
    if (isnan(part))
        printf("  %9s", "-");
    else
        printf("  %7.2f %%", 100 * part);
}

static void print_classes(const Data *data, const NnConfusion *confusion)
{
    char name[CAPTION_ROOM];
    printf("\n%-20s  %9s  %9s  %9s  %7s\n", "class", "precision", "recall", "f1", "samples");
    for (int c = 0; c < nn_confusion_classes(confusion); c++) {
        printf("%-20s", class_name(data, c, name));
        print_part(nn_confusion_precision(confusion, c));
        print_part(nn_confusion_recall(confusion, c));
        print_part(nn_confusion_f1(confusion, c));
        printf("  %7" PRId64 "\n", nn_confusion_count(confusion, c, -1));
    }
}

static void print_confusion(const Data *data, const NnConfusion *confusion)
{
    const int most = 30; /* classes for which a table is of use */
    char name[CAPTION_ROOM];
    int classes = nn_confusion_classes(confusion);
    if (classes > most)
        return;
    printf("\n%-20s", "label \\ taken for");
    for (int c = 0; c < classes; c++)
        printf(" %5d", c);
    for (int label = 0; label < classes; label++) {
        printf("\n%2d %-17.17s", label, class_name(data, label, name));
        for (int c = 0; c < classes; c++)
            if (nn_confusion_count(confusion, label, c))
                printf(" %5" PRId64, nn_confusion_count(confusion, label, c));
            else
                printf(" %5s", ".");
    }
    printf("\n");
}

/* ---- pictures -------------------------------------------------------------------------------- */

static void svg_cell(FILE *file, int row, int column, int size, double part, int64_t count,
                     bool right)
{
    /* the more, the darker: green where it is right, red where not */
    int fade = (int)lround(255 * (1 - (right ? part : sqrt(part))));
    int x = 60 + column * size, y = 60 + row * size;
    fprintf(file, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"rgb(%d,%d,%d)\"/>\n",
            x, y, size - 1, size - 1, right ? fade : 255, right ? 160 + fade * 95 / 255 : fade,
            fade);
    if (count)
        fprintf(file, "<text x=\"%d\" y=\"%d\">%" PRId64 "</text>\n", x + size / 2,
                y + size / 2 + 4, count);
}

static void write_confusion(FILE *file, const NnConfusion *confusion)
{
    const int size = 44, classes = nn_confusion_classes(confusion), side = 70 + classes * size;
    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
            "font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n"
            "<title>Confusion matrix</title>\n<rect width=\"100%%\" height=\"100%%\" "
            "fill=\"white\"/>\n<text x=\"%d\" y=\"20\">taken for</text>\n"
            "<text transform=\"translate(20 %d) rotate(-90)\">label</text>\n",
            side, side, side / 2, side / 2);
    for (int i = 0; i < classes; i++) {
        double all = (double)nn_confusion_count(confusion, i, -1);
        fprintf(file, "<text x=\"%d\" y=\"48\">%d</text>\n<text x=\"44\" y=\"%d\">%d</text>\n",
                60 + i * size + size / 2, i, 64 + i * size + size / 2, i);
        for (int j = 0; j < classes; j++) {
            int64_t count = nn_confusion_count(confusion, i, j);
            svg_cell(file, i, j, size, all > 0 ? (double)count / all : 0, count, i == j);
        }
    }
    fprintf(file, "</svg>\n");
}

static bool draw_confusion(const char *path, const NnConfusion *confusion)
{
    OutputFile output;
    if (output__open(&output, __func__, path) != VALGRAD_OK)
        return library_error();
    write_confusion(output.file, confusion);
    return output__close(&output) == VALGRAD_OK || library_error();
}

/* The weights into each unit of the first layer as an image, dark below 0 and light above. */
static bool draw_weights(const char *path, const Data *data, const NnMlp *net)
{
    const Tensor *weight = nn_linear_weight(nn_mlp_layer(net, 0));
    int64_t features = tensor_side(weight, 0), units = tensor_side(weight, 1);
    int64_t rows = nn_dataset_rows(data->train ? data->train : data->test);
    int64_t columns = features / rows, across = (int64_t)ceil(sqrt((double)units));
    int64_t down = (units + across - 1) / across;
    NnImage image = {down * (rows + 1) + 1, across * (columns + 1) + 1, NULL};
    real *numbers = malloc((size_t)(features * units) * sizeof *numbers);
    image.pixels = calloc((size_t)image.rows, (size_t)image.columns);
    bool fine = numbers && image.pixels;
    if (fine)
        fine = tensor_get(weight, features * units, numbers) == VALGRAD_OK;
    for (int64_t u = 0; fine && u < units; u++) {
        double most = 1e-300;
        int64_t top = u / across * (rows + 1) + 1, left = u % across * (columns + 1) + 1;
        for (int64_t j = 0; j < features; j++)
            most = fmax(most, fabs((double)numbers[j * units + u]));
        for (int64_t j = 0; j < features; j++)
            image.pixels[(top + j / columns) * image.columns + left + j % columns] =
                (uint8_t)lround(127.5 + 127.5 * (double)numbers[j * units + u] / most);
    }
    fine = fine && nn_image_write_png(path, &image) == VALGRAD_OK;
    free(numbers);
    free(image.pixels);
    return fine || library_error();
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static bool print_mistakes(const NnDataset *dataset, const Judgement *judgement)
{
    int64_t count = judgement->mistake_count;
    Picture *pictures = calloc((size_t)count + 1, sizeof *pictures);
    bool images = nn_dataset_pixels(dataset, 0) && nn_dataset_rows(dataset) > 1;
    if (!pictures) {
        error_line("out of memory");
        return false;
    }
    printf("\nworst mistakes: label (its probability), taken for (its probability)\n");
    for (int64_t i = 0; i < count; i++) {
        const Mistake *mistake = &judgement->mistakes[i];
        pictures[i].pixels = nn_dataset_pixels(dataset, mistake->index);
        snprintf(pictures[i].caption, CAPTION_ROOM, "%d (%.1f %%), %d (%.1f %%)", mistake->label,
                 100 * mistake->right_probability, mistake->predicted, 100 * mistake->probability);
        if (!images)
            printf("sample %" PRId64 ": %s\n", mistake->index, pictures[i].caption);
    }
    if (images)
        draw_pictures(pictures, count, nn_dataset_rows(dataset), nn_dataset_columns(dataset));
    free(pictures);
    return true;
}

bool report(const Config *config, const Data *data, const NnDataset *dataset, const NnMlp *net,
            const Judgement *judgement)
{
    if (config->report && !config->quiet) {
        print_classes(data, judgement->confusion);
        print_confusion(data, judgement->confusion);
    }
    if (config->mistakes > 0 && !config->quiet && !print_mistakes(dataset, judgement))
        return false;
    if (config->report && !config->quiet)
        printf("\n");
    if (config->confusion && !draw_confusion(config->confusion, judgement->confusion))
        return false;
    return !config->weights || draw_weights(config->weights, data, net);
}
