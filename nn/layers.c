/* layers.c - layers with parameters besides the linear one: convolution, normalisation, embedding. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

/* Appends "<prefix>.<name>", unless there is no such tensor. */
static ValgradStatus add(const char *function, NnParameters *into, const char *prefix,
                         const char *name, Tensor *tensor)
{
    char full[256];
    if (!tensor)
        return VALGRAD_OK;
    const int length = snprintf(full, sizeof full, "%s%s%s", prefix, prefix[0] ? "." : "", name);
    if (length < 0 || (size_t)length >= sizeof full)
        return error__set(VALGRAD_ERROR_NAME, "%s: a prefix of %d bytes: expected at most 240",
                          function, length);
    return nn_parameters_add(into, full, tensor);
}

static ValgradStatus collect(const char *function, const void *layer, const char *prefix,
                             NnParameters *into, Tensor *weight, Tensor *bias)
{
    if (!layer || !prefix || !into)
        return error__null(function, !layer ? "layer" : !prefix ? "prefix" : "into");
    const ValgradStatus status = add(function, into, prefix, "weight", weight);
    return status == VALGRAD_OK ? add(function, into, prefix, "bias", bias) : status;
}

/* The tensor of a layer that is there. */
static Tensor *of_layer(const char *function, const void *layer, Tensor *tensor)
{
    if (!layer)
        error__null(function, "layer");
    return tensor;
}

static bool check_side(const char *function, const char *name, int64_t side)
{
    if (side >= 1)
        return true;
    error__set(VALGRAD_ERROR_ARGUMENT, "%s: %" PRId64 " %s: expected 1 or more", function, side,
               name);
    return false;
}

/* ---- convolution ------------------------------------------------------------------------------- */

struct NnConv2d {
    Tensor *weight; /* (filters, channels, rows, columns) */
    Tensor *bias;   /* (filters), or NULL */
    TensorWindow window;
};

/* What flows into a filter are the elements under its window: (in, out) is (channels rows columns,
 * filters). */
static bool init_filters(const NnConv2d *layer, const NnConv2dOptions *options, Random *random)
{
    bool done = false;
    VALGRAD_SCOPE {
        const int64_t filters = tensor_side(layer->weight, 0);
        Tensor *turned = tensor_transpose(tensor_reshape(layer->weight, TENSOR_SHAPE(filters, -1)));
        done = nn_init_weight(turned, &options->init, options->activation, random) == VALGRAD_OK;
    }
    return done;
}

static bool make_filters(NnConv2d *layer, int64_t channels, int64_t filters, int64_t rows,
                         int64_t columns, const NnConv2dOptions *options, Random *random)
{
    layer->window = options->window;
    layer->weight = tensor_param(NULL, TENSOR_SHAPE(filters, channels, rows, columns));
    if (!layer->weight || !init_filters(layer, options, random))
        return false;
    if (options->no_bias)
        return true;
    layer->bias = tensor_param(NULL, TENSOR_SHAPE(filters));
    return layer->bias && tensor_fill(layer->bias, (real)options->init.bias) == VALGRAD_OK;
}

NnConv2d *nn_conv2d_new(int64_t channels, int64_t filters, int64_t rows, int64_t columns,
                        const NnConv2dOptions *options, Random *random)
{
    static const char function[] = "nn_conv2d_new";
    const NnConv2dOptions standard = NN_CONV2D_OPTIONS_INIT;
    if (!random)
        return error__null(function, "random"), NULL;
    if (!check_side(function, "channels", channels) || !check_side(function, "filters", filters) ||
        !check_side(function, "rows", rows) || !check_side(function, "columns", columns))
        return NULL;
    NnConv2d *layer = nn__zeros(function, 1, sizeof *layer);
    if (layer && make_filters(layer, channels, filters, rows, columns,
                              options ? options : &standard, random))
        return layer;
    nn_conv2d_free(layer);
    return NULL;
}

void nn_conv2d_free(NnConv2d *layer)
{
    if (!layer)
        return;
    tensor_release(layer->weight);
    tensor_release(layer->bias);
    nn__free(layer);
}

Tensor *nn_conv2d_forward(const NnConv2d *layer, Tensor *x)
{
    if (layer && x)
        return tensor_conv2d(x, layer->weight, layer->bias, &layer->window);
    return error__null("nn_conv2d_forward", layer ? "x" : "layer"), NULL;
}

Tensor *nn_conv2d_weight(const NnConv2d *layer)
{
    return of_layer("nn_conv2d_weight", layer, layer ? layer->weight : NULL);
}

Tensor *nn_conv2d_bias(const NnConv2d *layer)
{
    return of_layer("nn_conv2d_bias", layer, layer ? layer->bias : NULL);
}

ValgradStatus nn_conv2d_collect(const NnConv2d *layer, const char *prefix, NnParameters *into)
{
    return collect("nn_conv2d_collect", layer, prefix, into, layer ? layer->weight : NULL,
                   layer ? layer->bias : NULL);
}

/* ---- normalisation ----------------------------------------------------------------------------- */

struct NnLayerNorm {
    Tensor *weight, *bias; /* (width) */
    real epsilon;
};

NnLayerNorm *nn_layer_norm_new(int64_t width, double epsilon)
{
    static const char function[] = "nn_layer_norm_new";
    if (!check_side(function, "numbers in a row", width))
        return NULL;
    if (!(epsilon >= 0 && isfinite(epsilon))) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: epsilon %g: expected a finite number from 0",
                   function, epsilon);
        return NULL;
    }
    NnLayerNorm *layer = nn__zeros(function, 1, sizeof *layer);
    if (!layer)
        return NULL;
    layer->epsilon = (real)epsilon;
    layer->weight = tensor_param(NULL, TENSOR_SHAPE(width));
    layer->bias = tensor_param(NULL, TENSOR_SHAPE(width));
    if (layer->weight && layer->bias && tensor_fill(layer->weight, 1) == VALGRAD_OK)
        return layer;
    nn_layer_norm_free(layer);
    return NULL;
}

void nn_layer_norm_free(NnLayerNorm *layer)
{
    if (!layer)
        return;
    tensor_release(layer->weight);
    tensor_release(layer->bias);
    nn__free(layer);
}

Tensor *nn_layer_norm_forward(const NnLayerNorm *layer, Tensor *x)
{
    if (layer && x)
        return tensor_layer_norm(x, layer->weight, layer->bias, layer->epsilon);
    return error__null("nn_layer_norm_forward", layer ? "x" : "layer"), NULL;
}

ValgradStatus nn_layer_norm_collect(const NnLayerNorm *layer, const char *prefix,
                                    NnParameters *into)
{
    return collect("nn_layer_norm_collect", layer, prefix, into, layer ? layer->weight : NULL,
                   layer ? layer->bias : NULL);
}

/* ---- embedding --------------------------------------------------------------------------------- */

struct NnEmbedding {
    Tensor *weight; /* (rows, width) */
};

NnEmbedding *nn_embedding_new(int64_t rows, int64_t width, Random *random)
{
    static const char function[] = "nn_embedding_new";
    if (!random)
        return error__null(function, "random"), NULL;
    if (!check_side(function, "rows", rows) || !check_side(function, "numbers in a row", width))
        return NULL;
    NnEmbedding *layer = nn__zeros(function, 1, sizeof *layer);
    if (!layer)
        return NULL;
    layer->weight = tensor_param(NULL, TENSOR_SHAPE(rows, width));
    if (layer->weight && tensor_fill_normal(layer->weight, 0, 1, random) == VALGRAD_OK)
        return layer;
    nn_embedding_free(layer);
    return NULL;
}

void nn_embedding_free(NnEmbedding *layer)
{
    if (!layer)
        return;
    tensor_release(layer->weight);
    nn__free(layer);
}

Tensor *nn_embedding_forward(const NnEmbedding *layer, int rank, const int64_t *shape,
                             const int64_t *indices)
{
    if (layer)
        return tensor_embedding(layer->weight, rank, shape, indices);
    return error__null("nn_embedding_forward", "layer"), NULL;
}

Tensor *nn_embedding_weight(const NnEmbedding *layer)
{
    return of_layer("nn_embedding_weight", layer, layer ? layer->weight : NULL);
}

ValgradStatus nn_embedding_collect(const NnEmbedding *layer, const char *prefix, NnParameters *into)
{
    return collect("nn_embedding_collect", layer, prefix, into, layer ? layer->weight : NULL, NULL);
}
