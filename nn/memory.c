/* memory.c - memory of this folder's objects, from the library's allocator. */
#include <string.h>

#include "autograd/buffer.h"
#include "autograd/error.h"
#include "nn/nn_internal.h"

enum { ALIGNMENT = 64 };

void *nn__bytes(const char *function, int64_t count, size_t size)
{
    const size_t bytes = size_product((size_t)count, size);
    void *memory = buffer__allocate(bytes, ALIGNMENT);
    if (!memory)
        error__memory(function, bytes);
    return memory;
}

void *nn__zeros(const char *function, int64_t count, size_t size)
{
    void *memory = nn__bytes(function, count, size);
    return memory ? memset(memory, 0, (size_t)count * size) : NULL;
}

void nn__free(void *memory)
{
    if (memory)
        buffer__release(memory);
}
