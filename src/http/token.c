#include "http/token.h"

/* What the bytes of one row have in common; "visible" bytes may stand in any value or target. */
#define VISIBLE (CHAR_FIELD | CHAR_TARGET)
#define ETAGC   (VISIBLE | CHAR_ETAG)           /* visible, and no quote */
#define TCHAR   (ETAGC | CHAR_TOKEN)
#define PCHAR   (ETAGC | CHAR_SEGMENT)
#define BOTH    (TCHAR | CHAR_SEGMENT)

/* tchar = "!" / "#" / "$" / "%" / "&" / "'" / "*" / "+" / "-" / "." / "^" / "_" / "`" / "|" / "~"
 *       / DIGIT / ALPHA                                                  RFC 9110 §5.6.2
 * pchar = unreserved / pct-encoded / sub-delims / ":" / "@"              RFC 3986 §3.3
 * etagc = "!" / %x23-7E / obs-text                                       RFC 9110 §8.8.3 */
const unsigned char char_classes[256] = {
    ['\t'] = CHAR_FIELD,
    [' ']  = CHAR_FIELD,
    ['!']  = BOTH,
    ['"']  = VISIBLE,
    ['#']  = TCHAR,
    ['$']  = BOTH,
    ['%']  = TCHAR,
    ['&']  = BOTH,
    ['\''] = BOTH,
    ['(']  = PCHAR,
    [')']  = PCHAR,
    ['*']  = BOTH,
    ['+']  = BOTH,
    [',']  = PCHAR,
    ['-']  = BOTH,
    ['.']  = BOTH,
    ['/']  = ETAGC,
    ['0' ... '9'] = BOTH | CHAR_DIGIT | CHAR_HEX,
    [':']  = PCHAR,
    [';']  = PCHAR,
    ['<']  = ETAGC,
    ['=']  = PCHAR,
    ['>']  = ETAGC,
    ['?']  = ETAGC,
    ['@']  = PCHAR,
    ['A' ... 'F'] = BOTH | CHAR_HEX,
    ['G' ... 'Z'] = BOTH,
    ['[']  = ETAGC,
    ['\\'] = ETAGC,
    [']']  = ETAGC,
    ['^']  = TCHAR,
    ['_']  = BOTH,
    ['`']  = TCHAR,
    ['a' ... 'f'] = BOTH | CHAR_HEX,
    ['g' ... 'z'] = BOTH,
    ['{']  = ETAGC,
    ['|']  = TCHAR,
    ['}']  = ETAGC,
    ['~']  = BOTH,
    [0x80 ... 0xff] = ETAGC,
};

bool token_all(struct str s, unsigned classes)
{
    for (size_t i = 0; i < s.len; i++)
        if (!char_is(s.ptr[i], classes))
            return false;
    return s.len > 0;
}

int token_hex(char byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    if (byte >= 'A' && byte <= 'F')
        return byte - 'A' + 10;
    return -1;
}

/* pct-encoded = "%" HEXDIG HEXDIG                                  RFC 3986 §2.1 */
int token_escape(struct str s)
{
    int high, low;

    if (s.len < 3 || s.ptr[0] != '%')
        return -1;
    high = token_hex(s.ptr[1]);
    low = token_hex(s.ptr[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE          RFC 9110 §5.6.4
 * Where the one that opens at `at` is over; one that never closes runs to the end, so that
 * nothing inside it is taken for an element. */
static size_t behind_quoted(struct str s, size_t at)
{
    for (at++; at < s.len; at++) {
        if (s.ptr[at] == '"')
            return at + 1;
        if (s.ptr[at] == '\\' && at + 1 < s.len)
            at++;
    }
    return s.len;
}

static size_t element_end(struct str s)
{
    size_t at = 0;

    while (at < s.len && s.ptr[at] != ',')
        at = s.ptr[at] == '"' ? behind_quoted(s, at) : at + 1;
    return at;
}

/* #element => [ element ] *( OWS "," OWS [ element ] )             RFC 9110 §5.6.1.2 */
bool token_list_next(struct str *rest, struct str *element)
{
    while (rest->len > 0) {
        size_t end = element_end(*rest);

        *element = str_trim(str_of(rest->ptr, end));
        *rest = str_from(*rest, end + 1);
        if (element->len > 0)
            return true;
    }
    return false;
}

bool token_list_has(struct str list, struct str element)
{
    struct str each;

    while (token_list_next(&list, &each))
        if (str_equal_nocase(each, element))
            return true;
    return false;
}
