/* completion.c - `mnist completion`: a script by which bash completes commands, options and choices. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "mnist.h"

static void print_options(const Command *command)
{
    printf("        %s) words='--help --usage --version", command->name);
    for (int i = 0; i < setting_count; i++)
        if ((settings[i].commands & (int)command->bit) && settings[i].kind != TITLE) {
            printf(" --%s", settings[i].name);
            if (settings[i].kind == FLAG)
                printf(" --no-%s", settings[i].name);
        }
    printf("' ;;\n");
}

/* What may follow an option: its choices, a file's name, or what nobody can guess. */
static void print_values(const Setting *setting)
{
    if (setting->kind == CHOICE) {
        printf("    --%s) words='", setting->name);
        for (int i = 0; setting->choice(i)[0]; i++)
            printf("%s%s", i ? " " : "", setting->choice(i));
        printf("' ;;\n");
    } else if (setting->kind == TEXT) {
        printf("    --%s) COMPREPLY=($(compgen -f -- \"$now\")); return ;;\n", setting->name);
    } else if (setting->argument) {
        printf("    --%s) return ;;\n", setting->name);
    }
}

static int completion(Config *config, char **arguments)
{
    const char *name = sizeof(real) == 8 ? "valgrad-mnist" : "valgradf-mnist";
    (void)config;
    (void)arguments;
    printf("# %s completion > /etc/bash_completion.d/%s\n_valgrad_mnist() {\n"
           "    local now=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=\n"
           "    local command=${COMP_WORDS[1]}\n    COMPREPLY=()\n"
           "    # bash takes --name=value apart\n"
           "    [ \"$now\" = = ] && now=\n"
           "    [ \"$before\" = = ] && before=${COMP_WORDS[COMP_CWORD - 2]}\n"
           "    case $before in\n",
           name, name);
    for (int i = 0; i < setting_count; i++)
        if (settings[i].kind != TITLE && settings[i].kind != FLAG)
            print_values(&settings[i]);
    printf("    *)\n        case $command in\n");
    for (const Command *const *command = commands; *command; command++)
        print_options(*command);
    printf("        *) command= ;;\n        esac\n");
    printf("        if [ -z \"$command\" ] && [ \"${now#-}\" = \"$now\" ] && [ $COMP_CWORD = 1 ]; "
           "then\n            words='help");
    for (const Command *const *command = commands; *command; command++)
        printf(" %s", (*command)->name);
    printf("'\n        elif [ -z \"$command\" ]; then\n            ");
    printf("COMP_WORDS=(\"${COMP_WORDS[0]}\" train \"${COMP_WORDS[@]:1}\") "
           "COMP_CWORD=$((COMP_CWORD + 1))\n            _valgrad_mnist\n            return\n"
           "        elif [ \"${now#-}\" = \"$now\" ]; then\n"
           "            COMPREPLY=($(compgen -f -- \"$now\"))\n            return\n        fi ;;\n"
           "    esac\n    COMPREPLY=($(compgen -W \"$words\" -- \"$now\"))\n}\n"
           "complete -o filenames -F _valgrad_mnist %s\n",
           name);
    return EXIT_SUCCESS;
}

const Command command_completion = {
    .name = "completion",
    .summary = "print a script by which bash completes the command line",
    .bit = COMPLETION,
    .help = "Prints a script by which bash completes commands, options and choices.",
    .examples = "source <($ completion)",
    .run = completion,
};
