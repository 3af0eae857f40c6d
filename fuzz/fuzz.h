/* fuzz.h - what fuzz targets share. A target is a file fuzz_NAME.c with one function,
 *
 *     int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
 *
 * which gives the bytes to a reader of the library and, if the reader takes them, uses what came out.
 * Its saved inputs lie in corpus/NAME. Compiled with any compiler it reads those once (replay.c), as a
 * test; `./run fuzz` compiles it with clang and lets libFuzzer search for inputs that break it. */
#ifndef VALGRAD_FUZZ_FUZZ_H
#define VALGRAD_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The path of a file that holds just these bytes; the next call with this suffix overwrites it. */
const char *fuzz_file(const uint8_t *data, size_t size, const char *suffix);

/* Ends the program, as a finding, unless what must hold does. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            __builtin_trap();                                                                      \
    } while (0)

#endif
