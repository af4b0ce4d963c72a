#include "http/status_line.h"

/* status-line = HTTP-version SP status-code SP [ reason-phrase ] CRLF         RFC 9112 §4 */
bool status_line_read(struct str bytes, int *status)
{
    enum { VERSION = sizeof "HTTP/1." - 1, CODE = VERSION + 2, PHRASE = CODE + 4 };
    size_t      end = str_find(bytes, '\n');
    const char *at = bytes.ptr;
    uint64_t    code;

    if (end == bytes.len || end < PHRASE + 1 || at[end - 1] != '\r' ||
        !str_starts(bytes, STR("HTTP/1.")) || at[VERSION] < '0' || at[VERSION] > '9' ||
        at[VERSION + 1] != ' ' || at[PHRASE - 1] != ' ' ||
        !str_to_u64(str_of(at + CODE, 3), &code) || code < 100 || code > 599)
        return false;
    *status = (int)code;
    return true;
}
