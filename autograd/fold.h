/* fold.h - finding the loops in a long list of instructions, so that code for it is short.
 *
 * Items that repeat with operands at constant distances become a loop, and loops that repeat become loops
 * of loops: nested loop recognition (A. Ketterlin, P. Clauss, "Prediction and trace compression of data
 * access through nested loop recognition", CGO 2008). */
#ifndef VALGRAD_AUTOGRAD_FOLD_H
#define VALGRAD_AUTOGRAD_FOLD_H

#include "autograd/lower.h"

enum { FOLD_DEPTH = 4, FOLD_LONGEST_BODY = 64 };

/* Operations of items besides those of lowered instructions. */
enum { FOLD_ROOT = LOWERED_OPS, FOLD_LOOP };

typedef enum FoldArray { FOLD_INPUTS, FOLD_CONSTANTS, FOLD_VALUES, FOLD_RESULTS } FoldArray;

/* An element of an array: base + step k + stride[0] i_0 + stride[1] i_1 + …, where k counts the elements of a
 * list and i_0, i_1, … the loops around the item, innermost first. */
typedef struct FoldRef {
    FoldArray array;
    bool active; /* takes part in the gradient */
    int64_t base, step, stride[FOLD_DEPTH];
} FoldRef;

/* An instruction; or a loop of `count` turns, whose body is `items`. refs[0] is the result, then come the
 * operands: of a list that is even, [z,] x, y; of another one, [z,] all of them. */
typedef struct FoldItem {
    uint16_t op;
    bool active, even;
    int depth;      /* loops around it */
    uint32_t count; /* of a list: how many operands */
    size_t ref_count, item_count, leaf_count;
    FoldRef *refs;
    struct FoldItem *items;
    const char *label; /* of the node; NULL in a loop */
} FoldItem;

typedef struct Fold {
    FoldItem *items;
    size_t count, room;
    void **blocks; /* all memory of the items */
    size_t block_count, block_room, used;
    bool failed; /* out of memory */
} Fold;

/* Memory that lives as long as the fold; NULL when there is none. */
void *fold__take(Fold *fold, size_t n, size_t size);

/* Appends an item and puts what ends there together. */
void fold__push(Fold *fold, FoldItem item);
void fold__free(Fold *fold);

/* Folds the whole program, its results numbered as makes the code shorter. False: out of memory. The caller
 * frees the fold in any case. */
bool fold__program(const Expansion *e, const Lowered *lowered, Fold *fold);

/* How many instructions the code for it has, loops counted once. */
size_t fold__leaves(const Fold *fold);

#endif
