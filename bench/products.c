/* products.c - see products.h. */
#include "bench/products.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/harness.h"

typedef struct Product {
    const char *name;
    int64_t m, k, n;
    int a_transposed, b_transposed;
} Product;

#define PRODUCT(name, title, ...) {name, __VA_ARGS__},
static const Product products[] = {PRODUCTS(PRODUCT)};

static const Product *the_product(void)
{
    const Product *product = products;
    while (strcmp(product->name, bench_workload->name) != 0)
        product++;
    return product;
}

static real *numbers(int64_t n)
{
    real *x = aligned_alloc(64, ((size_t)n * sizeof(real) + 127) / 64 * 64);
    if (!x)
        exit(EXIT_FAILURE);
    for (int64_t i = 0; i < n; i++)
        x[i] = (real)(i % 17 - 8) / 8;
    return x;
}

static Gemm make_product(const Product *s)
{
    return (Gemm){.m = s->m,
                  .n = s->n,
                  .k = s->k,
                  .a = numbers(s->m * s->k),
                  .a_row = s->a_transposed ? 1 : s->k,
                  .a_col = s->a_transposed ? s->m : 1,
                  .b = numbers(s->k * s->n),
                  .b_row = s->b_transposed ? 1 : s->n,
                  .b_col = s->b_transposed ? s->k : 1,
                  .c = numbers(s->m * s->n),
                  .ldc = s->n,
                  .scratch =
                      numbers(kernels__get()->gemm_scratch(s->m, s->n, s->k, s->b_transposed))};
}

/* Whether C is A B; the numbers are eighths, so that sums have no rounding. */
static bool is_right(const Gemm *g)
{
    for (int64_t i = 0; i < g->m; i++) {
        for (int64_t j = 0; j < g->n; j++) {
            double sum = 0;
            for (int64_t p = 0; p < g->k; p++)
                sum +=
                    (double)(g->a[i * g->a_row + p * g->a_col] * g->b[p * g->b_row + j * g->b_col]);
            if (fabs(sum - (double)g->c[i * g->ldc + j]) > 1e-3)
                return false;
        }
    }
    return true;
}

void products_run(void (*multiply)(const Gemm *product), double *results)
{
    static Gemm product;
    static bool right;
    const bool first = !product.a;
    if (first)
        product = make_product(the_product());
    multiply(&product);
    if (first)
        right = is_right(&product);
    results[0] = right;
}

double products_work(void)
{
    const Product *p = the_product();
    return 2.0 * (double)p->m * (double)p->n * (double)p->k;
}
