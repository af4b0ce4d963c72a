#include "http/status.h"

struct str status_phrase(int code)
{
    switch (code) {
#define X(name, number, phrase) \
    case number:                \
        return STR(phrase);
        STATUSES(X)
#undef X
    default:
        return STR_NONE;
    }
}
