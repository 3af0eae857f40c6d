/* memory.h - who lives how long: the pool (memory.c), the regions (region.c), and what holds what.
 *
 * To the reader of a program there is one rule: a node lives while a handle or something made from it
 * holds it. It is kept in two ways.
 *
 * Outside of scopes a node comes from the pool. Its count is its handles and the edges to it; at zero it
 * is freed and lets its operands go.
 *
 * Inside a scope nodes are laid side by side, in the order in which they are made, in the chunks of the
 * scope's region. An edge between two nodes of one region is not counted, for they go together. A node
 * from elsewhere is held once for the whole region: its `holder` says by its number which region did so last,
 * so that the common case costs one comparison. The region goes when its scope is closed and no handle is left
 * on anything in it.
 *
 * Could two regions hold each other and never go? Only an open region gains operands. It may read a
 * closed region that was opened after it (something carried out of an inner scope), which may in turn
 * read it: such a region is merged into the open one, which needs it to its own end anyway. What an open
 * region holds without merging is therefore older than itself, and time has no cycles.
 *
 * Time is a clock that ticks when a node of the pool is made, when a leaf is changed, when a scope is closed
 * that leaves something behind, and when a region begins a *segment*: a stretch of nodes in one chunk made
 * after all that they read. (stamp, address) orders all nodes so that operands come first. Ticks are even.
 * A tick is shared by all threads and takes its time, so that a scope begins, if it can, at the odd number after
 * the last one. Regions of two threads may thus have begun at the same time; where one reads the other, that
 * is taken to be the older. */
#ifndef VALGRAD_AUTOGRAD_MEMORY_H
#define VALGRAD_AUTOGRAD_MEMORY_H

#include <stdatomic.h>

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
    union {
        uint64_t stamp;
        Value *next_dead; /* when its count is zero and it waits to be freed */
    };
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
    Value *owned;  /* extended nodes that own something, newest first */
    Block *blocks;
    Hold *holds;
    size_t hold_count, hold_room;
    int64_t node_count;  /* without those of the newest chunk while the region is open */
    Region *merged;      /* regions whose nodes are in this one now, */
    Region *merged_into; /* and which region has ours: Tensors point at the one they were made in */
    Region *next_region; /* in whichever list it stands */
};

/* What a thread has. */
typedef struct ThreadMemory {
    Region *region; /* of the innermost open scope */
    bool paused, draining, watched;
    int64_t uncounted;    /* nodes made less nodes freed that live_nodes does not know of */
    PoolNode *free_nodes; /* linked through value.x */
    int slabs;            /* taken from the allocator so far */
    Chunk *free_chunks;
    Region *free_regions;
    Value *dead_nodes; /* count is zero, operands not yet released */
    Region *dead_regions;
} ThreadMemory;

extern _Thread_local ThreadMemory memory__mine __attribute__((tls_model("initial-exec")));
#define mine memory__mine

static inline Chunk *chunk_of(const Value *v)
{
    return (Chunk *)((uintptr_t)v & ~(uintptr_t)(CHUNK_BYTES - 1));
}

static inline Value *chunk_values(Chunk *chunk)
{
    return (Value *)(void *)(chunk + 1);
}

static inline PoolNode *pool_node_of(const Value *v)
{
    return (PoolNode *)(void *)((char *)(uintptr_t)v - offsetof(PoolNode, value));
}

static inline int64_t nodes_in_newest(const Region *region)
{
    return region->newest ? region->room.next - chunk_values(region->newest) : 0;
}

/* ---- memory.c ---- */

/* The time of the last tick. */
extern _Atomic uint64_t memory__clock;

/* A new time, later than all before. */
static inline uint64_t memory__tick(void)
{
    return atomic_fetch_add_explicit(&memory__clock, 2, memory_order_relaxed) + 2;
}

/* Later than what has ticked, earlier than what will. */
static inline uint64_t memory__now(void)
{
    return atomic_load_explicit(&memory__clock, memory_order_relaxed) + 1;
}

/* So many more nodes are alive. */
void memory__count_nodes(int64_t change);

/* A number from 1 on that no other region has, to be given back; 0 when all are taken. */
uint16_t memory__take_number(void);
void memory__give_number(uint16_t number);

/* Puts chunks into this thread's list of free ones, which is empty. False: out of memory. */
bool memory__get_chunks(void);

/* NULL when out of memory. */
static inline Chunk *memory__take_chunk(void)
{
    if (!mine.free_chunks && !memory__get_chunks())
        return NULL;
    Chunk *chunk = mine.free_chunks;
    mine.free_chunks = chunk->previous;
    return chunk;
}

static inline void memory__give_chunk(Chunk *chunk)
{
    chunk->previous = mine.free_chunks;
    mine.free_chunks = chunk;
}

/* One more handle on a node, or edge to it from outside of its region; one less. What has lost its last one is
 * freed at the next memory__drain(). */
void memory__retain(Value *node);
void memory__let_go(Value *node);

/* Frees what nothing holds, unless somebody is at it. */
void memory__drain(void);

/* ---- region.c ---- */

/* The place for the next node of a region; NULL when out of memory. */
Value *region__take_value(Region *region);

/* Gives all that is in a region back. */
void region__free(Region *region);

/* Gives the regions that wait for reuse back. */
void region__trim(void);

#endif
