/* 3_backward.c - what backward_mul() and backward_tanh() must do. */
#include "property.h"

static void of_a_product(void)
{
    for (int i = 0; i < 20; i++) {
        Node a = {.data = any(-3, 3)}, b = {.data = any(-3, 3)};
        Node y = {
            .data = a.data * b.data, .grad = any(-3, 3), .operands = {&a, &b}, .operand_count = 2};
        backward_mul(&y);
        if (!near(a.grad, y.grad * b.data, 1e-12, "a = %g, b = %g, dL/dy = %g: dL/da", a.data,
                  b.data, y.grad) ||
            !near(b.grad, y.grad * a.data, 1e-12, "a = %g, b = %g, dL/dy = %g: dL/db", a.data,
                  b.data, y.grad))
            return;
    }
}

static void of_tanh(void)
{
    for (int i = 0; i < 20; i++) {
        Node a = {.data = any(-3, 3)};
        Node y = {
            .data = tanh(a.data), .grad = any(-3, 3), .operands = {&a, NULL}, .operand_count = 1};
        backward_tanh(&y);
        if (!near(a.grad, y.grad / cosh(a.data) / cosh(a.data), 1e-12, "a = %g, dL/dy = %g: dL/da",
                  a.data, y.grad))
            return;
    }
}

static void of_a_square(void)
{
    for (int i = 0; i < 20; i++) {
        Node a = {.data = any(-3, 3)};
        Node y = {.data = a.data * a.data, .grad = 1, .operands = {&a, &a}, .operand_count = 2};
        backward_mul(&y);
        if (!near(a.grad, 2 * a.data, 1e-12, "y = a * a, a = %g: dy/da", a.data))
            return;
    }
}

static void beside_others(void)
{
    Node a = {.data = 2, .grad = 10}, b = {.data = 5, .grad = 100};
    Node y = {.data = 10, .grad = 1, .operands = {&a, &b}, .operand_count = 2};
    backward_mul(&y);
    if (!near(a.grad, 15, 0, "y = a b, a = 2, b = 5, dL/da was 10 before: dL/da") ||
        !near(b.grad, 102, 0, "y = a b, a = 2, b = 5, dL/db was 100 before: dL/db"))
        return;
    Node c = {.data = 0, .grad = 7},
         t = {.data = 0, .grad = 1, .operands = {&c, NULL}, .operand_count = 1};
    backward_tanh(&t);
    near(c.grad, 8, 0, "y = tanh(a), a = 0, dL/da was 7 before: dL/da");
}

static void of_numbers_only(void)
{
    Node a = {.data = 2}, b = {.data = 5};
    Node y = {.data = 10, .grad = 1, .operands = {&a, &b}, .operand_count = 2};
    backward_mul(&y);
    if (near(a.data, 2, 0, "y = a b: afterwards the number of a"))
        near(y.grad, 1, 0, "y = a b: afterwards dL/dy");
}

int main(void)
{
    const Property properties[] = {
        {"y = a b gives a its share b dL/dy, and b its share a dL/dy", of_a_product},
        {"y = tanh(a) gives a its share (1 - y^2) dL/dy", of_tanh},
        {"y = a a gives a both shares", of_a_square},
        {"what was there before is kept", beside_others},
        {"nothing else is changed", of_numbers_only},
    };
    return properties_check("examples/exercises/3_backward.c; lessons 04 and 05 help", 5,
                            properties);
}
