/* export.h - a trained network as C source: a header that predicts by itself.
 *
 *     NnExportOptions options = NN_EXPORT_OPTIONS_INIT;
 *     options.name = "digits";
 *     options.pixels = true;
 *     nn_mlp_write_c(net, "digits.h", &options);
 *
 * and in any C99 (or C++) program, without this library:
 *
 *     #include "digits.h"
 *     float probabilities[DIGITS_OUTPUTS];
 *     int digit = digits_predict_pixels(pixels, probabilities);
 */
#ifndef VALGRAD_EXPORT_H
#define VALGRAD_EXPORT_H

#include <valgrad/nn.h>

VALGRAD_BEGIN

typedef struct NnExportOptions {
    const char *name; /* of the functions: <name>_predict(); a C identifier */
    NnDtype dtype; /* of weights, inputs and outputs: NN_F32 or NN_F64; sums are double in both */
    bool logits;   /* outputs as the network gives them; else their softmax, if it has no activation
                         behind its last layer */

    /* Also <name>_predict_pixels(), which takes bytes and does to them what the loader did: pixel / 255,
     * or with a threshold (1 … 255; 0: none) 1 for a pixel of at least that and 0 below; then
     * (x - mean[j]) / deviation[j], with one pair for all (moments 1), one for each input, or none (0).
     * With moments but without pixels it is <name>_predict_raw(), which takes numbers. */
    bool pixels;
    int threshold;
    int64_t moments;
    const double *mean, *deviation;

    const char *comment; /* a line for the top of the file, without a comment's end; NULL: none */
} NnExportOptions;

#define NN_EXPORT_OPTIONS_INIT                                                                     \
    {                                                                                              \
        "model", NN_F32, false, false, 0, 0, NULL, NULL, NULL                                      \
    }

/* Writes a header of C99 that needs nothing but <math.h>: the weights as constants, and
 *
 *     static inline int <name>_predict(const float inputs[<NAME>_INPUTS], float outputs[<NAME>_OUTPUTS]);
 *
 * which fills in the outputs (NULL: nobody wants them) and returns the index of the greatest. It
 * allocates nothing; the top of the file tells what it takes.
 * Errors: NULL; a name that is no identifier; a type other than F32 and F64; a threshold, moments or
 * deviations out of range; a comment with an end or a line's end in it; a weight that is not finite;
 * the file cannot be written (it is then not there, or as it was). */
VALGRAD_API ValgradStatus nn_mlp_write_c(const NnMlp *mlp, const char *path,
                                         const NnExportOptions *options);

VALGRAD_END

#endif
