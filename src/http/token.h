/* token - which bytes may stand where (RFC 9110 §5.6, RFC 3986 §2).
 *
 * Character classes as one table of bits, and the two-character hexadecimal digit.  Pure. */
#ifndef HTTP_TOKEN_H
#define HTTP_TOKEN_H

#include "base/str.h"

enum {
    CHAR_TOKEN   = BIT(0),  /* tchar, RFC 9110 §5.6.2 */
    CHAR_FIELD   = BIT(1),  /* in a field value: tab, space, visible, 0x80 and up (§5.5) */
    CHAR_TARGET  = BIT(2),  /* in a request target: visible and 0x80 and up, as browsers send */
    CHAR_DIGIT   = BIT(3),
    CHAR_HEX     = BIT(4),
    CHAR_SEGMENT = BIT(5),  /* stands unescaped in a path segment: pchar less "%", RFC 3986 §3.3 */
    CHAR_ETAG    = BIT(6),  /* etagc, RFC 9110 §8.8.3 */
};

extern const unsigned char char_classes[256];

static inline bool char_is(char byte, unsigned classes)
{
    return (char_classes[(unsigned char)byte] & classes) != 0;
}

/* Every byte of s is of one of the classes, and there is at least one. */
bool token_all(struct str s, unsigned classes) MUST_USE;

/* The value of one hexadecimal digit, or -1. */
int token_hex(char byte) MUST_USE;

/* The byte that the escape at the front of `s` stands for ("%2F"); -1 when there is none. */
int token_escape(struct str s) MUST_USE;

/* Takes the next element of a comma-separated list (RFC 9110 §5.6.1) off *rest: trimmed, empty
 * elements passed over, commas inside quoted strings left alone.  False at the end. */
bool token_list_next(struct str *rest, struct str *element) MUST_USE;

/* The list has this element, whatever its case. */
bool token_list_has(struct str list, struct str element) MUST_USE;

#endif
