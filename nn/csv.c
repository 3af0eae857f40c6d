/* csv.c - datasets from CSV files. */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/error.h"
#include "nn/csv_record.h"
#include "nn/dataset.h"

#define HASH_NONFATAL_OOM 1
#define uthash_malloc(bytes) nn__zeros("nn_dataset_read_csv", 1, bytes)
#define uthash_free(memory, bytes) nn__free(memory)
#include <uthash.h>

static const char function[] = "nn_dataset_read_csv";

enum { MOST_CLASSES = 65536, NUMBER_ROOM = 64 };

/* A class that has a name. Numbers are given as names come, and at the end in their order. */
typedef struct Class {
    UT_hash_handle hh;
    int32_t number;
    char name[];
} Class;

typedef struct Csv {
    CsvFile file;
    const NnCsvOptions *options;
    char *first_line; /* a copy: the header, or the first row */
    CsvRecord first;
    bool has_header;
    char separator;
    int64_t fields, label; /* in a row; the label's column, -1 for none */
    bool named;            /* labels are texts */
    Class *classes;
    NnDataset *made; /* its count counts the rows that are read */
    int64_t room;    /* in rows */
    int32_t greatest;
} Csv;

/* ---- messages -------------------------------------------------------------------------------- */

/* Field number `column` of the header, in quotes and brackets, or "" if there is no header. */
static void name_of_column(const Csv *csv, int64_t column, char *text, size_t room)
{
    const char *at = csv->first.begin;
    CsvField field = {NULL, NULL};
    text[0] = '\0';
    for (int64_t i = 0; csv->has_header && i <= column; i++)
        if (!csv__field(&csv->first, csv->separator, &at, &field))
            return;
    if (field.begin)
        snprintf(text, room, " (\"%.*s\")", (int)(field.end - field.begin), field.begin);
}

static ValgradStatus wrong_field(const Csv *csv, const CsvRecord *row, int64_t column,
                                 CsvField field, const char *expected)
{
    char name[40];
    name_of_column(csv, column, name, sizeof name);
    int length = (int)(field.end - field.begin < 40 ? field.end - field.begin : 40);
    return source__fail(&csv->file.source, VALGRAD_ERROR_FORMAT,
                        "line %" PRId64 ", column %" PRId64 "%s: %s%.*s%s: expected %s", row->line,
                        column + 1, name, length ? "\"" : "", length ? length : 7,
                        length ? field.begin : "missing", length ? "\"" : "", expected);
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* Whether the field is a finite number, and which. */
static bool read_number(CsvField field, double *number)
{
    char text[NUMBER_ROOM], *end;
    size_t length = (size_t)(field.end - field.begin);
    if (length == 0 || length >= sizeof text)
        return false;
    memcpy(text, field.begin, length);
    text[length] = '\0';
    if (strspn(text, "0123456789+-.eE") != length)
        return false; /* strtod() takes hexadecimal numbers and names, too */
    char *point = strchr(text, '.');
    if (point)
        *point = *localeconv()->decimal_point;
    *number = strtod(text, &end);
    return *end == '\0' && isfinite((real)*number);
}

/* Whether the field is a whole number from 0 to 255, and which. */
static bool read_byte(CsvField field, uint8_t *byte)
{
    ptrdiff_t length = field.end - field.begin;
    unsigned number = 0;
    bool digits = length >= 1 && length <= 3;
    for (ptrdiff_t i = 0; digits && i < length; i++) {
        digits = field.begin[i] >= '0' && field.begin[i] <= '9';
        number = 10 * number + (unsigned)(field.begin[i] - '0');
    }
    double other;
    if (!digits && read_number(field, &other) && other >= 0 && other <= 255 &&
        other == floor(other))
        number = (unsigned)other;
    else if (!digits)
        return false;
    *byte = (uint8_t)number;
    return number <= 255;
}

static Class *add_class(Csv *csv, CsvField field)
{
    size_t length = (size_t)(field.end - field.begin);
    Class *class = nn__zeros(function, 1, sizeof *class + length + 1);
    if (!class)
        return NULL;
    memcpy(class->name, field.begin, length);
    class->number = (int32_t)HASH_COUNT(csv->classes);
    HASH_ADD(hh, csv->classes, name, length, class);
    if (class->hh.tbl)
        return class;
    nn__free(class);
    return NULL;
}

static ValgradStatus read_name(Csv *csv, const CsvRecord *row, CsvField field, int32_t *label)
{
    size_t length = (size_t)(field.end - field.begin);
    Class *class = NULL;
    if (length == 0 || length > 200 || memchr(field.begin, '\0', length))
        return wrong_field(csv, row, csv->label, field, "a label of 1 to 200 characters");
    HASH_FIND(hh, csv->classes, field.begin, length, class);
    if (!class && csv->options->like)
        return wrong_field(csv, row, csv->label, field, "a label of the training data");
    if (!class && HASH_COUNT(csv->classes) == MOST_CLASSES)
        return wrong_field(csv, row, csv->label, field, "no more than 65536 different labels");
    class = class ? class : add_class(csv, field);
    if (!class)
        return VALGRAD_ERROR_MEMORY;
    *label = class->number;
    return VALGRAD_OK;
}

static ValgradStatus read_label(Csv *csv, const CsvRecord *row, CsvField field, int32_t *label)
{
    const NnCsvOptions *options = csv->options;
    int classes = options->like ? options->like->classes : options->classes;
    double number;
    bool is_number = read_number(field, &number);
    if (csv->made->count == 0 && !options->like)
        csv->named = !is_number && field.begin < field.end && options->classes == 0;
    if (csv->named)
        return read_name(csv, row, field, label);
    classes = classes ? classes : MOST_CLASSES;
    if (is_number && number >= 0 && number < classes && number == floor(number)) {
        *label = (int32_t)number;
        csv->greatest = *label > csv->greatest ? *label : csv->greatest;
        return VALGRAD_OK;
    }
    char expected[60];
    snprintf(expected, sizeof expected, "a whole number from 0 to %d", classes - 1);
    return wrong_field(csv, row, csv->label, field, expected);
}

/* ---- room ------------------------------------------------------------------------------------ */

/* Copies `bytes` from *array into a new one of count elements, and frees it. */
static bool regrow(void *array, int64_t count, size_t size, size_t bytes)
{
    void *old = *(void **)array, *made = nn__bytes(function, count, size);
    if (!made)
        return false;
    if (old)
        memcpy(made, old, bytes);
    nn__free(old);
    *(void **)array = made;
    return true;
}

static bool grow(Csv *csv, int64_t room)
{
    NnDataset *made = csv->made;
    size_t features = (size_t)nn_dataset_features(made), rows = (size_t)made->count;
    bool grown = regrow(&made->labels, room, sizeof *made->labels, rows * sizeof *made->labels);
    if (made->numbers)
        grown = grown && regrow(&made->numbers, room, features * sizeof(real),
                                rows * features * sizeof(real));
    else
        grown = grown && regrow(&made->pixels, room, features, rows * features);
    csv->room = grown ? room : csv->room;
    return grown;
}

/* A value came that no byte can hold: the `count` features that were read become numbers. */
static bool turn_into_numbers(Csv *csv, int64_t count)
{
    NnDataset *made = csv->made;
    made->numbers =
        nn__bytes(function, csv->room, (size_t)nn_dataset_features(made) * sizeof(real));
    if (!made->numbers)
        return false;
    for (int64_t i = 0; i < count; i++)
        made->numbers[i] = made->pixels[i];
    nn__free(made->pixels);
    made->pixels = NULL;
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static ValgradStatus read_feature(Csv *csv, const CsvRecord *row, int64_t column, CsvField field,
                                  int64_t at)
{
    NnDataset *made = csv->made;
    double number;
    if (made->pixels && read_byte(field, &made->pixels[at]))
        return VALGRAD_OK;
    if (!read_number(field, &number))
        return wrong_field(csv, row, column, field, "a finite number");
    if (made->pixels && csv->options->like)
        return wrong_field(csv, row, column, field,
                           "a whole number from 0 to 255, as in the training data");
    if (made->pixels && !turn_into_numbers(csv, at))
        return VALGRAD_ERROR_MEMORY;
    made->numbers[at] = (real)number;
    return VALGRAD_OK;
}

static ValgradStatus check_fields(const Csv *csv, const CsvRecord *row)
{
    const char *at = row->begin;
    CsvField field;
    int64_t fields = 0;
    while (csv__field(row, csv->separator, &at, &field))
        fields++;
    if (fields == csv->fields)
        return VALGRAD_OK;
    return source__fail(&csv->file.source, VALGRAD_ERROR_FORMAT,
                        "line %" PRId64 ": has %" PRId64 " fields: expected %" PRId64
                        ", as line %" PRId64 " has",
                        row->line, fields, csv->fields, csv->first.line);
}

static ValgradStatus read_row(Csv *csv, const CsvRecord *row)
{
    NnDataset *made = csv->made;
    const char *at = row->begin;
    CsvField field;
    if (made->count == csv->room && !grow(csv, 2 * csv->room))
        return VALGRAD_ERROR_MEMORY;
    int64_t to = made->count * nn_dataset_features(made), end = to + nn_dataset_features(made);
    made->labels[made->count] = 0;
    for (int64_t column = 0; csv__field(row, csv->separator, &at, &field); column++) {
        ValgradStatus status = VALGRAD_OK;
        if (column == csv->label)
            status = read_label(csv, row, field, &made->labels[made->count]);
        else if (to < end)
            status = read_feature(csv, row, column, field, to++);
        if (column >= csv->fields || (!at && (column + 1 != csv->fields)))
            status = check_fields(csv, row);
        if (status != VALGRAD_OK)
            return status;
    }
    made->count++;
    return VALGRAD_OK;
}

/* ---- the first line -------------------------------------------------------------------------- */

/* The first line is a header if it has a text where the second has a number, or no number at all. */
static bool is_header(const Csv *csv, const CsvRecord *second)
{
    const char *at = csv->first.begin, *below = second ? second->begin : NULL;
    CsvField field, other;
    bool any_number = false;
    double number;
    while (csv__field(&csv->first, csv->separator, &at, &field)) {
        bool has_below = below && csv__field(second, csv->separator, &below, &other);
        if (read_number(field, &number))
            any_number = true;
        else if (has_below && field.begin < field.end && read_number(other, &number))
            return true;
    }
    return !any_number;
}

/* The column of the header with this name; -1 if there is none. */
static int64_t find_column(const Csv *csv, const char *name)
{
    const char *at = csv->first.begin;
    size_t length = strlen(name);
    CsvField field;
    for (int64_t i = 0; csv->has_header && csv__field(&csv->first, csv->separator, &at, &field);
         i++)
        if ((size_t)(field.end - field.begin) == length && memcmp(field.begin, name, length) == 0)
            return i;
    return -1;
}

/* Sets the label's column. */
static ValgradStatus choose_label(Csv *csv)
{
    const NnCsvOptions *options = csv->options;
    csv->label = options->label_column;
    if (options->label) {
        const char *lack = csv->has_header ? "has no column called" : "has no header with a column";
        csv->label = find_column(csv, options->label);
        if (csv->label < 0)
            return source__fail(&csv->file.source, VALGRAD_ERROR_NAME, "%s \"%s\"", lack,
                                options->label);
    } else if (csv->label == NN_CSV_FIND_LABEL) {
        int64_t found = find_column(csv, "label");
        csv->label = found >= 0 ? found : 0;
    } else if (csv->label == NN_CSV_NO_LABEL) {
        csv->label = -1;
        return VALGRAD_OK;
    } else if (csv->label < 0) {
        csv->label += csv->fields;
    }
    if (csv->label >= 0 && csv->label < csv->fields)
        return VALGRAD_OK;
    return source__fail(&csv->file.source, VALGRAD_ERROR_INDEX,
                        "has %" PRId64 " columns: there is no column %" PRId64 " for the label",
                        csv->fields, options->label_column);
}

static ValgradStatus check_features(const Csv *csv, int64_t features)
{
    const NnDataset *like = csv->options->like;
    if (like && features != nn_dataset_features(like))
        return source__fail(&csv->file.source, VALGRAD_ERROR_SHAPE,
                            "has %" PRId64 " features: expected %" PRId64 ", as the training data",
                            features, nn_dataset_features(like));
    if (features < 1)
        return source__fail(&csv->file.source, VALGRAD_ERROR_FORMAT,
                            "line %" PRId64 ": has 1 field: expected a label and features",
                            csv->first.line);
    return VALGRAD_OK;
}

/* Room for the rows that a plain file of this length may have. */
static ValgradStatus start_dataset(Csv *csv)
{
    const NnDataset *like = csv->options->like;
    int64_t features = csv->fields - (csv->label >= 0);
    ValgradStatus status = check_features(csv, features);
    if (status != VALGRAD_OK)
        return status;
    csv->made->rows = 1;
    csv->made->columns = features;
    if (csv->options->numbers || (like && like->numbers)) {
        csv->made->numbers = nn__bytes(function, 1, (size_t)features * sizeof(real));
        if (!csv->made->numbers)
            return VALGRAD_ERROR_MEMORY;
    }
    int64_t guess = csv->file.source.file_bytes / (csv->first.end - csv->first.begin + 1);
    return grow(csv, csv->file.source.gzipped ? 1024 : guess + 16) ? VALGRAD_OK
                                                                   : VALGRAD_ERROR_MEMORY;
}

/* With the training data's names, by their numbers. */
static bool take_names(Csv *csv)
{
    const NnDataset *like = csv->options->like;
    csv->named = like && like->names;
    for (int i = 0; csv->named && i < like->classes; i++)
        if (!add_class(csv, (CsvField){like->names[i], like->names[i] + strlen(like->names[i])}))
            return false;
    return true;
}

static ValgradStatus keep_first(Csv *csv, const CsvRecord *record)
{
    const char *at;
    CsvField field;
    size_t length = (size_t)(record->end - record->begin);
    csv->first_line = nn__bytes(function, (int64_t)length + 1, 1);
    if (!csv->first_line)
        return VALGRAD_ERROR_MEMORY;
    memcpy(csv->first_line, record->begin, length);
    csv->first = (CsvRecord){csv->first_line, csv->first_line + length, record->line};
    csv->separator = csv__separator(&csv->first);
    at = csv->first.begin;
    while (csv__field(&csv->first, csv->separator, &at, &field))
        csv->fields++;
    return VALGRAD_OK;
}

/* ---- all ------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp((*(Class *const *)a)->name, (*(Class *const *)b)->name);
}

/* Gives the classes their numbers in alphabetical order. */
static ValgradStatus number_classes(Csv *csv)
{
    int n = (int)HASH_COUNT(csv->classes), i = 0;
    Class **sorted = nn__bytes(function, n, sizeof *sorted);
    char **names = nn__bytes(function, n, sizeof *names);
    int32_t *numbers = nn__bytes(function, n, sizeof *numbers);
    bool room = sorted && names && numbers;
    for (Class *class = csv->classes; room && class; class = class->hh.next)
        sorted[i++] = class;
    if (room && !csv->options->like)
        qsort(sorted, (size_t)n, sizeof(Class *), by_name);
    for (i = 0; room && i < n; i++) {
        names[i] = sorted[i]->name;
        numbers[sorted[i]->number] = i;
    }
    for (int64_t j = 0; room && j < csv->made->count; j++)
        csv->made->labels[j] = numbers[csv->made->labels[j]];
    csv->made->names = room ? dataset__copy_names(function, names, n) : NULL;
    csv->made->classes = n;
    nn__free(sorted);
    nn__free(names);
    nn__free(numbers);
    return csv->made->names ? VALGRAD_OK : VALGRAD_ERROR_MEMORY;
}

/* Classes, and the sides of an image. */
static ValgradStatus finish(Csv *csv)
{
    NnDataset *made = csv->made;
    const NnDataset *like = csv->options->like;
    if (made->count == 0)
        return source__fail(&csv->file.source, VALGRAD_ERROR_FORMAT,
                            "has %s: expected at least one row of numbers",
                            csv->fields ? "no line but its header" : "nothing in it");
    int64_t side = (int64_t)sqrt((double)made->columns);
    if (made->pixels && side * side == made->columns)
        made->rows = made->columns = side;
    if (like) {
        made->rows = like->rows;
        made->columns = like->columns;
    }
    made->classes = like                    ? like->classes
                    : csv->options->classes ? csv->options->classes
                                            : csv->greatest + 1;
    return csv->named ? number_classes(csv) : VALGRAD_OK;
}

/* The rows from `record` on, which is the first of them in the file's buffer, if *found. */
static ValgradStatus read_rows(Csv *csv, CsvRecord *record, bool found)
{
    ValgradStatus status = choose_label(csv);
    if (status == VALGRAD_OK)
        status = take_names(csv) ? start_dataset(csv) : VALGRAD_ERROR_MEMORY;
    if (status == VALGRAD_OK && !csv->has_header)
        status = read_row(csv, &csv->first);
    while (status == VALGRAD_OK && found) {
        status = read_row(csv, record);
        if (status == VALGRAD_OK)
            status = csv__next(&csv->file, record, &found);
    }
    return status;
}

static ValgradStatus read_file(Csv *csv, const char *path)
{
    CsvRecord record;
    bool found = false;
    ValgradStatus status = csv__open(&csv->file, function, path);
    if (status == VALGRAD_OK)
        status = csv__next(&csv->file, &record, &found);
    if (status != VALGRAD_OK || !found)
        return status == VALGRAD_OK ? finish(csv) : status;
    status = keep_first(csv, &record);
    if (status == VALGRAD_OK)
        status = csv__next(&csv->file, &record, &found);
    if (status != VALGRAD_OK)
        return status;
    csv->has_header = is_header(csv, found ? &record : NULL);
    status = read_rows(csv, &record, found);
    return status == VALGRAD_OK ? finish(csv) : status;
}

static void free_classes(Csv *csv)
{
    Class *class = csv->classes;
    HASH_CLEAR(hh, csv->classes);
    while (class) {
        Class *next = class->hh.next;
        nn__free(class);
        class = next;
    }
}

NnDataset *nn_dataset_read_csv(const char *path, const NnCsvOptions *options)
{
    const NnCsvOptions standard = NN_CSV_OPTIONS_INIT;
    if (!path) {
        error__null(function, "path");
        return NULL;
    }
    Csv csv = {.options = options ? options : &standard};
    if (csv.options->classes < 0 || csv.options->classes > MOST_CLASSES) {
        error__set(VALGRAD_ERROR_ARGUMENT, "%s: %d classes: expected 0 to %d", function,
                   csv.options->classes, MOST_CLASSES);
        return NULL;
    }
    csv.made = nn__zeros(function, 1, sizeof *csv.made);
    ValgradStatus status = csv.made ? read_file(&csv, path) : VALGRAD_ERROR_MEMORY;
    csv__close(&csv.file);
    nn__free(csv.first_line);
    free_classes(&csv);
    if (status == VALGRAD_OK)
        return csv.made;
    nn_dataset_free(csv.made);
    return NULL;
}
