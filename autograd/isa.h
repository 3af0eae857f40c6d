/* isa.h - for which instruction set, of those that loops are compiled for, this process runs them. */
#ifndef VALGRAD_AUTOGRAD_ISA_H
#define VALGRAD_AUTOGRAD_ISA_H

/* Each has those before it. */
typedef enum Isa { ISA_BASE, ISA_AVX2, ISA_AVX512 } Isa;

/* The best of this processor. */
Isa isa__best(void);

/* The one called base, avx2 or avx512; ISA_BASE, which is the portable one, if there is no such name or the processor
 * lacks it; the best for NULL. */
Isa isa__named(const char *name);

/* The one that VALGRAD_ISA in the environment named when this was first asked. */
Isa isa__chosen(void);

#endif
