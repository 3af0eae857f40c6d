/* 04_backward_closures.c - a backward function with what it needs to remember makes an engine.
 *
 * The last lesson walked back by hand. Here each operation brings its own way back: a function that
 * takes the slope of the end result by the node (node->grad) and gives each operand its share.
 *
 * In Python one writes an inner function, and the language keeps the variables that it uses: a closure.
 * C has no inner functions, so we keep both halves ourselves: a pointer to a function, and beside it
 * what the function needs later. For a multiplication that is the two operands, for tanh the result.
 * All of it is in the node anyway, so the node is the closure, and `n->backward(n)` is the call.
 *
 * The forty lines down to main() are a whole autodiff engine, a small one: it can differentiate any
 * expression of +, * and tanh. The calls are still made by hand, in the right order, last node first.
 * Which order is right, and why the functions say `+=`, are the next two lessons. */
#include <math.h>
#include <stdio.h>

typedef struct Node Node;
struct Node {
    double data, grad;
    Node *x, *y;                  /* the operands: what the closure captured */
    void (*backward)(Node *self); /* the closure's code */
};

static void backward_add(Node *n)
{
    n->x->grad += n->grad;
    n->y->grad += n->grad;
}

static void backward_mul(Node *n)
{
    n->x->grad += n->grad * n->y->data;
    n->y->grad += n->grad * n->x->data;
}

static void backward_tanh(Node *n)
{
    n->x->grad += n->grad * (1 - n->data * n->data);
}

static Node leaf(double data)
{
    return (Node){.data = data};
}

static Node add(Node *x, Node *y)
{
    return (Node){.data = x->data + y->data, .x = x, .y = y, .backward = backward_add};
}

static Node mul(Node *x, Node *y)
{
    return (Node){.data = x->data * y->data, .x = x, .y = y, .backward = backward_mul};
}

static Node tanh_of(Node *x)
{
    return (Node){.data = tanh(x->data), .x = x, .backward = backward_tanh};
}

int main(void)
{
    Node w = leaf(2), x = leaf(-1), b = leaf(3);
    Node p = mul(&w, &x), s = add(&p, &b), y = tanh_of(&s);
    Node *nodes[] = {&w, &x, &b, &p, &s, &y};
    const char *names[] = {"w", "x", "b", "p = w x", "s = p + b", "y = tanh s"};

    y.grad = 1;
    y.backward(&y);
    s.backward(&s);
    p.backward(&p);

    printf("node         number    dy/dnode\n");
    for (int i = 0; i < 6; i++)
        printf("%-10s  %8.4f  %8.4f\n", names[i], nodes[i]->data, nodes[i]->grad);
    printf("\nthe leaves have no closure: %s\n",
           w.backward || x.backward || b.backward ? "no" : "yes");
    return 0; /* nodes of our own, on the stack: the library was not needed */
}
