/* valgrad.h - everything: scalar Values, Tensors, neural networks. Start reading at value.h. */
#ifndef VALGRAD_VALGRAD_H
#define VALGRAD_VALGRAD_H

#include <valgrad/derivatives.h>
#include <valgrad/error.h>
#include <valgrad/export.h>
#include <valgrad/gradcheck.h>
#include <valgrad/inspect.h>
#include <valgrad/nn.h>
#include <valgrad/profile.h>
#include <valgrad/program.h>
#include <valgrad/random.h>
#include <valgrad/real.h>
#include <valgrad/state.h>
#include <valgrad/tensor.h>
#include <valgrad/train.h>
#include <valgrad/value.h>

#define VALGRAD_VERSION_MAJOR 0
#define VALGRAD_VERSION_MINOR 1
#define VALGRAD_VERSION_PATCH 0

VALGRAD_BEGIN

/* The version of the library that runs, "0.1.0". */
VALGRAD_API const char *valgrad_version(void);

/* sizeof(real) of the library that runs: 8, or 4 for valgradf. */
VALGRAD_API int valgrad_real_size(void);

VALGRAD_END

#ifdef VALGRAD_DEBUG
#include <valgrad/debug.h>
#endif

#endif
