/* commands.c - which there are, and how they are typed. */
#include <string.h>

#include "mnist.h"

const Command *const commands[] = {
    &command_train, &command_eval, &command_predict,    &command_show, &command_export,
    &command_info,  &command_man,  &command_completion, NULL,
};

void command_examples(const Command *command, const char *name, char *text, size_t room)
{
    size_t used = 0;
    text[0] = '\0';
    for (const char *at = command->examples; *at && used < room; at++) {
        bool first = at == command->examples || at[-1] == '\n';
        used += (size_t)snprintf(text + used, room - used, first ? "  %.*s" : "%.*s",
                                 *at == '$' ? (int)strlen(name) : 1, *at == '$' ? name : at);
    }
}
