/* openblas.c - see openblas.h. */
#include "bench/openblas.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#ifdef VALGRAD_FLOAT
#define GEMM "cblas_sgemm"
#else
#define GEMM "cblas_dgemm"
#endif

enum { ROW_MAJOR = 101, PLAIN = 111, TRANSPOSED = 112 };

static void (*gemm)(int order, int a_is, int b_is, int m, int n, int k, real alpha, const real *a,
                    int lda, const real *b, int ldb, real beta, real *c, int ldc);

static void tell_processor(void)
{
    const char *isa = kernels__get()->name;
    if (strcmp(isa, "avx512") == 0)
        setenv("OPENBLAS_CORETYPE", "SKYLAKEX", 0);
    else if (strcmp(isa, "avx2") == 0)
        setenv("OPENBLAS_CORETYPE", "HASWELL", 0);
}

bool openblas_load(int threads)
{
    void (*set_threads)(int n) = NULL;
    tell_processor();
    void *library = dlopen("libopenblas.so.0", RTLD_NOW);
    if (!library)
        return false;
    *(void **)&gemm = dlsym(library, GEMM);
    *(void **)&set_threads = dlsym(library, "openblas_set_num_threads");
    if (set_threads)
        set_threads(threads);
    return gemm && set_threads;
}

void openblas_multiply(const Gemm *g)
{
    const int a_turned = g->a_col != 1, b_turned = g->b_col != 1;
    for (int64_t i = 0; g->bias && i < g->m; i++)
        memcpy(g->c + i * g->ldc, g->bias, (size_t)g->n * sizeof(real));
    gemm(ROW_MAJOR, a_turned ? TRANSPOSED : PLAIN, b_turned ? TRANSPOSED : PLAIN, (int)g->m,
         (int)g->n, (int)g->k, 1, g->a, (int)(a_turned ? g->a_col : g->a_row), g->b,
         (int)(b_turned ? g->b_col : g->b_row), g->bias || g->accumulate, g->c, (int)g->ldc);
}
