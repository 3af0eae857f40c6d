/* tape.c - the loops that run a tape, for one set of numbers and for eight at once. */
#include "autograd/tape.h"

#include "autograd/formulas.h"
#include "autograd/instruction.h"
#include "autograd/side_by_side.h"

#define LANES 1
#include "autograd/tape_loops.h"
#undef LANES

#define LANES 8
#include "autograd/tape_loops.h"
#undef LANES
