/* metrics.h - how well a classifier does: which labels it takes for which.
 *
 *     NnConfusion *confusion = nn_confusion_new(10);
 *     nn_confusion_add(confusion, batch->count, batch->labels, predicted);
 *     printf("%.2f %%\n", 100 * nn_confusion_accuracy(confusion));
 *     nn_confusion_free(confusion);
 *
 * Ownership and errors are as nn.h says. */
#ifndef VALGRAD_METRICS_H
#define VALGRAD_METRICS_H

#include <stdint.h>
#include <valgrad/error.h>

VALGRAD_BEGIN

/* How often each label was predicted as each: a matrix of counts. */
typedef struct NnConfusion NnConfusion;

/* New: all counts 0. Errors: classes outside 1 … 65536; out of memory. */
VALGRAD_API NnConfusion *nn_confusion_new(int classes);
VALGRAD_API void nn_confusion_free(NnConfusion *confusion);

/* Counts n samples. Errors: NULL; a label or prediction outside 0 … classes-1 (then none is counted). */
VALGRAD_API ValgradStatus nn_confusion_add(NnConfusion *confusion, int64_t n, const int64_t *labels,
                                           const int64_t *predicted);

VALGRAD_API int nn_confusion_classes(const NnConfusion *confusion); /* 0 for NULL */

/* How often `label` was predicted as `predicted`; -1 stands for all. 0 for NULL or out of range. */
VALGRAD_API int64_t nn_confusion_count(const NnConfusion *confusion, int label, int predicted);

/* The part of all samples that was predicted rightly; of those predicted as class c, the part that is
 * (precision); of those that are of class c, the part that was predicted so (recall); and
 * f1 = 2 precision recall / (precision + recall). NaN where there are no such samples. */
VALGRAD_API double nn_confusion_accuracy(const NnConfusion *confusion);
VALGRAD_API double nn_confusion_precision(const NnConfusion *confusion, int c);
VALGRAD_API double nn_confusion_recall(const NnConfusion *confusion, int c);
VALGRAD_API double nn_confusion_f1(const NnConfusion *confusion, int c);

VALGRAD_END

#endif
