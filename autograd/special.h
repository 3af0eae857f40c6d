/* special.h - functions that the rows of ops.def use and <math.h> lacks, too long to stand in functions.h.
 * In double, also for float builds; relative errors of about 1e-15 unless said otherwise. */
#ifndef VALGRAD_AUTOGRAD_SPECIAL_H
#define VALGRAD_AUTOGRAD_SPECIAL_H

/* log |Gamma(x)|, without the sign that lgamma() writes to a variable of the whole program. */
double special__lgamma(double x);

/* Its derivative: infinite at 0 (by the sign of the zero), NaN at the other poles. Below 0 the error is
 * relative to max(1, |result|), for there is a zero between each two poles. */
double special__digamma(double x);

/* Its second derivative; infinite at 0, NaN at the other poles. */
double special__trigamma(double x);

/* The y with erf(y) = x; infinite at 1 and -1, NaN beyond. */
double special__erfinv(double x);

/* Its derivative, given the function's rounded value f. */
double special__erfinv_slope(double x, double f);

#endif
