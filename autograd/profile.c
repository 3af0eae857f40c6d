/* profile.c - records what took how long: rows that add up, and single events. */
#include <string.h>
#include <time.h>

#include "autograd/profile_internal.h"

enum { MOST_ROWS = 256, MOST_EVENTS = 1000000, NAME_BYTES = 48 };

/* A name is copied: that of an operation of a user's own may go before the profile does. */
typedef struct Row {
    ProfileRow row;
    char name[NAME_BYTES];
} Row;

typedef struct Profile {
    Row *rows;
    int row_count;
    ProfileEvent *events;
    size_t event_count, event_room;
    ProfileSpan span;
} Profile;

static _Thread_local Profile mine;
_Thread_local bool profile__on __attribute__((tls_model("initial-exec")));

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* ---- recording --------------------------------------------------------------------------------- */

ProfileSpan profile__begin(void)
{
    const ProfileSpan outer = mine.span;
    mine.span = (ProfileSpan){now(), 0};
    return outer;
}

void profile__flops(double flops)
{
    mine.span.flops += flops;
}

static int find_row(const char *name, bool backward)
{
    int i = 0;
    while (i < mine.row_count && (mine.rows[i].row.backward != backward ||
                                  strncmp(mine.rows[i].name, name, NAME_BYTES - 1) != 0))
        i++;
    return i;
}

/* The row of that name, a new one if need be; -1 when there is no room. */
static int take_row(const char *name, bool backward)
{
    if (!mine.rows && !(mine.rows = buffer__take(MOST_ROWS * sizeof *mine.rows)))
        return -1;
    const int i = find_row(name, backward);
    if (i < mine.row_count || i == MOST_ROWS)
        return i < mine.row_count ? i : -1;
    Row *row = &mine.rows[mine.row_count++];
    *row = (Row){.row = {.backward = backward}};
    strncpy(row->name, name, NAME_BYTES - 1);
    row->row.name = row->name;
    return i;
}

static bool has_event_room(void)
{
    if (mine.event_count < mine.event_room)
        return true;
    const size_t room = mine.event_room ? 2 * mine.event_room : 1024;
    ProfileEvent *larger = room < 2 * MOST_EVENTS ? buffer__take(room * sizeof *larger) : NULL;
    if (!larger)
        return false;
    if (mine.event_count)
        memcpy(larger, mine.events, mine.event_count * sizeof *larger);
    buffer__give(mine.events);
    mine.events = larger;
    mine.event_room = room;
    return true;
}

void profile__end(const char *name, bool backward, double bytes, ProfileSpan outer)
{
    const ProfileSpan span = mine.span;
    const int64_t nanoseconds = now() - span.begin;
    const int i = take_row(name, backward);
    mine.span = outer;
    if (i < 0)
        return;
    ProfileRow *row = &mine.rows[i].row;
    row->count++;
    row->seconds += 1e-9 * (double)nanoseconds;
    row->flops += span.flops;
    row->bytes += bytes;
    if (mine.event_count < MOST_EVENTS && has_event_room())
        mine.events[mine.event_count++] =
            (ProfileEvent){i, span.begin, nanoseconds, span.flops, bytes};
}

static double size_of(const Value *v)
{
    return (double)((v->flags & DENSE) ? dense_of(v)->n : 1) * (double)sizeof(real);
}

double profile__bytes(const Value *v)
{
    double bytes = size_of(v);
    const size_t count = value_operand_count(v);
    for (size_t i = 0; i < count; i++)
        bytes += size_of(value_operand(v, i));
    return bytes;
}

/* ---- use --------------------------------------------------------------------------------------- */

void profile_start(void)
{
    profile__on = true;
}

void profile_stop(void)
{
    profile__on = false;
}

void profile_clear(void)
{
    buffer__give(mine.rows);
    buffer__give(mine.events);
    mine = (Profile){.rows = NULL};
}

/* How many rows come before row i. */
static size_t rank_of(int i)
{
    size_t rank = 0;
    for (int j = 0; j < mine.row_count; j++) {
        const double more = mine.rows[j].row.seconds - mine.rows[i].row.seconds;
        rank += more > 0 || (!(more < 0) && j < i);
    }
    return rank;
}

bool profile_row(size_t i, ProfileRow *row)
{
    for (int j = 0; row && j < mine.row_count; j++) {
        if (rank_of(j) == i) {
            *row = mine.rows[j].row;
            return true;
        }
    }
    return false;
}

const ProfileEvent *profile__events(size_t *count)
{
    *count = mine.event_count;
    return mine.events;
}

const ProfileRow *profile__event_row(const ProfileEvent *event)
{
    return &mine.rows[event->row].row;
}
