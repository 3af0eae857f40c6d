/* quiz.c - asks for each contribution of backward, and explains what was missed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "step.h"

typedef struct Score {
    int right, asked;
} Score;

/* All nodes with a name by their numbers, and g: the gradient that is passed on. */
static void give_numbers(const Tour *tour, const GraphStep *step, Variables *numbers)
{
    numbers->count = 0;
    for (size_t id = 0; id < tour->nodes && numbers->count + 1 < VARIABLES; id++) {
        Variable *variable = &numbers->list[numbers->count++];
        *variable = (Variable){.number = value_data(graph_walk_value(tour->walk, id))};
        (void)graph_name(tour->walk, id, sizeof variable->name, variable->name);
    }
    numbers->list[numbers->count++] = (Variable){.name = "g", .number = step->gradient.first[0]};
}

static bool evaluate(const Tour *tour, const GraphStep *step, const char *answer, real *number)
{
    static Variables numbers;
    Mistake mistake;
    give_numbers(tour, step, &numbers);
    Value *v = parse(answer, &numbers, false, &mistake);
    if (v)
        *number = value_data(v);
    else
        mistake_print(answer, &mistake);
    value_release(v);
    variables_release(&numbers);
    return v != NULL;
}

/* To about three digits, so that nobody needs a calculator. */
static bool is_right(real answer, real wanted)
{
    const double a = shown(answer), b = shown(wanted);
    return a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 2e-3 * fmax(fabs(b), 1e-3);
}

static void print_numbers(const Tour *tour)
{
    printf("forward\n");
    for (size_t id = 0; id < tour->nodes; id++) {
        char line[LINE_ROOM];
        (void)graph_forward_text(tour->walk, id, sizeof line, line);
        printf("  %s\n", line);
    }
    printf("\nWhat does each operation add to its operand's gradient? Answer by a number or an expression in the\n"
           "names above, with g for the gradient that is passed on. ? explains, an empty line skips, q ends.\n");
}

static void question(const Tour *tour, const GraphStep *step)
{
    char line[LINE_ROOM], from[NAME_ROOM];
    (void)graph_step_text(tour->walk, step, sizeof line, line);
    char *end = strstr(line, " += ");
    if (end)
        *end = '\0';
    (void)graph_name(tour->walk, step->node, sizeof from, from);
    printf("\n%s += ?   from %s, whose gradient is g = %.6g\n", line, from, shown(step->gradient.first[0]));
}

static void explain(const Tour *tour, size_t index)
{
    Words words;
    show_moment(tour, 1 + tour->nodes + index, &words);
    for (int i = 0; i < words.count; i++)
        printf("    %s\n", words.line[i]);
}

/* A line of input without its end; false at the end of input. */
static bool read_answer(size_t room, char *answer)
{
    printf("> ");
    fflush(stdout);
    if (!fgets(answer, (int)room, stdin)) {
        printf("\n");
        return false;
    }
    answer[strcspn(answer, "\n")] = '\0';
    return true;
}

/* Asks until there is an answer that can be read. False: no more questions. */
static bool ask(const Tour *tour, size_t index, Score *score)
{
    const GraphStep *step = &tour->steps[index];
    char answer[LINE_ROOM];
    real number;
    question(tour, step);
    for (;;) {
        if (!read_answer(sizeof answer, answer) || strcmp(answer, "q") == 0)
            return false;
        if (strcmp(answer, "?") == 0 || answer[0] == '\0') {
            explain(tour, index);
            score->asked++;
            return true;
        }
        fflush(stdout);
        if (evaluate(tour, step, answer, &number))
            break;
    }
    const bool right = is_right(number, step->contribution.first[0]);
    score->asked++;
    score->right += right;
    if (right)
        printf("  right: %.6g\n", shown(step->contribution.first[0]));
    else
        printf("  not %.6g, but %.6g:\n", shown(number), shown(step->contribution.first[0]));
    if (!right)
        explain(tour, index);
    return true;
}

int quiz(const Tour *tour)
{
    Score score = {0, 0};
    printf("%s\n\n", tour->expression);
    print_numbers(tour);
    for (size_t i = 0; i < tour->step_count; i++) {
        if (!tour->steps[i].seed && !ask(tour, i, &score))
            break;
    }
    printf("\n%d of %d right\n", score.right, score.asked);
    return EXIT_SUCCESS;
}
