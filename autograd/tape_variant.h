/* tape_variant.h - the loops for one set of numbers and for eight, by the instruction set that is called ISA. */
#define LANES 1
#include "autograd/tape_loops.h"
#undef LANES
#define LANES 8
#include "autograd/tape_loops.h"
#undef LANES
