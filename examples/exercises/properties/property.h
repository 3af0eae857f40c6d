/* property.h - what the exercises are held against: statements that hold for all numbers, tried on many. */
#ifndef VALGRAD_EXERCISES_PROPERTY_H
#define VALGRAD_EXERCISES_PROPERTY_H

#include <math.h>
#include <stdbool.h>

#include "../exercises.h"

typedef struct Property {
    const char *statement;
    void (*check)(void); /* returns at the first numbers on which the statement fails */
} Property;

/* Prints which of them hold, and on which numbers the others fail. Returns what main() shall return.
 * `about`: which file to write in, and what helps. */
int properties_check(const char *about, int count, const Property *properties);

/* Whether `is` is what it should be, up to `tolerance` times its size (or 1). If not, that is noted
 * together with the words, which say of what and on which numbers. */
bool near(double is, double should, double tolerance, const char *words, ...)
    __attribute__((format(printf, 4, 5)));

/* The same for what is no number: notes the words if it is not so. */
bool so(bool is_so, const char *words, ...) __attribute__((format(printf, 2, 3)));

/* Precision to be expected of sums and products of reals, and of slopes measured on them. */
#define EXACT (64.0 * REAL_EPSILON)
#define MEASURED (100.0 * pow((double)REAL_EPSILON, 2.0 / 3))

/* A number between low and high, the same ones at each run. */
double any(double low, double high);

#endif
