/* derivatives.h - what the functions of valgrad/derivatives.h ask for, of both grains. */
#ifndef VALGRAD_AUTOGRAD_DERIVATIVES_H
#define VALGRAD_AUTOGRAD_DERIVATIVES_H

#include <valgrad/derivatives.h>

#include "autograd/program.h"

typedef enum DerivativesKind {
    DERIVATIVES_JVP,
    DERIVATIVES_HVP,
    DERIVATIVES_JACOBIAN,
    DERIVATIVES_HESSIAN
} DerivativesKind;

typedef struct Derivatives {
    const char *function;
    DerivativesKind kind;
    size_t root_count, leaf_count;
    const Place *roots, *leaves; /* one root for hvp and hessian */
    const real *direction;       /* of jvp and hvp: a number for each leaf */
    real *out;                   /* roots; leaves; roots x leaves; leaves x leaves numbers */
} Derivatives;

static inline bool derivatives__are_second(const Derivatives *asked)
{
    return asked->kind == DERIVATIVES_HVP || asked->kind == DERIVATIVES_HESSIAN;
}

ValgradStatus derivatives__run(const Derivatives *asked);

#endif
