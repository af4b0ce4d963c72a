#include "http/method.h"

static const struct str names[] = {
#define X(name) [METHOD_##name] = {#name, sizeof(#name) - 1},
    METHODS(X)
#undef X
    [METHOD_UNKNOWN] = {"", 0},
};

/* The only method a name can be, going by its length and first byte. */
static enum method guess(struct str name)
{
    switch (name.len) {
    case 3:
        return name.ptr[0] == 'G' ? METHOD_GET : METHOD_PUT;
    case 4:
        return name.ptr[0] == 'H' ? METHOD_HEAD : METHOD_POST;
    case 5:
        return name.ptr[0] == 'P' ? METHOD_PATCH : METHOD_TRACE;
    case 6:
        return METHOD_DELETE;
    case 7:
        return name.ptr[0] == 'O' ? METHOD_OPTIONS : METHOD_CONNECT;
    default:
        return METHOD_UNKNOWN;
    }
}

enum method method_of(struct str name)
{
    enum method method = guess(name);

    return str_equal(name, names[method]) ? method : METHOD_UNKNOWN;
}

struct str method_name(enum method method)
{
    return names[method];
}
