/* 5_neuron.c - what neuron() must do. */
#include "property.h"

enum { MOST = 5 };

typedef struct Inputs {
    Value *w[MOST], *x[MOST], *b;
} Inputs;

static Inputs make_any(size_t n)
{
    Inputs inputs = {.b = value_leaf((real)any(-1, 1))};
    for (size_t i = 0; i < n; i++) {
        inputs.w[i] = value_leaf((real)any(-1, 1));
        inputs.x[i] = value_leaf((real)any(-1, 1));
    }
    return inputs;
}

static double weighted_sum(size_t n, const Inputs *inputs)
{
    double sum = (double)value_data(inputs->b);
    for (size_t i = 0; i < n; i++)
        sum += (double)value_data(inputs->w[i]) * (double)value_data(inputs->x[i]);
    return sum;
}

static void right_number(void)
{
    for (size_t n = 1; n <= MOST; n++) {
        VALGRAD_SCOPE {
            const Inputs inputs = make_any(n);
            Value *y = neuron(n, inputs.w, inputs.x, inputs.b);
            near(value_data(y), tanh(weighted_sum(n, &inputs)), EXACT,
                 "of %zu inputs that sum to %g: the result", n, weighted_sum(n, &inputs));
            value_release(y);
        }
    }
}

static void right_gradient(void)
{
    for (size_t n = 1; n <= MOST; n++) {
        VALGRAD_SCOPE {
            const Inputs in = make_any(n);
            const double sum = weighted_sum(n, &in), slope = 1 / cosh(sum) / cosh(sum);
            Value *y = neuron(n, in.w, in.x, in.b);
            value_backward(y);
            value_release(y);
            near(value_grad(in.b), slope, EXACT, "of %zu inputs that sum to %g: dy/db", n, sum);
            for (size_t i = 0; i < n; i++) {
                near(value_grad(in.w[i]), slope * (double)value_data(in.x[i]), EXACT,
                     "x[%zu] = %g: dy/dw[%zu]", i, (double)value_data(in.x[i]), i);
                near(value_grad(in.x[i]), slope * (double)value_data(in.w[i]), EXACT,
                     "w[%zu] = %g: dy/dx[%zu]", i, (double)value_data(in.w[i]), i);
            }
        }
    }
}

static void no_inputs(void)
{
    VALGRAD_SCOPE {
        Value *y = neuron(0, NULL, NULL, value_leaf(0.5f));
        near(value_data(y), tanh(0.5), EXACT, "no inputs, b = 0.5: the result, tanh(b),");
        value_release(y);
    }
}

static void nothing_left(void)
{
    const long before = (long)valgrad_live_nodes();
    Value *w[2] = {value_param(1), value_param(2)}, *x[2] = {value_param(3), value_param(4)},
          *b = value_param(5);
    Value *y = neuron(2, w, x, b);
    so(y != NULL, "two inputs: the result is NULL");
    value_release(y);
    for (int i = 0; i < 2; i++)
        value_release(w[i]), value_release(x[i]);
    value_release(b);
    const long left = (long)valgrad_live_nodes() - before;
    so(left >= 0, "two inputs: something was released that was not yours");
    so(left == 0, "two inputs: %ld nodes are left when the result and the inputs were released",
       left);
}

static void survives(void)
{
    Value *w = value_param(2), *x = value_param(3), *b = value_param(-5), *y = neuron(1, &w, &x, b);
    value_release(w), value_release(x), value_release(b);
    near(value_data(y), tanh(1), EXACT, "w, x and b released: the result, 3 * 2 - 5 through tanh,");
    value_release(y);
}

static void null_operand(void)
{
    VALGRAD_SCOPE {
        Value *w = value_leaf(1), *x = NULL;
        so(neuron(1, &w, &x, value_leaf(1)) == NULL, "x[0] is NULL: the result should be NULL");
    }
}

int main(void)
{
    const Property properties[] = {
        {"the number is right", right_number},
        {"the gradients are right", right_gradient},
        {"without inputs it is tanh(b)", no_inputs},
        {"nothing is left behind", nothing_left},
        {"the result outlives the handles on its operands", survives},
        {"a NULL operand gives NULL", null_operand},
    };
    return properties_check("examples/exercises/5_neuron.c; lessons 07 and 10 help", 6, properties);
}
