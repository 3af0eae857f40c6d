/* confusion.c - counts of labels by predictions, and the rates that follow. */
#include <inttypes.h>
#include <math.h>
#include <valgrad/metrics.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

struct NnConfusion {
    int classes;
    int64_t *counts; /* row: label, column: prediction */
};

NnConfusion *nn_confusion_new(int classes)
{
    static const char function[] = "nn_confusion_new";
    if (classes < 1 || classes > 65536) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: %d classes: expected 1 to 65536", function,
                   classes);
        return NULL;
    }
    NnConfusion *confusion = nn__zeros(function, 1, sizeof *confusion);
    if (!confusion)
        return NULL;
    confusion->classes = classes;
    confusion->counts = nn__zeros(function, (int64_t)classes * classes, sizeof(int64_t));
    if (confusion->counts)
        return confusion;
    nn__free(confusion);
    return NULL;
}

void nn_confusion_free(NnConfusion *confusion)
{
    if (!confusion)
        return;
    nn__free(confusion->counts);
    nn__free(confusion);
}

static ValgradStatus check(const NnConfusion *confusion, int64_t n, const int64_t *numbers,
                           const char *name)
{
    for (int64_t i = 0; i < n; i++)
        if (numbers[i] < 0 || numbers[i] >= confusion->classes)
            return error__set(VALGRAD_ERROR_INDEX,
                              "nn_confusion_add: %s %" PRId64 ": expected 0 to %d", name,
                              numbers[i], confusion->classes - 1);
    return VALGRAD_OK;
}

ValgradStatus nn_confusion_add(NnConfusion *confusion, int64_t n, const int64_t *labels,
                               const int64_t *predicted)
{
    if (!confusion || !labels || !predicted)
        return error__null("nn_confusion_add", !confusion ? "confusion"
                                               : !labels  ? "labels"
                                                          : "predicted");
    ValgradStatus status = check(confusion, n, labels, "label");
    if (status == VALGRAD_OK)
        status = check(confusion, n, predicted, "prediction");
    for (int64_t i = 0; status == VALGRAD_OK && i < n; i++)
        confusion->counts[labels[i] * confusion->classes + predicted[i]]++;
    return status;
}

int nn_confusion_classes(const NnConfusion *confusion)
{
    return confusion ? confusion->classes : 0;
}

int64_t nn_confusion_count(const NnConfusion *confusion, int label, int predicted)
{
    int classes = nn_confusion_classes(confusion);
    if (label >= classes || predicted >= classes)
        return 0;
    int64_t sum = 0;
    for (int i = label < 0 ? 0 : label; i < (label < 0 ? classes : label + 1); i++)
        for (int j = predicted < 0 ? 0 : predicted; j < (predicted < 0 ? classes : predicted + 1);
             j++)
            sum += confusion->counts[(int64_t)i * classes + j];
    return sum;
}

static double part(int64_t of, int64_t all)
{
    return all > 0 ? (double)of / (double)all : (double)NAN;
}

double nn_confusion_accuracy(const NnConfusion *confusion)
{
    int64_t right = 0;
    for (int c = 0; c < nn_confusion_classes(confusion); c++)
        right += nn_confusion_count(confusion, c, c);
    return part(right, nn_confusion_count(confusion, -1, -1));
}

double nn_confusion_precision(const NnConfusion *confusion, int c)
{
    return c < 0 ? (double)NAN
                 : part(nn_confusion_count(confusion, c, c), nn_confusion_count(confusion, -1, c));
}

double nn_confusion_recall(const NnConfusion *confusion, int c)
{
    return c < 0 ? (double)NAN
                 : part(nn_confusion_count(confusion, c, c), nn_confusion_count(confusion, c, -1));
}

double nn_confusion_f1(const NnConfusion *confusion, int c)
{
    if (c < 0)
        return (double)NAN;
    int64_t right = nn_confusion_count(confusion, c, c);
    return part(2 * right,
                nn_confusion_count(confusion, -1, c) + nn_confusion_count(confusion, c, -1));
}
