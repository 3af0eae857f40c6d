/* real.h - the number type of the whole library, and the marks that public declarations carry.
 *
 * `real` is double. A library built with VALGRAD_FLOAT has float instead, under its own library name
 * (valgradf) with the same function names; CMake and pkg-config define VALGRAD_FLOAT for its users. */
#ifndef VALGRAD_REAL_H
#define VALGRAD_REAL_H

#ifdef VALGRAD_FLOAT
typedef float real;
#define REAL_EPSILON 1.1920928955078125e-7f
#else
typedef double real;
#define REAL_EPSILON 2.220446049250313e-16
#endif

#if defined(__GNUC__) || defined(__clang__)
#define VALGRAD_API __attribute__((visibility("default")))
#define VALGRAD_MUST_USE __attribute__((warn_unused_result))
#else
#define VALGRAD_API
#define VALGRAD_MUST_USE
#endif

#ifdef __cplusplus
#define VALGRAD_BEGIN extern "C" {
#define VALGRAD_END }
#else
#define VALGRAD_BEGIN
#define VALGRAD_END
#endif

#endif
