/* anomaly.h - how makers of results ask whether they have made NaN or infinity out of ordinary numbers
 * (public side: valgrad_set_anomaly_trap). To be asked only while anomaly__on. */
#ifndef VALGRAD_AUTOGRAD_ANOMALY_H
#define VALGRAD_AUTOGRAD_ANOMALY_H

#include <math.h>
#include <valgrad/value.h>

#include "autograd/error.h"

/* What is known of one result's operands. Begin with {.nan = false}. */
typedef struct Anomaly {
    bool nan, infinite; /* whether one of them is */
    size_t operands;
    size_t length;
    char text[400]; /* "x = -1 (leaf 'margin'), y = …" */
} Anomaly;

/* Whether this thread's trap is on. */
extern _Thread_local bool anomaly__on __attribute__((tls_model("initial-exec")));

/* Notes and describes a scalar operand. */
void anomaly__operand(Anomaly *anomaly, const char *name, const Value *operand);

/* v if it is as good as its operands; otherwise gives v back and returns NULL and an error. */
Value *anomaly__check(const Anomaly *anomaly, Value *v, const char *function);

/* For messages: "nan" has no sign. */
static inline double anomaly__plain(real number)
{
    return isnan(number) ? (double)NAN : (double)number;
}

/* The same in parts, for tensors: notes a number, judges a number, adds words. */
void anomaly__take_in(Anomaly *anomaly, real number);
bool anomaly__is_made(const Anomaly *anomaly, real result);
void anomaly__add(Anomaly *anomaly, const char *format, ...) ERROR_FORMAT(2, 3);
void anomaly__add_node(Anomaly *anomaly, const Value *v); /* " (leaf 'margin')" */

#endif
