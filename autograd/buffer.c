/* buffer.c - memory from the allocator, in blocks that their thread keeps for reuse.
 *
 * A training loop asks for the same sizes at every step, so blocks come in classes of size (four to each
 * power of two) and wait in a list for each class. From the second step on nothing is allocated. */
#include "autograd/buffer.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "autograd/graph.h"

enum { ALIGNMENT = 64, CLASSES = 192, SMALLEST = 64, LARGER = 12 };

/* Stands in the 64 bytes before each block. */
typedef struct Header {
    void *memory; /* as the allocator gave it, */
    size_t bytes; /* this many */
    int class;
    struct Header *next; /* while it waits */
} Header;

_Static_assert(sizeof(Header) <= ALIGNMENT, "the header fits before the block");

static void *allocate_malloc(size_t bytes, void *context)
{
    (void)context;
    return malloc(bytes);
}

static void release_malloc(void *memory, void *context)
{
    (void)context;
    free(memory);
}

static ValgradAllocator allocator = {allocate_malloc, release_malloc, NULL};
static _Atomic bool allocator_used;

static _Thread_local Header *waiting[CLASSES];

/* What valgrad_memory_stats() tells. */
static _Atomic int64_t held, most_held;
static _Thread_local int64_t held_waiting, reused, allocated;

static void count_held(int64_t change)
{
    const int64_t now = atomic_fetch_add_explicit(&held, change, memory_order_relaxed) + change;
    int64_t most = atomic_load_explicit(&most_held, memory_order_relaxed);
    while (now > most && !atomic_compare_exchange_weak_explicit(&most_held, &most, now, memory_order_relaxed,
                                                                memory_order_relaxed))
        ;
}

static Header *header_of(void *buffer)
{
    return (Header *)(void *)((char *)buffer - ALIGNMENT);
}

/* The class of a size and the room it gives: 2^k * {4, 5, 6, 7} / 4. */
static int class_of(size_t bytes, size_t *room)
{
    if (bytes < SMALLEST)
        bytes = SMALLEST;
    const int exponent = 63 - __builtin_clzll((unsigned long long)(bytes - 1) | SMALLEST / 2);
    const size_t quarter = ((size_t)1 << exponent) / 4;
    const size_t steps = (bytes - ((size_t)1 << exponent) + quarter - 1) / quarter;
    *room = ((size_t)1 << exponent) + steps * quarter;
    return 4 * (exponent - 5) + (int)steps;
}

void *buffer__allocate(size_t bytes, size_t alignment)
{
    size_t total;
    if (__builtin_add_overflow(bytes, alignment + ALIGNMENT, &total))
        return NULL;
    if (!atomic_load_explicit(&allocator_used, memory_order_relaxed))
        atomic_store_explicit(&allocator_used, true, memory_order_relaxed);
    char *memory = allocator.allocate(total, allocator.context);
    if (!memory)
        return NULL;
    const uintptr_t first = (uintptr_t)memory + ALIGNMENT;
    char *block = memory + ALIGNMENT + ((alignment - first % alignment) % alignment);
    header_of(block)->memory = memory;
    header_of(block)->bytes = total;
    count_held((int64_t)total);
    return block;
}

void buffer__release(void *block)
{
    count_held(-(int64_t)header_of(block)->bytes);
    allocator.release(header_of(block)->memory, allocator.context);
}

/* A waiting block of this class; else of one up to eight times as large, so that the smaller last batch
 * of an epoch is served from the blocks of the whole ones. NULL when none waits. */
static Header *take_waiting(int class)
{
    const int last = class + LARGER < CLASSES ? class + LARGER : CLASSES - 1;
    for (int i = class; i <= last; i++) {
        Header *header = waiting[i];
        if (header) {
            waiting[i] = header->next;
            held_waiting -= (int64_t)header->bytes;
            reused++;
            return header;
        }
    }
    return NULL;
}

void *buffer__take(size_t bytes)
{
    if (bytes > SIZE_MAX / 4)
        return NULL;
    size_t room;
    const int class = class_of(bytes, &room);
    Header *header = take_waiting(class);
    if (header)
        return (char *)header + ALIGNMENT;
    void *block = buffer__allocate(room, ALIGNMENT);
    if (!block)
        return NULL;
    allocated++;
    header_of(block)->class = class;
    memory__watch_thread();
    return block;
}

void buffer__give(void *buffer)
{
    if (!buffer)
        return;
    Header *header = header_of(buffer);
    header->next = waiting[header->class];
    waiting[header->class] = header;
    held_waiting += (int64_t)header->bytes;
}

void buffer__trim(void)
{
    for (int class = 0; class < CLASSES; class++) {
        while (waiting[class]) {
            Header *header = waiting[class];
            waiting[class] = header->next;
            held_waiting -= (int64_t)header->bytes;
            buffer__release((char *)header + ALIGNMENT);
        }
    }
}

ValgradMemoryStats valgrad_memory_stats(void)
{
    return (ValgradMemoryStats){
        .live_nodes = valgrad_live_nodes(),
        .bytes = atomic_load_explicit(&held, memory_order_relaxed),
        .peak_bytes = atomic_load_explicit(&most_held, memory_order_relaxed),
        .waiting_bytes = held_waiting,
        .blocks_reused = reused,
        .blocks_allocated = allocated,
    };
}

ValgradStatus valgrad_set_allocator(ValgradAllocator chosen)
{
    if (!chosen.allocate || !chosen.release)
        return error__set(VALGRAD_ERROR_NULL, "valgrad_set_allocator: a function is NULL");
    if (atomic_load_explicit(&allocator_used, memory_order_relaxed))
        return error__set(VALGRAD_ERROR_STATE,
                          "valgrad_set_allocator: memory was already taken; set it before first use");
    allocator = chosen;
    return VALGRAD_OK;
}
