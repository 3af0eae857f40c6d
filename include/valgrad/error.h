/* error.h - how the library says what went wrong.
 *
 *     Tensor *y = tensor_matmul(a, b);
 *     if (!y)
 *         fprintf(stderr, "%s\n", valgrad_last_error());
 *     // tensor_matmul: (64, 784) x (100, 10): inner dimensions 784 and 100 differ
 *
 * Nothing here aborts, exits or prints. A function that makes an object returns NULL on failure, any
 * other fallible function a ValgradStatus; the message is kept for the calling thread until the next
 * failure or valgrad_clear_error(). Storing it never allocates.
 *
 * A NULL operand gives NULL and keeps the message that stands, so that a whole expression is checked
 * once, at its end, and still tells its first error. */
#ifndef VALGRAD_ERROR_H
#define VALGRAD_ERROR_H

#include <valgrad/real.h>

VALGRAD_BEGIN

/* Status, and the words that valgrad_status_text() gives for it. */
#define VALGRAD_STATUS_LIST(X)                                                                     \
    X(VALGRAD_OK, "no error")                                                                      \
    X(VALGRAD_ERROR_NULL, "an argument is NULL")                                                   \
    X(VALGRAD_ERROR_MEMORY, "out of memory")                                                       \
    X(VALGRAD_ERROR_ARGUMENT, "an argument is outside its range")                                  \
    X(VALGRAD_ERROR_SHAPE, "shapes do not fit")                                                    \
    X(VALGRAD_ERROR_AXIS, "no such axis")                                                          \
    X(VALGRAD_ERROR_INDEX, "an index or label is out of range")                                    \
    X(VALGRAD_ERROR_MODIFIED, "a leaf was changed after the graph used it")                        \
    X(VALGRAD_ERROR_STATE, "not possible in this state")                                           \
    X(VALGRAD_ERROR_NAME, "no such name")                                                          \
    X(VALGRAD_ERROR_IO, "a file cannot be read or written")                                        \
    X(VALGRAD_ERROR_FORMAT, "a file is not what it should be")                                     \
    X(VALGRAD_ERROR_GRADIENT, "a gradient is not what differences show")                           \
    X(VALGRAD_ERROR_NUMBER, "an operation made NaN or infinity")

typedef enum ValgradStatus {
#define VALGRAD_STATUS_MEMBER(name, text) name,
    VALGRAD_STATUS_LIST(VALGRAD_STATUS_MEMBER)
#undef VALGRAD_STATUS_MEMBER
} ValgradStatus;

/* The message of this thread's last error: "function: what was given: what was expected".
 * Never NULL; "" when there was none. Borrowed; valid until this thread's next error. */
VALGRAD_API const char *valgrad_last_error(void);

/* The status that belongs to valgrad_last_error(); VALGRAD_OK when there was none. */
VALGRAD_API ValgradStatus valgrad_last_status(void);

/* Forgets this thread's last error. */
VALGRAD_API void valgrad_clear_error(void);

/* A few words for a status, in English. Borrowed, static. */
VALGRAD_API const char *valgrad_status_text(ValgradStatus status);

VALGRAD_END

#endif
