/* options.c - the command line of each command, from the table of settings. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "mnist.h"

#define REFUSE(state, ...) argp_failure(state, EXIT_USAGE, 0, __VA_ARGS__)

enum { FIRST_KEY = 1000, FIRST_NO_KEY = 2000, MAX_ROWS = 300 };

/* What was given, kept until all is read: a file of settings comes first wherever it is named. */
typedef struct Given {
    const Setting *setting;
    const char *text; /* NULL: a flag's name alone */
    bool no;          /* "--no-name" */
} Given;

typedef struct Parsing {
    const Command *command;
    Config *config;
    Given *given;
    int count;
    char **arguments;
    int argument_count;
} Parsing;

static void print_version(FILE *stream, struct argp_state *state)
{
    (void)state;
    fprintf(stream, "%s (valgrad %s, %s)\n", program_invocation_short_name, valgrad_version(),
            sizeof(real) == 8 ? "double" : "float");
}

static void apply(Parsing *parsing, struct argp_state *state)
{
    for (int i = 0; i < parsing->count; i++) {
        const Given *given = &parsing->given[i];
        const char *text = given->text ? given->text : given->no ? "false" : "true";
        const char *error = config_set(parsing->config, given->setting, text, BY_COMMAND_LINE);
        if (error)
            REFUSE(state, "--%s %s", given->setting->name, error);
    }
}

/* The file that was named last for this setting. */
static const char *given_path(const Parsing *parsing, size_t place)
{
    for (int i = parsing->count - 1; i >= 0; i--)
        if (parsing->given[i].setting->place == place && parsing->given[i].setting->kind == TEXT)
            return parsing->given[i].text;
    return NULL;
}

/* Settings from files: first those that a model was made by, then those that somebody wrote. */
static void read_files(const Parsing *parsing)
{
    static const size_t models[] = {offsetof(Config, load), offsetof(Config, resume)};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        const char *path = given_path(parsing, models[i]);
        if (path && !model_file_config(path, parsing->config))
            exit(EXIT_FAILURE);
    }
    const char *path = given_path(parsing, offsetof(Config, config));
    if (path && !config_read(parsing->config, path))
        exit(EXIT_FAILURE);
}

static void finish(Parsing *parsing, struct argp_state *state)
{
    read_files(parsing);
    apply(parsing, state);
    const char *contradiction = config_complete(parsing->config);
    if (contradiction)
        REFUSE(state, "%s", contradiction);
}

static error_t parse(int key, char *text, struct argp_state *state)
{
    Parsing *parsing = state->input;
    if (key >= FIRST_KEY && key < FIRST_NO_KEY)
        parsing->given[parsing->count++] = (Given){&settings[key - FIRST_KEY], text, false};
    else if (key >= FIRST_NO_KEY && key < FIRST_NO_KEY + setting_count)
        parsing->given[parsing->count++] = (Given){&settings[key - FIRST_NO_KEY], NULL, true};
    else if (key == ARGP_KEY_ARG && parsing->command->arguments)
        parsing->arguments[parsing->argument_count++] = text;
    else if (key == ARGP_KEY_ARG)
        REFUSE(state, "\"%s\": expected options only, which begin with --", text);
    else if (key == ARGP_KEY_SUCCESS)
        finish(parsing, state);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* ---- argp's table ---------------------------------------------------------------------------- */

/* The help of a choice ends in its list. */
static const char *help_of(int i)
{
    static char texts[MAX_ROWS][400];
    const Setting *setting = &settings[i];
    snprintf(texts[i], sizeof texts[i], "%s", setting->help);
    if (setting->choice) {
        char list[300];
        setting_list_choices(setting, list, sizeof list);
        snprintf(texts[i], sizeof texts[i], "%s: %s", setting->help, list);
    }
    return texts[i];
}

/* "no-shuffle" */
static const char *opposite_name(int i)
{
    static char names[MAX_ROWS][40];
    snprintf(names[i], sizeof names[i], "no-%s", settings[i].name);
    return names[i];
}

/* Rows of one setting: a flag has two names, of which the one that only repeats the default is
 * left out of the help. */
static int add_rows(struct argp_option *rows, int i, const Config *defaults)
{
    const Setting *setting = &settings[i];
    const char *help = help_of(i);
    int key = setting->kind == TITLE ? 0 : FIRST_KEY + i;
    rows[0] = (struct argp_option){setting->name, key, setting->argument, 0, help, 0};
    if (setting->kind != FLAG)
        return 1;
    int standard = *(const int *)((const char *)defaults + setting->place);
    rows[1] = (struct argp_option){opposite_name(i), FIRST_NO_KEY + i, NULL, 0, "do not", 0};
    rows[0].flags = standard == 1 ? OPTION_HIDDEN : 0;
    rows[1].flags = standard == 0 ? OPTION_HIDDEN : 0;
    rows[1].doc = standard == 1 ? help : "do not";
    return 2;
}

/* NULL, not an empty table, for a command without settings: glibc's argp leaks that one's copy. */
static const struct argp_option *make_rows(const Command *command)
{
    static struct argp_option rows[MAX_ROWS];
    const Config defaults = config_defaults();
    int count = 0;
    for (int i = 0; i < setting_count; i++)
        if (settings[i].commands & (int)command->bit)
            count += add_rows(rows + count, i, &defaults);
    return count ? rows : NULL;
}

/* argp puts its list of options in the place of \v. */
static const char *help_around_options(const Command *command)
{
    static char text[3000];
    char examples[1000];
    command_examples(command, program_name(), examples, sizeof examples);
    snprintf(text, sizeof text, "%s\v%s%sExamples:\n%s", command->help,
             command->notes ? command->notes : "", command->notes ? "\n\n" : "", examples);
    return text;
}

char **options_parse(const Command *command, int argc, char **argv, Config *config)
{
    const struct argp argp = {.options = make_rows(command),
                              .parser = parse,
                              .args_doc = command->arguments,
                              .doc = help_around_options(command)};
    Parsing parsing = {.command = command, .config = config};
    parsing.given = calloc((size_t)argc + 1, sizeof *parsing.given);
    parsing.arguments = calloc((size_t)argc + 1, sizeof *parsing.arguments);
    if (!parsing.given || !parsing.arguments) {
        error_line("out of memory");
        exit(EXIT_FAILURE);
    }
    *config = config_defaults();
    argp_err_exit_status = EXIT_USAGE;
    argp_program_version_hook = print_version;
    argp_parse(&argp, argc, argv, 0, NULL, &parsing);
    free(parsing.given);
    return parsing.arguments;
}
