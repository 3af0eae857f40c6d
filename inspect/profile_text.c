/* profile_text.c - a profile as a table, and as a trace for a browser. */
#include <inttypes.h>
#include <string.h>

#include "autograd/profile_internal.h"
#include "inspect/inspect_internal.h"

/* A whole pass holds the rows of its operations, which would be counted twice. */
static bool is_whole_pass(const ProfileRow *row)
{
    return row->backward && strcmp(row->name, "backward") == 0;
}

static void write_rate(FILE *out, double amount, double seconds)
{
    if (amount > 0 && seconds > 0)
        fprintf(out, " %9.2f", 1e-9 * amount / seconds);
    else
        fprintf(out, " %9s", "");
}

static void write_row(FILE *out, const ProfileRow *row, double total)
{
    fprintf(out, "%-20s %-8s %9" PRId64 " %11.3f", row->name,
            row->backward ? "backward" : "forward", row->count, 1e3 * row->seconds);
    if (is_whole_pass(row) || !(total > 0))
        fprintf(out, " %7s", "");
    else
        fprintf(out, " %6.1f%%", 100 * row->seconds / total);
    write_rate(out, row->flops, row->seconds);
    write_rate(out, row->bytes, row->seconds);
    fprintf(out, "\n");
}

ValgradStatus profile_write_table(FILE *out)
{
    ProfileRow row;
    double total = 0;
    if (!out)
        return error__null("profile_write_table", "out");
    for (size_t i = 0; profile_row(i, &row); i++)
        total += is_whole_pass(&row) ? 0 : row.seconds;
    fprintf(out, "%-20s %-8s %9s %11s %7s %9s %9s\n", "operation", "", "count", "ms", "share",
            "GFLOP/s", "GB/s");
    for (size_t i = 0; profile_row(i, &row); i++)
        write_row(out, &row, total);
    return emit__status("profile_write_table", out);
}

/* In integers: a decimal point would depend on the locale. */
static void write_microseconds(FILE *out, const char *name, int64_t nanoseconds)
{
    fprintf(out, "\"%s\":%" PRId64 ".%03d,", name, nanoseconds / 1000, (int)(nanoseconds % 1000));
}

static void write_event(FILE *out, const ProfileEvent *event, int64_t origin)
{
    const ProfileRow *row = profile__event_row(event);
    fputs("{\"name\":\"", out);
    emit__escaped(out, row->name, ESCAPE_JSON);
    fprintf(out, "\",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":1,\"tid\":1,",
            row->backward ? "backward" : "forward");
    write_microseconds(out, "ts", event->begin - origin);
    write_microseconds(out, "dur", event->nanoseconds);
    fprintf(out, "\"args\":{\"flops\":%.0f,\"bytes\":%.0f}}", event->flops, event->bytes);
}

ValgradStatus profile_write_trace(FILE *out)
{
    size_t count;
    if (!out)
        return error__null("profile_write_trace", "out");
    const ProfileEvent *events = profile__events(&count);
    int64_t origin = count > 0 ? events[0].begin : 0;
    for (size_t i = 1; i < count; i++)
        origin = events[i].begin < origin ? events[i].begin : origin;
    fputs("{\"traceEvents\":[", out);
    for (size_t i = 0; i < count; i++) {
        fputs(i > 0 ? ",\n" : "\n", out);
        write_event(out, &events[i], origin);
    }
    fputs("\n]}\n", out);
    return emit__status("profile_write_trace", out);
}
