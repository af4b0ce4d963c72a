/* field - header fields as slices (RFC 9110 §5, RFC 9112 §5).
 *
 * A table of the fields of one message, in the order they came, borrowed from the bytes they
 * were read from.  The names that decide something are known by number, so that asking for one
 * is not a search through strings.  Pure: no allocation, no I/O, no clock. */
#ifndef HTTP_FIELD_H
#define HTTP_FIELD_H

#include "http/status.h"

#define KNOWN_FIELDS(X)                              \
    X(HOST,                "host")                   \
    X(CONNECTION,          "connection")             \
    X(CONTENT_LENGTH,      "content-length")         \
    X(TRANSFER_ENCODING,   "transfer-encoding")      \
    X(EXPECT,              "expect")                 \
    X(IF_MATCH,            "if-match")               \
    X(IF_NONE_MATCH,       "if-none-match")          \
    X(IF_MODIFIED_SINCE,   "if-modified-since")      \
    X(IF_UNMODIFIED_SINCE, "if-unmodified-since")    \
    X(IF_RANGE,            "if-range")               \
    X(RANGE,               "range")                  \
    X(ACCEPT_ENCODING,     "accept-encoding")        \
    X(REFERER,             "referer")                \
    X(USER_AGENT,          "user-agent")

enum known_field {
    FIELD_OTHER,
#define X(name, text) FIELD_##name,
    KNOWN_FIELDS(X)
#undef X
    FIELDS_KNOWN
};

enum { FIELDS_MAX = 100 };          /* more is 431 */

struct field {
    struct str       name;          /* as it came */
    struct str       value;         /* without the white space around it */
    enum known_field known;
};

struct fields {
    struct field  all[FIELDS_MAX];
    size_t        count;
    unsigned char first[FIELDS_KNOWN];  /* 1 + index of the first of that name; 0: none came */
    unsigned char times[FIELDS_KNOWN];  /* how many of that name came */
};

/* Forgets all fields; needs no other preparation (it clears the two small tables only). */
void fields_reset(struct fields *fields);

/* Reads one field line, without its CRLF:  field-name ":" OWS field-value OWS
 * Refuses what two parsers could read differently: white space in or after the name, a line
 * that begins with white space (obs-fold, RFC 9112 §5.2), control bytes; and too many (431). */
struct refusal fields_add_line(struct fields *fields, struct str line) MUST_USE;

/* The value of the first field of that name; ptr is NULL when none came. */
struct str fields_get(const struct fields *fields, enum known_field known) MUST_USE;

static inline bool fields_has(const struct fields *fields, enum known_field known)
{
    return fields->first[known] != 0;
}

/* Walks all values of one name, in order: start with *at = 0; false at the end. */
bool fields_next(const struct fields *fields, enum known_field known, size_t *at,
                 struct str *value) MUST_USE;

/* Some field of that name has this element in its comma-separated list, whatever the case. */
bool fields_list_has(const struct fields *fields, enum known_field known,
                     struct str element) MUST_USE;

/* The first value of a field of any name, whatever its case; ptr NULL when none came. */
struct str fields_find(const struct fields *fields, struct str name) MUST_USE;

#endif
