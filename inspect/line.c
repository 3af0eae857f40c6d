/* line.c - one derivative against differences.
 *
 * Along a line through the present point (one input moved, or all of them in a random direction) the
 * function is evaluated at five places, h apart. The middle three give the central difference; all five
 * show what kind of place this is. A smooth function has nearly the same second difference everywhere; a
 * kink, a jump or a pole among the five places stands out in one of them. If it stands out by as much as
 * the disagreement, and backward's derivative lies between the slopes to be found there, nothing is
 * proved: inconclusive. */
#include <math.h>

#include "inspect/line.h"

static double slope(const Line *line, int from, int to)
{
    return (line->f[to] - line->f[from]) / (line->at[to] - line->at[from]);
}

/* Whether the neighbourhood is too rough to tell the analytic derivative from the numeric one. */
static bool is_rough(const Line *line, const Verdict *verdict)
{
    double lowest = INFINITY, highest = -INFINITY, least_bend = INFINITY, most_bend = -INFINITY;
    for (int k = 0; k + 1 < PLACES; k++) {
        const double here = slope(line, k, k + 1);
        lowest = fmin(lowest, here);
        highest = fmax(highest, here);
        if (k == 0)
            continue;
        const double bend = here - slope(line, k - 1, k);
        least_bend = fmin(least_bend, bend);
        most_bend = fmax(most_bend, bend);
    }
    return most_bend - least_bend >= verdict->error &&
           line->analytic >= lowest - verdict->tolerance &&
           line->analytic <= highest + verdict->tolerance;
}

static bool is_finite(const Line *line)
{
    for (int k = 0; k < PLACES; k++) {
        if (!isfinite(line->f[k]))
            return false;
    }
    return true;
}

Verdict line__judge(const Line *line, const GradcheckOptions *options)
{
    Verdict verdict = {.numeric = slope(line, MIDDLE - 1, MIDDLE + 1),
                       .left = slope(line, MIDDLE - 1, MIDDLE),
                       .right = slope(line, MIDDLE, MIDDLE + 1)};
    verdict.error = fabs(line->analytic - verdict.numeric);
    verdict.tolerance = options->relative * fmax(fabs(line->analytic), fabs(verdict.numeric)) +
                        options->absolute * fmax(1, line->size);
    if (!is_finite(line))
        verdict.outcome = GRADCHECK_INCONCLUSIVE;
    else if (!isfinite(line->analytic))
        verdict.outcome = GRADCHECK_FAIL;
    else if (verdict.error <= verdict.tolerance)
        verdict.outcome = GRADCHECK_PASS;
    else
        verdict.outcome = is_rough(line, &verdict) ? GRADCHECK_INCONCLUSIVE : GRADCHECK_FAIL;
    return verdict;
}
