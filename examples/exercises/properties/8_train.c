/* 8_train.c - what train() must do. */
#include "property.h"

enum { POINTS = 5 };

static const real x[POINTS] = {-2, -1, 0, 1, 2}, y[POINTS] = {-5, -2, 1, 4, 7}; /* y = 3 x + 1 */

typedef struct Line {
    double w, b;
} Line;

static Line trained(int steps, double rate)
{
    Value *w = value_param(0), *b = value_param(0);
    train(POINTS, x, y, steps, (real)rate, w, b);
    const Line line = {value_data(w), value_data(b)};
    value_release(w);
    value_release(b);
    return line;
}

/* The same steps with the gradient from a formula. */
static Line descended(int steps, double rate)
{
    Line line = {0, 0};
    for (int step = 0; step < steps; step++) {
        double dw = 0, db = 0;
        for (int i = 0; i < POINTS; i++) {
            const double off = line.w * (double)x[i] + line.b - (double)y[i];
            dw += 2 * off * (double)x[i] / POINTS;
            db += 2 * off / POINTS;
        }
        line = (Line){line.w - rate * dw, line.b - rate * db};
    }
    return line;
}

static void compare(int steps)
{
    const Line is = trained(steps, 0.125), should = descended(steps, 0.125);
    if (near(is.w, should.w, EXACT, "after %d step%s at rate 0.125: w", steps,
             steps == 1 ? "" : "s"))
        near(is.b, should.b, EXACT, "after %d step%s at rate 0.125: b", steps,
             steps == 1 ? "" : "s");
}

static void no_steps(void)
{
    const Line line = trained(0, 0.125);
    near(line.w, 0, 0, "after 0 steps: w");
}

static void one_step(void)
{
    compare(1);
}

static void two_steps(void)
{
    compare(2);
}

static void many_steps(void)
{
    const Line line = trained(300, 0.125);
    if (near(line.w, 3, 1e-6, "points on 3 x + 1, after 300 steps: w"))
        near(line.b, 1, 1e-6, "points on 3 x + 1, after 300 steps: b");
}

static void nothing_left(void)
{
    const long before = (long)valgrad_live_nodes();
    const Line line = trained(3, 0.125);
    const long left = (long)valgrad_live_nodes() - before;
    so(line.w > 0 || line.w < 0, "after 3 steps w is still 0");
    so(left == 0, "after 3 steps %ld nodes are left", left);
}

static void twice(void)
{
    Value *w = value_param(0), *b = value_param(0);
    train(POINTS, x, y, 1, 0.125f, w, b);
    train(POINTS, x, y, 1, 0.125f, w, b);
    near(value_data(w), descended(2, 0.125).w, EXACT, "one step, and then one step more: w");
    value_release(w);
    value_release(b);
}

int main(void)
{
    const Property properties[] = {
        {"no step changes nothing", no_steps},
        {"one step goes against the gradient", one_step},
        {"the second step starts with a fresh gradient", two_steps},
        {"so does the first step of a second call", twice},
        {"after many steps the line goes through the points", many_steps},
        {"no node is left behind", nothing_left},
    };
    return properties_check("examples/exercises/8_train.c; lessons 05, 07 and 10 help", 6,
                            properties);
}
