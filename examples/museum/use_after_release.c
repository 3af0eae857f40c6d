/* use_after_release.c - wrong on purpose: one release too many.
 *
 * Every handle is given back once. A Value that is released twice may be gone after the first time, and
 * whoever uses it then reads memory that belongs to nobody, or to somebody else.
 *
 * Found by: the library keeps what it frees for its next nodes, and marks it. As long as no new node has
 * moved in, a second release is noticed and changes nothing; valgrad_last_error() tells. That is a help
 * and no promise. Once the place has a new tenant, the release is taken for his; and while something
 * made from the Value still holds it, one release too many takes away that hold. Nor is reading a freed
 * Value noticed, so this program does not do it. (AddressSanitizer cannot see it either, for the memory
 * was not given back to the system.) In a scope, releasing what one does not hold is noticed always.
 * The mend: release once, and set the pointer to NULL, for which release does nothing; or use a scope,
 * and release nothing. */
#include <stdio.h>
#include <valgrad/valgrad.h>

static void report(const char *what)
{
    printf("%-34s %s\n", what, valgrad_last_status() == VALGRAD_OK ? "fine" : valgrad_last_error());
    valgrad_clear_error();
}

int main(void)
{
    Value *x = value_leaf(3);
    value_release(x);
    report("released once:");
    value_release(x); /* WRONG */
    report("released twice:");

    VALGRAD_SCOPE {
        Value *s = value_leaf(1);
        value_release(s); /* WRONG: it is the scope's */
        report("in a scope, not retained:");
        value_retain(s);
        value_release(s);
        report("mended, retained before:");
    }

    Value *z = value_leaf(4);
    for (int i = 0; i < 2; i++) {
        value_release(z);
        z = NULL;
    }
    report("mended, pointer set to NULL:");
    printf("nodes left: %d\n", (int)valgrad_live_nodes());
    return valgrad_live_nodes() != 0;
}
