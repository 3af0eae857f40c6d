/* fold.c - finding loops. A list is folded from its front; at each new item one looks whether it completes
 * another turn of a loop, or a third group like the two before. */
#include "autograd/fold.h"

#include <string.h>

/* ---- memory ------------------------------------------------------------------------------------ */

enum { BLOCK_BYTES = 1 << 18 };

static bool grow(void **list, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return true;
    const size_t larger = *room ? 2 * *room : 64;
    void *moved = buffer__take(size_product(larger, size));
    if (!moved)
        return false;
    if (count)
        memcpy(moved, *list, count * size);
    buffer__give(*list);
    *list = moved;
    *room = larger;
    return true;
}

void *fold__take(Fold *fold, size_t n, size_t size)
{
    size_t bytes = size_product(n, size);
    if (fold->failed || bytes > SIZE_MAX - 16)
        return fold->failed = true, NULL;
    bytes = (bytes + 15) & ~(size_t)15;
    if (fold->block_count == 0 || fold->used + bytes > BLOCK_BYTES) {
        void *block = NULL;
        if (grow((void **)&fold->blocks, &fold->block_room, fold->block_count,
                 sizeof *fold->blocks))
            block = buffer__take(bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES);
        if (!block)
            return fold->failed = true, NULL;
        fold->blocks[fold->block_count++] = block;
        fold->used = 0;
    }
    void *memory = (char *)fold->blocks[fold->block_count - 1] + fold->used;
    fold->used += bytes;
    return memory;
}

void fold__free(Fold *fold)
{
    for (size_t i = 0; i < fold->block_count; i++)
        buffer__give(fold->blocks[i]);
    buffer__give(fold->blocks);
    buffer__give(fold->items);
}

size_t fold__leaves(const Fold *fold)
{
    size_t leaves = 0;
    for (size_t i = 0; i < fold->count; i++)
        leaves += fold->items[i].leaf_count;
    return leaves;
}

/* ---- comparing --------------------------------------------------------------------------------- */

/* Recursion goes no deeper than loops do, FOLD_DEPTH. */
typedef bool CompareRefs(const FoldRef *a, const FoldRef *b, const FoldRef *c, int64_t turns,
                         int depth);

/* Whether two items do the same, but for where; and compare() says so of all their refs. */
static bool alike(const FoldItem *a, const FoldItem *b, const FoldItem *c, int64_t turns, int more,
                  CompareRefs *compare)
{
    if (a->op != b->op || a->active != b->active || a->even != b->even || a->count != b->count ||
        a->depth != b->depth + more || a->ref_count != b->ref_count ||
        a->item_count != b->item_count)
        return false;
    for (size_t i = 0; i < a->ref_count; i++) {
        const FoldRef *x = &a->refs[i], *y = &b->refs[i];
        if (x->array != y->array || x->active != y->active || x->step != y->step ||
            memcmp(x->stride, y->stride, (size_t)b->depth * sizeof *x->stride) != 0 ||
            !compare(x, y, c ? &c->refs[i] : NULL, turns, b->depth))
            return false;
    }
    for (size_t i = 0; i < a->item_count; i++) {
        if (!alike(&a->items[i], &b->items[i], c ? &c->items[i] : NULL, turns, more, compare))
            return false;
    }
    return true;
}

static bool equally_far(const FoldRef *a, const FoldRef *b, const FoldRef *c, int64_t turns,
                        int depth)
{
    (void)turns, (void)depth;
    return c->base - b->base == b->base - a->base;
}

/* a stands in a loop of so many turns: whether b is where the next one would be. */
static bool next_turn(const FoldRef *a, const FoldRef *b, const FoldRef *c, int64_t turns,
                      int depth)
{
    (void)c;
    return b->base == a->base + turns * a->stride[depth];
}

static bool any_ref(const FoldRef *a, const FoldRef *b, const FoldRef *c, int64_t turns, int depth)
{
    (void)a, (void)b, (void)c, (void)turns, (void)depth;
    return true;
}

static int deepest(const FoldItem *item)
{
    int depth = item->depth;
    for (size_t i = 0; i < item->item_count; i++) {
        const int below = deepest(&item->items[i]);
        depth = below > depth ? below : depth;
    }
    return depth;
}

/* ---- folding ----------------------------------------------------------------------------------- */

/* Puts a loop around an item of which the next turn is `next`. */
static void wrap(FoldItem *item, const FoldItem *next)
{
    for (size_t i = 0; i < item->ref_count; i++)
        item->refs[i].stride[item->depth] = next->refs[i].base - item->refs[i].base;
    for (size_t i = 0; i < item->item_count; i++)
        wrap(&item->items[i], &next->items[i]);
    item->depth++;
    item->label = NULL;
}

/* Whether three groups of n items, beginning with a, are turns of one loop. */
static bool are_turns(const FoldItem *a, size_t n)
{
    const FoldItem *b = a + n, *c = b + n;
    for (size_t i = n; i-- > 0;) {
        if (!alike(&b[i], &c[i], NULL, 0, 0, any_ref) ||
            !alike(&a[i], &b[i], &c[i], 0, 0, equally_far) || deepest(&a[i]) >= FOLD_DEPTH)
            return false;
    }
    return true;
}

/* Puts a loop in the place of the last three groups of n items, if these are its turns. */
static bool make_loop(Fold *fold, size_t n)
{
    FoldItem *a = fold->items + fold->count - 3 * n;
    FoldItem *body = are_turns(a, n) ? fold__take(fold, n, sizeof *body) : NULL;
    size_t leaves = 0;
    if (!body)
        return false;
    for (size_t i = 0; i < n; i++) {
        wrap(&a[i], &a[n + i]);
        body[i] = a[i];
        leaves += a[i].leaf_count;
    }
    *a = (FoldItem){
        .op = FOLD_LOOP, .count = 3, .items = body, .item_count = n, .leaf_count = leaves};
    fold->count -= 3 * n - 1;
    return true;
}

/* Whether the last n items are one more turn of the loop before them. */
static bool take_turn(Fold *fold, size_t n)
{
    const FoldItem *group = fold->items + fold->count - n;
    FoldItem *loop = fold->items + fold->count - n - 1;
    if (loop->op != FOLD_LOOP || loop->item_count != n)
        return false;
    for (size_t i = n; i-- > 0;) {
        if (!alike(&loop->items[i], &group[i], NULL, loop->count, 1, next_turn))
            return false;
    }
    loop->count++;
    fold->count -= n;
    return true;
}

static bool put_together(Fold *fold)
{
    for (size_t n = 1; n <= FOLD_LONGEST_BODY && n < fold->count; n++) {
        if (take_turn(fold, n) || (3 * n <= fold->count && make_loop(fold, n)))
            return true;
    }
    return false;
}

void fold__push(Fold *fold, FoldItem item)
{
    if (fold->failed ||
        !grow((void **)&fold->items, &fold->room, fold->count, sizeof *fold->items)) {
        fold->failed = true;
        return;
    }
    fold->items[fold->count++] = item;
    while (put_together(fold))
        ;
}
