/* gradcheck.h - whether backward computes the derivative of what forward computes: for functions and
 * operations of your own.
 *
 *     static Tensor *layer(Tensor *const *x, void *context)
 *     {
 *         return tensor_tanh(tensor_matmul(x[0], x[1]));
 *     }
 *
 *     Tensor *x[] = {tensor_leaf(NULL, TENSOR_SHAPE(2, 3)), tensor_leaf(NULL, TENSOR_SHAPE(3, 2))};
 *     tensor_fill_normal(x[0], 0, 1, &random), tensor_fill_normal(x[1], 0, 1, &random);
 *     if (tensor_gradcheck(layer, NULL, 2, x, NULL, NULL) != VALGRAD_OK)
 *         puts(valgrad_last_error()); // which derivative, what backward says, what differences say
 *
 * Every element of the Jacobian (each output by each input) that backward gives is held against the
 * central difference (f(x + h) - f(x - h)) / (2 h). f is evaluated at five places for each input, and
 * backward runs once for each output: use small tensors, which is no loss, since a mistake shows at any
 * size. What a difference cannot decide is not passed over: at a kink (relu at 0) or beside a pole the
 * comparison is *inconclusive*, and the check has not passed; move the input away from there.
 *
 * One place is not a check: take a few, drawn at random. */
#ifndef VALGRAD_GRADCHECK_H
#define VALGRAD_GRADCHECK_H

#include <valgrad/tensor.h>

VALGRAD_BEGIN

/* The function under test: makes one Value or Tensor of its inputs, which are those given to the check.
 * It may use others besides (parameters that are not checked) through context. It must compute the same
 * each time: a random generator, for dropout say, is to be started anew at each call. NULL fails the
 * check. It is called with recording on and off, inside a scope. */
typedef Value *ValueFunction(Value *const *x, void *context);
typedef Tensor *TensorFunction(Tensor *const *x, void *context);

typedef enum GradcheckOutcome {
    GRADCHECK_FAIL,         /* a derivative is wrong, or the check could not be carried out */
    GRADCHECK_INCONCLUSIVE, /* none is known to be wrong, but some could not be decided */
    GRADCHECK_PASS
} GradcheckOutcome;

/* h = step * max(1, |x|). Backward's a and the difference d agree when
 * |a - d| <= relative * max(|a|, |d|) + absolute * max(1, |f(x)|). */
typedef struct GradcheckOptions {
    double step;
    double relative, absolute;
    /* 0: the whole Jacobian J. Otherwise so many random numbers v' J u, each from five evaluations and one
     * backward, however large the function: far cheaper and WEAKER. Errors can cancel, a small one drowns
     * in the sum, and the report cannot say which derivative is wrong. */
    int projections;
    uint64_t seed; /* of the directions u and v */
} GradcheckOptions;

/* clang-format off */
#ifdef VALGRAD_FLOAT
#define GRADCHECK_OPTIONS_INIT {5e-3, 5e-3, 5e-4, 0, 1}
#else
#define GRADCHECK_OPTIONS_INIT {6e-6, 1e-6, 1e-8, 0, 1}
#endif
/* clang-format on */

typedef struct GradcheckReport {
    GradcheckOutcome outcome;
    int64_t compared, failed, inconclusive; /* derivatives, or projections */
    bool projected;
    /* The worst comparison: of those that failed; if none did, of the inconclusive ones; else of all. */
    int input;                              /* which x; -1 for a projection or if nothing was compared */
    int input_rank, output_rank;            /* of the index in that input and in the result */
    int64_t input_index[TENSOR_MAX_RANK], output_index[TENSOR_MAX_RANK];
    double number;                          /* the input's number */
    double analytic, numeric;               /* backward's, and the central difference */
    double left, right;                     /* one-sided differences; apart at a kink */
    double error, tolerance;                /* |analytic - numeric|, and what it may be */
    /* An operation of your own in the graph whose partials are not the differences of its own forward; if
     * there is none, the operation that made the output. "" if all passed, or for a projection. */
    char op[48];
} GradcheckReport;

/* Checks f at the numbers that x[0 … n-1] have. They are leaves, of which those that want a gradient are
 * checked; constants are passed on. They are given other numbers on the way and have their own back at
 * the end, with a gradient of 0; graphs that were built on them before can no longer be differentiated.
 * No Value may stand in x twice. NULL options: as INIT. Fills in report, which may be NULL.
 * Returns VALGRAD_OK if everything agrees. Errors: VALGRAD_ERROR_GRADIENT if something does not or cannot be
 * decided, with gradcheck_text() as its message; a NULL; f fails (its error stays) or returns another shape
 * or other numbers at a second call; nothing to compare; x[i] is not made of leaves; options not positive;
 * out of memory. */
VALGRAD_API ValgradStatus value_gradcheck(ValueFunction *f, void *context, int n, Value *const *x,
                                          const GradcheckOptions *options, GradcheckReport *report);
VALGRAD_API ValgradStatus tensor_gradcheck(TensorFunction *f, void *context, int n, Tensor *const *x,
                                           const GradcheckOptions *options, GradcheckReport *report);

/* The report in a sentence or two: what was compared, and the worst comparison unless all is well. Writes at
 * most `room` bytes with the final zero; returns how long the whole text is; 0 for NULL. */
VALGRAD_API size_t gradcheck_text(const GradcheckReport *report, size_t room, char *text);

VALGRAD_END

#endif
