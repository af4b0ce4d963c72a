#include "http/head.h"

#include "http/date.h"
#include "http/token.h"

/* status-line = HTTP-version SP status-code SP [ reason-phrase ]   RFC 9112 §4
 * The blank before an absent phrase stays. */
void head_status(struct buf *buf, int code)
{
    switch (code) {
#define X(name, number, phrase)                                           \
    case number:                                                          \
        buf_append(buf, STR("HTTP/1.1 " #number " " phrase "\r\n"));      \
        return;
        STATUSES(X)
#undef X
    default:
        buf_append(buf, STR("HTTP/1.1 "));
        buf_append_u64(buf, (uint64_t)code);
        buf_append(buf, STR(" \r\n"));
    }
}

/* field-line = field-name ":" OWS field-value OWS                  RFC 9112 §5
 * A handler may pass on what a peer gave it; splitting a response in two must not be one of the
 * things it can do by that (RFC 9112 §11.1). */
void head_field(struct buf *buf, struct str name, struct str value)
{
    if (!token_all(name, CHAR_TOKEN) || (value.len > 0 && !token_all(value, CHAR_FIELD))) {
        buf->failed = true;
        return;
    }
    buf_append(buf, name);
    buf_append(buf, STR(": "));
    buf_append(buf, value);
    buf_append(buf, STR("\r\n"));
}

void head_field_u64(struct buf *buf, struct str name, uint64_t value)
{
    char digits[20];                    /* as many as 2^64 - 1 has */
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    head_field(buf, name, str_of(digits + at, sizeof(digits) - at));
}

void head_field_date(struct buf *buf, struct str name, int64_t wall_s)
{
    char date[DATE_BYTES];

    date_format(wall_s, date);
    head_field(buf, name, str_of(date, sizeof(date)));
}

void head_end(struct buf *buf)
{
    buf_append(buf, STR("\r\n"));
}

static void append_escape(struct buf *buf, char byte)
{
    static const char digits[] = "0123456789ABCDEF";
    unsigned char value = (unsigned char)byte;
    char escape[] = {'%', digits[value >> 4], digits[value & 15]};

    buf_append(buf, str_of(escape, sizeof(escape)));
}

void head_append_path(struct buf *buf, struct str path)
{
    /* "//host" would be another site (RFC 3986 §4.2). */
    while (str_starts(path, STR("/")))
        path = str_from(path, 1);

    buf_append_byte(buf, '/');
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '/' || char_is(path.ptr[i], CHAR_SEGMENT))
            buf_append_byte(buf, path.ptr[i]);
        else
            append_escape(buf, path.ptr[i]);
    }
}

static bool is_escape(struct str s)
{
    return s.len >= 3 && s.ptr[0] == '%' && token_hex(s.ptr[1]) >= 0 && token_hex(s.ptr[2]) >= 0;
}

/* What came escaped stays so. */
static void append_raw(struct buf *buf, struct str raw)
{
    for (size_t i = 0; i < raw.len; i++) {
        char byte = raw.ptr[i];

        if (char_is(byte, CHAR_SEGMENT) || byte == '/' || byte == '?' ||
            is_escape(str_from(raw, i)))
            buf_append_byte(buf, byte);
        else
            append_escape(buf, byte);
    }
}

void head_append_raw_path(struct buf *buf, struct str raw)
{
    append_raw(buf, raw);
}

/* query = *( pchar / "/" / "?" )                                   RFC 3986 §3.4 */
void head_append_query(struct buf *buf, struct str query)
{
    buf_append_byte(buf, '?');
    append_raw(buf, query);
}
