/* tape.c - the loops that run a tape, for one set of numbers and for eight at once, compiled for each instruction
 * set. No variant contracts products and sums or changes their order: all give the same bits. */
#include "autograd/tape.h"

#include "autograd/formulas.h"
#include "autograd/instruction.h"
#include "autograd/side_by_side.h"

/* Sanitizers check each number of each loop: once is enough, and takes the compiler long. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) &&    \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TAPE_HAS_AVX
#endif

#define ISA base
#include "autograd/tape_variant.h"
#undef ISA

#ifdef TAPE_HAS_AVX
#pragma GCC push_options
#pragma GCC target("avx2")
#define ISA avx2
#include "autograd/tape_variant.h"
#undef ISA
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl,prefer-vector-width=512")
#define ISA avx512
#include "autograd/tape_variant.h"
#undef ISA
#pragma GCC pop_options
#endif

const TapeLoops *tape__loops(Isa isa, size_t lanes)
{
    static const TapeLoops *const loops[][2] = {
        {&loops_1_base, &loops_8_base},
#ifdef TAPE_HAS_AVX
        {&loops_1_avx2, &loops_8_avx2},
        {&loops_1_avx512, &loops_8_avx512},
#endif
    };
    const size_t built = sizeof loops / sizeof *loops;
    return loops[(size_t)isa < built ? (size_t)isa : 0][lanes > 1];
}
