/* schedule.c - the learning rate as a function of the step. */
#include <math.h>

#include <valgrad/nn.h>

#include "autograd/error.h"
#include "nn/nn_internal.h"

#define NAME(name, text) text,
static const char *const names[] = {NN_SCHEDULE_RULE_LIST(NAME)};

static double fail(const char *what, int64_t given, const char *expected)
{
    error__set(VALGRAD_ERROR_ARGUMENT, "nn_schedule_rate: %s %lld: expected %s", what,
               (long long)given, expected);
    return (double)NAN;
}

static double by_steps(const NnSchedule *s, int64_t step)
{
    if (s->every < 1)
        return fail("every", s->every, "1 or more");
    return s->base * pow(s->factor, (double)(step / s->every));
}

static double by_cosine(const NnSchedule *s, int64_t step, int64_t total)
{
    const double pi = 3.14159265358979323846;
    if (total < 1)
        return fail("total", total, "1 or more");
    if (step >= total)
        return s->floor;
    double turn = pi * ((double)step / (double)total);
    return s->floor + (s->base - s->floor) * 0.5 * (1 + cos(turn));
}

static double by_rule(const NnSchedule *schedule, int64_t step, int64_t total)
{
    switch (schedule->rule) {
    case NN_CONSTANT: return schedule->base;
    case NN_STEP: return by_steps(schedule, step);
    case NN_COSINE: return by_cosine(schedule, step, total);
    case NN_SCHEDULE_RULE_COUNT:
    default: return fail("rule", (int64_t)schedule->rule, "constant, step or cosine");
    }
}

double nn_schedule_rate(const NnSchedule *schedule, int64_t step, int64_t total)
{
    if (!schedule) {
        error__set(VALGRAD_ERROR_NULL, "nn_schedule_rate: schedule is NULL");
        return (double)NAN;
    }
    if (step < 0)
        return fail("step", step, "0 or more");
    if (schedule->warmup < 0)
        return fail("warmup", schedule->warmup, "0 or more");
    if (step < schedule->warmup)
        return by_rule(schedule, 0, total) * ((double)(step + 1) / (double)schedule->warmup);
    return by_rule(schedule, step - schedule->warmup, total - schedule->warmup);
}

const char *nn_schedule_name(NnScheduleRule rule)
{
    return (unsigned)rule < NN_SCHEDULE_RULE_COUNT ? names[rule] : "";
}

ValgradStatus nn_schedule_find(const char *name, NnScheduleRule *out)
{
    int i = 0;
    ValgradStatus status =
        nn__find_name("nn_schedule_find", name, names, NN_SCHEDULE_RULE_COUNT, &i);
    if (status == VALGRAD_OK)
        *out = (NnScheduleRule)i;
    return status;
}
