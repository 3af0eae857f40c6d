/* 4_order.c - what order() must do. */
#include "property.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES = 40, DEEP = 1000000 };

/* Where node stands in the list. */
static size_t place(const Node *node, size_t count, Node *const *list)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == node)
            return i;
    }
    return count;
}

static void of_a_leaf(void)
{
    Node leaf = {.data = 1}, *list[1] = {NULL};
    if (so(order(&leaf, 1, list) == 1, "a leaf alone: order() should return 1"))
        so(list[0] == &leaf, "a leaf alone: it should be in the list");
}

static void of_a_diamond(void)
{
    Node x = {.data = 3}, a = {.operands = {&x, &x}, .operand_count = 2};
    Node b = {.operands = {&a, &x}, .operand_count = 2},
         y = {.operands = {&a, &b}, .operand_count = 2};
    Node *list[8] = {NULL};
    const size_t count = order(&y, 8, list);
    if (so(count == 4, "y = a b, b = a + x, a = x x has 4 nodes; order() returned %zu", count))
        so(list[0] == &x && list[1] == &a && list[2] == &b && list[3] == &y,
           "y = a b, b = a + x, a = x x: the only right order is x a b y");
}

/* Node i has operands among those before it. */
static void make_any(Node nodes[NODES])
{
    for (int i = 0; i < NODES; i++) {
        nodes[i] = (Node){.operand_count = i == 0 ? 0 : (int)any(0, 3)};
        for (int k = 0; k < nodes[i].operand_count; k++)
            nodes[i].operands[k] = &nodes[(int)any(i > 6 ? i - 6 : 0, i)];
    }
}

static bool operands_first(size_t count, Node *const *list)
{
    for (size_t i = 0; i < count; i++) {
        for (int k = 0; k < list[i]->operand_count; k++) {
            if (place(list[i]->operands[k], count, list) >= i)
                return so(false,
                          "a graph of %zu nodes: the node in place %zu comes before its operand %d",
                          count, i, k);
        }
    }
    return true;
}

static void operands_before_results(void)
{
    for (int i = 0; i < 100; i++) {
        Node nodes[NODES], *list[NODES] = {NULL};
        make_any(nodes);
        const size_t count = order(&nodes[NODES - 1], NODES, list);
        if (!so(count > 0 && count <= NODES, "a graph of at most %d nodes: order() returned %zu",
                NODES, count) ||
            !so(list[count - 1] == &nodes[NODES - 1], "the root should come last") ||
            !operands_first(count, list))
            return;
    }
}

/* From the youngest on, what a reached node uses is reached. */
static size_t count_reached(const Node nodes[NODES])
{
    bool reached[NODES] = {false};
    size_t count = 0;
    reached[NODES - 1] = true;
    for (int i = NODES - 1; i >= 0; i--) {
        count += reached[i];
        for (int k = 0; reached[i] && k < nodes[i].operand_count; k++)
            reached[nodes[i].operands[k] - nodes] = true;
    }
    return count;
}

static void each_once(void)
{
    for (int i = 0; i < 100; i++) {
        Node nodes[NODES], *list[NODES] = {NULL};
        make_any(nodes);
        const size_t should = count_reached(nodes), is = order(&nodes[NODES - 1], NODES, list);
        if (!so(is == should, "a graph in which the root needs %zu nodes: order() returned %zu",
                should, is))
            return;
        for (size_t k = 0; k < is; k++) {
            if (!so(place(list[k], is, list) == k,
                    "a graph of %zu nodes: the one in place %zu was there before", is, k))
                return;
        }
    }
}

static void deep(void)
{
    Node *nodes = calloc(DEEP, sizeof *nodes), **list = calloc(DEEP, sizeof *list);
    for (size_t i = 1; nodes && i < DEEP; i++) {
        nodes[i].operands[0] = &nodes[i - 1];
        nodes[i].operand_count = 1;
    }
    if (so(nodes && list, "there is no memory for it")) {
        const size_t count = order(&nodes[DEEP - 1], DEEP, list);
        so(count == DEEP && list[0] == &nodes[0], "a chain of %d nodes: order() returned %zu", DEEP,
           count);
    }
    free(nodes);
    free(list);
}

int main(void)
{
    const Property properties[] = {
        {"a leaf alone is a list of one", of_a_leaf},
        {"in y = a b, b = a + x, a = x x only one order is right", of_a_diamond},
        {"operands come before results, in a hundred graphs", operands_before_results},
        {"each node that the root needs is there once, and no other", each_once},
        {"a chain of a million nodes is no trouble", deep},
    };
    return properties_check("examples/exercises/4_order.c; lesson 06 helps", 5, properties);
}
