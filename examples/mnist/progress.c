/* progress.c - a bar on a terminal, one line for each epoch anywhere. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "mnist.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

Progress progress_new(const Config *config, int64_t samples)
{
    return (Progress){
        .terminal = isatty(STDOUT_FILENO),
        .quiet = config->quiet,
        .epochs = config->epochs,
        .samples = samples,
    };
}

void progress_begin_epoch(Progress *progress, int64_t epoch)
{
    progress->epoch = epoch + 1;
    progress->earlier = progress->seen;
    progress->begun = progress->drawn = now();
}

/* "epoch  3/10  loss 0.0512  train 98.40 %", of what was seen so far. */
static void print_state(const Progress *progress)
{
    int digits = snprintf(NULL, 0, "%" PRId64, progress->epochs);
    double seen = (double)progress->seen;
    printf("epoch %*" PRId64 "/%" PRId64 "  loss %.4f  train %6.2f %%", digits, progress->epoch,
           progress->epochs, progress->loss / seen, 100 * (double)progress->correct / seen);
}

static void draw_bar(const Progress *progress, double rate)
{
    static const char full[] = "##############################",
                      empty[] = "..............................";
    const int width = sizeof full - 1;
    int done = (int)(progress->seen * width / progress->samples);
    printf("\r");
    print_state(progress);
    printf("  [%.*s%.*s] %.0f samples/s\033[K", done, full, width - done, empty, rate);
    fflush(stdout);
}

void progress_step(Progress *progress, int64_t count, double loss, int64_t correct)
{
    progress->seen += count;
    progress->correct += correct;
    progress->loss += loss * (double)count;
    if (!progress->terminal || progress->quiet)
        return;
    const double pause = 0.05; /* seconds between two drawings */
    double time = now();
    if (time - progress->drawn < pause)
        return;
    progress->drawn = time;
    draw_bar(progress, (double)(progress->seen - progress->earlier) / (time - progress->begun));
}

void progress_end_training(Progress *progress)
{
    progress->seconds = now() - progress->begun;
}

static void print_epoch(const Progress *progress, double test_accuracy)
{
    if (progress->terminal)
        printf("\r\033[K");
    print_state(progress);
    printf("  test %6.2f %%  %.2f s  %.0f samples/s\n", 100 * test_accuracy, progress->seconds,
           (double)(progress->seen - progress->earlier) / progress->seconds);
    fflush(stdout);
}

void progress_end_epoch(Progress *progress, double test_accuracy)
{
    if (!progress->quiet)
        print_epoch(progress, test_accuracy);
    progress->seen = progress->correct = 0;
    progress->loss = 0;
}
