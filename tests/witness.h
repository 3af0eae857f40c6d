/* witness.h - the quad witness: what the gradient of a graph is, in quadruple precision, and how far the
 * library's is from it.
 *
 * A witness keeps the derivatives of a weighed sum of roots by some leaves. It is made once, from values
 * alone; any number of backward passes, right ones and mutants, can then be held against it. */
#ifndef VALGRAD_TESTS_WITNESS_H
#define VALGRAD_TESTS_WITNESS_H

#include <stdbool.h>
#include <stddef.h>

#include <valgrad/value.h>

/* Relative to the number, or to 1e-3 if that is more. */
#ifdef VALGRAD_FLOAT
#define WITNESS_TOLERANCE 5e-3 /* as many roundings as 1e-11 is in double */
#define WITNESS_NOISE 1e-3
#else
#define WITNESS_TOLERANCE 1e-11
#define WITNESS_NOISE 2e-12
#endif

/* Whether there is quadruple precision here; without it a witness proves less than it says. */
bool witness_is_there(void);

typedef struct Witness {
    size_t root_count, input_count;
    Value **roots, **inputs; /* borrowed Values */
    double *values;          /* of the roots */
    double *derivatives;     /* by the inputs */
} Witness;

/* What the derivatives of sum_i weights[i] roots[i] by the inputs are, at the numbers that they have. `what`
 * it is, for messages. */
Witness witness_new(const char *what, size_t root_count, Value *const *roots, const real *weights,
                    size_t input_count, Value *const *inputs);
void witness_free(Witness *w);

/* The same of that sum's derivative along a vector of the inputs' size: the derivatives are the Hessian times
 * the vector. */
Witness witness_along(const char *what, size_t root_count, Value *const *roots, const real *weights,
                      size_t input_count, Value *const *inputs, const real *vector);

/* How far rounding at each step carries the derivatives of a witness made with these weights and, of
 * witness_along, this vector (otherwise NULL). */
double witness_noise(const Witness *w, const real *weights, const real *vector);

/* How far the roots' numbers, the gradients that the inputs have now, and derivatives by the inputs that were
 * computed otherwise are from what they should be: the worst of all. */
double witness_value_error(const Witness *w);
double witness_gradient_error(const Witness *w);
double witness_error(const Witness *w, const real *derivatives);

/* Whether quad_formulas.h has a formula for the row of this name. */
bool witness_knows(const char *name);

/* Rows of ops.def: how many, and row i on its operands. */
size_t row_count(void);
Value *apply_row(size_t i, Value *const *x, real p);

/* Functions of value.h of any number of operands, which are given as one list. */
typedef struct OfMany {
    const char *name;
    Value *(*make)(size_t n, Value *const *x);
} OfMany;

/* Entry i; NULL past the end. */
const OfMany *of_many(size_t i);

#endif
