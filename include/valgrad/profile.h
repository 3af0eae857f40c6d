/* profile.h - where the time of a training step goes, operation by operation.
 *
 *     profile_start();
 *     train_one_epoch();
 *     profile_stop();
 *     profile_write_table(stdout);
 *     profile_clear();
 *
 * Recorded are tensor operations and operations of your own, forward and backward apart, whole backward
 * passes, and nn's optimizer steps and batches; not scalar operations, which take less time than reading a
 * clock does (the pass "backward" has what they take there). While nothing is recorded this costs a test of a
 * flag for each of these; while it is, two readings of the clock.
 *
 * What is recorded belongs to the calling thread. */
#ifndef VALGRAD_PROFILE_H
#define VALGRAD_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <valgrad/error.h>

VALGRAD_BEGIN

/* One kind of work, all its occurrences together. */
typedef struct ProfileRow {
    const char
        *name;     /* of the operation, as value_op_name() has it; borrowed until profile_clear */
    bool backward; /* passing its gradient on, rather than computing it */
    int64_t count;
    double seconds;
    double flops; /* additions and multiplications of matrix products; 0 for all else */
    double
        bytes; /* of its operands and results, each counted once: the least that memory has to move */
} ProfileRow;

/* Records from now on, adding to what there is. */
VALGRAD_API void profile_start(void);

/* Records no more; what was recorded stays. */
VALGRAD_API void profile_stop(void);

/* Forgets what was recorded and gives its memory back. Do so before the thread ends. */
VALGRAD_API void profile_clear(void);

/* Row i, those that took most time first; false past the last. "backward" (a whole pass, with the rows of
 * its operations in it) counts as one of them. */
VALGRAD_API bool profile_row(size_t i, ProfileRow *row);

/* Writes a table: name, direction, count, milliseconds, share of the time of all rows but whole passes, GFLOP/s
 * and GB/s. Errors: NULL; the file cannot be written. */
VALGRAD_API ValgradStatus profile_write_table(FILE *out);

/* Writes every occurrence as an event of Chrome's trace format (JSON), for chrome://tracing or
 * ui.perfetto.dev. Beyond 1,000,000 events only the rows count on; so they do when memory for events is short.
 * Errors: NULL; the file cannot be written. */
VALGRAD_API ValgradStatus profile_write_trace(FILE *out);

VALGRAD_END

#endif
