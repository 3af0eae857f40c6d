/* error.c - the calling thread's last error. */
#include "autograd/error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_BYTES = 512 };

static _Thread_local ValgradStatus last_status;
static _Thread_local char last_message[MESSAGE_BYTES];
static _Thread_local bool has_site;

const char *valgrad_last_error(void)
{
    return last_message;
}

ValgradStatus valgrad_last_status(void)
{
    return last_status;
}

void valgrad_clear_error(void)
{
    last_status = VALGRAD_OK;
    last_message[0] = '\0';
}

const char *valgrad_status_text(ValgradStatus status)
{
    switch (status) {
#define STATUS_TEXT(name, text)                                                                    \
    case name: return text;
        VALGRAD_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

ValgradStatus error__set(ValgradStatus status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(last_message, sizeof last_message, format, arguments);
    va_end(arguments);
    last_status = status;
    has_site = false;
    return status;
}

void error__add_site(const char *file, int line)
{
    const size_t length = strlen(last_message);
    if (last_status == VALGRAD_OK || has_site)
        return;
    (void)snprintf(last_message + length, sizeof last_message - length, " (%s:%d)", file, line);
    has_site = true;
}

ValgradStatus error__null(const char *function, const char *argument)
{
    if (last_status != VALGRAD_OK)
        return last_status;
    return error__set(VALGRAD_ERROR_NULL, "%s: %s is NULL", function, argument);
}

ValgradStatus error__memory(const char *function, size_t bytes)
{
    if (bytes == 0)
        return error__set(VALGRAD_ERROR_MEMORY, "%s: out of memory", function);
    return error__set(VALGRAD_ERROR_MEMORY, "%s: out of memory for %zu bytes", function, bytes);
}
