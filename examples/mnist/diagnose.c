/* diagnose.c - how the layers fare: how large weights and gradients are, how far a step moves the
 * weights (1e-3 of them is healthy), how many units never fire. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "watch.h"

/* What was measured of a layer; all are norms. */
typedef struct Layer {
    real *before; /* its weights before the step */
    double gradient, weights, update;
} Layer;

struct Diagnosis {
    const NnMlp *net;
    int count;
    Layer *layers;
    bool in_step; /* the weights have been copied, and are to be compared */
};

static Tensor *weight_of(const NnMlp *net, int i)
{
    return nn_linear_weight(nn_mlp_layer(net, i));
}

bool diagnosis_new(Watch *watch, const NnMlp *net)
{
    Diagnosis *made = calloc(1, sizeof *made);
    watch->diagnosis = made;
    if (made) {
        made->net = net;
        made->count = nn_mlp_layer_count(net);
        made->layers = calloc((size_t)made->count, sizeof *made->layers);
    }
    bool fine = made && made->layers;
    for (int i = 0; fine && i < made->count; i++) {
        made->layers[i].before = malloc((size_t)tensor_size(weight_of(net, i)) * sizeof(real));
        fine = made->layers[i].before != NULL;
    }
    if (!fine)
        error_line("out of memory");
    return fine;
}

void diagnosis_free(Watch *watch)
{
    Diagnosis *diagnosis = watch->diagnosis;
    for (int i = 0; diagnosis && diagnosis->layers && i < diagnosis->count; i++)
        free(diagnosis->layers[i].before);
    if (diagnosis)
        free(diagnosis->layers);
    free(diagnosis);
    watch->diagnosis = NULL;
}

static double norm(const real *numbers, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)numbers[i] * (double)numbers[i];
    return sqrt(sum);
}

bool diagnosis_before_step(Watch *watch, const NnMlp *net)
{
    for (int i = 0; i < watch->diagnosis->count; i++) {
        Layer *layer = &watch->diagnosis->layers[i];
        int64_t n = tensor_size(weight_of(net, i));
        if (tensor_get_grad(weight_of(net, i), n, layer->before) != VALGRAD_OK)
            return false;
        layer->gradient = norm(layer->before, n);
        if (tensor_get(weight_of(net, i), n, layer->before) != VALGRAD_OK)
            return false;
        layer->weights = norm(layer->before, n);
    }
    watch->diagnosis->in_step = true;
    return true;
}

bool diagnosis_after_step(Watch *watch)
{
    Diagnosis *diagnosis = watch->diagnosis;
    for (int i = 0; diagnosis->in_step && i < diagnosis->count; i++) {
        Layer *layer = &diagnosis->layers[i];
        const Tensor *weight = weight_of(diagnosis->net, i);
        int64_t n = tensor_size(weight);
        real *after = malloc((size_t)n * sizeof *after);
        bool fine = after && tensor_get(weight, n, after) == VALGRAD_OK;
        for (int64_t j = 0; fine && j < n; j++)
            after[j] -= layer->before[j];
        layer->update = fine ? norm(after, n) : 0;
        free(after);
        if (!fine)
            return false;
    }
    diagnosis->in_step = false;
    return true;
}

/* How many of the units of hidden layer `last` give 0 or less for every sample of a batch. */
static int64_t count_dead(const NnMlp *net, Tensor *inputs, int last)
{
    int64_t dead = -1;
    VALGRAD_NO_GRAD
        VALGRAD_SCOPE {
            Tensor *signal = inputs;
            for (int i = 0; i <= last; i++)
                signal = nn_activation_apply(nn_mlp_hidden_activation(net),
                                             nn_linear_forward(nn_mlp_layer(net, i), signal));
            Tensor *most = tensor_reduce_max(signal, TENSOR_AXES(0), false);
            int64_t units = tensor_size(most);
            real *numbers = units > 0 ? malloc((size_t)units * sizeof *numbers) : NULL;
            if (numbers && tensor_get(most, units, numbers) == VALGRAD_OK) {
                dead = 0;
                for (int64_t u = 0; u < units; u++)
                    dead += numbers[u] <= 0;
            }
            free(numbers);
        }
    return dead;
}

static bool print_layer(const Watch *watch, const NnMlp *net, int i, Tensor *inputs)
{
    const Layer *layer = &watch->diagnosis->layers[i];
    const Tensor *weight = weight_of(net, i);
    printf("  layer %d  %" PRId64 "-%" PRId64 "  weights %.3g  gradient %.3g  update/weights %.2g",
           i + 1, tensor_side(weight, 0), tensor_side(weight, 1), layer->weights, layer->gradient,
           layer->weights > 0 ? layer->update / layer->weights : 0);
    bool relu = nn_mlp_hidden_activation(net) == NN_RELU && i < watch->diagnosis->count - 1;
    int64_t dead = relu ? count_dead(net, inputs, i) : 0;
    if (relu && dead >= 0)
        printf("  dead %" PRId64 " of %" PRId64, dead, tensor_side(weight, 1));
    printf("\n");
    return dead >= 0 || library_error();
}

bool diagnosis_print(Watch *watch, const NnMlp *net, NnLoader *unseen)
{
    const NnBatch *batch = nn_loader_next(unseen);
    bool fine = batch != NULL;
    for (int i = 0; fine && i < watch->diagnosis->count; i++)
        fine = print_layer(watch, net, i, batch->inputs);
    fflush(stdout);
    return fine && nn_loader_start(unseen, 0) == VALGRAD_OK;
}
