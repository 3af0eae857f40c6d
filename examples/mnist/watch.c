/* watch.c - what is seen of a training while it runs: a bar or lines, a log, curves, diagnoses. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "watch.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- begin and end --------------------------------------------------------------------------- */

/* The steps taken, in this run and before. */
static int64_t step_of(const Watch *watch)
{
    return watch->first_step + watch->loss_count;
}

/* Opens a file that grows while the training runs, so that it can be followed. */
static bool open_stream(const char *path, FILE **file)
{
    if (!path)
        return true;
    *file = fopen(path, "w");
    if (!*file)
        error_line("%s: cannot be written: %s", path, strerror(errno));
    return *file != NULL;
}

static bool begin_files(Watch *watch)
{
    const Config *config = watch->config;
    if (!open_stream(config->log, &watch->log) || !open_stream(config->debug, &watch->debug))
        return false;
    if (watch->debug)
        fprintf(watch->debug, "step,epoch,loss,learning_rate\n");
    return (!watch->log || log_config(watch)) && (!config->plot || plot_check());
}

Watch *watch_new(const Config *config, const NnMlp *net, NnLoader *samples, const char *unseen)
{
    Watch *watch = calloc(1, sizeof *watch);
    if (!watch) {
        error_line("out of memory");
        return NULL;
    }
    *watch = (Watch){.config = config,
                     .samples = samples,
                     .unseen = unseen,
                     .terminal = isatty(STDOUT_FILENO),
                     .quiet = config->quiet};
    if (begin_files(watch) && (!config->diagnose || diagnosis_new(watch, net)))
        return watch;
    watch_free(watch);
    return NULL;
}

void watch_free(Watch *watch)
{
    if (!watch)
        return;
    if (watch->log)
        fclose(watch->log);
    if (watch->debug)
        fclose(watch->debug);
    diagnosis_free(watch);
    free(watch->losses);
    free(watch->epochs);
    free(watch);
}

/* Whether all that was written so far has reached the file. */
static bool flush(FILE *file, const char *path)
{
    errno = 0;
    if (!file || (fflush(file) == 0 && !ferror(file)))
        return true;
    error_line("%s: cannot be written: %s", path, strerror(errno ? errno : EIO));
    return false;
}

static bool flush_files(Watch *watch)
{
    return flush(watch->log, watch->config->log) && flush(watch->debug, watch->config->debug);
}

bool watch_end(Watch *watch)
{
    if (watch->terminal && !watch->quiet)
        draw_curve(watch);
    return flush_files(watch) && (!watch->config->plot || plot(watch));
}

void watch_say(const Watch *watch, const char *format, ...)
{
    va_list arguments;
    if (watch->quiet)
        return;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* ---- a step ---------------------------------------------------------------------------------- */

/* "epoch  3/10  loss 0.0512  train 98.40 %", of what was seen so far. */
static void print_state(const Watch *watch)
{
    int64_t epochs = watch->config->epochs;
    int digits = snprintf(NULL, 0, "%" PRId64, epochs);
    double seen = (double)watch->now.seen;
    printf("epoch %*" PRId64 "/%" PRId64 "  loss %.4f  train %6.2f %%", digits, watch->epoch,
           epochs, watch->now.loss / seen, 100 * (double)watch->now.correct / seen);
}

static void draw_bar(const Watch *watch, double rate)
{
    static const char full[] = "####################", empty[] = "....................";
    const int width = sizeof full - 1;
    int64_t samples = nn_loader_samples(watch->samples), left = samples - watch->now.seen;
    int done = (int)(watch->now.seen * width / samples);
    printf("\r");
    print_state(watch);
    printf("  [%.*s%.*s] %.0f samples/s, %.0f s left\033[K", done, full, width - done, empty, rate,
           ceil((double)left / rate));
    fflush(stdout);
}

static bool keep_loss(Watch *watch, double loss)
{
    if (watch->loss_count == watch->loss_room) {
        int64_t room = watch->loss_room ? 2 * watch->loss_room : 1024;
        double *grown = realloc(watch->losses, (size_t)room * sizeof *grown);
        if (!grown) {
            error_line("out of memory");
            return false;
        }
        watch->losses = grown;
        watch->loss_room = room;
    }
    watch->losses[watch->loss_count++] = loss;
    return true;
}

/* A learning rate that is too high makes the loss infinite. */
static bool check_loss(const Watch *watch, double loss)
{
    if (isfinite(loss))
        return true;
    error_line("the loss is %g after %" PRId64 " steps: expected a number: try a smaller --lr",
               loss, step_of(watch) + 1);
    return false;
}

static void write_step(Watch *watch, int64_t count, double loss, double rate)
{
    if (watch->log)
        fprintf(watch->log,
                "{\"step\": %" PRId64 ", \"epoch\": %" PRId64 ", \"samples\": %" PRId64
                ", \"loss\": %.9g, \"learning_rate\": %.9g}\n",
                step_of(watch), watch->epoch, count, loss, rate);
    if (watch->debug)
        fprintf(watch->debug, "%" PRId64 ",%" PRId64 ",%.9g,%.9g\n", step_of(watch), watch->epoch,
                loss, rate);
}

bool watch_before_step(Watch *watch, const NnMlp *net)
{
    bool middle = nn_loader_step(watch->samples) == (nn_loader_steps(watch->samples) + 1) / 2;
    return !watch->diagnosis || !middle || diagnosis_before_step(watch, net);
}

bool watch_step(Watch *watch, const NnBatch *batch, const Tensor *outputs, double loss, double rate)
{
    if (!check_loss(watch, loss) || !keep_loss(watch, loss))
        return false;
    write_step(watch, batch->count, loss, rate);
    if (watch->diagnosis && !diagnosis_after_step(watch))
        return library_error();
    watch->now.seen += batch->count;
    watch->now.correct += nn_count_correct(outputs, batch->count, batch->labels);
    watch->now.loss += loss * (double)batch->count;
    const double pause = 0.05; /* seconds between two drawings */
    if (!watch->terminal || watch->quiet)
        return true;
    double time = now();
    if (time - watch->drawn >= pause) {
        watch->drawn = time;
        draw_bar(watch, (double)(watch->now.seen - watch->earlier) / (time - watch->begun));
    }
    return true;
}

/* ---- an epoch -------------------------------------------------------------------------------- */

void watch_resume(Watch *watch, int64_t step, const Progress *progress)
{
    watch->first_step = step;
    watch->now = *progress;
}

const Progress *watch_progress(const Watch *watch)
{
    return &watch->now;
}

void watch_begin_epoch(Watch *watch)
{
    watch->epoch = nn_loader_epoch(watch->samples) + 1;
    watch->earlier = watch->now.seen;
    watch->begun = watch->drawn = now();
    watch->ended = 0;
}

void watch_end_training(Watch *watch)
{
    watch->ended = now();
}

static bool keep_epoch(Watch *watch, const Epoch *epoch)
{
    size_t count = (size_t)watch->epoch_count + 1;
    Epoch *grown = realloc(watch->epochs, count * sizeof *grown);
    if (!grown) {
        error_line("out of memory");
        return false;
    }
    watch->epochs = grown;
    watch->epochs[watch->epoch_count++] = *epoch;
    return true;
}

static void write_epoch(Watch *watch, const Epoch *epoch, double seconds)
{
    fprintf(watch->log,
            "{\"epoch\": %" PRId64 ", \"train_loss\": %.9g, \"train_accuracy\": %.9g, "
            "\"%s_loss\": %.9g, \"%s_accuracy\": %.9g, \"seconds\": %.3f}\n",
            watch->epoch, epoch->loss, epoch->accuracy, watch->unseen, epoch->unseen_loss,
            watch->unseen, epoch->unseen_accuracy, seconds);
}

bool watch_epoch(Watch *watch, const NnMlp *net, NnLoader *unseen, double unseen_loss,
                 double unseen_accuracy)
{
    double seconds = watch->ended - watch->begun, seen = (double)watch->now.seen;
    const Epoch epoch = {step_of(watch), watch->now.loss / seen, (double)watch->now.correct / seen,
                         unseen_loss, unseen_accuracy};
    if (!keep_epoch(watch, &epoch))
        return false;
    if (watch->log)
        write_epoch(watch, &epoch, seconds);
    if (!watch->quiet) {
        printf(watch->terminal ? "\r\033[K" : "");
        print_state(watch);
        printf("  %s %6.2f %%", watch->unseen, 100 * unseen_accuracy);
        if (watch->now.seen > watch->earlier) /* else the run was resumed at the epoch's end */
            printf("  %.2f s  %.0f samples/s", seconds,
                   (double)(watch->now.seen - watch->earlier) / seconds);
        printf("\n");
        fflush(stdout);
    }
    watch->now = (Progress){0, 0, 0};
    bool diagnosed = watch->diagnosis && !watch->quiet;
    return flush_files(watch) && (!diagnosed || diagnosis_print(watch, net, unseen));
}
