/* draw.c - images in the terminal: the upper half of a character is one pixel, the lower another. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mnist.h"

static const char upper_half[] = "\u2580";

/* The terminal's width in characters; 80 if there is no terminal. */
static int64_t line_width(void)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : 80;
}

static bool has_colours(void)
{
    const char *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !getenv("NO_COLOR") && terminal &&
           strcmp(terminal, "dumb") != 0;
}

static int pixel(const Picture *picture, int64_t rows, int64_t columns, int64_t row, int64_t column)
{
    return row < rows ? picture->pixels[row * columns + column] : 0;
}

/* One of the 24 greys that terminals number 232 to 255. */
static int grey(int ink)
{
    return 232 + ink * 23 / 255;
}

static void draw_line(const Picture *picture, int64_t rows, int64_t columns, int64_t row,
                      bool colours)
{
    static const char *const shapes[] = {" ", "\u2580", "\u2584", "\u2588"};
    const int dark = 128;
    for (int64_t column = 0; column < columns; column++) {
        int upper = pixel(picture, rows, columns, row, column);
        int lower = pixel(picture, rows, columns, row + 1, column);
        if (colours)
            printf("\033[38;5;%d;48;5;%dm%s", grey(upper), grey(lower), upper_half);
        else
            fputs(shapes[(upper >= dark) + 2 * (lower >= dark)], stdout);
    }
    fputs(colours ? "\033[0m" : "", stdout);
}

static void draw_row(const Picture *pictures, int64_t count, int64_t rows, int64_t columns)
{
    bool colours = has_colours();
    for (int64_t row = 0; row < rows; row += 2) {
        for (int64_t i = 0; i < count; i++) {
            fputs(i ? "  " : "", stdout);
            draw_line(&pictures[i], rows, columns, row, colours);
        }
        putchar('\n');
    }
    for (int64_t i = 0; i < count; i++) {
        int last = i == count - 1;
        printf("%-*s%s", last ? 0 : (int)columns, pictures[i].caption, last ? "\n\n" : "  ");
    }
}

void draw_pictures(const Picture *pictures, int64_t count, int64_t rows, int64_t columns)
{
    int64_t in_line = (line_width() + 2) / (columns + 2);
    if (in_line < 1)
        in_line = 1;
    for (int64_t i = 0; i < count; i += in_line)
        draw_row(pictures + i, count - i < in_line ? count - i : in_line, rows, columns);
}
