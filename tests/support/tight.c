#include "tests/support/tight.h"

#include <stdlib.h>

struct tight_str tight_bytes(const char *bytes, size_t len)
{
    struct tight_str tight = {.bytes = malloc(len ? len : 1)};

    assert(tight.bytes);
    if (len)
        memcpy(tight.bytes, bytes, len);
    tight.view = str_of(tight.bytes, len);
    return tight;
}

struct tight_str tight_str(const char *text)
{
    if (!text)
        return (struct tight_str){.view = {NULL, 0}, .bytes = NULL};
    return tight_bytes(text, strlen(text));
}

void tight_str_free(struct tight_str *tight)
{
    free(tight->bytes);
    *tight = (struct tight_str){.view = {NULL, 0}, .bytes = NULL};
}
