/* plain.c - the whole tour, printed. */
#include "step.h"

static void print_table(const Tour *tour, size_t moment)
{
    char row[LINE_ROOM];
    show_head(sizeof row, row);
    printf("%s\n", row);
    for (size_t id = 0; id < tour->nodes; id++) {
        show_row(tour, moment, id, sizeof row, row);
        row[0] = ' '; /* whatever was last */
        printf("%s\n", row);
    }
}

static void print_moment(const Tour *tour, size_t moment, size_t number)
{
    Words words;
    show_moment(tour, moment, &words);
    for (int i = 0; i < words.count; i++) {
        if (i == 0)
            printf("%4zu  %s\n", number, words.line[i]);
        else
            printf("        %s\n", words.line[i]);
    }
}

static void print_gradients(const Tour *tour)
{
    printf("\ngradients\n");
    for (size_t i = 0; i < tour->variables.count; i++) {
        const Variable *variable = &tour->variables.list[i];
        const size_t id = graph_walk_find(tour->walk, variable->value);
        char check[100], root[NAME_ROOM];
        (void)graph_name(tour->walk, graph_walk_root(tour->walk, 0), sizeof root, root);
        numeric_words(tour, value_grad(variable->value), numeric_total(tour, id), sizeof check, check);
        printf("      d%s/d%s = %.6g; %s\n", root, variable->name, shown(value_grad(variable->value)), check);
    }
}

void plain_walk(const Tour *tour)
{
    Words words;
    show_moment(tour, 0, &words);
    for (int i = 0; i < words.count; i++)
        printf("%s%s\n", i ? "  " : "", words.line[i]);
    printf("\nforward\n");
    for (size_t i = 0; i < tour->nodes; i++)
        print_moment(tour, 1 + i, i);
    printf("\nbackward\n");
    for (size_t i = 0; i < tour->step_count; i++)
        print_moment(tour, 1 + tour->nodes + i, i);
    printf("\n");
    print_table(tour, tour->nodes + tour->step_count);
    print_gradients(tour);
    printf("\nfreed when the root is let go\n");
    for (size_t i = 0; i < tour->freed_count; i++) {
        char name[NAME_ROOM];
        (void)graph_name(tour->walk, tour->freed[i], sizeof name, name);
        printf("%s%s", i ? ", " : "      ", name);
    }
    printf("\n");
}
