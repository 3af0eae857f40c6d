/* 20_recording_and_replaying.c - a graph is a recording of one run; what if one played it again?
 *
 * Each training step so far built its graph anew, inside a scope. That costs some nodes, and has a great
 * merit: the program may branch, loop and call as it likes, for the graph records what happened.
 *
 * Why not keep the graph and only put new numbers into the leaves? Because every node holds the number
 * that it had when it was made, and the slopes depend on those numbers. Changing a leaf would leave the
 * graph half old and half new. The library notices: backward refuses, and says which leaf it was.
 *
 * To replay, one must compute ALL nodes again. program_record() writes a graph down as a list of
 * operations, in the order in which they depend on each other, a "tape"; program_run() walks it forwards
 * with other numbers and then backwards for the slope. No node is made, and the graph may be gone.
 *
 * The first table shows what that costs. The model takes another branch below 0. The rebuilt graph
 * follows; the tape, recorded at x = 2, does not know that there was a branch, and its last row is
 * wrong. Whoever replays must know that the run would be the same. A choice that an operation makes is
 * another matter: value_abs() is on the tape, and decides anew each time. The second table records that
 * model instead, and is right everywhere. */
#include <stdio.h>
#include <valgrad/valgrad.h>

static Value *branching(Value *x)
{
    Value *size = value_data(x) < 0 ? value_neg(x) : x; /* a branch in C: no node knows of it */
    Value *root = value_sqrt(size); /* named, for C may evaluate arguments in any order */
    Value *square = value_square(x);
    return value_add(root, value_mul(value_const(0.25), square));
}

static Value *choosing(Value *x)
{
    Value *root = value_sqrt(value_abs(x)), *square = value_square(x);
    return value_add(root, value_mul(value_const(0.25), square));
}

typedef Value *Model(Value *x);

static Program *record(Model *model)
{
    Program *program = NULL;
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = model(x);
        program = program_record(1, &y, 1, &x);
    }
    return program;
}

static void print_number(real number)
{
    if (number == number) /* false for "not a number" */
        printf("  %9.4f", number);
    else
        printf("  %9s", "NaN");
}

/* The model at some places: built anew each time, and played from one recording. */
static void compare(const char *title, Model *model)
{
    const real places[] = {2, 3, 0.25, -1};
    Program *program = record(model);
    ProgramWorkspace *room = program_workspace_new(program, 1);
    printf("%s, recorded at x = 2, in %d instructions:\n", title,
           (int)program_instruction_count(program));
    printf("     x  rebuilt: y      dy/dx  nodes   replayed: y      dy/dx  nodes\n");
    for (int i = 0; i < 4; i++) {
        VALGRAD_SCOPE {
            Value *x = value_leaf(places[i]), *y = model(x);
            value_backward(y);
            const int nodes = (int)valgrad_live_nodes();
            printf("%6.2f ", places[i]);
            print_number(value_data(y));
            print_number(value_grad(x));
            printf("  %5d  ", nodes);
            real result, slope;
            program_run(program, room, 1, &places[i], &result, NULL, &slope);
            print_number(result);
            print_number(slope);
            printf("  %5d\n", (int)valgrad_live_nodes() - nodes);
        }
    }
    program_workspace_free(room);
    program_free(program);
}

int main(void)
{
    VALGRAD_SCOPE {
        Value *x = value_leaf(2), *y = branching(x);
        value_set_label(x, "x");
        value_set_data(x, 3);
        printf("x changed under the graph: y is still %.4f\n", value_data(y));
        if (value_backward(y) != VALGRAD_OK)
            printf("%s\n\n", valgrad_last_error());
    }
    compare("A branch in C", branching);
    printf("\n");
    compare("A choice made by an operation", choosing);
    return valgrad_live_nodes() != 0;
}
