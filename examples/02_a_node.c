/* 02_a_node.c - a node is a number that remembers how it was made.
 *
 * `w * x + b` in plain C leaves a number and forgets the rest. Written with Values, each operation
 * leaves a node: its number, the name of the operation, and pointers to its operands. The operands are
 * nodes too, so the last one holds the whole expression, as a graph:
 *
 *     w ──┐
 *         ├── * ──┐
 *     x ──┘       ├── + = y
 *     b ──────────┘
 *
 * The program asks y what it is made of, then asks its operands, and so on down to the leaves, which
 * were not computed from anything. What it prints is that picture turned on its side; every line was
 * found by following pointers, none was written down beforehand.
 *
 * Nothing is evaluated late: the number is there as soon as the node is. The memory of how it came
 * about is for the way back, from the result to the inputs, which the next lessons go. */
#include <stdio.h>
#include <valgrad/valgrad.h>

static void print_node(const Value *v, int depth)
{
    printf("%*s%-4s %-5s %6.2f   %zu operands\n", 4 * depth, "", value_label(v), value_op_name(v),
           value_data(v), value_operand_count(v));
    for (size_t i = 0; i < value_operand_count(v); i++)
        print_node(value_operand(v, i), depth + 1);
}

int main(void)
{
    VALGRAD_SCOPE {
        Value *w = value_leaf(2), *x = value_leaf(-1), *b = value_leaf(3);
        Value *product = value_mul(w, x);
        Value *y = value_add(product, b);
        value_set_label(w, "w");
        value_set_label(x, "x");
        value_set_label(b, "b");
        value_set_label(product, "w*x");
        value_set_label(y, "y");
        print_node(y, 0);

        printf("\nthree leaves and two operations: %d nodes\n", (int)valgrad_live_nodes());
        printf("the first operand of y is the product itself, not a copy: %s\n",
               value_operand(y, 0) == product ? "yes" : "no");
    }
    return valgrad_live_nodes() != 0; /* the scope took all nodes with it: see 07 */
}
