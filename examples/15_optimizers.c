/* 15_optimizers.c - in a narrow valley the slope points across; optimizers cope differently.
 *
 * The loss x^2 / 2 + 10 y^2 is a valley, 20 times steeper across (y) than along (x). Its lowest point
 * is at (0, 0), the `*`; everyone starts at (-5, 1). The gradient is (x, 20 y): at the start it points
 * at the near wall four times as hard as down the valley.
 *
 *     sgd        goes against the slope. The step across must stay small or it climbs up the other
 *                wall (from 0.1 on it does not come down any more), so along the valley it crawls.
 *     momentum   keeps 0.8 of its last move. Moves across cancel each other, moves along add up: it
 *                swings, overshoots, and arrives earlier.
 *     adam       divides each coordinate by the size of its own recent slopes, so steep and flat
 *                directions get steps of the same length: it goes straight, a to h, then it swings too.
 *
 * The drawings show the first 25 places of each as letters a, b, c …, the table the loss. Each has a
 * learning rate that suits it; which one is ahead in the end depends on the valley, and is not a law. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <valgrad/valgrad.h>

enum { STEPS = 40, DRAWN = 25, WIDTH = 68, HEIGHT = 9, KINDS = 3 };

typedef struct Path {
    real x[STEPS + 1], y[STEPS + 1], loss[STEPS + 1];
} Path;

static Tensor *loss_at(Tensor *place)
{
    Tensor *weights = tensor_const((const real[]){0.5, 10}, TENSOR_SHAPE(2));
    return tensor_sum_all(tensor_mul(weights, tensor_square(place)));
}

static NnOptimizer *make_optimizer(int kind, const NnParameters *parameters)
{
    NnSgdOptions sgd = NN_SGD_OPTIONS_INIT;
    NnAdamOptions adam = NN_ADAM_OPTIONS_INIT;
    sgd.learning_rate = kind == 0 ? 0.09 : 0.03;
    sgd.momentum = kind == 0 ? 0 : 0.8;
    adam.learning_rate = 0.4;
    return kind < 2 ? nn_optimizer_sgd(parameters, &sgd) : nn_optimizer_adam(parameters, &adam);
}

static void descend(int kind, Path *path)
{
    NnParameters *parameters = nn_parameters_new();
    Tensor *place = tensor_param((const real[]){-5, 1}, TENSOR_SHAPE(2));
    nn_parameters_add(parameters, "place", place);
    NnOptimizer *optimizer = make_optimizer(kind, parameters);
    for (int step = 0; step <= STEPS; step++) {
        VALGRAD_SCOPE {
            Tensor *loss = loss_at(place);
            path->x[step] = value_data(tensor_at(place, 0));
            path->y[step] = value_data(tensor_at(place, 1));
            path->loss[step] = tensor_item(loss);
            nn_optimizer_zero_grad(optimizer);
            tensor_backward(loss, NULL);
            nn_optimizer_step(optimizer);
        }
    }
    nn_optimizer_free(optimizer);
    nn_parameters_free(parameters);
    tensor_release(place);
}

static void put(char picture[HEIGHT][WIDTH + 1], double x, double y, char letter)
{
    const int column = (int)floor((x + 5.5) / 7.5 * (WIDTH - 1) + 0.5);
    const int row = (int)floor((1.1 - y) / 2.2 * (HEIGHT - 1) + 0.5);
    if (row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH)
        picture[row][column] = letter;
}

static void draw(const Path *path)
{
    char picture[HEIGHT][WIDTH + 1];
    memset(picture, ' ', sizeof picture);
    for (int step = DRAWN - 1; step >= 0; step--)
        put(picture, path->x[step], path->y[step], (char)('a' + step));
    put(picture, 0, 0, '*');
    for (int row = 0; row < HEIGHT; row++)
        printf("|%.*s|\n", WIDTH, picture[row]);
}

int main(void)
{
    static const char *const names[KINDS] = {"sgd", "momentum", "adam"};
    static Path paths[KINDS];
    for (int kind = 0; kind < KINDS; kind++) {
        descend(kind, &paths[kind]);
        printf("%s\n", names[kind]);
        draw(&paths[kind]);
    }
    printf("\nloss at step        0       5      10      20      40\n");
    for (int kind = 0; kind < KINDS; kind++) {
        const real *loss = paths[kind].loss;
        printf("%-12s %8.3f%8.3f%8.3f%8.3f%8.3f\n", names[kind], loss[0], loss[5], loss[10],
               loss[20], loss[40]);
    }
    return valgrad_live_nodes() != 0;
}
