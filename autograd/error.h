/* error.h - storing the thread's last error (public side: valgrad/error.h). */
#ifndef VALGRAD_AUTOGRAD_ERROR_H
#define VALGRAD_AUTOGRAD_ERROR_H

#include <stddef.h>
#include <valgrad/error.h>

#if defined(__GNUC__) || defined(__clang__)
#define ERROR_FORMAT(text, first) __attribute__((format(printf, text, first)))
#else
#define ERROR_FORMAT(text, first)
#endif

/* Stores status and message, cut off where the buffer ends; returns status. Never allocates. */
ValgradStatus error__set(ValgradStatus status, const char *format, ...) ERROR_FORMAT(2, 3);

/* Adds " (file:line)" to the message that stands, once. */
void error__add_site(const char *file, int line);

/* "function: argument is NULL", unless an earlier error stands: that one explains the NULL. */
ValgradStatus error__null(const char *function, const char *argument);

/* "function: out of memory"; bytes 0 when the size is not known. */
ValgradStatus error__memory(const char *function, size_t bytes);

#endif
