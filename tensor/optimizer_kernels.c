/* optimizer_kernels.c - the steps of the optimizers, compiled once for each instruction set. */
#include <math.h>
#include <stddef.h>

#include "kernel_names.h"
#include "simd.h"

/* clang-format off: it takes UNROLL and INDEPENDENT before a loop for declarations */

/* decay is constant where this is inlined: without it, an infinite weight must not turn into NaN. */
INLINE void descend(real *w, const real *g, int64_t n, const SgdStep *s, const int decay)
{
    const real rate = s->learning_rate, wd = s->weight_decay;
    INDEPENDENT for (int64_t i = 0; i < n; i++) {
        const real d = decay ? g[i] + wd * w[i] : g[i];
        w[i] -= rate * d;
    }
}

INLINE void descend_momentum(real *w, const real *g, real *v, int64_t n, const SgdStep *s,
                             const int decay, const int nesterov)
{
    const real rate = s->learning_rate, wd = s->weight_decay, momentum = s->momentum;
    INDEPENDENT for (int64_t i = 0; i < n; i++) {
        const real d = decay ? g[i] + wd * w[i] : g[i];
        const real velocity = momentum * v[i] + d;
        v[i] = velocity;
        w[i] -= rate * (nesterov ? d + momentum * velocity : velocity);
    }
}

static void sgd_block(real *w, const real *g, real *v, int64_t n, const SgdStep *s)
{
    const int decay = s->weight_decay < 0 || s->weight_decay > 0;
    if (!v && decay)
        descend(w, g, n, s, 1);
    else if (!v)
        descend(w, g, n, s, 0);
    else if (decay && s->nesterov)
        descend_momentum(w, g, v, n, s, 1, 1);
    else if (decay)
        descend_momentum(w, g, v, n, s, 1, 0);
    else if (s->nesterov)
        descend_momentum(w, g, v, n, s, 0, 1);
    else
        descend_momentum(w, g, v, n, s, 0, 0);
}

int KERNEL(sgd)(real *w, const real *g, real *v, int64_t n, const SgdStep *s)
{
    int finite = 1;
    for (int64_t i = 0; i < n; i += STEP_BLOCK) {
        const int64_t block = least(STEP_BLOCK, n - i);
        sgd_block(w + i, g + i, v ? v + i : NULL, block, s);
        finite &= KERNEL(all_finite)(w + i, block);
    }
    return finite;
}

INLINE real square_root(real x)
{
#ifdef VALGRAD_FLOAT
    return sqrtf(x);
#else
    return sqrt(x);
#endif
}

static void rmsprop_block(real *w, const real *g, real *v, real *squares, int64_t n, const RmspropStep *s)
{
    const real alpha = s->alpha, rest = 1 - alpha, momentum = s->momentum;
    const real rate = s->learning_rate, wd = s->weight_decay, epsilon = s->epsilon;
    INDEPENDENT for (int64_t i = 0; i < n; i++) {
        const real d = g[i] + wd * w[i];
        const real square = alpha * squares[i] + rest * d * d;
        const real velocity = momentum * v[i] + d / (square_root(square) + epsilon);
        squares[i] = square;
        v[i] = velocity;
        w[i] -= rate * velocity;
    }
}

int KERNEL(rmsprop)(real *w, const real *g, real *v, real *squares, int64_t n, const RmspropStep *s)
{
    int finite = 1;
    for (int64_t i = 0; i < n; i += STEP_BLOCK) {
        const int64_t block = least(STEP_BLOCK, n - i);
        rmsprop_block(w + i, g + i, v + i, squares + i, block, s);
        finite &= KERNEL(all_finite)(w + i, block);
    }
    return finite;
}

/* decay: 0 none, 1 in the gradient, 2 on the weight; a constant where this is inlined. */
INLINE void adam_loop(real *w, const real *g, real *m, real *v, int64_t n, const AdamStep *s,
                      const int decay)
{
    const real beta1 = s->beta1, beta2 = s->beta2, rest1 = 1 - beta1, rest2 = 1 - beta2;
    const real rate = s->learning_rate / s->correction1, root = 1 / square_root(s->correction2);
    const real wd = s->weight_decay, shrink = s->learning_rate * wd, epsilon = s->epsilon;
    INDEPENDENT for (int64_t i = 0; i < n; i++) {
        const real weight = decay == 2 ? w[i] - shrink * w[i] : w[i];
        const real d = decay == 1 ? g[i] + wd * weight : g[i];
        const real mean = beta1 * m[i] + rest1 * d;
        const real square = beta2 * v[i] + rest2 * d * d;
        m[i] = mean;
        v[i] = square;
        w[i] = weight - rate * mean / (square_root(square) * root + epsilon);
    }
}

static void adam_block(real *w, const real *g, real *m, real *v, int64_t n, const AdamStep *s)
{
    if (!(s->weight_decay < 0 || s->weight_decay > 0))
        adam_loop(w, g, m, v, n, s, 0);
    else if (s->decoupled)
        adam_loop(w, g, m, v, n, s, 2);
    else
        adam_loop(w, g, m, v, n, s, 1);
}

int KERNEL(adam)(real *w, const real *g, real *m, real *v, int64_t n, const AdamStep *s)
{
    int finite = 1;
    for (int64_t i = 0; i < n; i += STEP_BLOCK) {
        const int64_t block = least(STEP_BLOCK, n - i);
        adam_block(w + i, g + i, m + i, v + i, block, s);
        finite &= KERNEL(all_finite)(w + i, block);
    }
    return finite;
}
