/* shaped_network.c - the 784-128-64-10 network with every size in a type: what does not fit, the compiler
 * says.
 *
 * Matrix(64, 784) is a type, and so is Matrix(784, 128). Their product is a Matrix(64, 128); the product
 * in the other order does not compile, nor does a function called with a batch of another size. Try it:
 * exchange two operands of matrix_affine(), or make HIDDEN_2 of one type 63, and read the message.
 *
 * The network learns 64 random pictures by heart, 10 classes of them, as the classic one does it: sigmoids,
 * and the mean square of the distance to a row of nine 0 and one 1. The numbers say that it has. */
#include <stdio.h>
#include <valgrad/shaped.h>
#include <valgrad/valgrad.h>

enum { BATCH = 64, PIXELS = 784, HIDDEN_1 = 128, HIDDEN_2 = 64, CLASSES = 10, STEPS = 300 };

typedef struct Network {
    Matrix(PIXELS, HIDDEN_1) w1;
    Vector(HIDDEN_1) b1;
    Matrix(HIDDEN_1, HIDDEN_2) w2;
    Vector(HIDDEN_2) b2;
    Matrix(HIDDEN_2, CLASSES) w3;
    Vector(CLASSES) b3;
} Network;

static Matrix(BATCH, CLASSES) forward(const Network *net, Matrix(BATCH, PIXELS) x)
{
    Matrix(BATCH, HIDDEN_1) first = matrix_map(tensor_sigmoid, matrix_affine(x, net->w1, net->b1));
    Matrix(BATCH, HIDDEN_2) second =
        matrix_map(tensor_sigmoid, matrix_affine(first, net->w2, net->b2));
    return matrix_map(tensor_sigmoid, matrix_affine(second, net->w3, net->b3));
}

/* The parameters in a list that an optimizer takes; the list holds them from then on. */
static NnParameters *make(Network *net)
{
    Random random = random_seeded(1);
    *net = (Network){matrix_param(NULL, PIXELS, HIDDEN_1),   vector_param(NULL, HIDDEN_1),
                     matrix_param(NULL, HIDDEN_1, HIDDEN_2), vector_param(NULL, HIDDEN_2),
                     matrix_param(NULL, HIDDEN_2, CLASSES),  vector_param(NULL, CLASSES)};
    Tensor *tensors[] = {matrix_tensor(net->w1), matrix_tensor(net->b1), matrix_tensor(net->w2),
                         matrix_tensor(net->b2), matrix_tensor(net->w3), matrix_tensor(net->b3)};
    const char *const names[] = {"w1", "b1", "w2", "b2", "w3", "b3"};
    NnParameters *parameters = nn_parameters_new();
    for (int i = 0; i < 6; i++) {
        if (tensor_rank(tensors[i]) == 2)
            nn_init_weight(tensors[i], NULL, NN_SIGMOID, &random);
        nn_parameters_add(parameters, names[i], tensors[i]);
        tensor_release(tensors[i]);
    }
    return parameters;
}

static int64_t count_right(const Network *net, Matrix(BATCH, PIXELS) pictures,
                           const int64_t labels[BATCH])
{
    int64_t right = 0;
    VALGRAD_NO_GRAD
        VALGRAD_SCOPE {
            right = nn_count_correct(matrix_tensor(forward(net, pictures)), BATCH, labels);
        }
    return right;
}

int main(void)
{
    Network net;
    NnParameters *parameters = make(&net);
    NnAdamOptions options = NN_ADAM_OPTIONS_INIT;
    options.learning_rate = 0.01;
    NnOptimizer *optimizer = nn_optimizer_adam(parameters, &options);
    printf("%d parameters\n", (int)nn_parameters_numbers(parameters));
    VALGRAD_SCOPE {
        Random random = random_seeded(2);
        int64_t labels[BATCH];
        real one_hot[BATCH * CLASSES] = {0};
        for (int i = 0; i < BATCH; i++) {
            labels[i] = (int64_t)random_below(&random, CLASSES);
            one_hot[i * CLASSES + labels[i]] = 1;
        }
        Matrix(BATCH, PIXELS) pictures = matrix_reshape(
            tensor_uniform(-1, 1, &random, TENSOR_SHAPE(BATCH, PIXELS)), BATCH, PIXELS);
        Matrix(BATCH, CLASSES) targets = matrix_const(one_hot, BATCH, CLASSES);
        for (int step = 0; step < STEPS; step++)
            VALGRAD_SCOPE {
                nn_optimizer_zero_grad(optimizer);
                tensor_backward(matrix_mse(forward(&net, pictures), targets), NULL);
                nn_optimizer_step(optimizer);
            }
        printf("%d of %d pictures learnt\n", (int)count_right(&net, pictures, labels), BATCH);
    }
    nn_optimizer_free(optimizer);
    nn_parameters_free(parameters);
    return valgrad_live_nodes() == 0 ? 0 : 1;
}
