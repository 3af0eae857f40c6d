/* region.c - the regions of scopes: where their nodes lie, what they hold, when one merges with another.
 * Read memory.h first. */
#include <string.h>

#include "autograd/anomaly.h"
#include "autograd/memory.h"

/* ---- regions ----------------------------------------------------------------------------------- */

Region *graph__home(const Value *v)
{
    return chunk_of(v)->region;
}

Region *graph__region(void)
{
    return mine.region;
}

/* To be called when no more is made in the newest chunk. */
static void count_newest(Region *region)
{
    const int64_t count = nodes_in_newest(region);
    region->newest->filled = region->room.next;
    region->node_count += count;
    memory__count_nodes(count);
}

/* Has the region's newest chunk, which is empty, begin with the next node. */
static void begin_chunk(Region *region)
{
    Chunk *chunk = region->newest;
    chunk->segments[0] = (Segment){chunk_values(chunk), region->stamp};
    chunk->segment_count = 1;
    region->room.next = chunk_values(chunk);
    region->room.end = region->room.next + CHUNK_NODES;
}

static bool add_chunk(Region *region)
{
    if (region->broken)
        return false;
    Chunk *chunk = memory__take_chunk();
    if (!chunk)
        return false;
    if (region->newest) {
        count_newest(region);
        region->stamp = memory__tick();
    }
    chunk->region = region;
    chunk->previous = region->newest;
    region->newest = chunk;
    begin_chunk(region);
    return true;
}

/* What is made from here on is younger than everything that exists. */
static bool begin_segment(Region *region)
{
    Chunk *chunk = region->newest;
    Segment *last = &chunk->segments[chunk->segment_count - 1];
    if (last->first != region->room.next) {
        if (chunk->segment_count == SEGMENTS || region->room.next == region->room.end)
            return add_chunk(region);
        *++last = (Segment){.first = region->room.next};
        chunk->segment_count++;
    }
    last->stamp = region->stamp = memory__tick();
    return true;
}

/* The same, for a function that cannot fail: something was left behind by a scope inside of region's. */
static void follow_inner(Region *region)
{
    region->outlived = true;
    if (region->room.next != region->room.end && region->newest->segment_count < SEGMENTS)
        (void)begin_segment(region);
    else
        region->room.end = region->room.next; /* the next node begins a chunk */
}

uint64_t graph__stamp(const Value *v)
{
    const Chunk *chunk = chunk_of(v);
    if (!chunk->region)
        return pool_node_of(v)->stamp;
    int i = chunk->segment_count - 1;
    while (v < chunk->segments[i].first)
        i--;
    return chunk->segments[i].stamp;
}

Value *region__take_value(Region *region)
{
    if (region->room.next == region->room.end && !add_chunk(region))
        return NULL;
    Value *v = region->room.next++;
    v->holder = region->room.number;
    v->refs = 0;
    return v;
}

void *graph__region_bytes(Region *region, size_t bytes)
{
    size_t rounded;
    if (__builtin_add_overflow(bytes, 15, &rounded))
        return NULL;
    rounded &= ~(size_t)15;
    Block *block = region->blocks;
    if (!block || block->size - block->used < rounded) {
        const size_t head = (sizeof(Block) + 15) & ~(size_t)15;
        size_t size = BLOCK_BYTES;
        if (rounded > size - head && __builtin_add_overflow(rounded, head, &size))
            return NULL;
        block = region->broken ? NULL : buffer__take(size);
        if (!block)
            return NULL;
        *block = (Block){region->blocks, head, size};
        region->blocks = block;
    }
    void *bytes_there = (char *)block + block->used;
    block->used += rounded;
    return bytes_there;
}

static ValueRoom no_room; /* full */
__thread ValueRoom *value_room = &no_room;

void graph__choose_room(void)
{
    const bool usual = mine.region && mine.region->room.number && !mine.paused && !anomaly__on;
    value_room = usual ? &mine.region->room : &no_room;
}

/* A free region, or a new one; NULL when out of memory. */
static Region *take_region(void)
{
    Region *region = mine.free_regions;
    if (region) {
        mine.free_regions = region->next_region;
        return region;
    }
    region = buffer__take(sizeof *region);
    if (region)
        *region = (Region){.room.number = memory__take_number()};
    return region;
}

static void give_region(Region *region)
{
    region->next_region = mine.free_regions;
    mine.free_regions = region;
}

/* Later than all that is in scopes around and, of this thread, in scopes before. */
static uint64_t time_of_opening(void)
{
    const uint64_t now = memory__now();
    return mine.region && mine.region->stamp == now ? memory__tick() : now;
}

/* What a region is when it is opened. False: out of memory. */
static bool begin_region(Region *region)
{
    region->enclosing = mine.region;
    region->opened_at = region->stamp = time_of_opening();
    region->open = region->linear = true;
    region->broken = region->passed = region->stale = region->labelled = region->outlived = false;
    if (region->newest) {
        begin_chunk(region);
        return true;
    }
    /* One by one, since compilers clear a whole Region by `rep stos`, which takes longer than all else here. */
    region->room.next = region->room.end = NULL;
    region->handles = region->node_count = 0;
    region->owned = NULL;
    region->blocks = NULL;
    region->merged_into = NULL;
    return add_chunk(region);
}

/* Whatever is asked for in this scope fails, and is told so, instead of ending up unowned. */
static Region *region_without_memory(void)
{
    static _Thread_local Region none;
    none.broken = none.open = true;
    error__memory("scope_open", 0);
    return &none;
}

ValgradScope scope_open(void)
{
    Region *region = take_region();
    if (!region || !begin_region(region)) {
        if (region)
            give_region(region);
        region = region_without_memory();
    }
    const ValgradScope scope = {.region = region, .enclosing = mine.region};
    mine.region = region;
    graph__choose_room();
    return scope;
}

static void bury_region(Region *region)
{
    region->next_region = mine.dead_regions;
    mine.dead_regions = region;
    memory__drain();
}

/* Whether nothing in the region, which no handle holds, has to be given back but its one chunk of nodes. */
static bool is_plain(const Region *region)
{
    return !region->newest->previous && !region->hold_count && !region->owned && !region->blocks &&
           !region->merged && !region->labelled;
}

void scope_close(ValgradScope *scope)
{
    Region *region = scope->region;
    if (!region || region != mine.region) {
        error__set(VALGRAD_ERROR_STATE, "scope_close: not this thread's innermost open scope");
        return;
    }
    mine.region = scope->enclosing;
    graph__choose_room();
    *scope = (ValgradScope){0};
    if (region->broken)
        return;
    region->open = false;
    if (mine.region && (region->outlived || region->handles > 0))
        follow_inner(mine.region);
    if (region->handles > 0) {
        count_newest(region);
        (void)memory__tick(); /* so that a region opened from here on is younger */
    } else if (is_plain(region)) {
        give_region(region); /* with its chunk, for the next scope */
    } else {
        bury_region(region);
    }
}

void graph__region_handle(Region *region, int change)
{
    if (!region)
        return;
    while (region->merged_into)
        region = region->merged_into;
    region->handles += change;
    if (region->handles == 0 && !region->open)
        bury_region(region);
}

/* ---- holding ----------------------------------------------------------------------------------- */

static bool reserve_hold(Region *region, size_t more)
{
    if (region->hold_count + more <= region->hold_room)
        return true;
    size_t room = 2 * region->hold_room > 32 ? 2 * region->hold_room : 32;
    if (room < region->hold_count + more)
        room = region->hold_count + more;
    Hold *larger = buffer__take(room * sizeof *larger);
    if (!larger)
        return false;
    if (region->hold_count)
        memcpy(larger, region->holds, region->hold_count * sizeof *larger);
    buffer__give(region->holds);
    region->holds = larger;
    region->hold_room = room;
    return true;
}

static bool merges_into(const Region *region, const Region *home)
{
    return home && home != region && !home->open && home->opened_at >= region->opened_at;
}

static void append_chunks(Region *region, Chunk *chunks)
{
    Chunk *oldest = chunks;
    for (Chunk *chunk = chunks; chunk; chunk = chunk->previous) {
        chunk->region = region;
        oldest = chunk;
    }
    oldest->previous = region->newest->previous;
    region->newest->previous = chunks;
}

void graph__own(Value *v)
{
    Region *home = graph__home(v);
    if (home) {
        v->more->next_owned = home->owned;
        home->owned = v;
    }
}

static void append_owned(Region *region, Value *owned)
{
    while (owned) {
        Value *next = owned->more->next_owned;
        owned->more->next_owned = region->owned;
        region->owned = owned;
        owned = next;
    }
}

static void append_blocks(Region *region, Block *blocks)
{
    if (!blocks)
        return;
    Block *oldest = blocks;
    while (oldest->previous)
        oldest = oldest->previous;
    oldest->previous = region->blocks;
    region->blocks = blocks;
}

/* What a region held in itself, once merged, it need not hold. Only the holds from `first` on, which came
 * with the merged ones, can be such: what region had held itself, it had merged then or never will. */
static void drop_holds_on_itself(Region *region, size_t first)
{
    size_t kept = first;
    for (size_t i = first; i < region->hold_count; i++) {
        const Hold hold = region->holds[i];
        if (graph__home(hold.node) != region) {
            region->holds[kept++] = hold;
            continue;
        }
        hold.node->refs--;
        region->handles--;
    }
    region->hold_count = kept;
}

static void move_holds(Region *region, Region *inner)
{
    for (size_t i = 0; i < inner->hold_count; i++) {
        Value *node = inner->holds[i].node;
        if (node->holder == inner->room.number)
            node->holder = region->room.number;
        region->holds[region->hold_count++] = inner->holds[i];
    }
    inner->hold_count = 0;
}

static void move_contents(Region *region, Region *inner)
{
    append_chunks(region, inner->newest);
    inner->newest = NULL;
    append_owned(region, inner->owned);
    append_blocks(region, inner->blocks);
    region->handles += inner->handles;
    region->node_count += inner->node_count;
    region->stale |= inner->stale;
    region->labelled |= inner->labelled;
    inner->merged_into = region;
    inner->next_region = region->merged;
    region->merged = inner;
}

/* Lists with `inner` the closed regions that it holds, directly or not, and that must be merged with it.
 * Returns how many holds they have. */
static size_t list_what_merges(const Region *region, Region *inner)
{
    size_t holds = 0;
    Region *last = inner;
    inner->next_region = NULL;
    inner->open = true; /* so that nothing is listed twice */
    for (Region *listed = inner; listed; listed = listed->next_region) {
        holds += listed->hold_count;
        for (size_t i = 0; i < listed->hold_count; i++) {
            Region *home = graph__home(listed->holds[i].node);
            if (!merges_into(region, home))
                continue;
            home->next_region = NULL;
            home->open = true;
            last->next_region = home;
            last = home;
        }
    }
    return holds;
}

/* Makes all of `inner` part of `region`, and whatever inner holds that must be merged with it: all or, when
 * out of memory, nothing, for a region that held a younger one unmerged could be held by it in turn. */
static bool merge(Region *region, Region *inner)
{
    if (!reserve_hold(region, list_what_merges(region, inner))) {
        for (; inner; inner = inner->next_region)
            inner->open = false;
        return false;
    }
    const size_t former = region->hold_count;
    region->linear = false;
    while (inner) {
        Region *next = inner->next_region;
        move_holds(region, inner);
        move_contents(region, inner);
        inner = next;
    }
    drop_holds_on_itself(region, former);
    return true;
}

/* The part of graph__hold that the first reading of a node by a region takes. */
static bool hold_first(Region *region, Value *node)
{
    if (region->broken)
        return false;
    uint64_t since = graph__home(node) == region ? 0 : graph__stamp(node);
    if ((node->flags & LEAF) && node->changed_at > since)
        since = node->changed_at;
    if (since >= region->stamp && !begin_segment(region))
        return false;
    Region *home = graph__home(node);
    if (merges_into(region, home)) {
        if (!merge(region, home))
            return false;
    } else if (home != region) {
        if (!reserve_hold(region, 1))
            return false;
        if (!(node->flags & LEAF) && (node->flags & WANTS_GRAD))
            region->linear = false;
        region->holds[region->hold_count++] = (Hold){node, region->stamp};
        memory__retain(node);
    }
    node->holder = region->room.number;
    return true;
}

bool graph__hold(Region *region, Value *v)
{
    Value *node = node_of(v);
    if (!region) {
        memory__retain(node);
        return true;
    }
    return node->holder == graph__number(region) || hold_first(region, node);
}

void graph__unhold(Region *region, Value *v)
{
    if (!region)
        value_release(v);
}

bool graph__is_linear(const Region *region)
{
    return region->linear;
}

void graph__note_pass(const Value *v)
{
    Region *home = graph__home(v);
    if (home)
        home->passed = true;
}

bool graph__begin_walk(const Value *v)
{
    Region *region = graph__home(v);
    bool fresh = region && region->linear && !region->passed && !region->stale;
    for (size_t i = 0; fresh && i < region->hold_count; i++) {
        const Value *node = region->holds[i].node;
        fresh = !(node->flags & LEAF) || node->changed_at <= region->holds[i].stamp;
    }
    if (fresh)
        region->passed = true;
    return fresh;
}

void graph__changed(Value *v)
{
    v->changed_at = memory__tick();
    v->holder = 0;
    Region *home = graph__home(v);
    if (home)
        home->stale = true;
}

Value *graph__first_in_chunk(Value *v)
{
    return chunk_values(chunk_of(v));
}

Value *graph__previous(Value *v)
{
    Chunk *chunk = chunk_of(v);
    if (v > chunk_values(chunk))
        return v - 1;
    for (chunk = chunk->previous; chunk; chunk = chunk->previous) {
        if (chunk->filled > chunk_values(chunk))
            return chunk->filled - 1;
    }
    return NULL;
}

/* ---- letting go -------------------------------------------------------------------------------- */

static void remove_labels(Region *region)
{
    for (Chunk *chunk = region->newest; chunk; chunk = chunk->previous) {
        Value *end = chunk == region->newest ? region->room.next : chunk->filled;
        for (Value *v = chunk_values(chunk); v < end; v++) {
            if (v->flags & LABELLED)
                label__remove(v);
        }
    }
}

/* Keeps the region for reuse, and those merged into it, and those merged into them. */
static void recycle_region(Region *region)
{
    region->next_region = NULL;
    while (region) {
        Region *next = region->next_region;
        while (region->merged) {
            Region *merged = region->merged;
            region->merged = merged->next_region;
            merged->next_region = next;
            next = merged;
        }
        give_region(region);
        region = next;
    }
}

static void give_chunks(Region *region)
{
    while (region->newest) {
        Chunk *chunk = region->newest;
        region->newest = chunk->previous;
        memory__give_chunk(chunk);
    }
}

void region__free(Region *region)
{
    if (region->labelled)
        remove_labels(region);
    for (Value *v = region->owned; v; v = v->more->next_owned)
        v->more->kind->destroy(v, false);
    for (size_t i = 0; i < region->hold_count; i++) {
        Value *node = region->holds[i].node;
        if (node->holder == region->room.number)
            node->holder = 0;
        memory__let_go(node);
    }
    region->hold_count = 0;
    for (Block *block = region->blocks; block;) {
        Block *previous = block->previous;
        buffer__give(block);
        block = previous;
    }
    give_chunks(region);
    if (region->node_count > 0)
        memory__count_nodes(-region->node_count);
    recycle_region(region);
}

void region__trim(void)
{
    while (mine.free_regions) {
        Region *region = mine.free_regions;
        mine.free_regions = region->next_region;
        give_chunks(region);
        memory__give_number(region->room.number);
        buffer__give(region->holds);
        buffer__give(region);
    }
}
