/* row_testing.h - a row of the op table applied to numbers, and its formula in quadruple precision. */
#ifndef VALGRAD_TESTS_ROW_TESTING_H
#define VALGRAD_TESTS_ROW_TESTING_H

#include "quad_formulas.h"
#include "testing.h"
#include "witness.h"

static inline const QuadFormula *formula_of(const ValueOpInfo *row)
{
    const QuadFormula *formula = quad_find(row->name);
    ck_assert_msg(formula != NULL, "row %s has no formula in quad_formulas.h: add one", row->name);
    return formula;
}

/* y and z are left out where the operation has none, z's number stands in for p. */
static inline Value *apply(const ValueOpInfo *row, Value *x, Value *y, Value *z)
{
    return apply_row((size_t)(row - value_op_row(0)), (Value *[]){x, y, z}, value_data(z));
}

/* Value and gradient of one operation at one point. */
typedef struct Result {
    real f, d[3];
} Result;

static inline Result result_at(const ValueOpInfo *row, real x, real y, real p)
{
    Result result = {0};
    VALGRAD_SCOPE {
        Value *a = value_leaf(x), *b = value_leaf(y), *c = value_leaf(p), *v = apply(row, a, b, c);
        assert_status(value_backward(v), VALGRAD_OK);
        result = (Result){value_data(v), {value_grad(a), value_grad(b), value_grad(c)}};
    }
    return result;
}

/* 1 to any power and anything to the power of 0 are 1 in C, even of NaN; fmin() and fmax() ignore it. */
static inline bool may_ignore_nan(const char *name, real x, real y)
{
    return (strcmp(name, "pow") == 0 && (x == 1 || y == 0)) || strcmp(name, "fmin") == 0 ||
           strcmp(name, "fmax") == 0;
}

#endif
