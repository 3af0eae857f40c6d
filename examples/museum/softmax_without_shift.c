/* softmax_without_shift.c - wrong on purpose: softmax as it stands in the book.
 *
 * e^x overflows a double from x = 710 on (a float from 89 on). Then softmax is infinity divided by
 * infinity. Scores of that size are not exotic: one step with too large a learning rate makes them.
 *
 * Found by: a property that softmax must have. Adding the same number to all scores changes nothing on
 * paper, so compute at x and at x + 1000 and compare; and the probabilities must sum to 1. The anomaly
 * trap finds where it begins: the infinity, before it becomes NaN.
 * The mend: by that same property subtract the largest score first. tensor_softmax() does. */
#include <math.h>
#include <stdio.h>
#include <valgrad/valgrad.h>

static Tensor *softmax_wrong(Tensor *x)
{
    Tensor *e = tensor_exp(x);
    return tensor_div(e, tensor_sum_all(e));
}

static Tensor *softmax_mended(Tensor *x)
{
    Tensor *largest = tensor_detach(tensor_reduce_max(x, TENSOR_ALL_AXES, false));
    return softmax_wrong(tensor_sub(x, largest));
}

static Tensor *softmax_of_library(Tensor *x)
{
    return tensor_softmax(x, -1);
}

static void show(const char *name, Tensor *(*softmax)(Tensor *))
{
    for (int shift = 0; shift <= 1000; shift += 1000) {
        VALGRAD_SCOPE {
            const real scores[] = {(real)shift, (real)shift + 1, (real)shift + 2};
            Tensor *p = softmax(tensor_const(scores, TENSOR_SHAPE(3)));
            double sum = 0;
            printf("%-12s of %4d, %4d, %4d:", name, shift, shift + 1, shift + 2);
            for (int64_t i = 0; i < 3; i++) {
                const double number = value_data(tensor_at(p, i));
                sum += number;
                if (isnan(number))
                    printf("    NaN");
                else
                    printf(" %6.4f", number);
            }
            printf("  %s\n", fabs(sum - 1) < 0.001 ? "right" : "WRONG");
        }
    }
}

static void set_trap(void)
{
    valgrad_set_anomaly_trap(true);
    VALGRAD_SCOPE {
        if (!softmax_wrong(tensor_const((const real[]){1000, 1001, 1002}, TENSOR_SHAPE(3))))
            printf("the trap: %s\n", valgrad_last_error());
    }
    valgrad_set_anomaly_trap(false);
}

int main(void)
{
    show("by the book", softmax_wrong);
    show("shifted", softmax_mended);
    show("the library", softmax_of_library);
    set_trap();
    return valgrad_live_nodes() != 0;
}
