/* A user's program, in what C11 and C++17 have in common. */
#include <stdio.h>
#include <string.h>
#include <valgrad/valgrad.h>

int main(void)
{
    char version[32];
    snprintf(version, sizeof version, "%d.%d.%d", VALGRAD_VERSION_MAJOR, VALGRAD_VERSION_MINOR,
             VALGRAD_VERSION_PATCH);
    if (strcmp(version, valgrad_version()) != 0 || valgrad_real_size() != (int)sizeof(real))
        return 1;

    Value *x = value_param(3), *y = value_mul(x, x);
    if (value_backward(y) != VALGRAD_OK)
        return 1;
    printf("%g %g\n", (double)value_data(y), (double)value_grad(x));
    value_release(y);
    value_release(x);
    return 0;
}
