/* line.h - a function of one number at neighbouring places, and whether its slope is what backward says. */
#ifndef VALGRAD_INSPECT_LINE_H
#define VALGRAD_INSPECT_LINE_H

#include <valgrad/gradcheck.h>

enum { PLACES = 5, MIDDLE = 2 };

/* A function of one number at five neighbouring places, and what backward says of the middle one. */
typedef struct Line {
    double at[PLACES], f[PLACES];
    double analytic;
    double size; /* to which absolute tolerance refers */
} Line;

typedef struct Verdict {
    GradcheckOutcome outcome;
    double numeric, left, right, error, tolerance;
} Verdict;

Verdict line__judge(const Line *line, const GradcheckOptions *options);

#endif
