/* screen.c - the tour on a terminal: a table of the nodes, below it the present moment in words. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

enum { LEAST_COLUMNS = 64, LEAST_ROWS = 14, PANE_ROWS = 8, PROMPT_ROOM = 40 };

typedef struct Screen {
    const Tour *tour;
    size_t moment, top; /* top: the first node in the table */
    bool colours, help;
    const char *notice;
    int columns, rows;
    FILE *out; /* what is drawn, before it is written at once */
} Screen;

static const char *const help_lines[] = {
    "n Space Enter Right  the next step        p Left  the step before",
    "N                    the next node        P       the node before",
    "f  to the forward pass        b  to the backward pass        e  to the end",
    "c  to the end of this pass    g  go to a node, by name or number",
    "Up Down  move the table       ?  this help       q  quit",
    "In the table > passes its gradient on, * is computed or receives.",
    NULL,
};

/* ---- drawing ----------------------------------------------------------------------------------- */

static void colour(const Screen *screen, const char *code)
{
    if (screen->colours)
        fprintf(screen->out, "\033[%sm", code);
}

/* Writes at most `columns` characters, and says how many bytes they were. */
static size_t put_columns(const Screen *screen, const char *text, int columns)
{
    size_t n = 0;
    while (text[n] && (columns > 0 || ((unsigned char)text[n] & 0xC0) == 0x80)) {
        columns -= ((unsigned char)text[n] & 0xC0) != 0x80;
        fputc(text[n++], screen->out);
    }
    return n;
}

static void end_line(const Screen *screen)
{
    fputs("\033[K\r\n", screen->out);
}

static void put_line(const Screen *screen, const char *code, const char *text)
{
    colour(screen, code);
    (void)put_columns(screen, text, screen->columns - 1);
    colour(screen, "0");
    end_line(screen);
}

static void draw_title(const Screen *screen)
{
    static const char *const names[] = {"beginning", "forward", "backward", "freeing"};
    const Tour *tour = screen->tour;
    size_t index;
    char title[LINE_ROOM];
    const Phase phase = tour_phase(tour, screen->moment, &index);
    const size_t of = phase == FORWARD ? tour->nodes : phase == BACKWARD ? tour->step_count : tour->freed_count;
    if (phase == BEGINNING)
        (void)snprintf(title, sizeof title, " step  %s", names[phase]);
    else
        (void)snprintf(title, sizeof title, " step  %s %zu of %zu", names[phase], index + 1, of);
    const size_t length = strlen(title);
    (void)snprintf(title + length, sizeof title - length, "   %s", tour->expression);
    put_line(screen, "7", title);
}

static const char *row_colour(const Screen *screen, char mark)
{
    size_t index;
    if (mark == '>')
        return "1;32";
    if (mark != '*')
        return "0";
    return tour_phase(screen->tour, screen->moment, &index) == BACKWARD ? "1;31" : "1;33";
}

static size_t table_rows(const Screen *screen)
{
    return (size_t)(screen->rows - PANE_ROWS - 3);
}

static void draw_table(const Screen *screen)
{
    char row[LINE_ROOM];
    show_head(sizeof row, row);
    put_line(screen, "4", row);
    for (size_t i = 0; i < table_rows(screen); i++) {
        if (screen->top + i < screen->tour->nodes) {
            show_row(screen->tour, screen->moment, screen->top + i, sizeof row, row);
            put_line(screen, row_colour(screen, row[0]), row);
        } else {
            put_line(screen, "0", "");
        }
    }
}

/* Long lines go on, indented, in the next rows. */
static int draw_wrapped(const Screen *screen, const char *text, const char *code, int rows)
{
    int used = 0;
    do {
        const int indent = used ? 4 : 1;
        fprintf(screen->out, "%*s", indent, "");
        colour(screen, code);
        text += put_columns(screen, text, screen->columns - 2 - indent);
        colour(screen, "0");
        end_line(screen);
        used++;
    } while (*text && used < rows);
    return used;
}

static void draw_pane(const Screen *screen)
{
    Words words;
    int used = 0;
    show_moment(screen->tour, screen->moment, &words);
    put_line(screen, "2", "------------------------------------------------------------------------------");
    for (int i = 0; i < words.count && !screen->help && used < PANE_ROWS - 1; i++)
        used += draw_wrapped(screen, words.line[i], i ? "0" : "1", PANE_ROWS - 1 - used);
    for (int i = 0; screen->help && help_lines[i]; i++)
        used += draw_wrapped(screen, help_lines[i], "0", 1);
    while (used++ < PANE_ROWS - 1)
        put_line(screen, "0", "");
}

static void draw_foot(const Screen *screen, const char *prompt)
{
    const char *keys = screen->columns < 80
                           ? " n next  p prev.  f b passes  c continue  g go  ? help  q quit"
                           : " n next  p previous  f forward  b backward  c continue  g go to  ? help  q quit";
    const char *text = prompt ? prompt : screen->notice ? screen->notice : keys;
    colour(screen, prompt || screen->notice ? "1" : "2");
    (void)put_columns(screen, text, screen->columns - 1);
    colour(screen, "0");
    fputs("\033[K", screen->out);
}

static bool too_small(const Screen *screen)
{
    return screen->columns < LEAST_COLUMNS || screen->rows < LEAST_ROWS;
}

static void draw_too_small(const Screen *screen)
{
    fprintf(screen->out, "\033[2J\033[H%d x %d is too small:\r\nstep needs %d x %d.\r\nq quits.", screen->columns,
            screen->rows, LEAST_COLUMNS, LEAST_ROWS);
}

static void draw(Screen *screen, const char *prompt)
{
    char *text = NULL;
    size_t size = 0;
    terminal_size(&screen->columns, &screen->rows);
    screen->out = open_memstream(&text, &size);
    if (!screen->out)
        return;
    if (too_small(screen)) {
        draw_too_small(screen);
    } else {
        fputs("\033[H", screen->out);
        draw_title(screen);
        draw_table(screen);
        draw_pane(screen);
        draw_foot(screen, prompt);
        fputs("\033[J", screen->out);
    }
    fclose(screen->out);
    terminal_write(text, size);
    free(text);
}

/* ---- moving ------------------------------------------------------------------------------------ */

static void scroll_to(Screen *screen, size_t node)
{
    const size_t rows = table_rows(screen);
    if (node < screen->top)
        screen->top = node;
    else if (node >= screen->top + rows)
        screen->top = node - rows + 1;
}

/* Shows what passes its gradient on too, if both fit. */
static void go(Screen *screen, size_t moment)
{
    size_t index;
    const Tour *tour = screen->tour;
    screen->moment = moment < tour->count ? moment : tour->count - 1;
    terminal_size(&screen->columns, &screen->rows);
    if (too_small(screen))
        return;
    if (tour_phase(tour, screen->moment, &index) == BACKWARD && !tour->steps[index].seed)
        scroll_to(screen, tour->steps[index].node);
    scroll_to(screen, tour_node(tour, screen->moment));
}

/* The node that acts in a moment: the one that is computed or passes its gradient on. */
static size_t actor(const Tour *tour, size_t moment)
{
    size_t index;
    const bool backward = tour_phase(tour, moment, &index) == BACKWARD;
    return backward && !tour->steps[index].seed ? tour->steps[index].node : tour_node(tour, moment);
}

static void go_to_next_node(Screen *screen, bool onward)
{
    const Tour *tour = screen->tour;
    size_t moment = screen->moment, index, other_index;
    const Phase phase = tour_phase(tour, moment, &index);
    const size_t node = actor(tour, moment);
    while (onward ? moment + 1 < tour->count : moment > 0) {
        moment = onward ? moment + 1 : moment - 1;
        if (tour_phase(tour, moment, &other_index) != phase || actor(tour, moment) != node)
            break;
    }
    go(screen, moment);
}

static void go_to_phase_end(Screen *screen)
{
    const Tour *tour = screen->tour;
    size_t index;
    switch (tour_phase(tour, screen->moment, &index)) {
    case BEGINNING: go(screen, tour->nodes); break;
    case FORWARD: go(screen, screen->moment == tour->nodes ? tour->nodes + tour->step_count : tour->nodes); break;
    case BACKWARD:
        go(screen, index + 1 == tour->step_count ? tour->count - 1 : tour->nodes + tour->step_count);
        break;
    case FREEING: go(screen, tour->count - 1); break;
    }
}

/* In backward to the moment at which the node has its whole gradient, else to when it is computed. */
static void go_to_node(Screen *screen, size_t node)
{
    const Tour *tour = screen->tour;
    size_t index;
    const bool backward = tour_phase(tour, screen->moment, &index) == BACKWARD && tour->last_step[node] > 0;
    go(screen, backward ? tour->nodes + tour->last_step[node] : 1 + node);
}

static void ask_node(Screen *screen)
{
    char name[PROMPT_ROOM] = "", prompt[2 * PROMPT_ROOM];
    for (size_t length = 0;;) {
        (void)snprintf(prompt, sizeof prompt, " go to node (name or number): %s_", name);
        draw(screen, prompt);
        const int key = terminal_key();
        if (key == KEY_ESCAPE || key == KEY_END)
            return;
        if (key == '\n' || key == '\r')
            break;
        if ((key == 127 || key == '\b') && length > 0)
            name[--length] = '\0';
        else if (key < 127 && isprint(key) && length + 1 < sizeof name)
            name[length++] = (char)key;
    }
    const size_t node = tour_find(screen->tour, name);
    if (node == GRAPH_NO_ID)
        screen->notice = " there is no such node: the table has their names and numbers";
    else
        go_to_node(screen, node);
}

static void move_table(Screen *screen, long rows)
{
    const size_t last = screen->tour->nodes > 0 ? screen->tour->nodes - 1 : 0;
    if (rows < 0)
        screen->top = screen->top > (size_t)-rows ? screen->top - (size_t)-rows : 0;
    else
        screen->top = screen->top + (size_t)rows < last ? screen->top + (size_t)rows : last;
}

static void act(Screen *screen, int key)
{
    const Tour *tour = screen->tour;
    switch (key) {
    case 'n': case ' ': case '\n': case '\r': case KEY_RIGHT: go(screen, screen->moment + 1); break;
    case 'p': case KEY_LEFT: go(screen, screen->moment ? screen->moment - 1 : 0); break;
    case 'N': go_to_next_node(screen, true); break;
    case 'P': go_to_next_node(screen, false); break;
    case 'f': go(screen, 1); break;
    case 'b': go(screen, 1 + tour->nodes); break;
    case 'e': case KEY_LAST: go(screen, tour->count - 1); break;
    case KEY_HOME: go(screen, 0); break;
    case 'c': go_to_phase_end(screen); break;
    case 'g': ask_node(screen); break;
    case '?': screen->help = !screen->help; return;
    case KEY_UP: move_table(screen, -1); break;
    case KEY_DOWN: move_table(screen, 1); break;
    case KEY_PAGE_UP: move_table(screen, -10); break;
    case KEY_PAGE_DOWN: move_table(screen, 10); break;
    case KEY_RESIZED: go(screen, screen->moment); break;
    default: return;
    }
    screen->help = false;
}

int screen_walk(const Tour *tour)
{
    Screen screen = {.tour = tour, .colours = terminal_colours()};
    if (!terminal_enter()) {
        error_line("the terminal cannot be used; --plain prints the walk");
        return EXIT_FAILURE;
    }
    for (int key = KEY_RESIZED; key != 'q' && key != KEY_END; key = terminal_key()) {
        screen.notice = NULL;
        act(&screen, key);
        draw(&screen, NULL);
    }
    terminal_leave();
    return EXIT_SUCCESS;
}
