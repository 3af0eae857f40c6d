/* config_json.c - settings as a JSON object, one member each: {"epochs": 3, "layers": [128, 64]}. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config.h"
#include "mnist.h"

/* ---- out ------------------------------------------------------------------------------------- */

static cJSON *layers_to_json(const Layers *layers)
{
    cJSON *list = cJSON_CreateArray();
    for (int64_t i = 0; list && i < layers->count; i++)
        if (!cJSON_AddItemToArray(list, cJSON_CreateNumber((double)layers->sizes[i]))) {
            cJSON_Delete(list);
            return NULL;
        }
    return list;
}

static cJSON *series_to_json(const Series *series)
{
    return cJSON_CreateDoubleArray(series->numbers, (int)series->count);
}

/* The setting's value; NULL when out of memory. */
static cJSON *value_to_json(const Config *config, const Setting *setting)
{
    const void *place = (const char *)config + setting->place;
    switch (setting->kind) {
    case WHOLE:
        return cJSON_CreateNumber((double)*(const int64_t *)place);
    case NUMBER:
        return cJSON_CreateNumber(*(const double *)place);
    case CHOICE:
        return cJSON_CreateString(setting->choice(*(const int *)place));
    case FLAG:
        return cJSON_CreateBool(*(const int *)place);
    case LIST:
        return layers_to_json(place);
    case TEXT:
        return cJSON_CreateString(*(char *const *)place);
    case SERIES:
        return series_to_json(place);
    case TITLE:
        break;
    }
    return NULL;
}

/* Whether there is a value to save: what is at its default of "none" has none. */
static bool is_saved(const Config *config, const Setting *setting)
{
    const void *place = (const char *)config + setting->place;
    if (setting->commands & RUN)
        return false;
    switch (setting->kind) {
    case WHOLE:
        return (double)*(const int64_t *)place >= setting->low;
    case NUMBER:
        return !isnan(*(const double *)place);
    case TEXT:
        return *(char *const *)place != NULL;
    case FLAG:
        return *(const int *)place >= 0;
    case CHOICE:
    case LIST:
        return true;
    case SERIES:
        return ((const Series *)place)->count > 0;
    case TITLE:
        break;
    }
    return false;
}

char *config_to_json(const Config *config)
{
    cJSON *object = cJSON_CreateObject();
    bool complete = object != NULL;
    for (int i = 0; complete && i < setting_count; i++)
        if (is_saved(config, &settings[i]) && setting_applies(config, &settings[i])) {
            cJSON *value = value_to_json(config, &settings[i]);
            complete = cJSON_AddItemToObject(object, settings[i].name, value);
            if (!complete)
                cJSON_Delete(value);
        }
    char *text = complete ? cJSON_Print(object) : NULL;
    cJSON_Delete(object);
    return text;
}

/* ---- in -------------------------------------------------------------------------------------- */

static char message[700];

/* The member's value as the command line would have it. */
static const char *value_text(const cJSON *value, char *text, size_t room)
{
    text[0] = '\0';
    if (cJSON_IsString(value))
        return value->valuestring;
    if (cJSON_IsBool(value))
        return cJSON_IsTrue(value) ? "true" : "false";
    if (cJSON_IsNumber(value))
        snprintf(text, room, "%.17g", value->valuedouble);
    else if (!cJSON_PrintPreallocated((cJSON *)value, text, (int)room, 0))
        snprintf(text, room, "a long value");
    return text;
}

/* "128,64" for [128, 64], "none" for []; NULL if an element is no number, or out of memory. The caller
 * frees it. */
static char *list_text(const cJSON *list)
{
    const int number_room = 26;
    const cJSON *item;
    char *text = malloc((size_t)cJSON_GetArraySize(list) * (size_t)number_room + 8), *at = text;
    if (text && cJSON_GetArraySize(list) == 0)
        strcpy(text, "none");
    cJSON_ArrayForEach(item, list)
    {
        if (!text || !cJSON_IsNumber(item)) {
            free(text);
            return NULL;
        }
        at += snprintf(at, (size_t)number_room, "%s%.17g", at > text ? "," : "", item->valuedouble);
    }
    return text;
}

static const char *type_expected(const Setting *setting)
{
    switch (setting->kind) {
    case WHOLE:
    case NUMBER:
        return "a number";
    case FLAG:
        return "true or false";
    case LIST:
    case SERIES:
        return "an array of numbers";
    default:
        return "a string";
    }
}

static bool type_fits(const Setting *setting, const cJSON *value)
{
    switch (setting->kind) {
    case WHOLE:
    case NUMBER:
        return cJSON_IsNumber(value);
    case FLAG:
        return cJSON_IsBool(value);
    case LIST:
    case SERIES:
        return cJSON_IsArray(value);
    default:
        return cJSON_IsString(value);
    }
}

/* Sets from a value of the right type; what is wrong with it otherwise. */
static const char *set_from(Config *config, const Setting *setting, const cJSON *value,
                            Origin origin, bool *fits)
{
    char text[600];
    char *list = cJSON_IsArray(value) && type_fits(setting, value) ? list_text(value) : NULL;
    *fits = list || (type_fits(setting, value) && !cJSON_IsArray(value));
    const char *error = NULL;
    if (*fits)
        error =
            config_set(config, setting, list ? list : value_text(value, text, sizeof text), origin);
    free(list);
    return error;
}

static const char *set_member(Config *config, const cJSON *member, Origin origin)
{
    char text[600];
    bool fits = true;
    const Setting *setting = setting_find(member->string);
    if (!setting || setting->place == offsetof(Config, config)) {
        snprintf(message, sizeof message, "\"%.100s\": no such setting", member->string);
        return message;
    }
    const char *error = set_from(config, setting, member, origin, &fits);
    if (!fits)
        snprintf(message, sizeof message, "\"%.100s\": %.100s: expected %s", member->string,
                 value_text(member, text, sizeof text), type_expected(setting));
    else if (error)
        snprintf(message, sizeof message, "\"%.100s\": %.500s", member->string, error);
    return error || !fits ? message : NULL;
}

static const char *not_json(const char *text, const char *end)
{
    int line = 1;
    for (const char *at = text; at < end; at++)
        line += *at == '\n';
    snprintf(message, sizeof message,
             "line %d: not JSON: expected an object such as {\"epochs\": 3}", line);
    return message;
}

const char *config_from_json(Config *config, const char *text, size_t length, Origin origin)
{
    const char *end = text, *error = NULL;
    cJSON *object = cJSON_ParseWithLengthOpts(text, length, &end, 0);
    while (object && end < text + length && strchr(" \t\r\n", *end) && *end)
        end++;
    if (!cJSON_IsObject(object) || end < text + length)
        error = not_json(text, end);
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        if (error)
            break;
        error = set_member(config, member, origin);
    }
    cJSON_Delete(object);
    return error;
}

/* The whole file; NULL, and a message, if it cannot be read. */
static char *read_text(const char *path, size_t *length)
{
    enum { MOST = 1 << 20 }; /* far above what the settings can take */
    struct stat about;
    FILE *file = stat(path, &about) == 0 && S_ISDIR(about.st_mode) ? (errno = EISDIR, NULL)
                                                                   : fopen(path, "rb");
    char *text = file ? malloc(MOST) : NULL;
    *length = text ? fread(text, 1, MOST, file) : 0;
    if (!text || ferror(file))
        error_line("%s: cannot be read: %s", path, strerror(errno));
    else if (*length == MOST)
        error_line("%s: is longer than %d bytes: expected settings as JSON", path, MOST - 1);
    bool fine = text && !ferror(file) && *length < MOST;
    if (file)
        fclose(file);
    if (fine)
        return text;
    free(text);
    return NULL;
}

bool config_read(Config *config, const char *path)
{
    size_t length;
    char *text = read_text(path, &length);
    if (!text)
        return false;
    const char *error = config_from_json(config, text, length, BY_FILE);
    if (error)
        error_line("%s: %s", path, error);
    free(text);
    return error == NULL;
}
