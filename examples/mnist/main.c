/* main.c - mnist: trains a small network on digits; `mnist --help` tells the options. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnist.h"

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

void library_error(void)
{
    const char *message = valgrad_last_error(), *colon = strstr(message, ": ");
    error_line("%s", colon ? colon + 2 : message); /* without the function's name */
}

int main(int argc, char **argv)
{
    Settings settings = settings_parse(argc, argv);
    Data data = {NULL, NULL};
    int code = EXIT_FAILURE;
    if (data_load(settings.data, &data))
        code = train(&settings, &data);
    data_free(&data);
    if (code == EXIT_SUCCESS && (fflush(stdout) != 0 || ferror(stdout))) {
        error_line("cannot write to standard output");
        code = EXIT_FAILURE;
    }
    return code;
}
