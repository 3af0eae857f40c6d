/* 20_recording_and_replaying.c - a graph is a recording of one run; what if one played it again?
 *
 * Each training step so far built its graph anew, inside a scope. That costs some nodes, and has a great
 * merit: the program may branch, loop and call as it likes, for the graph records what happened.
 *
 * Why not keep the graph and only put new numbers into the leaves? Because every node holds the number
 * that it had when it was made, and the slopes depend on those numbers. Changing a leaf would leave the
 * graph half old and half new. The library notices: backward refuses, and says which leaf it was.
 *
 * To replay, one must compute ALL nodes again. The graph can be looked at (lesson 02), and the table of
 * operations has each one's formula, so a replayer fits on this page. record() writes the nodes down in
 * the order in which they depend on each other, a "tape"; play() walks it forwards with other numbers
 * and then backwards for the slope. No node is made.
 *
 * The second table shows what that costs. The model takes another branch below 0. The rebuilt graph
 * follows; the tape, recorded at x = 2, does not know that there was a branch, and its last row is
 * wrong. Whoever replays must know that the run would be the same. */
#include <stdio.h>
#include <valgrad/valgrad.h>

enum { TAPE_ROOM = 32 };

typedef struct Tape {
    int count;
    const Value *nodes[TAPE_ROOM];
    const ValueOpInfo *op[TAPE_ROOM]; /* NULL: a leaf or constant */
    int operands[TAPE_ROOM][2];
    real number[TAPE_ROOM], gradient[TAPE_ROOM];
} Tape;

static Value *model(Value *x)
{
    Value *size = value_data(x) < 0 ? value_neg(x) : x; /* a branch in C: no node knows of it */
    Value *root = value_sqrt(size); /* named, for C may evaluate arguments in any order */
    Value *square = value_square(x);
    return value_add(root, value_mul(value_const(0.25), square));
}

/* Where v stands on the tape; writes it there first, after its operands, if it is not yet. */
static int record(Tape *tape, const Value *v)
{
    int operands[2] = {0, 0};
    for (int i = 0; i < tape->count; i++)
        if (tape->nodes[i] == v)
            return i;
    for (size_t i = 0; i < value_operand_count(v) && i < 2; i++)
        operands[i] = record(tape, value_operand(v, i));
    const int place = tape->count++;
    tape->nodes[place] = v;
    tape->op[place] = value_op_find(value_op_name(v));
    tape->operands[place][0] = operands[0];
    tape->operands[place][1] = operands[1];
    tape->number[place] = value_data(v);
    return place;
}

/* The result, which is last on the tape, and its slope by every node, with another number for a leaf. */
static real play(Tape *tape, int leaf, real number)
{
    tape->number[leaf] = number;
    for (int i = 0; i < tape->count; i++) {
        const int *of = tape->operands[i];
        tape->gradient[i] = i == tape->count - 1;
        if (tape->op[i])
            tape->number[i] = tape->op[i]->forward(tape->number[of[0]], tape->number[of[1]], 0);
    }
    for (int i = tape->count - 1; i >= 0; i--) {
        const int *of = tape->operands[i];
        real slopes[3];
        if (!tape->op[i])
            continue;
        tape->op[i]->first(tape->number[of[0]], tape->number[of[1]], 0, tape->number[i], slopes);
        for (int k = 0; k < tape->op[i]->arity; k++)
            tape->gradient[of[k]] += tape->gradient[i] * slopes[k];
    }
    return tape->number[tape->count - 1];
}

int main(void)
{
    static Tape tape;
    int leaf = 0;
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = model(x);
        value_set_label(x, "x");
        record(&tape, y);
        leaf = record(&tape, x);
        printf("recorded at x = 2:");
        for (int i = 0; i < tape.count; i++)
            printf(" %s", value_op_name(tape.nodes[i]));

        value_set_data(x, 3);
        printf("\nx changed under the graph: y is still %.4f\n", value_data(y));
        if (value_backward(y) != VALGRAD_OK)
            printf("%s\n\n", valgrad_last_error());
    }

    const real places[] = {2, 3, 0.25, -1};
    printf("     x   rebuilt: y     dy/dx  nodes   replayed: y     dy/dx  nodes\n");
    for (int i = 0; i < 4; i++) {
        VALGRAD_SCOPE {
            Value *x = value_leaf(places[i]), *y = model(x);
            value_backward(y);
            const int nodes = (int)valgrad_live_nodes();
            printf("%6.2f   %10.4f  %8.4f  %5d", places[i], value_data(y), value_grad(x), nodes);
            const real result = play(&tape, leaf, places[i]);
            if (result == result) /* false for "not a number" */
                printf("    %10.4f  %8.4f", result, tape.gradient[leaf]);
            else
                printf("    %10s  %8s", "NaN", "NaN");
            printf("  %5d\n", (int)valgrad_live_nodes() - nodes);
        }
    }
    return valgrad_live_nodes() != 0;
}
