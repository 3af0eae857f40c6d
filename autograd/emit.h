/* emit.h - generated code, for both grains. */
#ifndef VALGRAD_AUTOGRAD_EMIT_H
#define VALGRAD_AUTOGRAD_EMIT_H

#include <valgrad/program.h>

#include "autograd/program.h"

/* value_emit_c() of places, the inputs being leaves. labels[i] of input i, "" for none; or NULL. */
ValgradStatus emit__c(const char *function, const char *name, size_t root_count, const Place *roots,
                      size_t input_count, const Place *inputs, const char *const *labels,
                      FILE *out);

#endif
