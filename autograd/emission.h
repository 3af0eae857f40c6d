/* emission.h - what the files that write generated C share: emit_c.c writes the whole function, emit_forward.c
 * and emit_backward.c its statements, emit_text.c the words of these. */
#ifndef VALGRAD_AUTOGRAD_EMISSION_H
#define VALGRAD_AUTOGRAD_EMISSION_H

#include <stdio.h>

#include "autograd/fold.h"
#include "autograd/formula_text.h"

typedef struct Emission {
    const char *function, *name;
    const Expansion *e;
    Lowered lowered;
    Fold fold;
    bool needs_constants; /* as an array, for loops */
    bool needs_definitions, needs_shares;
    FILE *out;
} Emission;

/* ---- words (emit_text.c) ----------------------------------------------------------------------- */

/* The formula of a row of ops.def, and its derivatives. */
const FormulaText *emission__formula(int op);

/* The functions of an operation on a list: its value, and its derivatives. */
typedef struct RuleText {
    const char *value, *first;
} RuleText;

const RuleText *emission__rule(int op);

/* Whatever the locale's decimal point is. */
void emission__number(FILE *out, real number);

void emission__indent(const Emission *m, int depth);

/* Whether it is another element in each turn of the loops around it. */
bool emission__moves(const FoldRef *ref, int depth);

/* The number, or its gradient, within so many loops. */
void emission__value(const Emission *m, const FoldRef *ref, int depth);
void emission__gradient(const Emission *m, const FoldRef *ref, int depth);

/* "const real x = …; const real y = …; " for those letters that one of the texts has. */
void emission__letters(const Emission *m, const FoldItem *item, const char *const *texts,
                       int count);

/* All operands of a list into t. */
void emission__gathered(const Emission *m, const FoldItem *item);

/* A label as a part of a comment. */
void emission__label(const Emission *m, const char *label);

/* ---- statements (emit_forward.c, emit_backward.c) ---------------------------------------------- */

/* Those of the items, which stand within so many loops. */
void emission__forward(const Emission *m, const FoldItem *items, size_t count, int depth);
void emission__backward(const Emission *m, const FoldItem *items, size_t count, int depth);

#endif
