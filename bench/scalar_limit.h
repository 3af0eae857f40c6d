/* scalar_limit.h - the scalar workloads as somebody would write them who has no library and no graph:
 * the derivative worked out by hand, in plain C. Nothing that records can be faster. */
#ifndef BENCH_SCALAR_LIMIT_H
#define BENCH_SCALAR_LIMIT_H

void limit_expr(double *results);
void limit_prepare_mlp(void);
void limit_mlp(double *results);
void limit_chain_million(double *results);
void limit_chain_ten_million(double *results);

#endif
