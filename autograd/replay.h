/* replay.h - recording for both grains. */
#ifndef VALGRAD_AUTOGRAD_REPLAY_H
#define VALGRAD_AUTOGRAD_REPLAY_H

#include <valgrad/program.h>

#include "autograd/program.h"

/* program_record() of places, the inputs being leaves. */
Program *replay__record(const char *function, size_t root_count, const Place *roots,
                        size_t input_count, const Place *inputs);

#endif
