/* harness.h - compares programs that do the same work: in turns, so that a noisy machine disturbs all
 * alike; only after their results were found right; as a table and as JSON. How long ours took as a multiple
 * of another is the median of the turns' ratios; minimum and median are those of each program's own times.
 *
 * Each program runs in a process of its own, which does nothing while another has its turn: a function
 * of the benchmark, for which a new one begins every few turns, or a command (a peer in another language,
 * which may not be there and is then skipped). A process reads lines
 *
 *     repeat <n>
 *
 * and answers each, having done the workload n times, with the seconds that took (of processor time,
 * which other programs on the machine disturb less, unless it has several threads), the most bytes of
 * memory it has had since it began, without those of files, and the results:
 *
 *     <seconds> <bytes> <result> <result> …
 *
 * after a first line "ready <bytes>"; at any other line it ends. A command gets the workload's name as its last
 * argument; when it cannot do that workload it ends without a word. */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stdbool.h>
#include <stdio.h>

enum { BENCH_RESULTS = 4, BENCH_PROGRAMS = 12, BENCH_WORDS = 4 };

typedef struct BenchProgram {
    const char *name; /* "ours", "limit" (no graph, written by hand), or a peer's */
    /* Does the workload once and writes its results. NULL: a command does. */
    void (*run)(double *results);
    const char *command[BENCH_WORDS]; /* NULL after the last word */
    const char *missing;              /* what to say when the command is not there */
} BenchProgram;

typedef struct BenchResult {
    const char *what;
    double expected;
} BenchResult;

typedef struct BenchWorkload {
    const char *name, *title;
    const char *unit;   /* of the times in the table: */
    double scale;       /* seconds of one repetition times this */
    double units;       /* operations in one repetition; 0: memory is not reported for each */
    double tolerance;   /* of results, relative */
    double least_seconds; /* that turns of short work go on, so that the host's phases, which last seconds, even out */
    int threads;        /* of each program; when it is 1, they all run on one core */
    BenchResult results[BENCH_RESULTS]; /* what == NULL after the last */
    void (*prepare)(void); /* called before the programs start; may be NULL */
    BenchProgram programs[BENCH_PROGRAMS]; /* "ours" first; name == NULL after the last */
} BenchWorkload;

/* The workload being measured, for functions that serve several. */
extern const BenchWorkload *bench_workload;

/* What such a process does after its preparations, for commands written in C. */
void bench_serve(void (*run)(double *results), int threads, FILE *in, FILE *out);

/* Runs it, under a name at which a tool can begin and end to count instructions (see
 * tests/instruction_counts.cmake). */
void bench_counted(void (*run)(double *results), double *results);

/* main() of a benchmark with these workloads: its options are --json FILE, --turns N, --count WORKLOAD (ours
 * twice in this process, the second time by bench_counted, and no more), and names of workloads.
 * `precision` stands in the JSON rows. Returns the exit status: not 0 when a result was wrong or the file
 * could not be written. */
int bench_main(int argc, char **argv, const char *precision, int count,
               const BenchWorkload *workloads);

#endif
