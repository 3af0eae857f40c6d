/* 11_two_moons.c - neurons in layers bend the line: a small network separates two moons.
 *
 * The points lie on two half circles that reach into each other, so no straight line has all the o on
 * one side and all the x on the other. The network has 2 inputs, a hidden layer of 8 tanh neurons and
 * one output: each hidden neuron draws a line of its own, and the output puts the eight together.
 *
 * Everything here is scalar Values: 33 parameters, and for each of the 80 points one neuron after the
 * other. A step builds the loss of all points, goes backward, and moves each parameter against its
 * slope. In 400 steps the loss goes from 0.584 to 0.028, and all points are on their side.
 *
 * The picture is what the network thinks: `.` where it says o, `:` where it says x, with the points
 * drawn over it. Look at the border, which winds between the moons. Far from all points the network is
 * just as sure as it is near them, though nobody told it anything about those places. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

enum { HIDDEN = 8, PARAMETERS = 4 * HIDDEN + 1, POINTS = 80, STEPS = 400, WIDTH = 64, HEIGHT = 20 };

static real points[POINTS][2]; /* even: upper moon, o; odd: lower moon, x */

static void make_moons(Random *random)
{
    for (int i = 0; i < POINTS; i++) {
        const double angle = 3.14159265 * i / (POINTS - 1), side = i % 2 ? -1 : 1;
        points[i][0] = (real)(side * cos(angle) + (i % 2) + random_normal(random, 0, 0.125));
        points[i][1] = (real)(side * sin(angle) + 0.5 * (i % 2) + random_normal(random, 0, 0.125));
    }
}

/* Positive for x, negative for o. Parameters: 3 for each hidden neuron, then the output's. */
static Value *network(Value *const *w, Value *const *input)
{
    Value *hidden[HIDDEN];
    for (int i = 0; i < HIDDEN; i++)
        hidden[i] = value_tanh(value_affine(2, w + 3 * i, input, w[3 * i + 2]));
    return value_affine(HIDDEN, w + 3 * HIDDEN, hidden, w[4 * HIDDEN]);
}

static Value *score(Value *const *w, real x, real y)
{
    Value *input[] = {value_const(x), value_const(y)};
    return network(w, input);
}

/* Mean of -log(probability of the right answer), as in the lesson before. */
static Value *mean_loss(Value *const *w)
{
    Value *losses[POINTS];
    for (int i = 0; i < POINTS; i++) {
        Value *s = score(w, points[i][0], points[i][1]);
        losses[i] = value_softplus(i % 2 ? value_neg(s) : s);
    }
    return value_div(value_sum(POINTS, losses), value_const(POINTS));
}

static int count_right(Value *const *w)
{
    int right = 0;
    VALGRAD_SCOPE {
        for (int i = 0; i < POINTS; i++)
            right += (value_data(score(w, points[i][0], points[i][1])) > 0) == i % 2;
    }
    return right;
}

static void draw(Value *const *w)
{
    char picture[HEIGHT][WIDTH + 1] = {{0}};
    for (int row = 0; row < HEIGHT; row++)
        for (int column = 0; column < WIDTH; column++)
            VALGRAD_SCOPE {
                const double x = -1.6 + 4.2 * column / (WIDTH - 1),
                             y = 1.6 - 2.7 * row / (HEIGHT - 1);
                picture[row][column] = value_data(score(w, (real)x, (real)y)) > 0 ? ':' : '.';
            }
    for (int i = 0; i < POINTS; i++) {
        const int column = (int)((points[i][0] + 1.6) / 4.2 * (WIDTH - 1) + 0.5);
        const int row = (int)((1.6 - points[i][1]) / 2.7 * (HEIGHT - 1) + 0.5);
        if (row >= 0 && row < HEIGHT && column >= 0 && column < WIDTH)
            picture[row][column] = i % 2 ? 'x' : 'o';
    }
    for (int row = 0; row < HEIGHT; row++)
        printf("%s\n", picture[row]);
}

int main(void)
{
    Random random = random_seeded(1);
    Value *w[PARAMETERS];
    make_moons(&random);
    for (int i = 0; i < PARAMETERS; i++)
        w[i] = value_param(random_uniform(&random, -1, 1));
    for (int step = 0; step <= STEPS; step++) {
        VALGRAD_SCOPE {
            Value *loss = mean_loss(w);
            values_zero_grad(PARAMETERS, w);
            value_backward(loss);
            if (step % 100 == 0)
                printf("step %3d  loss %.3f  right %d of %d  nodes %d\n", step, value_data(loss),
                       count_right(w), POINTS, (int)valgrad_live_nodes());
            for (int i = 0; i < PARAMETERS; i++)
                value_set_data(w[i], value_data(w[i]) - value_grad(w[i]));
        }
    }
    draw(w);
    for (int i = 0; i < PARAMETERS; i++)
        value_release(w[i]);
    return valgrad_live_nodes() != 0;
}
