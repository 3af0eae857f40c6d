/* 4_order.c - a node is written down when it is first met, before the operands that another way leads to.
 * FAILS: operands come before results, in a hundred graphs */
#include "exercises.h"

size_t order(Node *root, size_t room, Node **list)
{
    size_t count = 0;
    list[count++] = root;
    root->mark = 1;
    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < list[i]->operand_count; k++) {
            Node *operand = list[i]->operands[k];
            if (!operand->mark && count < room)
                list[count++] = operand;
            operand->mark = 1;
        }
    }
    for (size_t i = 0; i < count / 2; i++) {
        Node *node = list[i];
        list[i] = list[count - 1 - i];
        list[count - 1 - i] = node;
    }
    return count;
}
