/* assign_for_add.c - wrong on purpose: a backward function that says `=` where it must say `+=`.
 *
 * As long as every node is used once nothing is amiss, so the mistake survives the first tests. Here
 * y = a * b + a uses a twice, and the gradient that came first is lost.
 *
 * Found by: the numeric slope, which knows nothing of backward functions. Test with an expression that
 * uses something twice; a + a is the shortest.
 * The mend: add. A gradient is a sum over all uses (lesson 05). */
#include <stdio.h>
#include <valgrad/valgrad.h>

typedef struct Node {
    double data, grad;
} Node;

static double y(double a, double b)
{
    return a * b + a;
}

/* product = a * b, y = product + a; backward through both by a wrong engine */
static void backward_wrong(Node *a, Node *b)
{
    Node product = {a->data * b->data, 0};
    product.grad = 1; /* of +, first operand */
    a->grad = 1;      /* of +, second operand */
    a->grad = product.grad * b->data;
    b->grad = product.grad * a->data;
}

static void backward_mended(Node *a, Node *b)
{
    Node product = {a->data * b->data, 0};
    product.grad += 1;
    a->grad += 1;
    a->grad += product.grad * b->data;
    b->grad += product.grad * a->data;
}

static void report(const char *what, double da, double db)
{
    const double h = 1.0 / 1024;
    const double ma = (y(2 + h, 5) - y(2 - h, 5)) / (2 * h),
                 mb = (y(2, 5 + h) - y(2, 5 - h)) / (2 * h);
    printf("%-12s dy/da = %g, measured %.3f: %-5s   dy/db = %g, measured %.3f: %s\n", what, da, ma,
           da == ma ? "right" : "WRONG", db, mb, db == mb ? "right" : "WRONG");
}

int main(void)
{
    Node a = {2, 0}, b = {5, 0};
    printf("y = a * b + a at a = 2, b = 5\n");
    backward_wrong(&a, &b);
    report("with `=`", a.grad, b.grad);

    a.grad = b.grad = 0;
    backward_mended(&a, &b);
    report("with `+=`", a.grad, b.grad);

    VALGRAD_SCOPE {
        Value *va = value_leaf(2), *vb = value_leaf(5);
        value_backward(value_add(value_mul(va, vb), va));
        report("the library", value_grad(va), value_grad(vb));
    }
    return valgrad_live_nodes() != 0;
}
