/* loss.c - losses of a classifier, each one node whose number is the mean over the batch. */
#include <math.h>

#include "tensor/softmax.h"

static const Shape scalar_shape = {.rank = 0, .size = 1};

/* ---- cross-entropy ----------------------------------------------------------------------------- */

/* saved: d loss / d logits, then d loss / d targets where these are an operand, the labels where not. */
static void backward_cross_entropy(Value *v)
{
    const Operation *operation = operation_of(v);
    for (int i = 0; i < operation->count; i++)
        gradient__give_scaled(&operation->operand[i], operation->dense.grad[0],
                              operation->saved + i * operation->operand[0].tensor->size);
}

/* The means of rows of `loss`. */
static void expand_mean_of_rows(Expansion *e, int64_t rows, const ProgramSlot *loss)
{
    const ProgramSlot sum = expansion__nary(e, PROGRAM_SUM, rows, loss);
    expansion__result(e, 0, expansion__op2(e, OP_div, sum, expansion__constant(e, (real)rows)));
}

/* -log softmax of a row, into `surprise`; `powers` is room for as much. */
static void expand_surprise(Expansion *e, int64_t classes, const ProgramSlot *x,
                            ProgramSlot *surprise, ProgramSlot *powers)
{
    const ProgramSlot log_sum =
        expansion__op1(e, OP_log, softmax__expand(e, classes, x, surprise, powers), 0);
    for (int64_t c = 0; c < classes; c++)
        surprise[c] = expansion__op2(e, OP_sub, log_sum, surprise[c]);
}

/* The rows' surprises, weighted by their targets; those of labels are constants. */
typedef struct RowTargets {
    int64_t classes;
    const real *labels;
    real smoothing;
    const ProgramSlot *targets; /* in place of labels */
} RowTargets;

static ProgramSlot expand_target(Expansion *e, const RowTargets *t, int64_t row, int64_t c)
{
    if (t->targets)
        return t->targets[row * t->classes + c];
    const real even = t->smoothing / (real)t->classes;
    return expansion__constant(e, (t->labels[row] == (real)c ? 1 - t->smoothing : 0) + even);
}

static void expand_row_losses(const Value *v, Expansion *e, const RowTargets *t)
{
    const int64_t classes = t->classes, rows = operation_of(v)->operand[0].tensor->size / classes;
    const ProgramSlot *x = operation__slots(v, 0, e);
    ProgramSlot *surprise = expansion__room(e, classes), *powers = expansion__room(e, classes);
    ProgramSlot *pairs = expansion__room(e, 2 * classes), *loss = expansion__room(e, rows);
    for (int64_t r = 0; loss && r < rows; r++) {
        expand_surprise(e, classes, x + r * classes, surprise, powers);
        int64_t n = 0;
        for (int64_t c = 0; c < classes; c++) {
            if (!t->targets && t->smoothing == 0 && t->labels[r] != (real)c)
                continue;
            pairs[n++] = expand_target(e, t, r, c);
            pairs[n++] = surprise[c];
        }
        loss[r] = expansion__nary(e, PROGRAM_WEIGHTED, n, pairs);
    }
    if (loss)
        expand_mean_of_rows(e, rows, loss);
}

static int64_t classes_of(const Value *v)
{
    const Tensor *logits = operation_of(v)->operand[0].tensor;
    return logits->shape[logits->rank - 1];
}

/* After the gradient, saved holds the labels. */
static void expand_cross_entropy(const Value *v, Expansion *e)
{
    const Operation *operation = operation_of(v);
    expand_row_losses(v, e,
                      &(RowTargets){.classes = classes_of(v),
                                    .labels = operation->saved + operation->operand[0].tensor->size,
                                    .smoothing = operation->parameter});
}

static void expand_cross_entropy_soft(const Value *v, Expansion *e)
{
    expand_row_losses(
        v, e, &(RowTargets){.classes = classes_of(v), .targets = operation__slots(v, 1, e)});
}

static const NodeKind cross_entropy_kind =
    OPERATION_KIND(backward_cross_entropy, expand_cross_entropy);
static const NodeKind cross_entropy_soft_kind =
    OPERATION_KIND(backward_cross_entropy, expand_cross_entropy_soft);

/* Rows and classes of logits (batch, classes) or (classes). */
static bool check_logits(const char *function, const Tensor *logits, int64_t *rows,
                         int64_t *classes)
{
    char text[SHAPE_TEXT_BYTES];
    const int rank = logits->rank;
    if (rank == 1 || rank == 2) {
        *rows = rank == 2 ? logits->shape[0] : 1;
        *classes = logits->shape[rank - 1];
        if (logits->size > 0)
            return true;
    }
    error__set(VALGRAD_ERROR_SHAPE,
               "%s: logits of shape %s; expected (batch, classes) or (classes), not empty",
               function, shape__text(rank, logits->shape, text));
    return false;
}

static bool check_labels(const char *function, int64_t rows, int64_t classes, int64_t n,
                         const int64_t *labels)
{
    if (!labels)
        return error__null(function, "labels"), false;
    if (n != rows) {
        error__set(VALGRAD_ERROR_SHAPE, "%s: %lld labels for %lld rows of logits", function,
                   (long long)n, (long long)rows);
        return false;
    }
    for (int64_t i = 0; i < n; i++) {
        if (labels[i] < 0 || labels[i] >= classes) {
            error__set(VALGRAD_ERROR_INDEX, "%s: label %lld at row %lld; expected 0 to %lld",
                       function, (long long)labels[i], (long long)i, (long long)classes - 1);
            return false;
        }
    }
    return true;
}

/* What a row of logits is held against: its label, of which `smoothing` is spread evenly over all classes. */
typedef struct Label {
    int64_t classes, label;
    real smoothing, weight;
} Label;

/* Loss of a row, and its gradient with respect to the logits, weight (softmax - target). */
static real label_row(const real *x, Label row, real *gradient)
{
    real max;
    const real log_sum = softmax__log_sum(x, row.classes, &max, row.weight, gradient),
               even = row.smoothing / (real)row.classes;
    real loss = (1 - row.smoothing) * (max - x[row.label] + log_sum);
    for (int64_t c = 0; even > 0 && c < row.classes; c++)
        loss += even * (max - x[c] + log_sum);
    if (gradient) {
        gradient[row.label] -= row.weight * (1 - row.smoothing);
        for (int64_t c = 0; even > 0 && c < row.classes; c++)
            gradient[c] -= row.weight * even;
    }
    return loss;
}

static Tensor *cross_entropy(const char *function, Tensor *logits, real smoothing, int64_t n,
                             const int64_t *labels)
{
    int64_t rows, classes;
    if (!logits)
        return error__null(function, "logits"), NULL;
    if (!check_logits(function, logits, &rows, &classes) ||
        !check_labels(function, rows, classes, n, labels))
        return NULL;
    const int64_t saved = graph__recording() ? logits->size + rows : 0;
    Value *v = operation__begin(function, &cross_entropy_kind, sizeof(Operation), &scalar_shape, 1,
                                &logits, saved);
    if (!v)
        return NULL;
    Operation *operation = operation_of(v);
    operation->parameter = smoothing;
    real sum = 0;
    for (int64_t r = 0; saved && r < rows; r++)
        operation->saved[logits->size + r] = (real)labels[r];
    for (int64_t r = 0; r < rows; r++)
        sum += label_row(operation->operand[0].numbers + r * classes,
                         (Label){classes, labels[r], smoothing, 1 / (real)rows},
                         saved ? operation->saved + r * classes : NULL);
    operation->dense.data[0] = sum / (real)rows;
    return operation__end(v, &scalar_shape);
}

Tensor *tensor_cross_entropy(Tensor *logits, int64_t n, const int64_t *labels)
{
    return cross_entropy("tensor_cross_entropy", logits, 0, n, labels);
}

Tensor *tensor_cross_entropy_smoothed(Tensor *logits, real smoothing, int64_t n,
                                      const int64_t *labels)
{
    static const char function[] = "tensor_cross_entropy_smoothed";
    if (!logits || (smoothing >= 0 && smoothing <= 1))
        return cross_entropy(function, logits, smoothing, n, labels);
    error__set(VALGRAD_ERROR_ARGUMENT, "%s: smoothing %g; expected 0 to 1", function,
               (double)smoothing);
    return NULL;
}

/* Loss of a row; its gradients with respect to the logits, weight (softmax sum(t) - t), and to the
 * targets, -weight log softmax. A target of 0 contributes nothing, however unlikely its class. */
static real target_row(const real *x, const real *t, int64_t classes, real weight, real *gradient,
                       real *target_gradient)
{
    real max, loss = 0;
    const real total = kernels__get()->sum(t, classes),
               log_sum = softmax__log_sum(x, classes, &max, weight * total, gradient);
    for (int64_t c = 0; c < classes; c++) {
        const real surprise = max - x[c] + log_sum; /* -log softmax */
        loss += t[c] == 0 ? 0 : t[c] * surprise;
        if (!gradient)
            continue;
        gradient[c] = (total == 0 ? 0 : gradient[c]) - weight * t[c];
        target_gradient[c] = weight * surprise;
    }
    return loss;
}

static bool check_targets(const char *function, const Tensor *logits, const Tensor *targets)
{
    bool same = logits->rank == targets->rank;
    for (int i = 0; same && i < logits->rank; i++)
        same = logits->shape[i] == targets->shape[i];
    if (same)
        return true;
    char a[SHAPE_TEXT_BYTES], b[SHAPE_TEXT_BYTES];
    error__set(VALGRAD_ERROR_SHAPE, "%s: targets of shape %s for logits of shape %s", function,
               shape__text(targets->rank, targets->shape, a),
               shape__text(logits->rank, logits->shape, b));
    return false;
}

Tensor *tensor_cross_entropy_soft(Tensor *logits, Tensor *targets)
{
    static const char function[] = "tensor_cross_entropy_soft";
    int64_t rows, classes;
    if (!logits || !targets)
        return error__null(function, logits ? "targets" : "logits"), NULL;
    if (!check_logits(function, logits, &rows, &classes) ||
        !check_targets(function, logits, targets))
        return NULL;
    Tensor *const operands[] = {logits, targets};
    const int64_t size = logits->size, saved = graph__recording() ? 2 * size : 0;
    Value *v = operation__begin(function, &cross_entropy_soft_kind, sizeof(Operation),
                                &scalar_shape, 2, operands, saved);
    if (!v)
        return NULL;
    const Operation *operation = operation_of(v);
    real sum = 0;
    for (int64_t at = 0; at < size; at += classes)
        sum += target_row(operation->operand[0].numbers + at, operation->operand[1].numbers + at,
                          classes, 1 / (real)rows, saved ? operation->saved + at : NULL,
                          saved ? operation->saved + size + at : NULL);
    operation->dense.data[0] = sum / (real)rows;
    return operation__end(v, &scalar_shape);
}

/* ---- negative log likelihood --------------------------------------------------------------------- */

/* saved: -1 / rows at each row's label, else 0. */
static void expand_nll(const Value *v, Expansion *e)
{
    const Operation *operation = operation_of(v);
    const int64_t n = operation->operand[0].tensor->size, rows = n / classes_of(v);
    const ProgramSlot *x = operation__slots(v, 0, e);
    ProgramSlot *losses = expansion__room(e, rows);
    for (int64_t i = 0, r = 0; losses && i < n; i++) {
        if (operation->saved[i] != 0)
            losses[r++] = expansion__op1(e, OP_neg, x[i], 0);
    }
    if (losses)
        expand_mean_of_rows(e, rows, losses);
}

Tensor *tensor_nll(Tensor *log_probabilities, int64_t n, const int64_t *labels)
{
    static const char function[] = "tensor_nll";
    static const NodeKind kind = OPERATION_KIND(backward_cross_entropy, expand_nll);
    int64_t rows, classes;
    if (!log_probabilities)
        return error__null(function, "log_probabilities"), NULL;
    if (!check_logits(function, log_probabilities, &rows, &classes) ||
        !check_labels(function, rows, classes, n, labels))
        return NULL;
    Value *v = operation__begin(function, &kind, sizeof(Operation), &scalar_shape, 1,
                                &log_probabilities, log_probabilities->size);
    if (!v)
        return NULL;
    const Operation *operation = operation_of(v);
    kernels__get()->fill(operation->saved, 0, log_probabilities->size);
    real sum = 0;
    for (int64_t r = 0; r < rows; r++) {
        sum -= operation->operand[0].numbers[r * classes + labels[r]];
        operation->saved[r * classes + labels[r]] = -1 / (real)rows;
    }
    operation->dense.data[0] = sum / (real)rows;
    return operation__end(v, &scalar_shape);
}
