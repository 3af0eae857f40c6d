/* step.h - the parts of the program: an expression becomes a graph (parse.c), the graph a tour of moments
 * (tour.c), which is printed whole (plain.c), shown on a terminal (screen.c, terminal.c), or asked for
 * (quiz.c). */
#ifndef VALGRAD_EXAMPLES_STEP_H
#define VALGRAD_EXAMPLES_STEP_H

#include <stdio.h>
#include <valgrad/valgrad.h>

enum { EXIT_USAGE = 2, NAME_ROOM = 32, VARIABLES = 64, LINE_ROOM = 512 };

void error_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- parse.c ---- */

typedef struct Variable {
    char name[NAME_ROOM];
    real number;
    Value *value; /* while there is a graph */
    bool used;
} Variable;

typedef struct Variables {
    Variable list[VARIABLES];
    size_t count;
} Variables;

#define NO_PLACE ((size_t)-1)

/* Where an expression is wrong, or NO_PLACE, and how. */
typedef struct Mistake {
    size_t at;
    char words[200];
} Mistake;

/* Reads "name=number". False and an error line if it is not that. */
bool variables_add(Variables *variables, const char *text);

/* The graph of "h = tanh(w*x); h^2": new, or NULL and a mistake. Names in it stand for variables, which
 * get a leaf each (a constant unless they are to be differentiated), released by variables_release(). */
Value *parse(const char *text, Variables *variables, bool differentiate, Mistake *mistake);
void variables_release(Variables *variables);

/* Prints the expression with a mark under the place. */
void mistake_print(const char *text, const Mistake *mistake);

/* ---- lessons.c ---- */

typedef struct Lesson {
    const char *name, *about, *expression, *variables;
} Lesson;

const Lesson *lesson_find(const char *name);
void lessons_list(void);

/* ---- tour.c ---- */

/* Moments 0 … count-1: the beginning, each node computed, each contribution made, each node freed. */
typedef struct Tour {
    const char *expression;
    Variables variables;
    Value *root;
    GraphWalk *walk;
    GraphNode *node;        /* of each id */
    size_t (*operands)[3]; /* of each id */
    GraphStep *steps;
    size_t nodes, step_count, *freed, freed_count, count;
    size_t *last_step; /* of each node: 1 + the last step that gives to it, 0 for none */
    real *number;      /* of each node */
    real *room;        /* the same with one of them moved, for numeric checks */
} Tour;

typedef enum Phase { BEGINNING, FORWARD, BACKWARD, FREEING } Phase;

/* False after an error line; then *code is what the program ends with. */
bool tour_make(Tour *tour, const char *expression, int *code);
void tour_end(Tour *tour);

/* Which phase a moment is in, and which node, step or freed node of it. */
Phase tour_phase(const Tour *tour, size_t moment, size_t *index);

/* The node that the moment is about. */
size_t tour_node(const Tour *tour, size_t moment);

/* The gradient of a node at a moment; false if there is none yet. */
bool tour_gradient(const Tour *tour, size_t moment, size_t id, real *gradient);

/* What holds a node at a moment of freeing or before. */
size_t tour_references(const Tour *tour, size_t moment, size_t id);

/* The node called so (by name or number), or GRAPH_NO_ID. */
size_t tour_find(const Tour *tour, const char *name);

/* d root / d node by central differences over the rest of the graph; d node / d operand of edge i. */
real numeric_total(const Tour *tour, size_t id);
real numeric_local(const Tour *tour, size_t id, size_t i);

/* What a numeric check says of a derivative: "numerically -3: agrees". */
void numeric_words(const Tour *tour, real derivative, real numeric, size_t room, char *words);

/* For printing: a NaN without its sign, which differs from one processor to the next. */
double shown(real number);

/* Whether the table of operations names this point a kink. */
bool tour_at_kink(const Tour *tour, size_t id);

/* ---- show.c: the words for a moment, on paper and on screen ---- */

enum { MOMENT_LINES = 5 };

typedef struct Words {
    char line[MOMENT_LINES][LINE_ROOM];
    int count;
} Words;

void show_moment(const Tour *tour, size_t moment, Words *words);

/* One row of the table of nodes, and its head. */
void show_row(const Tour *tour, size_t moment, size_t id, size_t room, char *row);
void show_head(size_t room, char *row);

/* ---- plain.c, quiz.c, screen.c ---- */

void plain_walk(const Tour *tour);
int quiz(const Tour *tour);
int screen_walk(const Tour *tour);

/* ---- terminal.c ---- */

typedef enum Key { KEY_END = -1, KEY_RESIZED = 256, KEY_UP, KEY_DOWN, KEY_LEFT, KEY_RIGHT, KEY_HOME, KEY_LAST,
                   KEY_PAGE_UP, KEY_PAGE_DOWN, KEY_ESCAPE } Key;

/* Raw mode on a screen of its own, put back by terminal_leave, at exit, and by any signal that ends or
 * stops the program. False if there is no terminal. */
bool terminal_enter(void);
void terminal_leave(void);
void terminal_size(int *columns, int *rows);
int terminal_key(void);
void terminal_write(const char *text, size_t n);

/* Whether colours are wanted: not with NO_COLOR, nor on a terminal that has none. */
bool terminal_colours(void);

#endif
