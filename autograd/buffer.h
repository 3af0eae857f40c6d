/* buffer.h - memory under the nodes: the allocator, and blocks kept for reuse by their thread. */
#ifndef VALGRAD_AUTOGRAD_BUFFER_H
#define VALGRAD_AUTOGRAD_BUFFER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Straight from the allocator and back: a block aligned to `alignment` (a power of two >= 64). */
void *buffer__allocate(size_t bytes, size_t alignment);
void buffer__release(void *block);

/* A block of at least `bytes`, 64-byte aligned, from this thread's waiting ones if one fits. NULL when
 * out of memory; sets no error. */
void *buffer__take(size_t bytes);
void buffer__give(void *buffer); /* NULL does nothing */

/* Gives all that waits in this thread back to the allocator. */
void buffer__trim(void);

/* memory.c: sees to it that this thread's blocks are given back when it ends. */
void memory__watch_thread(void);

/* n * size; where that is too much, SIZE_MAX, of which there is never a block. */
static inline size_t size_product(size_t n, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes;
}

#endif
