/* mutation.h - would a wrong derivative be noticed? Backward is run with one mistake put into it at a time
 * (a mutant), and the quad witness must see each. */
#ifndef VALGRAD_TESTS_MUTATION_H
#define VALGRAD_TESTS_MUTATION_H

#include <valgrad/random.h>
#include <valgrad/value.h>

#include "witness.h"

enum { MUTATION_MOST = 1024 };

/* Results of the operation to be mutated and the leaves that it was made from. */
typedef struct Subject {
    size_t result_count, input_count;
    Value *results[MUTATION_MOST], *inputs[MUTATION_MOST];
} Subject;

/* Builds the operation at a random place, the same kind of graph each time. */
typedef void BuildSubject(const void *context, Random *random, Subject *subject);

/* A mutant is one node that the results were made of, one of its operands, and one mistake in what the node
 * passes on to it. One that changes no gradient at any place, beyond rounding, is no mutant (a derivative of 0, two
 * operands with the same derivative): it is not counted. Those that live are printed. */
typedef struct MutationScore {
    int killed, mutants;
    int untouched; /* operands of nodes to which no mistake made a difference: nothing is passed on to them */
} MutationScore;

MutationScore mutation_score(const char *what, BuildSubject *build, const void *context);

/* The score of row i of the op table; of an operation of many operands, with seven. */
MutationScore mutation_of_row(size_t i);
MutationScore mutation_of_many(const OfMany *operation);

#endif
