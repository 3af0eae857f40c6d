/* curve.c - losses and accuracies as curves: a small one in the terminal, an SVG by gnuplot. */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nn/files.h"
#include "watch.h"

/* The mean loss of part i of n equal parts of the steps. */
static double mean_loss(const Watch *watch, int64_t i, int64_t n)
{
    int64_t from = i * watch->loss_count / n, to = (i + 1) * watch->loss_count / n;
    double sum = 0;
    for (int64_t s = from; s < to; s++)
        sum += watch->losses[s];
    return sum / (double)(to - from);
}

/* ---- in the terminal ------------------------------------------------------------------------- */

enum { CURVE_ROWS = 8, CURVE_COLUMNS = 60 };

/* The losses span decades, so the rows are even steps of their logarithm. */
void draw_curve(const Watch *watch)
{
    static const char *const heights[] = {" ",      "\u2581", "\u2582", "\u2583", "\u2584",
                                          "\u2585", "\u2586", "\u2587", "\u2588"};
    double means[CURVE_COLUMNS], low = (double)INFINITY, high = 1e-12;
    int64_t columns = watch->loss_count < CURVE_COLUMNS ? watch->loss_count : CURVE_COLUMNS;
    for (int64_t i = 0; i < columns; i++) {
        means[i] = fmax(1e-12, mean_loss(watch, i, columns));
        low = fmin(low, means[i]);
        high = fmax(high, means[i]);
    }
    if (columns < 2 || high <= low)
        return;
    printf("\n%9.4f loss by step, its logarithm\n", high);
    for (int row = CURVE_ROWS - 1; row >= 0; row--) {
        if (row == 0)
            printf("%9.4f ", low);
        else
            printf("%9s ", "");
        for (int64_t i = 0; i < columns; i++) {
            double eighths = 8 * CURVE_ROWS * log(means[i] / low) / log(high / low) - 8 * row;
            fputs(heights[eighths < 1 ? (row == 0) : eighths > 8 ? 8 : (int)eighths], stdout);
        }
        putchar('\n');
    }
    putchar('\n');
}

/* ---- gnuplot --------------------------------------------------------------------------------- */

bool plot_check(void)
{
    if (system("command -v gnuplot >/dev/null 2>&1") == 0)
        return true;
    error_line("--plot: gnuplot is missing: install it (Debian and Ubuntu: gnuplot-nox)");
    return false;
}

static void write_losses(FILE *gnuplot, const Watch *watch)
{
    const int64_t most = 1000;
    int64_t points = watch->loss_count < most ? watch->loss_count : most;
    fprintf(gnuplot, "$losses << EOD\n");
    for (int64_t i = 0; i < points; i++)
        fprintf(gnuplot, "%" PRId64 " %.9g\n",
                watch->first_step + (i + 1) * watch->loss_count / points,
                mean_loss(watch, i, points));
    fprintf(gnuplot, "EOD\n$epochs << EOD\n");
    for (int64_t i = 0; i < watch->epoch_count; i++)
        fprintf(gnuplot, "%" PRId64 " %.9g %.9g\n", watch->epochs[i].steps,
                100 * watch->epochs[i].accuracy, 100 * watch->epochs[i].unseen_accuracy);
    fprintf(gnuplot, "EOD\n");
}

/* Of a single step gnuplot would have no range; of accuracies that are all the same, neither. */
static void write_commands(FILE *gnuplot, const Watch *watch)
{
    write_losses(gnuplot, watch);
    fprintf(gnuplot,
            "stats $losses using 2 nooutput\n"
            "if (STATS_min == STATS_max) set yrange [STATS_min / 2:STATS_max * 2]\n"
            "set xrange [%" PRId64 ":*]\nset y2range [*<99:100]\n"
            "set terminal svg size 800,480 font 'sans-serif,13' background 'white'\n"
            "set grid\nset key right center\nset xlabel 'step'\nset ylabel 'loss'\nset logscale y\n"
            "set y2label 'accuracy, %%'\nset y2tics\nset ytics nomirror\n",
            watch->first_step);
    fprintf(gnuplot, "plot $losses with lines lc rgb '#9999cc' title 'loss'");
    if (watch->epoch_count)
        fprintf(gnuplot,
                ", $epochs using 1:2 axes x1y2 with linespoints lc rgb '#cc7722' title 'train',"
                " $epochs using 1:3 axes x1y2 with linespoints lc rgb '#227733' title '%s'",
                watch->unseen);
    fprintf(gnuplot, "\n");
}

/* Starts gnuplot; its commands go into the stream, its picture comes out of it. */
static FILE *start_gnuplot(pid_t *child)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0)
        return NULL;
    *child = fork();
    if (*child == 0) {
        dup2(ends[1], STDIN_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execlp("gnuplot", "gnuplot", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *gnuplot = *child > 0 ? fdopen(ends[0], "r+") : NULL;
    if (!gnuplot)
        close(ends[0]);
    return gnuplot;
}

/* gnuplot itself would not tell of a full disk. */
static bool run_gnuplot(const Watch *watch, OutputFile *output)
{
    char piece[4096];
    pid_t child = -1;
    int status = -1;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    FILE *gnuplot = start_gnuplot(&child);
    if (gnuplot) {
        write_commands(gnuplot, watch);
        fflush(gnuplot);
        shutdown(fileno(gnuplot), SHUT_WR);
        for (size_t n; (n = fread(piece, 1, sizeof piece, gnuplot)) > 0;)
            output__write(output, piece, n);
        fclose(gnuplot);
    }
    if (child > 0)
        waitpid(child, &status, 0);
    signal(SIGPIPE, before);
    return gnuplot && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool plot(const Watch *watch)
{
    OutputFile output;
    if (watch->loss_count == 0)
        return true;
    if (output__open(&output, __func__, watch->config->plot) != VALGRAD_OK)
        return library_error();
    if (run_gnuplot(watch, &output))
        return output__close(&output) == VALGRAD_OK || library_error();
    output__discard(&output);
    error_line("%s: gnuplot failed", watch->config->plot);
    return false;
}
