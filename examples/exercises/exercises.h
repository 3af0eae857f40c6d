/* exercises.h - what is to be written: eight functions, one in each file N_….c beside this one.
 *
 * Each file says what its function shall do. `./run exercise N` builds it, tries its properties and says
 * which of them fails, and on which numbers. In the folder solutions/ each is written out. */
#ifndef VALGRAD_EXERCISES_H
#define VALGRAD_EXERCISES_H

#include <stddef.h>
#include <valgrad/valgrad.h>

/* Exercise 1 */
double slope(double (*f)(double), double x);

/* Exercise 2 */
typedef struct Gradient {
    double w, x, b;
} Gradient;

Gradient gradient_by_hand(double w, double x, double b);

/* Exercises 3 and 4: a node of an engine as small as the one of lesson 04. */
typedef struct Node Node;

struct Node {
    double data, grad;
    Node *operands[2];
    int operand_count;
    int mark; /* 0 when order() is called; for its use */
};

void backward_mul(Node *y);
void backward_tanh(Node *y);

size_t order(Node *root, size_t room, Node **list);

/* Exercise 5 */
Value *neuron(size_t n, Value *const *w, Value *const *x, Value *b);

/* Exercise 6 */
Value *softsign(Value *x);

/* Exercise 7 */
Value *cross_entropy(size_t n, Value *const *scores, size_t label);

/* Exercise 8 */
void train(size_t n, const real *x, const real *y, int steps, real rate, Value *w, Value *b);

#endif
