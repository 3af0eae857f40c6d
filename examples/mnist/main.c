/* main.c - the program mnist: trains a small network on digits, and uses it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnist.h"

static void list_commands(FILE *stream)
{
    const char *name = program_name();
    fprintf(stream, "%s [COMMAND] [OPTION...]\n\n", name);
    for (const Command *const *command = commands; *command; command++)
        fprintf(stream, "  %-10s  %s\n", (*command)->name, (*command)->summary);
    fprintf(stream, "  %-10s  %s\n", "help", "this list");
    fprintf(stream, "\nWithout a command it is train. %s COMMAND --help lists options.\n", name);
}

static const Command *find_command(const char *name)
{
    for (const Command *const *command = commands; *command; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}

/* Messages and help shall name "mnist train", where argp looks only at argv[0]. */
static void name_command(char **argv, const Command *command)
{
    static char name[300];
    snprintf(name, sizeof name, "%s %s", program_invocation_short_name, command->name);
    argv[0] = name;
}

static int run(const Command *command, int argc, char **argv)
{
    Config config;
    char **arguments = options_parse(command, argc, argv, &config);
    int code = EXIT_FAILURE;
    if (valgrad_set_threads((int)config.threads) == VALGRAD_OK)
        code = command->run(&config, arguments);
    else
        library_error();
    free(arguments);
    config_free(&config);
    if (code == EXIT_SUCCESS && (fflush(stdout) != 0 || ferror(stdout))) {
        error_line("cannot write to standard output");
        code = EXIT_FAILURE;
    }
    return code;
}

int main(int argc, char **argv)
{
    bool named = argc > 1 && argv[1][0] != '-';
    if (named && strcmp(argv[1], "help") == 0) {
        list_commands(stdout);
        return EXIT_SUCCESS;
    }
    const Command *command = named ? find_command(argv[1]) : &command_train;
    if (!command) {
        error_line("%s: no such command: %s help lists them", argv[1], program_name());
        return EXIT_USAGE;
    }
    argc -= named;
    argv += named;
    name_command(argv, command);
    return run(command, argc, argv);
}
