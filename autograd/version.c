/* version.c - what library this is. */
#include <valgrad/valgrad.h>

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)

const char *valgrad_version(void)
{
    return TEXT(VALGRAD_VERSION_MAJOR) "." TEXT(VALGRAD_VERSION_MINOR) "." TEXT(VALGRAD_VERSION_PATCH);
}

int valgrad_real_size(void)
{
    return (int)sizeof(real);
}
