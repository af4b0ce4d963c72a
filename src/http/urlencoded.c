#include "http/urlencoded.h"

#include "http/token.h"

/* WHATWG URL §5.1: empty pieces are passed over. */
static bool next_piece(struct str *rest, struct str *piece)
{
    while (str_split(rest, '&', piece))
        if (piece->len > 0)
            return true;
    return false;
}

size_t urlencoded_count(struct str encoded)
{
    struct str piece;
    size_t     count = 0;

    while (next_piece(&encoded, &piece))
        count++;
    return count;
}

/* The byte behind the last one is written, too: "=", "&" or the end stood there. */
static struct str decode(char *bytes, size_t len)
{
    size_t out = 0;

    for (size_t in = 0; in < len; in++) {
        int escaped = token_escape(str_of(bytes + in, len - in));

        if (escaped >= 0) {
            bytes[out++] = (char)escaped;
            in += 2;
        } else {
            bytes[out++] = bytes[in];
            if (bytes[in] == '+')
                bytes[out - 1] = ' ';
        }
    }
    bytes[out] = '\0';
    return str_of(bytes, out);
}

static struct pair decode_pair(char *bytes, size_t len)
{
    size_t      mark = str_find(str_of(bytes, len), '=');
    struct pair pair = {.name = decode(bytes, mark)};

    if (mark < len)
        pair.value = decode(bytes + mark + 1, len - mark - 1);
    else
        pair.value = str_from(pair.name, pair.name.len);    /* the NUL behind the name */
    return pair;
}

size_t urlencoded_decode(char *bytes, size_t len, struct pair *pairs, size_t most)
{
    struct str rest = str_of(bytes, len), piece;
    size_t     count = 0;

    while (count < most && next_piece(&rest, &piece))
        pairs[count++] = decode_pair(bytes + (piece.ptr - bytes), piece.len);
    return count;
}

struct str pairs_find(const struct pairs *pairs, struct str name)
{
    for (size_t i = 0; i < pairs->count; i++)
        if (str_equal(pairs->all[i].name, name))
            return pairs->all[i].value;
    return (struct str){NULL, 0};
}
