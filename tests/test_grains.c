/* test_grains.c - one training step of a 784-16-10 network, built of single Values and built of
 * tensors: the same loss and the same gradient of every parameter. */
#include "tensor_testing.h"

enum { BATCH = 4, PIXELS = 784, HIDDEN = 16, CLASSES = 10 };

#ifdef VALGRAD_FLOAT
static const double relative = 1e-4;
#else
static const double relative = 1e-12;
#endif

/* ---- the numbers both are built on -------------------------------------------------------------- */

typedef struct Numbers {
    real pixels[BATCH * PIXELS];
    int64_t labels[BATCH];
    real w1[PIXELS * HIDDEN], b1[HIDDEN], w2[HIDDEN * CLASSES], b2[CLASSES];
} Numbers;

static void draw_normal(Random *random, double deviation, int n, real *out)
{
    for (int i = 0; i < n; i++)
        out[i] = random_normal(random, 0, (real)deviation);
}

/* Pixels like those of a digit: strokes of some length, in rows, of bytes divided by 255. */
static void draw_pixels(Random *random, real *out)
{
    for (int i = 0; i < PIXELS; i++) {
        const bool margin = i / 28 < 4 || i / 28 >= 24 || i % 28 < 4 || i % 28 >= 24;
        const bool stroke =
            i > 0 && out[i - 1] > 0 ? random_below(random, 4) > 0 : random_below(random, 8) == 0;
        out[i] = margin || !stroke ? 0 : (real)(1 + random_below(random, 255)) / 255;
    }
}

static void draw_numbers(uint64_t seed, Numbers *numbers)
{
    Random random = random_seeded(seed);
    for (int sample = 0; sample < BATCH; sample++) {
        draw_pixels(&random, numbers->pixels + sample * PIXELS);
        numbers->labels[sample] = (int64_t)random_below(&random, CLASSES);
    }
    draw_normal(&random, sqrt(2.0 / PIXELS), PIXELS * HIDDEN, numbers->w1);
    draw_normal(&random, 0.1, HIDDEN, numbers->b1);
    draw_normal(&random, sqrt(2.0 / HIDDEN), HIDDEN * CLASSES, numbers->w2);
    draw_normal(&random, 0.1, CLASSES, numbers->b2);
}

/* ---- of tensors -------------------------------------------------------------------------------- */

typedef struct Network {
    Tensor *w1, *b1, *w2, *b2;
} Network;

static Network make_network(const Numbers *numbers)
{
    return (Network){tensor_leaf(numbers->w1, TENSOR_SHAPE(PIXELS, HIDDEN)),
                     tensor_leaf(numbers->b1, TENSOR_SHAPE(HIDDEN)),
                     tensor_leaf(numbers->w2, TENSOR_SHAPE(HIDDEN, CLASSES)),
                     tensor_leaf(numbers->b2, TENSOR_SHAPE(CLASSES))};
}

static Tensor *logits_of(const Network *network, Tensor *x)
{
    Tensor *hidden = tensor_relu(tensor_affine(x, network->w1, network->b1));
    return tensor_affine(hidden, network->w2, network->b2);
}

static Tensor *loss_of_batch(const Network *network, const Numbers *numbers)
{
    Tensor *x = tensor_const(numbers->pixels, TENSOR_SHAPE(BATCH, PIXELS));
    return tensor_cross_entropy(logits_of(network, x), BATCH, numbers->labels);
}

/* Sample by sample, through matmul, add and log_softmax instead. */
static Tensor *loss_of_samples(const Network *network, const Numbers *numbers)
{
    Tensor *losses[BATCH];
    for (int i = 0; i < BATCH; i++) {
        Tensor *x = tensor_const(numbers->pixels + i * PIXELS, TENSOR_SHAPE(PIXELS));
        Tensor *hidden = tensor_relu(tensor_add(tensor_matmul(x, network->w1), network->b1));
        Tensor *logits = tensor_add(tensor_matmul(hidden, network->w2), network->b2);
        losses[i] = tensor_neg(tensor_index(tensor_log_softmax(logits, 0), 0, numbers->labels[i]));
    }
    return tensor_mean_all(tensor_stack(BATCH, losses, 0));
}

/* ---- of single Values -------------------------------------------------------------------------- */

/* A layer's parameters as single Values: weights[j] are those of neuron j. */
typedef struct Layer {
    int in, out;
    Value *weights[HIDDEN][PIXELS], *bias[HIDDEN];
} Layer;

/* New leaves of the same numbers; w is (in, out). */
static void make_layer(const real *w, const real *b, int in, int out, Layer *layer)
{
    layer->in = in;
    layer->out = out;
    for (int j = 0; j < out; j++) {
        for (int i = 0; i < in; i++)
            layer->weights[j][i] = value_leaf(w[i * out + j]);
        layer->bias[j] = value_leaf(b[j]);
    }
}

/* The elements of tensors. */
static void elements_as_layer(const Tensor *w, const Tensor *b, Layer *layer)
{
    layer->in = (int)tensor_side(w, 0);
    layer->out = (int)tensor_side(w, 1);
    for (int j = 0; j < layer->out; j++) {
        for (int i = 0; i < layer->in; i++)
            layer->weights[j][i] = tensor_at(w, i * layer->out + j);
        layer->bias[j] = tensor_at(b, j);
    }
}

static void apply_layer(const Layer *layer, Value *const *x, Value **out)
{
    for (int j = 0; j < layer->out; j++)
        out[j] = value_affine((size_t)layer->in, layer->weights[j], x, layer->bias[j]);
}

/* -log softmax(x)[label], shifted by the greatest x. */
static Value *value_loss(Value *const *x, int64_t label)
{
    Value *exps[CLASSES], *max = x[0];
    for (int i = 1; i < CLASSES; i++)
        max = value_data(x[i]) > value_data(max) ? x[i] : max;
    Value *shift = value_detach(max);
    for (int i = 0; i < CLASSES; i++)
        exps[i] = value_exp(value_sub(x[i], shift));
    return value_sub(value_log(value_sum(CLASSES, exps)), value_sub(x[label], shift));
}

static Value *loss_of_values(const Layer *first, const Layer *second, const Numbers *numbers)
{
    Value *losses[BATCH];
    for (int sample = 0; sample < BATCH; sample++) {
        Value *x[PIXELS], *hidden[HIDDEN], *logits[CLASSES];
        for (int i = 0; i < PIXELS; i++)
            x[i] = value_const(numbers->pixels[sample * PIXELS + i]);
        apply_layer(first, x, hidden);
        for (int j = 0; j < HIDDEN; j++)
            hidden[j] = value_relu(hidden[j]);
        apply_layer(second, hidden, logits);
        losses[sample] = value_loss(logits, numbers->labels[sample]);
    }
    return value_div(value_sum(BATCH, losses), value_const(BATCH));
}

/* ---- comparing --------------------------------------------------------------------------------- */

enum { PARAMETERS = PIXELS * HIDDEN + HIDDEN + HIDDEN * CLASSES + CLASSES };

/* Gradients of a network's parameters, layer by layer. */
static void gradients_of_network(const Network *network, real out[PARAMETERS])
{
    const Tensor *const tensors[] = {network->w1, network->b1, network->w2, network->b2};
    for (size_t i = 0; i < COUNT(tensors); out += tensor_size(tensors[i++]))
        assert_status(tensor_get_grad(tensors[i], tensor_size(tensors[i]), out), VALGRAD_OK);
}

static real *gradients_of_layer(const Layer *layer, real *out)
{
    for (int i = 0; i < layer->in; i++) {
        for (int j = 0; j < layer->out; j++)
            *out++ = value_grad(layer->weights[j][i]);
    }
    for (int j = 0; j < layer->out; j++)
        *out++ = value_grad(layer->bias[j]);
    return out;
}

/* Relative to the number itself, or to a thousandth of the largest where terms of a sum cancel. */
static void assert_equal_gradients(const real *actual, const real *expected)
{
    double largest = 0;
    int not_zero = 0;
    for (int i = 0; i < PARAMETERS; i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        not_zero += expected[i] != 0;
    }
    ck_assert_int_gt(not_zero, PARAMETERS / 10);
    for (int i = 0; i < PARAMETERS; i++) {
        const double a = (double)actual[i], e = (double)expected[i];
        ck_assert_msg(fabs(a - e) <= relative * fmax(fabs(e), largest / 1000),
                      "gradient %d is %.17g of tensors, %.17g of Values", i, a, e);
    }
}

static Numbers numbers;
static Layer first, second;
static real of_values[PARAMETERS], of_tensors[PARAMETERS];

static real loss_and_gradients_of_values(void)
{
    real loss = 0;
    VALGRAD_SCOPE {
        make_layer(numbers.w1, numbers.b1, PIXELS, HIDDEN, &first);
        make_layer(numbers.w2, numbers.b2, HIDDEN, CLASSES, &second);
        Value *root = loss_of_values(&first, &second, &numbers);
        assert_status(value_backward(root), VALGRAD_OK);
        gradients_of_layer(&second, gradients_of_layer(&first, of_values));
        loss = value_data(root);
    }
    return loss;
}

typedef Tensor *LossOfNetwork(const Network *network, const Numbers *numbers);

static void compare_with_values(LossOfNetwork *loss_of_network, uint64_t seed)
{
    draw_numbers(seed, &numbers);
    const real expected = loss_and_gradients_of_values();
    VALGRAD_SCOPE {
        const Network network = make_network(&numbers);
        Tensor *loss = loss_of_network(&network, &numbers);
        assert_status(tensor_backward(loss, NULL), VALGRAD_OK);
        ck_assert_double_le(fabs((double)tensor_item(loss) - (double)expected),
                            relative * fabs((double)expected));
        gradients_of_network(&network, of_tensors);
        assert_equal_gradients(of_tensors, of_values);
    }
}

START_TEST(a_batch_of_tensors)
{
    compare_with_values(loss_of_batch, (uint64_t)_i);
}
END_TEST

START_TEST(samples_one_by_one)
{
    compare_with_values(loss_of_samples, (uint64_t)_i);
}
END_TEST

/* The first layer of tensors, the second of Values on the elements of the first's result. */
static Tensor *loss_of_both(const Network *network, const Numbers *given)
{
    Tensor *x = tensor_const(given->pixels, TENSOR_SHAPE(BATCH, PIXELS));
    Tensor *hidden = tensor_relu(tensor_affine(x, network->w1, network->b1));
    Value *losses[BATCH];
    elements_as_layer(network->w2, network->b2, &second);
    for (int sample = 0; sample < BATCH; sample++) {
        Value *of_sample[HIDDEN], *logits[CLASSES];
        for (int i = 0; i < HIDDEN; i++)
            of_sample[i] = tensor_at(hidden, sample * HIDDEN + i);
        apply_layer(&second, of_sample, logits);
        losses[sample] = value_loss(logits, given->labels[sample]);
    }
    return tensor_mean_all(tensor_from_values(losses, TENSOR_SHAPE(BATCH)));
}

START_TEST(one_layer_of_each_grain)
{
    compare_with_values(loss_of_both, (uint64_t)_i);
}
END_TEST

/* Both graphs on the same parameters: the second pass adds the same once more. */
START_TEST(both_grains_on_the_same_parameters)
{
    draw_numbers((uint64_t)_i, &numbers);
    VALGRAD_SCOPE {
        const Network network = make_network(&numbers);
        assert_status(tensor_backward(loss_of_batch(&network, &numbers), NULL), VALGRAD_OK);
        gradients_of_network(&network, of_tensors);
        elements_as_layer(network.w1, network.b1, &first);
        elements_as_layer(network.w2, network.b2, &second);
        assert_status(value_backward(loss_of_values(&first, &second, &numbers)), VALGRAD_OK);
        gradients_of_network(&network, of_values);
        for (int i = 0; i < PARAMETERS; i++)
            of_values[i] -= of_tensors[i];
        assert_equal_gradients(of_tensors, of_values);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grains");
    TCase *tests = new_case(suite, "784-16-10", 30);
    tcase_add_loop_test(tests, a_batch_of_tensors, 0, 5);
    tcase_add_loop_test(tests, samples_one_by_one, 0, 5);
    tcase_add_loop_test(tests, one_layer_of_each_grain, 0, 5);
    tcase_add_loop_test(tests, both_grains_on_the_same_parameters, 0, 5);
    return run_suite(suite);
}
