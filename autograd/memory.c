/* memory.c - who lives how long: the pool, the regions, and what holds what.
 *
 * To the reader of a program there is one rule: a node lives while a handle or something made from it
 * holds it. It is kept in two ways.
 *
 * Outside of scopes a node comes from the pool. Its count is its handles and the edges to it; at zero it
 * is freed and lets its operands go.
 *
 * Inside a scope nodes are laid side by side, in the order in which they are made, in the chunks of the
 * scope's region. An edge between two nodes of one region is not counted, for they go together. A node
 * from elsewhere is held once for the whole region: its `holder` says which region did so last, so that
 * the common case costs one comparison. The region goes when its scope is closed and no handle is left
 * on anything in it.
 *
 * Could two regions hold each other and never go? Only an open region gains operands. It may read a
 * closed region that was opened after it (something carried out of an inner scope), which may in turn
 * read it: such a region is merged into the open one, which needs it to its own end anyway. What an open
 * region holds without merging is therefore older than itself, and time has no cycles.
 *
 * Time is a clock that ticks when a node of the pool is made, when a leaf is changed, and when a region
 * begins a *segment*: a stretch of nodes in one chunk made after all that they read. (stamp, address)
 * orders all nodes so that operands come first. */
#include <pthread.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "autograd/anomaly.h"
#include "autograd/graph.h"

enum {
    CHUNK_BYTES = 64 * 1024, /* a chunk is aligned to its size, so a node finds it by masking */
    CHUNKS_IN_SLAB = 8,      /* chunks are taken from the allocator so many at a time; */
    SMALL_SLABS = 32,        /* after so many times, */
    LARGE_SLAB = 32,         /* so many: a huge page of 2 MB where the system has such */
    SEGMENTS = 8,            /* in one chunk */
    BLOCK_BYTES = 16 * 1024, /* a region's room for Extensions grows by this */
};

typedef struct Segment {
    Value *first;
    uint64_t stamp;
} Segment;

typedef struct Chunk {
    Region *region; /* NULL: of the pool */
    struct Chunk *previous;
    Value *filled; /* past its last node, once it is no longer the newest */
    int segment_count;
    Segment segments[SEGMENTS];
} Chunk;

enum { CHUNK_NODES = (CHUNK_BYTES - sizeof(Chunk)) / sizeof(Value) };

/* A node of the pool knows its own time. */
typedef struct PoolNode {
    uint64_t stamp;
    Value value;
} PoolNode;

enum { CHUNK_POOL_NODES = (CHUNK_BYTES - sizeof(Chunk)) / sizeof(PoolNode) };

/* A node outside the region that the region keeps alive, and the time at which it was first read. */
typedef struct Hold {
    Value *node;
    uint64_t stamp;
} Hold;

typedef struct Block {
    struct Block *previous;
    size_t used, size;
} Block;

struct Region {
    ValueRoom room;    /* where the next node goes in the newest chunk */
    Region *enclosing; /* while open */
    Chunk *newest;
    uint64_t stamp; /* of the present segment */
    uint64_t opened_at;
    int64_t handles;
    bool open, broken, linear, passed, stale, labelled;
    bool outlived; /* a scope inside of it, or inside of that, left something behind */
    Value *owned;  /* extended nodes, newest first */
    Block *blocks;
    Hold *holds;
    size_t hold_count, hold_room;
    int64_t node_count;  /* without those of the newest chunk while the region is open */
    Region *merged;      /* regions whose nodes are in this one now, */
    Region *merged_into; /* and which region has ours: Tensors point at the one they were made in */
    Region *next_region; /* in whichever list it stands */
};

/* What a thread has. */
static _Thread_local struct {
    Region *region; /* of the innermost open scope */
    bool paused, draining, watched;
    int64_t uncounted;    /* nodes made less nodes freed that live_nodes does not know of */
    PoolNode *free_nodes; /* linked through value.x */
    int slabs;            /* taken from the allocator so far */
    Chunk *free_chunks;
    Region *free_regions;
    Value *dead_nodes; /* count is zero, operands not yet released; linked through holder */
    Region *dead_regions;
} mine __attribute__((tls_model("initial-exec")));

/* What ends up without a thread, and the slabs, which are kept until the program ends. */
static struct {
    pthread_mutex_t lock;
    PoolNode *nodes;
    Chunk *chunks;
} orphans = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Atomic uint64_t the_clock = 1;
static _Atomic int64_t live_nodes; /* of all threads, but for what each has uncounted */

static ValueRoom no_room; /* full */
__thread ValueRoom *value_room = &no_room;

void graph__choose_room(void)
{
    const bool usual = mine.region && !mine.paused && !anomaly__on();
    value_room = usual ? &mine.region->room : &no_room;
}

static uint64_t tick(void)
{
    return atomic_fetch_add_explicit(&the_clock, 1, memory_order_relaxed);
}

static void publish_count(void)
{
    atomic_fetch_add_explicit(&live_nodes, mine.uncounted, memory_order_relaxed);
    mine.uncounted = 0;
}

static void count_nodes(int64_t change)
{
    mine.uncounted += change;
    if (mine.uncounted > CHUNK_NODES || mine.uncounted < -CHUNK_NODES)
        publish_count();
}

/* ---- chunks ------------------------------------------------------------------------------------ */

static Chunk *chunk_of(const Value *v)
{
    return (Chunk *)((uintptr_t)v & ~(uintptr_t)(CHUNK_BYTES - 1));
}

static Value *chunk_values(Chunk *chunk)
{
    return (Value *)(void *)(chunk + 1);
}

/* A graph of many megabytes is walked a tenth faster in huge pages. */
static void ask_for_huge_pages(char *slab, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    (void)madvise(slab, bytes, MADV_HUGEPAGE);
#else
    (void)slab, (void)bytes;
#endif
}

static bool add_slab(void)
{
    const bool large = mine.slabs >= SMALL_SLABS;
    const int chunks = large ? LARGE_SLAB : CHUNKS_IN_SLAB;
    const size_t bytes = (size_t)chunks * CHUNK_BYTES;
    char *slab = buffer__allocate(bytes, large ? bytes : CHUNK_BYTES);
    if (!slab)
        return false;
    mine.slabs++;
    if (large)
        ask_for_huge_pages(slab, bytes);
    for (int i = chunks - 1; i >= 0; i--) {
        Chunk *chunk = (Chunk *)(void *)(slab + (size_t)i * CHUNK_BYTES);
        chunk->previous = mine.free_chunks;
        mine.free_chunks = chunk;
    }
    return true;
}

static Chunk *take_chunk(void)
{
    if (!mine.free_chunks) {
        memory__watch_thread();
        pthread_mutex_lock(&orphans.lock);
        mine.free_chunks = orphans.chunks;
        orphans.chunks = NULL;
        pthread_mutex_unlock(&orphans.lock);
    }
    if (!mine.free_chunks && !add_slab())
        return NULL;
    Chunk *chunk = mine.free_chunks;
    mine.free_chunks = chunk->previous;
    return chunk;
}

static void give_chunk(Chunk *chunk)
{
    chunk->previous = mine.free_chunks;
    mine.free_chunks = chunk;
}

/* ---- the pool ---------------------------------------------------------------------------------- */

static PoolNode *pool_node_of(const Value *v)
{
    return (PoolNode *)(void *)((char *)(uintptr_t)v - offsetof(PoolNode, value));
}

static PoolNode *next_free(const PoolNode *node)
{
    return (PoolNode *)(void *)node->value.x;
}

static void give_pool_node(PoolNode *node)
{
    node->value.op = OP_FREED;
    node->value.flags = 0;
    node->value.x = (Value *)(void *)mine.free_nodes;
    mine.free_nodes = node;
}

static bool grow_pool(void)
{
    pthread_mutex_lock(&orphans.lock);
    mine.free_nodes = orphans.nodes;
    orphans.nodes = NULL;
    pthread_mutex_unlock(&orphans.lock);
    if (mine.free_nodes)
        return true;
    Chunk *chunk = take_chunk();
    if (!chunk)
        return false;
    chunk->region = NULL;
    PoolNode *nodes = (PoolNode *)(void *)(chunk + 1);
    for (int i = CHUNK_POOL_NODES - 1; i >= 0; i--)
        give_pool_node(&nodes[i]);
    return true;
}

static Value *take_pool_value(void)
{
    if (!mine.free_nodes && !grow_pool())
        return NULL;
    PoolNode *node = mine.free_nodes;
    mine.free_nodes = next_free(node);
    node->stamp = tick();
    node->value.holder = NULL;
    node->value.refs = 1;
    count_nodes(1);
    return &node->value;
}

/* ---- regions ----------------------------------------------------------------------------------- */

Region *graph__home(const Value *v)
{
    return chunk_of(v)->region;
}

Region *graph__region(void)
{
    return mine.region;
}

static int64_t nodes_in_newest(const Region *region)
{
    return region->newest ? region->room.next - chunk_values(region->newest) : 0;
}

static bool add_chunk(Region *region)
{
    if (region->broken)
        return false;
    Chunk *chunk = take_chunk();
    if (!chunk)
        return false;
    if (region->newest) {
        const int64_t full = nodes_in_newest(region);
        region->node_count += full;
        count_nodes(full);
        region->newest->filled = region->room.next;
    }
    if (region->newest)
        region->stamp = tick();
    chunk->region = region;
    chunk->previous = region->newest;
    chunk->segments[0] = (Segment){chunk_values(chunk), region->stamp};
    chunk->segment_count = 1;
    region->newest = chunk;
    region->room.next = chunk_values(chunk);
    region->room.end = region->room.next + CHUNK_NODES;
    return true;
}

/* What is made from here on is younger than everything that exists. */
static bool begin_segment(Region *region)
{
    if (!region->newest && !add_chunk(region))
        return false;
    Chunk *chunk = region->newest;
    Segment *last = &chunk->segments[chunk->segment_count - 1];
    if (last->first != region->room.next) {
        if (chunk->segment_count == SEGMENTS || region->room.next == region->room.end)
            return add_chunk(region);
        *++last = (Segment){.first = region->room.next};
        chunk->segment_count++;
    }
    last->stamp = region->stamp = tick();
    return true;
}

/* The same, for a function that cannot fail: something was left behind by a scope inside of region's. */
static void follow_inner(Region *region)
{
    region->outlived = true;
    if (!region->newest)
        region->stamp = tick();
    else if (region->newest->segment_count < SEGMENTS && region->room.next != region->room.end)
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

static Value *take_region_value(Region *region)
{
    if (region->room.next == region->room.end && !add_chunk(region))
        return NULL;
    Value *v = region->room.next++;
    v->holder = region;
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

static Region *take_region(void)
{
    Region *region = mine.free_regions;
    if (region)
        mine.free_regions = region->next_region;
    else if (!(region = buffer__take(sizeof *region)))
        return NULL;
    else
        *region = (Region){0};
    Hold *holds = region->holds;
    const size_t room = region->hold_room;
    *region = (Region){
        .holds = holds, .hold_room = room, .enclosing = mine.region, .open = true, .linear = true};
    return region;
}

ValgradScope scope_open(void)
{
    ValgradScope scope = {.enclosing = mine.region};
    Region *region = take_region();
    if (region) {
        region->opened_at = region->stamp = tick();
    } else {
        /* Whatever is asked for in this scope fails, and is told so, instead of ending up unowned. */
        static _Thread_local Region no_memory;
        region = &no_memory;
        region->broken = region->open = true;
        error__memory("scope_open", sizeof *region);
    }
    scope.region = mine.region = region;
    graph__choose_room();
    return scope;
}

static void drain(void);

static void bury_region(Region *region)
{
    region->next_region = mine.dead_regions;
    mine.dead_regions = region;
    if (!mine.draining)
        drain();
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
    if (region->newest)
        region->newest->filled = region->room.next;
    const int64_t count = nodes_in_newest(region);
    region->node_count += count;
    count_nodes(count);
    if (mine.region && (region->outlived || region->handles > 0))
        follow_inner(mine.region);
    if (region->handles == 0)
        bury_region(region);
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

static void retain_node(Value *node)
{
    node->refs++;
    Region *home = graph__home(node);
    if (home)
        home->handles++;
}

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
    return home && home != region && !home->open && home->opened_at > region->opened_at;
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
        if (node->holder == inner)
            node->holder = region;
        region->holds[region->hold_count++] = inner->holds[i];
    }
    inner->hold_count = 0;
}

static void move_contents(Region *region, Region *inner)
{
    append_chunks(region, inner->newest);
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
    if (!region->newest && !add_chunk(region))
        return false;
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
    if (since > region->stamp && !begin_segment(region))
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
        retain_node(node);
    }
    node->holder = region;
    return true;
}

bool graph__hold(Region *region, Value *v)
{
    Value *node = node_of(v);
    if (!region) {
        retain_node(node);
        return true;
    }
    return node->holder == region || hold_first(region, node);
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

bool graph__is_fresh(const Region *region)
{
    return !region->passed;
}

void graph__note_pass(const Value *v)
{
    Region *home = graph__home(v);
    if (home)
        home->passed = true;
}

bool graph__may_be_stale(const Region *region)
{
    if (region->stale)
        return true;
    for (size_t i = 0; i < region->hold_count; i++) {
        const Value *node = region->holds[i].node;
        if ((node->flags & LEAF) && node->changed_at > region->holds[i].stamp)
            return true;
    }
    return false;
}

void graph__changed(Value *v)
{
    v->changed_at = tick();
    v->holder = NULL;
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

/* ---- making nodes ------------------------------------------------------------------------------ */

bool graph__recording(void)
{
    return !mine.paused;
}

static Value *take_value(Region *region)
{
    return region ? take_region_value(region) : take_pool_value();
}

Value *graph__leaf(OpCode op, bool free_standing, const char *function)
{
    Value *v = take_value(free_standing ? NULL : mine.region);
    if (!v) {
        error__memory(function, 0);
        return NULL;
    }
    v->grad = 0;
    v->x = NULL;
    v->changed_at = 0;
    v->op = (uint16_t)op;
    v->flags = op == OP_LEAF ? LEAF | WANTS_GRAD : LEAF;
    return v;
}

/* Which operands backward gives to, when none is an element: PASSES_X and PASSES_Y. */
static unsigned passes_to(const Value *x, const Value *y)
{
    return (x->flags & WANTS_GRAD ? PASSES_X : 0u) | (y && y->flags & WANTS_GRAD ? PASSES_Y : 0u);
}

Value *graph__node(OpCode op, Value *x, Value *y, const char *function)
{
    if (mine.paused)
        return graph__leaf(OP_CONST, false, function);
    Region *region = mine.region;
    if (region && ((x->holder != region && !graph__hold(region, x)) ||
                   (y && y->holder != region && !graph__hold(region, y)))) {
        error__memory(function, 0);
        return NULL;
    }
    Value *v = take_value(region);
    if (!v) {
        error__memory(function, 0);
        return NULL;
    }
    if (!region) {
        retain_node(node_of(x));
        if (y)
            retain_node(node_of(y));
    }
    v->grad = 0;
    v->x = x;
    v->y = y;
    v->op = (uint16_t)op;
    const unsigned flags = x->flags | (y ? y->flags : 0u);
    v->flags = (uint16_t)((flags & WANTS_GRAD) | (flags & ELEMENT ? 0u : passes_to(x, y)));
    return v;
}

static Extension *take_extension(Region *region, size_t bytes)
{
    Extension *more = region ? graph__region_bytes(region, bytes) : buffer__take(bytes);
    if (more)
        memset(more, 0, bytes);
    return more;
}

Value *graph__extended(OpCode op, size_t bytes, bool free_standing, const NodeKind *kind,
                       const char *name)
{
    Region *region = free_standing ? NULL : mine.region;
    Extension *more = take_extension(region, bytes);
    Value *v = more ? take_value(region) : NULL;
    if (!v) {
        if (!region)
            buffer__give(more);
        error__memory(name, bytes);
        return NULL;
    }
    more->kind = kind;
    more->name = name;
    if (region) {
        more->next_owned = region->owned;
        region->owned = v;
    }
    v->data = v->grad = 0;
    v->more = more;
    v->changed_at = 0;
    v->op = (uint16_t)op;
    v->flags = EXTENDED;
    return v;
}

/* ---- letting go -------------------------------------------------------------------------------- */

Value *value_retain(Value *v)
{
    if (v)
        retain_node(node_of(v));
    return v;
}

/* One count less; a pool node without any waits to be freed by drain(). */
static void let_go(Value *node)
{
    node->refs--;
    Region *home = graph__home(node);
    if (home) {
        graph__region_handle(home, -1);
    } else if (node->refs == 0) {
        node->holder = (Region *)(void *)mine.dead_nodes;
        mine.dead_nodes = node;
        if (!mine.draining)
            drain();
    }
}

void value_release(Value *v)
{
    if (!v)
        return;
    Value *node = node_of(v);
    if (node->op == OP_FREED || node->refs == 0) {
        error__set(
            VALGRAD_ERROR_STATE,
            node->op == OP_FREED
                ? "value_release: this Value was freed before: one release too many"
                : "value_release: no handle is left: a scope owns this Value, or one release "
                  "too many");
        return;
    }
    let_go(node);
}

static void free_node(Value *v)
{
    if (v->flags & LABELLED)
        label__remove(v);
    if (v->flags & EXTENDED) {
        v->more->kind->destroy(v, true);
        buffer__give(v->more);
    } else {
        const size_t arity = value__arity(v);
        Value *x = v->x, *y = v->y;
        if (arity > 0)
            let_go(node_of(x));
        if (arity > 1)
            let_go(node_of(y));
    }
    give_pool_node(pool_node_of(v));
    count_nodes(-1);
}

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
        region->next_region = mine.free_regions;
        mine.free_regions = region;
        region = next;
    }
}

static void free_region(Region *region)
{
    if (region->labelled)
        remove_labels(region);
    for (Value *v = region->owned; v; v = v->more->next_owned)
        v->more->kind->destroy(v, false);
    for (size_t i = 0; i < region->hold_count; i++) {
        Value *node = region->holds[i].node;
        if (node->holder == region)
            node->holder = NULL;
        let_go(node);
    }
    region->hold_count = 0;
    for (Block *block = region->blocks; block;) {
        Block *previous = block->previous;
        buffer__give(block);
        block = previous;
    }
    for (Chunk *chunk = region->newest; chunk;) {
        Chunk *previous = chunk->previous;
        give_chunk(chunk);
        chunk = previous;
    }
    count_nodes(-region->node_count);
    recycle_region(region);
}

/* Frees what nothing holds, and what thereby loses its last holder: a list instead of recursion. */
static void drain(void)
{
    mine.draining = true;
    while (mine.dead_nodes || mine.dead_regions) {
        if (mine.dead_nodes) {
            Value *v = mine.dead_nodes;
            mine.dead_nodes = (Value *)(void *)v->holder;
            free_node(v);
        } else {
            Region *region = mine.dead_regions;
            mine.dead_regions = region->next_region;
            free_region(region);
        }
    }
    mine.draining = false;
}

/* ---- threads and settings ---------------------------------------------------------------------- */

static pthread_key_t end_of_thread;
static pthread_once_t end_of_thread_once = PTHREAD_ONCE_INIT;

void valgrad_trim(void)
{
    while (mine.free_regions) {
        Region *region = mine.free_regions;
        mine.free_regions = region->next_region;
        buffer__give(region->holds);
        buffer__give(region);
    }
    backward__trim();
    buffer__trim();
}

static void leave_to_others(void)
{
    pthread_mutex_lock(&orphans.lock);
    while (mine.free_nodes) {
        PoolNode *node = mine.free_nodes;
        mine.free_nodes = next_free(node);
        node->value.x = (Value *)(void *)orphans.nodes;
        orphans.nodes = node;
    }
    while (mine.free_chunks) {
        Chunk *chunk = mine.free_chunks;
        mine.free_chunks = chunk->previous;
        chunk->previous = orphans.chunks;
        orphans.chunks = chunk;
    }
    pthread_mutex_unlock(&orphans.lock);
}

static void end_thread(void *unused)
{
    (void)unused;
    valgrad_trim();
    leave_to_others();
    publish_count();
}

static void make_key(void)
{
    (void)pthread_key_create(&end_of_thread, end_thread);
}

void memory__watch_thread(void)
{
    if (mine.watched)
        return;
    mine.watched = true;
    pthread_once(&end_of_thread_once, make_key);
    (void)pthread_setspecific(end_of_thread, &mine);
}

int64_t valgrad_live_nodes(void)
{
    int64_t count = atomic_load_explicit(&live_nodes, memory_order_relaxed) + mine.uncounted;
    for (const Region *region = mine.region; region; region = region->enclosing)
        count += nodes_in_newest(region);
    return count;
}

bool valgrad_set_recording(bool record)
{
    const bool former = !mine.paused;
    mine.paused = !record;
    graph__choose_room();
    return former;
}

ValgradRecording recording_pause(void)
{
    return (ValgradRecording){valgrad_set_recording(false)};
}

void recording_resume(ValgradRecording *paused)
{
    valgrad_set_recording(paused->former);
}

void graph__labelled(Value *v)
{
    v->flags |= LABELLED;
    Region *home = graph__home(node_of(v));
    if (home)
        home->labelled = true;
}
