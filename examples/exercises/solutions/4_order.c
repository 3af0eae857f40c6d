/* 4_order.c - a solution: depth first, the stack being a list of nodes that are linked by their place in it. */
#include <stdlib.h>

#include "exercises.h"

/* mark: how many operands of the node have been looked at, plus 1. The nodes on the stack lead from root to
 * the present one. */
size_t order(Node *root, size_t room, Node **list)
{
    Node **stack = malloc(room * sizeof(Node *));
    size_t depth = 0, count = 0;
    if (!stack)
        return 0;
    root->mark = 1;
    stack[depth++] = root;
    while (depth > 0) {
        Node *node = stack[depth - 1];
        if (node->mark > node->operand_count) {
            list[count++] = node;
            depth--;
            continue;
        }
        Node *operand = node->operands[node->mark++ - 1];
        if (operand->mark == 0) {
            operand->mark = 1;
            stack[depth++] = operand;
        }
    }
    free(stack);
    return count;
}
