#include "server/multipart.h"

#include <stdio.h>
#include <sys/random.h>

enum { TEXT_MAX = 256 };            /* bytes, besides the type */

/* RFC 2046 §5.1.1: the boundary must not stand in the body.  96 bits of chance see to that. */
static bool choose_boundary(char boundary[BOUNDARY_BYTES])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char     chance[BOUNDARY_BYTES / 2] = {0};

    /* So few bytes come at once, or not at all: a sandbox may forbid to ask. */
    if (getrandom(chance, sizeof chance, 0) != (ssize_t)sizeof chance)
        return false;
    for (size_t i = 0; i < sizeof chance; i++) {
        boundary[2 * i] = hex[chance[i] >> 4];
        boundary[2 * i + 1] = hex[chance[i] & 15];
    }
    return true;
}

static struct str part_text(struct arena *arena, const struct multipart *multipart,
                            const struct span *span, struct str type_line, uint64_t length)
{
    char *text = arena_alloc(arena, TEXT_MAX + type_line.len);
    int   len;

    if (!text)
        return (struct str){NULL, 0};
    len = snprintf(text, TEXT_MAX + type_line.len,
                   "\r\n--%.*s\r\n%.*sContent-Range: bytes %llu-%llu/%llu\r\n\r\n", BOUNDARY_BYTES,
                   multipart->boundary, STR_ARG(type_line), (unsigned long long)span->first,
                   (unsigned long long)(span->first + span->length - 1),
                   (unsigned long long)length);
    return str_of(text, (size_t)len);
}

static struct str end_text(struct arena *arena, const struct multipart *multipart)
{
    char *text = arena_alloc(arena, TEXT_MAX);
    int   len;

    if (!text)
        return (struct str){NULL, 0};
    len = snprintf(text, TEXT_MAX, "\r\n--%.*s--\r\n", BOUNDARY_BYTES, multipart->boundary);
    return str_of(text, (size_t)len);
}

bool multipart_make(struct arena *arena, const struct range_set *set, struct str type_line,
                    uint64_t length, struct multipart *multipart)
{
    *multipart = (struct multipart){.count = set->count + 1};
    if (!choose_boundary(multipart->boundary))
        return false;
    multipart->parts = arena_alloc(arena, multipart->count * sizeof(struct writer_part));
    if (!multipart->parts)
        return false;
    for (size_t i = 0; i < multipart->count; i++) {
        struct writer_part *part = &multipart->parts[i];

        *part = (struct writer_part){.text = end_text(arena, multipart)};
        if (i < set->count) {
            const struct span *span = &set->spans[i];

            part->text = part_text(arena, multipart, span, type_line, length);
            part->first = span->first;
            part->length = span->length;
        }
        if (!part->text.ptr)
            return false;
        multipart->length += part->text.len + part->length;
    }
    return true;
}
