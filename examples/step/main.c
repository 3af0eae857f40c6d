/* main.c - step: automatic differentiation, one step at a time; `step --help` tells how it is used. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nn/files.h"
#include "step.h"

static const char usage[] =
    "step [--plain | --quiz] EXPRESSION name=number ...\n"
    "step [--plain | --quiz] LESSON\n"
    "step --list\n"
    "\n"
    "Goes through the forward and the backward pass of an expression one step at a time:\n"
    "\n"
    "    step 'tanh(w*x + b)' w=2 x=-1 b=3\n"
    "    step 'h = a*a; h + a' a=3      names for parts of it\n"
    "    step neuron                    a lesson; --list has them all, and the functions\n"
    "\n"
    "--plain       prints the whole walk, as it does where there is no terminal\n"
    "--quiz        asks for each gradient and explains what was missed\n"
    "--html FILE   writes a page that replays both passes in a browser\n"
    "--svg FILE    writes a drawing of the graph with its numbers and gradients\n"
    "--list        lists lessons and functions\n"
    "--help        this text\n"
    "\n"
    "Ends with 0, with 2 if it was not told what it needs, with 1 if something else fails.\n";

typedef struct Settings {
    bool plain, quiz;
    const char *html, *svg, *expression;
} Settings;

void error_line(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs("step: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* ---- the command line -------------------------------------------------------------------------- */

static const char *value_of(int argc, char **argv, int *i)
{
    if (*i + 1 < argc)
        return argv[++*i];
    error_line("%s: expected a file name after it", argv[*i]);
    exit(EXIT_USAGE);
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] == '-' && word[2];
}

static void read_option(Settings *settings, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    if (strcmp(word, "--plain") == 0) {
        settings->plain = true;
    } else if (strcmp(word, "--quiz") == 0) {
        settings->quiz = true;
    } else if (strcmp(word, "--html") == 0) {
        settings->html = value_of(argc, argv, i);
    } else if (strcmp(word, "--svg") == 0) {
        settings->svg = value_of(argc, argv, i);
    } else if (strcmp(word, "--list") == 0) {
        lessons_list();
        exit(EXIT_SUCCESS);
    } else if (strcmp(word, "--help") == 0) {
        fputs(usage, stdout);
        exit(EXIT_SUCCESS);
    } else {
        error_line("there is no option %s; step --help lists them", word);
        exit(EXIT_USAGE);
    }
}

/* The numbers of a lesson, unless the command line has others. */
static void add_all(Variables *variables, const char *list)
{
    char words[LINE_ROOM];
    (void)snprintf(words, sizeof words, "%s", list);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        if (!variables_add(variables, word))
            exit(EXIT_USAGE);
    }
}

static Settings read_settings(int argc, char **argv, Variables *variables)
{
    Settings settings = {.plain = false};
    for (int i = 1; i < argc; i++) {
        if (is_option(argv[i]))
            read_option(&settings, argc, argv, &i);
        else if (!settings.expression)
            settings.expression = argv[i];
        else if (!variables_add(variables, argv[i]))
            exit(EXIT_USAGE);
    }
    if (settings.expression)
        return settings;
    fputs(usage, stderr);
    exit(EXIT_USAGE);
}

/* ---- files ------------------------------------------------------------------------------------- */

typedef ValgradStatus Writer(const GraphWalk *walk, const GraphDrawOptions *options, FILE *out);

/* Whole, or not at all: then what stood there before stays. */
static bool write_file(const Tour *tour, const char *path, Writer *writer)
{
    GraphDrawOptions options = GRAPH_DRAW_OPTIONS_INIT;
    options.title = tour->expression;
    OutputFile out;
    bool written = output__open(&out, "step", path) == VALGRAD_OK;
    if (written) {
        errno = 0;
        const bool drawn = writer(tour->walk, &options, out.file) == VALGRAD_OK;
        out.reason = drawn ? 0 : errno ? errno : EIO;
        written = output__close(&out) == VALGRAD_OK;
    }
    if (!written)
        fprintf(stderr, "%s\n", valgrad_last_error());
    return written;
}

/* ---- the program ------------------------------------------------------------------------------- */

static int walk(const Tour *tour, const Settings *settings)
{
    if (settings->html && !write_file(tour, settings->html, graph_write_html))
        return EXIT_FAILURE;
    if (settings->svg && !write_file(tour, settings->svg, graph_write_svg))
        return EXIT_FAILURE;
    if (settings->quiz)
        return quiz(tour);
    if (!settings->plain && (settings->html || settings->svg))
        return EXIT_SUCCESS;
    if (!settings->plain && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
        return screen_walk(tour);
    plain_walk(tour);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    static Tour tour;
    int code = EXIT_USAGE;
    const Settings settings = read_settings(argc, argv, &tour.variables);
    const Lesson *lesson = lesson_find(settings.expression);
    if (lesson && tour.variables.count == 0)
        add_all(&tour.variables, lesson->variables);
    if (tour_make(&tour, lesson ? lesson->expression : settings.expression, &code))
        code = walk(&tour, &settings);
    tour_end(&tour);
    if (code == EXIT_SUCCESS && (fflush(stdout) != 0 || ferror(stdout))) {
        error_line("cannot write to standard output");
        code = EXIT_FAILURE;
    }
    return code;
}
