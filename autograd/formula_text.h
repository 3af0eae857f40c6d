/* formula_text.h - the formulas of ops.def, and the functions that they use, as text for generated code. */
#ifndef VALGRAD_AUTOGRAD_FORMULA_TEXT_H
#define VALGRAD_AUTOGRAD_FORMULA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A row, in x, y, z, p and f as it stands in the table. */
typedef struct FormulaText {
    const char *f, *d[3];
} FormulaText;

/* By row number, as value_op_row() counts. */
extern const FormulaText formula__texts[];

/* Whether `text` has `word` as a whole word. */
bool formula__has_word(const char *text, const char *word);

/* Which functions and constants of special.c, functions.h and instruction.c are needed: none at first. */
enum { FORMULA_MOST_DEFINITIONS = 512 };
typedef struct FormulaDefinitions {
    bool needed[FORMULA_MOST_DEFINITIONS];
} FormulaDefinitions;

/* Adds those that the text mentions; whether there were new ones. */
bool formula__need(FormulaDefinitions *definitions, const char *text);

/* Writes those that are needed, and what they need, each after that. */
void formula__write(FormulaDefinitions *definitions, FILE *out);

/* Whether one of them has this name. */
bool formula__is_defined(const char *name);

#endif
