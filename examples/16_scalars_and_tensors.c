/* 16_scalars_and_tensors.c - one batch of MNIST by scalar Values and by tensors: the same gradients.
 *
 * The first twenty of MNIST's test digits, 28 x 28 pixels each, go through a network of 784 inputs, 16
 * hidden neurons and 10 outputs, and through cross entropy. Once every multiplication and every addition
 * is a node of its own, as in the first lessons; once each operation on whole tensors is one.
 *
 * Both work on the same pixels and the same parameters: the scalar network takes the tensors' elements.
 * So the gradients end up in the same place, and can be compared number by number. They agree up to
 * rounding, because a tensor operation means what its expansion into scalar operations means; it only
 * does not make the nodes. How many nodes each way takes is printed, and how long it took, apart, on
 * standard error. (The digits are found from the root of the repository; else name their folder.) */
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <valgrad/valgrad.h>

enum { IMAGES = 20, PIXELS = 28 * 28, HIDDEN = 16, CLASSES = 10, PARTS = 4 };

/* x[0 … in-1] through a layer, one node for each + and each *; w (in, out), b (out). */
static void scalar_layer(int in, int out, Value **x, Tensor *w, Tensor *b, Value **y)
{
    for (int j = 0; j < out; j++) {
        y[j] = tensor_at(b, j);
        for (int i = 0; i < in; i++)
            y[j] = value_add(y[j], value_mul(x[i], tensor_at(w, i * out + j)));
    }
}

static Value *scalar_image_loss(const NnBatch *batch, Tensor *const *part, int image)
{
    Value *x[PIXELS], *hidden[HIDDEN], *logits[CLASSES], *sum = value_const(0);
    for (int p = 0; p < PIXELS; p++)
        x[p] = tensor_at(batch->inputs, image * PIXELS + p);
    scalar_layer(PIXELS, HIDDEN, x, part[0], part[1], hidden);
    for (int j = 0; j < HIDDEN; j++)
        hidden[j] = value_relu(hidden[j]);
    scalar_layer(HIDDEN, CLASSES, hidden, part[2], part[3], logits);
    for (int c = 0; c < CLASSES; c++)
        sum = value_add(sum, value_exp(logits[c])); /* the logits are small: see 14 */
    return value_sub(value_log(sum), logits[batch->labels[image]]);
}

static Value *scalar_loss(const NnBatch *batch, Tensor *const *part)
{
    Value *sum = value_const(0);
    for (int i = 0; i < IMAGES; i++)
        sum = value_add(sum, scalar_image_loss(batch, part, i));
    return value_div(sum, value_const(IMAGES));
}

static Value *tensor_loss(const NnBatch *batch, Tensor *const *part)
{
    Tensor *hidden = tensor_relu(tensor_affine(batch->inputs, part[0], part[1]));
    Tensor *logits = tensor_affine(hidden, part[2], part[3]);
    return tensor_at(tensor_cross_entropy(logits, IMAGES, batch->labels), 0);
}

typedef Value *Loss(const NnBatch *batch, Tensor *const *part);

/* The gradients of part 0, 1, … go into `gradient`, one after the other. */
static void measure(const char *name, Loss *loss_of, const NnBatch *batch, Tensor *const *part,
                    real *gradient)
{
    const int64_t before = valgrad_live_nodes();
    const clock_t start = clock();
    VALGRAD_SCOPE {
        Value *loss = loss_of(batch, part);
        value_backward(loss);
        fprintf(stderr, "%s: %.3f ms\n", name, 1e3 * (double)(clock() - start) / CLOCKS_PER_SEC);
        printf("%-8s loss %.4f, nodes %6d\n", name, value_data(loss),
               (int)(valgrad_live_nodes() - before));
    }
    for (int i = 0; i < PARTS; gradient += tensor_size(part[i++])) {
        tensor_get_grad(part[i], tensor_size(part[i]), gradient);
        tensor_zero_grad(part[i]);
    }
}

int main(int argc, char **argv)
{
    enum { NUMBERS = PIXELS * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES };
    static real by_scalars[NUMBERS], by_tensors[NUMBERS];
    NnDataset *digits = nn_dataset_find_idx(argc > 1 ? argv[1] : "examples/mnist/data", "t10k", 10);
    NnLoaderOptions options = NN_LOADER_OPTIONS_INIT;
    options.batch = IMAGES;
    options.sequential = true;
    NnLoader *loader = nn_loader_new(digits, &options);
    const NnBatch *batch = nn_loader_next(loader);
    if (!batch)
        return fprintf(stderr, "%s\n", valgrad_last_error()), 1;
    Random random = random_seeded(1);
    Tensor *part[PARTS] = {tensor_param(NULL, TENSOR_SHAPE(PIXELS, HIDDEN)),
                           tensor_param(NULL, TENSOR_SHAPE(HIDDEN)),
                           tensor_param(NULL, TENSOR_SHAPE(HIDDEN, CLASSES)),
                           tensor_param(NULL, TENSOR_SHAPE(CLASSES))};
    for (int i = 0; i < PARTS; i++)
        tensor_fill_normal(part[i], 0, (real)0.1, &random);
    measure("scalars", scalar_loss, batch, part, by_scalars);
    measure("tensors", tensor_loss, batch, part, by_tensors);

    double worst = 0;
    for (int i = 0; i < NUMBERS; i++)
        worst = fmax(worst, fabs((double)by_scalars[i] - (double)by_tensors[i]));
    printf("\ngradients by        scalars   tensors\n");
    for (int i = NUMBERS - 1; i >= 0; i -= 2200)
        printf("  number %5d     %8.4f  %8.4f\n", i, by_scalars[i], by_tensors[i]);
    printf("all %d agree up to rounding: %s\n", NUMBERS, worst < 100 * REAL_EPSILON ? "yes" : "no");
    for (int i = 0; i < PARTS; i++)
        tensor_release(part[i]);
    nn_loader_free(loader);
    nn_dataset_free(digits);
    return valgrad_live_nodes() != 0;
}
