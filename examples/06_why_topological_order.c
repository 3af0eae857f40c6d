/* 06_why_topological_order.c - a node may pass its gradient on only when all of it has arrived.
 *
 *     a = x * x        used by b and by y
 *     b = a + x
 *     y = a * b        at x = 3: a = 9, b = 12, y = 108
 *
 * a is used twice, so its gradient comes in two parts: 12 through y and 9 through b. If a runs its
 * backward function after y's but before b's, it hands x a share of the first part only; the second
 * arrives afterwards and goes nowhere. That is the order "a too early" below: x gets 81, and misses
 * 9 * da/dx = 9 * 6 = 54.
 *
 * The rule: before a node runs, everything that uses it must have run. An order that keeps this rule
 * is called topological. One way to find it is to walk the graph depth first and write each node down
 * after its operands; read backwards, that list never has a node before its users.
 *
 * There is a simpler one. A node can only be made after its operands, so the order in which nodes were
 * made is a topological order for free. That is how the library does it: backward goes from the
 * youngest node to the oldest. */
#include <stdio.h>
#include <valgrad/valgrad.h>

typedef struct Node Node;
struct Node {
    char name, op;
    double data, grad;
    Node *x, *y;
    int listed;
};

static void backward(Node *n)
{
    if (n->op == '+') {
        n->x->grad += n->grad;
        n->y->grad += n->grad;
    } else if (n->op == '*') {
        n->x->grad += n->grad * n->y->data;
        n->y->grad += n->grad * n->x->data;
    }
}

/* Depth first, operands before the node itself. Returns how many stand in the list now. */
static int list_nodes(Node *n, Node **list, int count)
{
    if (!n || n->listed)
        return count;
    n->listed = 1;
    count = list_nodes(n->x, list, count);
    count = list_nodes(n->y, list, count);
    list[count] = n;
    return count + 1;
}

/* Runs the backward functions from the end of the list to its start. */
static void run(const char *what, Node *const *list, const Node *x)
{
    for (int i = 0; i < 4; i++)
        list[i]->grad = 0;
    list[3]->grad = 1;
    printf("%-30s", what);
    for (int i = 3; i >= 0; i--) {
        backward(list[i]);
        printf(" %c", list[i]->name);
    }
    printf("   dy/dx = %g\n", x->grad);
}

int main(void)
{
    Node x = {.name = 'x', .data = 3};
    Node a = {.name = 'a', .op = '*', .data = x.data * x.data, .x = &x, .y = &x};
    Node b = {.name = 'b', .op = '+', .data = a.data + x.data, .x = &a, .y = &x};
    Node y = {.name = 'y', .op = '*', .data = a.data * b.data, .x = &a, .y = &b};
    Node *depth_first[4];
    list_nodes(&y, depth_first, 0);
    run("a too early:", (Node *[]){&x, &b, &a, &y}, &x);
    run("depth-first list, backwards:", depth_first, &x);
    run("as made, backwards:", (Node *[]){&x, &a, &b, &y}, &x);

    VALGRAD_SCOPE {
        Value *vx = value_leaf(3), *va = value_mul(vx, vx), *vb = value_add(va, vx);
        value_backward(value_mul(va, vb));
        printf("%-38s   dy/dx = %g\n", "the library:", value_grad(vx));
    }
    const double h = 0.001, r = 3 + h, l = 3 - h; /* y = x^4 + x^3 */
    printf("%-38s   dy/dx = %.3f\n",
           "numeric slope:", (r * r * r * (r + 1) - l * l * l * (l + 1)) / (2 * h));
    return valgrad_live_nodes() != 0;
}
