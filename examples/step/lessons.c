/* lessons.c - graphs with a point to make. */
#include <string.h>

#include "step.h"

static const Lesson lessons[] = {
    {"slope", "one operation: the derivative of x^2 at 3 is 6", "x^2", "x=3"},
    {"product", "each factor gets the gradient times the other one", "a * b", "a=2 b=-3"},
    {"twice", "one leaf, two edges: contributions are added, hence +=", "a + a", "a=3"},
    {"diamond", "two ways to one leaf, and why order matters", "b = a * a; c = a + 1; b * c",
     "a=3"},
    {"chain", "the chain rule, link by link", "sin(exp(x / 2))", "x=1"},
    {"neuron", "a neuron: tanh of a weighted sum", "n = x1*w1 + x2*w2 + b; tanh(n)",
     "x1=2 x2=0 w1=-3 w2=1 b=6.881373587019543"},
    {"loss", "logistic regression, one example", "p = sigmoid(w*x + b); -log(p)",
     "w=0.5 x=2 b=-0.25"},
    {"softmax", "cross-entropy of three classes: the gradient is softmax minus one-hot",
     "sum = exp(z1) + exp(z2) + exp(z3); log(sum) - z1", "z1=2 z2=1 z3=-1"},
    {"network", "two hidden neurons, one output, squared error",
     "h1 = tanh(u1*x + b1); h2 = tanh(u2*x + b2); y = v1*h1 + v2*h2; (y - 1)^2",
     "x=0.5 u1=1 u2=-2 b1=0.1 b2=0.3 v1=0.7 v2=-0.4"},
    {"kink", "relu at 0 has no derivative; the library promises 0", "relu(x) * 2", "x=0"},
    {"tie", "max of equals: they share the gradient", "max(a, b)", "a=1 b=1"},
    {"pole", "an infinite derivative that a gradient of 0 does not wake", "zero * sqrt(x)",
     "zero=0 x=0"},
};

const Lesson *lesson_find(const char *name)
{
    for (size_t i = 0; i < sizeof lessons / sizeof *lessons; i++) {
        if (strcmp(lessons[i].name, name) == 0)
            return &lessons[i];
    }
    return NULL;
}

static void list_functions(void)
{
    printf("\nfunctions:\n");
    for (size_t i = 0; value_op_row(i); i++) {
        const ValueOpInfo *row = value_op_row(i);
        const char *arguments = row->arity == 3      ? "(x, y, z)"
                                : row->arity == 2    ? "(x, y)"
                                : row->has_parameter ? "(x, p)"
                                                     : "(x)";
        printf("  %s%-*s %-22s d/dx = %s\n", row->name, (int)(20 - strlen(row->name)), arguments,
               row->formula, row->partials[0]);
        for (int k = 1; k < row->arity; k++)
            printf("  %-43s d/d%c = %s\n", "", "xyz"[k], row -> partials[k]);
    }
}

void lessons_list(void)
{
    printf("lessons:\n");
    for (size_t i = 0; i < sizeof lessons / sizeof *lessons; i++)
        printf("  %-9s %s\n  %-9s   %s\n  %-9s   %s\n", lessons[i].name, lessons[i].about, "",
               lessons[i].expression, "", lessons[i].variables);
    list_functions();
}
