/* log.c - the beginning of a log: the settings in one line. */
#include <stdlib.h>
#include <string.h>

#include "watch.h"

bool log_config(Watch *watch)
{
    char *text = config_to_json(watch->config);
    if (!text) {
        error_line("out of memory");
        return false;
    }
    for (char *at = text; *at; at++) /* no setting holds a raw line end: JSON escapes them */
        if (*at == '\n' || *at == '\t')
            *at = ' ';
    fprintf(watch->log, "{\"config\": %s, \"precision\": \"%s\"}\n", text,
            sizeof(real) == 8 ? "double" : "float");
    free(text);
    return true;
}
