/* csv_record.h - the records of a CSV file, one after the other, and their fields. */
#ifndef VALGRAD_NN_CSV_RECORD_H
#define VALGRAD_NN_CSV_RECORD_H

#include <stddef.h>

#include "nn/source.h"

/* A record's text; it may hold any bytes. Valid until the next is read. */
typedef struct CsvRecord {
    const char *begin, *end;
    int64_t line; /* where it begins, from 1 */
} CsvRecord;

typedef struct CsvFile {
    Source source;
    char *buffer;
    size_t room, begin, end; /* what is read and not used lies from begin to end */
    int64_t line;            /* of begin */
    bool ended;              /* the file has no more */
} CsvFile;

ValgradStatus csv__open(CsvFile *file, const char *function, const char *path);
void csv__close(CsvFile *file);

/* The next record that is not empty; *found is false at the end of the file. */
ValgradStatus csv__next(CsvFile *file, CsvRecord *record, bool *found);

/* The separator that a record has most of, outside quotes: comma, semicolon or tab. */
char csv__separator(const CsvRecord *record);

/* A field without the spaces and quotes around it. */
typedef struct CsvField {
    const char *begin, *end;
} CsvField;

/* Takes the field that begins at *at, and moves *at behind its separator; false behind the last one,
 * where *at is NULL. Start with *at = record->begin. */
static inline bool csv__field(const CsvRecord *record, char separator, const char **at,
                              CsvField *field)
{
    const char *begin = *at, *end = begin;
    if (!begin)
        return false;
    bool quoted = false;
    for (; end < record->end && (quoted || *end != separator); end++)
        quoted ^= *end == '"';
    *at = end < record->end ? end + 1 : NULL;
    while (begin < end && (*begin == ' ' || *begin == '\t'))
        begin++;
    while (end > begin && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    bool quotes = end - begin >= 2 && *begin == '"' && end[-1] == '"';
    *field = (CsvField){begin + quotes, end - quotes};
    return true;
}

#endif
