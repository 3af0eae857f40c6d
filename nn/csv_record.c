/* csv_record.c - records of a CSV file: lines, but for line ends between quotes. */
#include "nn/csv_record.h"

#include <inttypes.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

enum { CHUNK = 1 << 20, LONGEST = 1 << 28 };

ValgradStatus csv__open(CsvFile *file, const char *function, const char *path)
{
    *file = (CsvFile){.line = 1};
    ValgradStatus status = source__open(&file->source, function, path, "a CSV file");
    if (status != VALGRAD_OK)
        return status;
    file->room = CHUNK;
    file->buffer = nn__bytes(function, CHUNK, 1);
    return file->buffer ? VALGRAD_OK : VALGRAD_ERROR_MEMORY;
}

void csv__close(CsvFile *file)
{
    source__close(&file->source);
    nn__free(file->buffer);
    file->buffer = NULL;
}

/* Moves what is left to the front, in a greater buffer if it fills the present one. */
static ValgradStatus make_room(CsvFile *file)
{
    size_t left = file->end - file->begin;
    char *to = file->buffer;
    if (left == file->room) {
        if (file->room >= LONGEST)
            return source__fail(&file->source, VALGRAD_ERROR_FORMAT,
                                "line %" PRId64 " is longer than %d bytes: expected CSV",
                                file->line, LONGEST);
        to = nn__bytes(file->source.function, 2, file->room);
        if (!to)
            return VALGRAD_ERROR_MEMORY;
        file->room *= 2;
    }
    memmove(to, file->buffer + file->begin, left);
    if (to != file->buffer)
        nn__free(file->buffer);
    file->buffer = to;
    file->begin = 0;
    file->end = left;
    return VALGRAD_OK;
}

/* Reads more behind what is left. */
static ValgradStatus fill(CsvFile *file)
{
    int64_t got;
    ValgradStatus status = make_room(file);
    if (status == VALGRAD_OK)
        status = source__read(&file->source, (uint8_t *)file->buffer + file->end,
                              (int64_t)(file->room - file->end), &got);
    if (status != VALGRAD_OK)
        return status;
    file->end += (size_t)got;
    file->ended = file->end < file->room;
    return file->ended ? source__check_end(&file->source) : VALGRAD_OK;
}

/* The end of the line that begins at `begin`, or of the record if quotes hold line ends; NULL if it
 * is not in the buffer. */
static const char *find_end(const char *begin, const char *end)
{
    bool quoted = false;
    for (const char *at = begin;;) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            return NULL;
        for (const char *quote = at;
             (quote = memchr(quote, '"', (size_t)(line_end - quote))) != NULL; quote++)
            quoted = !quoted;
        if (!quoted)
            return line_end;
        at = line_end + 1;
    }
}

static int64_t count_line_ends(const char *begin, const char *end)
{
    int64_t count = 0;
    while (begin < end && (begin = memchr(begin, '\n', (size_t)(end - begin))) != NULL) {
        begin++;
        count++;
    }
    return count;
}

/* The next record, empty or not. */
static ValgradStatus next_line(CsvFile *file, CsvRecord *record, bool *found)
{
    const char *end = NULL;
    while (!(end = find_end(file->buffer + file->begin, file->buffer + file->end)) &&
           !file->ended) {
        ValgradStatus status = fill(file);
        if (status != VALGRAD_OK)
            return status;
    }
    const char *begin = file->buffer + file->begin, *last = file->buffer + file->end;
    *found = begin < last;
    *record = (CsvRecord){begin, end ? end : last, file->line};
    file->begin = (size_t)((end ? end + 1 : last) - file->buffer);
    file->line += count_line_ends(begin, file->buffer + file->begin);
    return VALGRAD_OK;
}

static bool is_empty(const CsvRecord *record)
{
    for (const char *at = record->begin; at < record->end; at++)
        if (*at != ' ' && *at != '\r')
            return false;
    return true;
}

ValgradStatus csv__next(CsvFile *file, CsvRecord *record, bool *found)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    const size_t mark = sizeof byte_order_mark - 1;
    do {
        ValgradStatus status = next_line(file, record, found);
        if (status != VALGRAD_OK)
            return status;
        bool marked = record->line == 1 && (size_t)(record->end - record->begin) >= mark &&
                      memcmp(record->begin, byte_order_mark, mark) == 0;
        record->begin += marked ? mark : 0;
    } while (*found && is_empty(record));
    return VALGRAD_OK;
}

char csv__separator(const CsvRecord *record)
{
    static const char separators[] = {',', ';', '\t'};
    int counts[3] = {0};
    bool quoted = false;
    for (const char *at = record->begin; at < record->end; at++) {
        quoted ^= *at == '"';
        for (int i = 0; i < 3 && !quoted; i++)
            counts[i] += *at == separators[i];
    }
    int best = 0;
    for (int i = 1; i < 3; i++)
        if (counts[i] > counts[best])
            best = i;
    return separators[best];
}
