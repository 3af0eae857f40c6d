/* man.c - `mnist man`: the manual page, written from the same table as the options. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mnist.h"

/* Text for roff: hyphens that stay hyphens, backslashes, no line that begins as a request. */
static void print_text(const char *text)
{
    for (size_t i = 0; text[i]; i++) {
        bool first = i == 0 || text[i - 1] == '\n';
        if (first && (text[i] == '.' || text[i] == '\''))
            fputs("\\&", stdout);
        if (text[i] == '\\')
            fputs("\\e", stdout);
        else if (text[i] == '-')
            fputs("\\-", stdout);
        else
            putchar(text[i]);
    }
}

static void print_option(const char *before, const char *name, const char *argument)
{
    printf("%s\\fB\\-\\-", before);
    print_text(name);
    printf("\\fR");
    if (argument)
        printf(" \\fI%s\\fR", argument);
}

/* Of a flag's two names the one that changes something. */
static void print_names(const Setting *setting)
{
    const Config defaults = config_defaults();
    char opposite[60];
    snprintf(opposite, sizeof opposite, "no-%s", setting->name);
    int standard =
        setting->kind == FLAG ? *(const int *)((const char *)&defaults + setting->place) : 0;
    if (standard != 1)
        print_option("", setting->name, setting->argument);
    if (standard != 0)
        print_option(standard == 1 ? "" : ", ", opposite, NULL);
}

static void print_setting(const Setting *setting)
{
    char list[300];
    if (setting->kind == TITLE) {
        printf(".SS %s\n", setting->help);
        return;
    }
    printf(".TP\n");
    print_names(setting);
    printf("\n");
    print_text(setting->help);
    if (setting->kind == CHOICE) {
        setting_list_choices(setting, list, sizeof list);
        printf(": %s", list);
    }
    printf("\n");
}

static void print_command(const Command *command, const char *name)
{
    char examples[1000];
    printf(".SH COMMAND ");
    for (const char *at = command->name; *at; at++)
        putchar(*at - 'a' + 'A');
    printf("\n.B %s\n%s\n.PP\n", command->name, command->arguments ? command->arguments : "");
    print_text(command->help);
    printf("\n");
    for (int i = 0; i < setting_count; i++)
        if (settings[i].commands & (int)command->bit)
            print_setting(&settings[i]);
    if (command->notes) {
        printf(".PP\n");
        print_text(command->notes);
        printf("\n");
    }
    command_examples(command, name, examples, sizeof examples);
    printf(".PP\nExamples:\n.nf\n");
    print_text(examples);
    printf("\n.fi\n");
}

static int man(Config *config, char **arguments)
{
    const char *name = sizeof(real) == 8 ? "valgrad-mnist" : "valgradf-mnist"; /* when installed */
    (void)config;
    (void)arguments;
    printf(".TH VALGRAD\\-MNIST 1 \"\" \"valgrad %s\"\n.SH NAME\n", valgrad_version());
    print_text(name);
    printf(" \\- train and use small neural networks that read digits\n.SH SYNOPSIS\n.B ");
    print_text(name);
    printf("\n[\\fICOMMAND\\fR] [\\fIOPTION\\fR...]\n.SH DESCRIPTION\nWithout a command it is "
           "\\fBtrain\\fR. A long option may be cut short as long as it stays unique.\n");
    for (const Command *const *command = commands; *command; command++)
        printf(".TP\n.B %s\n%s\n", (*command)->name, (*command)->summary);
    for (const Command *const *command = commands; *command; command++)
        print_command(*command, name);
    printf(".SH FILES\nThe JSON file of \\fB\\-\\-config\\fR is an object whose members have the "
           "names of the options: {\"epochs\": 3, \"layers\": [128, 64], \"shuffle\": false}.\n"
           ".SH ENVIRONMENT\n.TP\n.B VALGRAD_MNIST_DATA\nThe directory of the IDX files, if "
           "\\fB\\-\\-data\\fR does not name one.\n.TP\n.B VALGRAD_FASHION_DATA\nThe same for "
           "\\fB\\-\\-dataset fashion\\fR.\n.TP\n.B NO_COLOR\nIf it is set, digits are drawn "
           "without shades of grey.\n"
           ".SH EXIT STATUS\n0 when all went well, 1 when data or files are wrong, 2 when the "
           "command line is, 130 when training was stopped by Ctrl\\-C.\n");
    return EXIT_SUCCESS;
}

const Command command_man = {
    .name = "man",
    .summary = "print this program's manual page, for man -l -",
    .bit = MAN,
    .help = "Prints the manual page.",
    .examples = "$ man | man -l -",
    .run = man,
};
