/* message.c - one line on standard error, beginning with the program's name. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnist.h"

const char *program_name(void)
{
    const char *command = getenv("VALGRAD_MNIST_COMMAND");
    return command ? command : program_invocation_short_name;
}

void error_line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fprintf(stderr, "%s: ", program_invocation_short_name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

const char *message_of_library(void)
{
    const char *message = valgrad_last_error(), *colon = strstr(message, ": ");
    return colon ? colon + 2 : message; /* without the function's name */
}

bool library_error(void)
{
    error_line("%s", message_of_library());
    return false;
}
