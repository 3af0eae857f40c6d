/* profile_internal.h - how the library tells profile.c what it does. */
#ifndef VALGRAD_AUTOGRAD_PROFILE_INTERNAL_H
#define VALGRAD_AUTOGRAD_PROFILE_INTERNAL_H

#include <valgrad/profile.h>

#include "autograd/graph.h"

/* Whether this thread records. */
extern _Thread_local bool profile__on __attribute__((tls_model("initial-exec")));

/* Work under way: when it began, and what has been counted since. */
typedef struct ProfileSpan {
    int64_t begin; /* nanoseconds */
    double flops;
} ProfileSpan;

/* To be called only when profile__on. What is begun within another span replaces it until that is put back:
 *
 *     const ProfileSpan outer = profile__begin();
 *     …
 *     profile__end(name, true, bytes, outer);
 */
ProfileSpan profile__begin(void);
void profile__end(const char *name, bool backward, double bytes, ProfileSpan outer);

/* Counts operations of the work under way. */
void profile__flops(double flops);

/* Bytes of a dense node's numbers and its operands'. */
double profile__bytes(const Value *v);

/* One occurrence, in the order of their ends. */
typedef struct ProfileEvent {
    int row; /* see profile__event_row */
    int64_t begin, nanoseconds;
    double flops, bytes;
} ProfileEvent;

/* The events, and the row that one belongs to. */
const ProfileEvent *profile__events(size_t *count);
const ProfileRow *profile__event_row(const ProfileEvent *event);

#endif
