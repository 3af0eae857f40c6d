/* names.c - a name looked up in the list of an enum; the error lists them all. */
#include <stdio.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

/* "relu, tanh or sigmoid" into text. */
static void list_names(char *text, size_t room, const char *const *names, int count)
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count && used < room; i++) {
        const char *separator = i == 0 ? "" : i == count - 1 ? " or " : ", ";
        int written = snprintf(text + used, room - used, "%s%s", separator, names[i]);
        used += written > 0 ? (size_t)written : 0;
    }
}

ValgradStatus nn__find_name(const char *function, const char *name, const char *const *names,
                            int count, int *out)
{
    for (int i = 0; name && i < count; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = i;
            return VALGRAD_OK;
        }
    char list[200];
    list_names(list, sizeof list, names, count);
    return error__set(name ? VALGRAD_ERROR_NAME : VALGRAD_ERROR_NULL, "%s: %s%s%s: expected %s",
                      function, name ? "\"" : "", name ? name : "NULL", name ? "\"" : "", list);
}
