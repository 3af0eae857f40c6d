/* harness.c - processes, turns, statistics, table and JSON: see harness.h. */
#define _GNU_SOURCE
#include "bench/harness.h"

#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { USUAL_TURNS = 31, MOST_TURNS = 1001, TURNS_OF_A_PROCESS = 4, LINE = 512 };

static const double turn_seconds = 4e-3;   /* a turn repeats short work until about this long, */
static const double program_seconds = 3.0; /* and long work has fewer turns */

/* ---- inside a program's process ---------------------------------------------------------------- */

static double read_clock(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Of this process alone: what getrusage() says begins with what the parent has had. Without the pages of files: those
 * of the program and its libraries come in as they are first run. */
static double peak_bytes(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[LINE];
    double peak = 0, files = 0;
    while (status && fgets(line, sizeof line, status))
        if (sscanf(line, "VmHWM: %lf", &peak) != 1)
            (void)sscanf(line, "RssFile: %lf", &files);
    if (status)
        fclose(status);
    return (peak - files) * 1024;
}

void bench_serve(void (*run)(double *results), int threads, FILE *in, FILE *out)
{
    const clockid_t clock = threads > 1 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID;
    char line[LINE];
    fprintf(out, "ready %.0f\n", peak_bytes());
    while (fflush(out) == 0 && fgets(line, sizeof line, in) && strncmp(line, "repeat ", 7) == 0) {
        double results[BENCH_RESULTS] = {0};
        const long count = strtol(line + 7, NULL, 10);
        const double start = read_clock(clock);
        for (long i = 0; i < count; i++)
            run(results);
        fprintf(out, "%.9g %.0f", read_clock(clock) - start, peak_bytes());
        for (int i = 0; i < BENCH_RESULTS; i++)
            fprintf(out, " %.17g", results[i]);
        fprintf(out, "\n");
    }
}

/* ---- a program, seen from outside -------------------------------------------------------------- */

typedef struct Entrant {
    const BenchProgram *program;
    pid_t process;
    FILE *to, *from;
    double idle_bytes, bytes_per_unit; /* the latter 0 when not known */
    double times[MOST_TURNS], spent;   /* of each turn, in the workload's unit; of all, in seconds */
    int turns;
    double minimum, median, ours_over_it; /* in the end; the last is 0 without turns of ours */
    bool wrong;
} Entrant;

/* So that no program is moved between cores while it is measured. The last core is likely to have
 * least to do with the machine's own affairs. */
static void pin_to_one_core(void)
{
    cpu_set_t allowed, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    size_t cpu = CPU_SETSIZE - 1;
    while (cpu > 0 && !CPU_ISSET(cpu, &allowed))
        cpu--;
    CPU_SET(cpu, &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

static void replace_process(const BenchProgram *program, const char *workload)
{
    const char *words[BENCH_WORDS + 2] = {NULL};
    int count = 0;
    while (count < BENCH_WORDS && program->command[count]) {
        words[count] = program->command[count];
        count++;
    }
    words[count] = workload;
    execvp(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
}

static void start(Entrant *entrant, const BenchWorkload *workload)
{
    int down[2], up[2];
    if (pipe(down) != 0 || pipe(up) != 0)
        return;
    fflush(stdout);
    entrant->process = fork();
    if (entrant->process == 0) {
        close(down[1]);
        close(up[0]);
        if (workload->threads == 1)
            pin_to_one_core();
        if (entrant->program->run) {
            bench_serve(entrant->program->run, workload->threads, fdopen(down[0], "r"),
                        fdopen(up[1], "w"));
            _exit(0);
        }
        dup2(down[0], STDIN_FILENO);
        dup2(up[1], STDOUT_FILENO);
        replace_process(entrant->program, workload->name);
    }
    close(down[0]);
    close(up[1]);
    entrant->to = fdopen(down[1], "w");
    entrant->from = fdopen(up[0], "r");
}

/* The end is said, for processes started later have copies of the pipe and keep it open. */
static void stop(Entrant *entrant)
{
    if (entrant->to) {
        fprintf(entrant->to, "end\n");
        fclose(entrant->to);
    }
    if (entrant->from)
        fclose(entrant->from);
    entrant->to = entrant->from = NULL;
    if (entrant->process > 0)
        waitpid(entrant->process, NULL, 0);
    entrant->process = 0;
}

static bool await_ready(Entrant *entrant)
{
    char line[LINE];
    return entrant->from && fgets(line, sizeof line, entrant->from) &&
           sscanf(line, "ready %lf", &entrant->idle_bytes) == 1;
}

/* Seconds that n repetitions took, or a negative number when the process has failed. */
static double repeat(Entrant *entrant, long n, double *bytes, double *results)
{
    char line[LINE];
    fprintf(entrant->to, "repeat %ld\n", n);
    if (fflush(entrant->to) != 0 || !fgets(line, sizeof line, entrant->from))
        return -1;
    char *rest = line;
    const double seconds = strtod(rest, &rest);
    *bytes = strtod(rest, &rest);
    for (int i = 0; i < BENCH_RESULTS; i++)
        results[i] = strtod(rest, &rest);
    return seconds;
}

/* ---- turns ------------------------------------------------------------------------------------- */

static bool results_are_right(const Entrant *entrant, const BenchWorkload *workload,
                              const double *results)
{
    bool right = true;
    for (int i = 0; i < BENCH_RESULTS && workload->results[i].what; i++) {
        const BenchResult *result = &workload->results[i];
        if (fabs(results[i] - result->expected) <= workload->tolerance * fabs(result->expected))
            continue;
        printf("  %-14s WRONG: %s is %.12g, expected %.12g\n", entrant->program->name, result->what,
               results[i], result->expected);
        right = false;
    }
    return right;
}

/* The first repetition: it prepares what the others use, and shows whether the program is there and right. */
static bool warm_up(Entrant *entrant, const BenchWorkload *workload)
{
    double bytes = 0, results[BENCH_RESULTS];
    if (!await_ready(entrant)) {
        entrant->wrong = entrant->program->run;
        return false;
    }
    const double seconds = repeat(entrant, 1, &bytes, results);
    entrant->wrong = seconds < 0 || !results_are_right(entrant, workload, results);
    if (entrant->wrong)
        return false;
    if (workload->units > 0)
        entrant->bytes_per_unit = (bytes - entrant->idle_bytes) / workload->units;
    return true;
}

/* Threads that wait for work keep a core busy for a while: those of OpenBLAS some 20 ms. */
static void await_sleep_of_threads(void)
{
    nanosleep(&(struct timespec){0, 30 * 1000 * 1000}, NULL);
}

/* Others had the caches since: of short work, the repetitions before those that count bring them back. */
static void take_turn(Entrant *entrant, const BenchWorkload *workload)
{
    double bytes, results[BENCH_RESULTS], seconds;
    long count = 0;
    if (entrant->spent > program_seconds)
        return;
    if (workload->threads > 1)
        await_sleep_of_threads();
    do {
        count = 2 * count + 1;
        seconds = repeat(entrant, count, &bytes, results);
        entrant->spent += seconds;
    } while (seconds > 0 && seconds < turn_seconds);
    if (seconds >= 0)
        entrant->times[entrant->turns++] = seconds / (double)count * workload->scale;
}

/* Where the system lays the memory of a process decides on a few percent of its time, so the benchmark's own programs
 * begin anew every few turns. (Peers take too long for that to start.) */
static void begin_anew(Entrant *entrant, const BenchWorkload *workload)
{
    if (!entrant->program->run || entrant->spent > program_seconds)
        return;
    stop(entrant);
    start(entrant, workload);
    if (!warm_up(entrant, workload))
        stop(entrant);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(int n, double *sorted)
{
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* The ratio is taken turn by turn: what disturbs the machine for longer than a turn disturbs both. */
static void summarize(Entrant *entrant, const Entrant *ours)
{
    double numbers[MOST_TURNS];
    const int both = entrant->turns < ours->turns ? entrant->turns : ours->turns;
    if (entrant->turns == 0)
        return;
    for (int i = 0; i < both; i++)
        numbers[i] = ours->times[i] / entrant->times[i];
    entrant->ours_over_it = both ? median(both, numbers) : 0;
    memcpy(numbers, entrant->times, (size_t)entrant->turns * sizeof *numbers);
    entrant->median = median(entrant->turns, numbers);
    entrant->minimum = numbers[0];
}

/* ---- what is told ------------------------------------------------------------------------------ */

static void print_heading(const BenchWorkload *workload)
{
    printf("\n%s: %s\n  %-14s %10s %10s %10s %10s\n", workload->name, workload->title,
           workload->unit, "minimum", "median", "ours/it", workload->units > 0 ? "bytes/op" : "");
}

static void print_row(const Entrant *entrant, const Entrant *ours)
{
    if (entrant->turns == 0) {
        if (!entrant->wrong)
            printf("  %-14s skipped: %s\n", entrant->program->name, entrant->program->missing);
        return;
    }
    printf("  %-14s %10.4g %10.4g ", entrant->program->name, entrant->minimum, entrant->median);
    if (entrant != ours && entrant->ours_over_it > 0)
        printf("%9.3gx ", entrant->ours_over_it);
    else
        printf("%10s ", "");
    if (entrant->bytes_per_unit > 0)
        printf("%10.1f", entrant->bytes_per_unit);
    printf("\n");
}

static void json_row(FILE *json, const char *precision, const BenchWorkload *workload,
                     const char *program, const char *unit, double least, double middle,
                     double ours_over_it)
{
    fprintf(
        json,
        "%s\n  {\"workload\": \"%s\", \"precision\": \"%s\", \"threads\": %d, \"program\": \"%s\", "
        "\"unit\": \"%s\", \"min\": %.6g, \"median\": %.6g, \"ours_over_it\": ",
        ftell(json) > 1 ? "," : "", workload->name, precision, workload->threads, program, unit,
        least, middle);
    if (ours_over_it > 0)
        fprintf(json, "%.4g}", ours_over_it);
    else
        fprintf(json, "null}");
}

static void json_rows(FILE *json, const char *precision, const BenchWorkload *workload,
                      const Entrant *entrant, const Entrant *ours)
{
    const char *name = entrant->program->name;
    const double bytes = entrant->bytes_per_unit;
    json_row(json, precision, workload, name, workload->unit, entrant->minimum, entrant->median,
             entrant->ours_over_it);
    if (bytes > 0)
        json_row(json, precision, workload, name, "bytes/op", bytes, bytes, ours->bytes_per_unit / bytes);
}

/* ---- a workload -------------------------------------------------------------------------------- */

const BenchWorkload *bench_workload;

/* Whether there is another turn after so many; asked 0 leaves it to the workload. */
static bool goes_on(const BenchWorkload *workload, int asked, int turns, double start)
{
    if (asked > 0)
        return turns < asked;
    return turns < USUAL_TURNS ||
           (turns < MOST_TURNS && read_clock(CLOCK_MONOTONIC) - start < workload->least_seconds);
}

/* False when a result was wrong. */
static bool compare(const BenchWorkload *workload, const char *precision, int asked_turns, FILE *json)
{
    static Entrant entrants[BENCH_PROGRAMS];
    int count = 0;
    bool right = true;
    memset(entrants, 0, sizeof entrants);
    bench_workload = workload;
    print_heading(workload);
    if (workload->prepare)
        workload->prepare();
    for (; count < BENCH_PROGRAMS && workload->programs[count].name; count++) {
        entrants[count].program = &workload->programs[count];
        start(&entrants[count], workload);
        if (!warm_up(&entrants[count], workload))
            stop(&entrants[count]);
    }
    const double start_of_turns = read_clock(CLOCK_MONOTONIC);
    for (int turn = 0; goes_on(workload, asked_turns, turn, start_of_turns); turn++) {
        for (int i = 0; i < count; i++) {
            Entrant *next = &entrants[(turn + i) % count]; /* so that none always comes after the same other */
            if (next->process && turn > 0 && turn % TURNS_OF_A_PROCESS == 0)
                begin_anew(next, workload);
            if (next->process)
                take_turn(next, workload);
        }
    }
    for (int i = 0; i < count; i++) {
        stop(&entrants[i]);
        summarize(&entrants[i], &entrants[0]);
        right &= !entrants[i].wrong;
    }
    for (int i = 0; i < count; i++) {
        print_row(&entrants[i], &entrants[0]);
        if (json && entrants[i].turns > 0)
            json_rows(json, precision, workload, &entrants[i], &entrants[0]);
    }
    fflush(stdout);
    return right;
}

/* ---- main -------------------------------------------------------------------------------------- */

typedef struct Options {
    const char *json, *counted;
    int turns;      /* 0 when not given */
    int first_name; /* in argv */
} Options;

static bool is_known(const char *name, int count, const BenchWorkload *workloads)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(workloads[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool parse(int argc, char **argv, int count, const BenchWorkload *workloads,
                  Options *options)
{
    int i = 1;
    for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        if (strcmp(argv[i], "--json") == 0)
            options->json = argv[i + 1];
        else if (strcmp(argv[i], "--turns") == 0 && atoi(argv[i + 1]) >= 1)
            options->turns = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--count") == 0 && is_known(argv[i + 1], count, workloads))
            options->counted = argv[i + 1];
        else
            return false;
    }
    options->first_name = i;
    for (; i < argc; i++) {
        if (!is_known(argv[i], count, workloads))
            return false;
    }
    return options->turns <= MOST_TURNS;
}

static void print_usage(const char *program, int count, const BenchWorkload *workloads)
{
    fprintf(stderr,
            "usage: %s [--json FILE] [--turns 1 … %d] [--count WORKLOAD] [workload…]\nworkloads:\n",
            program, MOST_TURNS);
    for (int i = 0; i < count; i++)
        fprintf(stderr, "  %-10s %s\n", workloads[i].name, workloads[i].title);
}

static bool is_wanted(const BenchWorkload *workload, int argc, char **argv, const Options *options)
{
    for (int i = options->first_name; i < argc; i++) {
        if (strcmp(argv[i], workload->name) == 0)
            return true;
    }
    return options->first_name >= argc;
}

/* The file appears whole or not at all. */
static bool finish_json(FILE *json, const char *unfinished, const char *file, bool right)
{
    fprintf(json, "\n]\n");
    const bool written = !ferror(json) && fclose(json) == 0;
    if (written && right && rename(unfinished, file) == 0)
        return true;
    fprintf(stderr, "%s was not written%s\n", file, right ? "" : ": a result was wrong");
    remove(unfinished);
    return false;
}

__attribute__((noinline)) void bench_counted(void (*run)(double *results), double *results)
{
    run(results);
}

/* Once to get everything ready, and once to be counted. */
static int count_once(const char *name, int count, const BenchWorkload *workloads)
{
    double results[BENCH_RESULTS] = {0};
    int i = 0;
    while (i + 1 < count && strcmp(workloads[i].name, name) != 0)
        i++;
    const Entrant ours = {.program = &workloads[i].programs[0]};
    bench_workload = &workloads[i];
    if (bench_workload->prepare)
        bench_workload->prepare();
    ours.program->run(results);
    bench_counted(ours.program->run, results);
    return results_are_right(&ours, bench_workload, results) ? EXIT_SUCCESS : EXIT_FAILURE;
}

int bench_main(int argc, char **argv, const char *precision, int count,
               const BenchWorkload *workloads)
{
    Options options = {.turns = 0};
    char unfinished[4096] = "";
    FILE *json = NULL;
    if (!parse(argc, argv, count, workloads, &options)) {
        print_usage(argv[0], count, workloads);
        return 2;
    }
    if (options.counted)
        return count_once(options.counted, count, workloads);
    if (options.json) {
        const int length = snprintf(unfinished, sizeof unfinished, "%s.unfinished", options.json);
        json = length < (int)sizeof unfinished ? fopen(unfinished, "w") : NULL;
        if (!json) {
            fprintf(stderr, "%s cannot be written\n", unfinished);
            return 2;
        }
        fprintf(json, "[");
    }
    signal(SIGPIPE, SIG_IGN); /* a process that has ended shows by what it answers */
    bool right = true;
    for (int i = 0; i < count; i++) {
        if (is_wanted(&workloads[i], argc, argv, &options))
            right &= compare(&workloads[i], precision, options.turns, json);
    }
    if (json)
        right &= finish_json(json, unfinished, options.json, right);
    return right ? EXIT_SUCCESS : EXIT_FAILURE;
}
