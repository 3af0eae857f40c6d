/* 3_backward.c - `=` for `+=`.
 * FAILS: y = a a gives a both shares */
#include "exercises.h"

void backward_mul(Node *y)
{
    Node *a = y->operands[0], *b = y->operands[1];
    a->grad = y->grad * b->data;
    b->grad = y->grad * a->data;
}

void backward_tanh(Node *y)
{
    y->operands[0]->grad = y->grad * (1 - y->data * y->data);
}
