/* What http/urlencoded promises about any bytes: the pairs that a reading byte by byte has, and the same
 * pairs again from the bytes that a browser would send for them. */
#include <stdlib.h>

#include "http/urlencoded.h"
#include "tests/fuzz/fuzz.h"

/* ---- the naive one -------------------------------------------------------------------- */

/* The value of a hexadecimal digit, or 16. */
static unsigned digit(char byte)
{
    static const char digits[] = "00112233445566778899aAbBcCdDeEfF";
    const char       *at = byte ? strchr(digits, byte) : NULL;

    return at ? (unsigned)(at - digits) / 2 : 16;
}

/* What the `len` bytes mean, to `out`. */
static void naive_decode(const char *bytes, size_t len, struct buf *out)
{
    for (size_t i = 0; i < len; i++) {
        bool is_escape =
            bytes[i] == '%' && len - i > 2 && digit(bytes[i + 1]) < 16 && digit(bytes[i + 2]) < 16;

        if (is_escape)
            buf_append_byte(out, (char)(digit(bytes[i + 1]) << 4 | digit(bytes[i + 2])));
        else
            buf_append_byte(out, bytes[i] == '+' ? ' ' : bytes[i]);
        i += is_escape ? 2 : 0;
    }
}

/* Reads all pairs off the page and compares each; how many there were. */
static size_t compare_naively(struct str bytes, const struct pair *pairs, size_t count)
{
    size_t seen = 0, start = 0;

    for (size_t end = 0; end <= bytes.len; end++) {
        struct buf name = BUF_UP_TO(bytes.len), value = BUF_UP_TO(bytes.len);
        size_t     mark = start;

        if (end < bytes.len && bytes.ptr[end] != '&')
            continue;
        while (mark < end && bytes.ptr[mark] != '=')
            mark++;
        naive_decode(bytes.ptr + start, mark - start, &name);
        if (mark < end)
            naive_decode(bytes.ptr + mark + 1, end - mark - 1, &value);
        if (end > start) {
            MUST_HOLD(seen < count);
            MUST_HOLD(str_equal(pairs[seen].name, buf_view(&name)));
            MUST_HOLD(str_equal(pairs[seen].value, buf_view(&value)));
            seen++;
        }
        start = end + 1;
        buf_fini(&name);
        buf_fini(&value);
    }
    return seen;
}

/* ---- there and back ------------------------------------------------------------------- */

/* WHATWG URL §5.2 */
static void encode(struct str text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        bool          is_plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                        (byte >= 'A' && byte <= 'Z') || (byte && strchr("*-._", byte));

        if (is_plain)
            buf_append_byte(out, (char)byte);
        else if (byte == ' ')
            buf_append_byte(out, '+');
        else
            buf_printf(out, "%%%02X", byte);
    }
}

/* Decodes a copy that has room for one byte more, and gives the pairs, which are the caller's. */
static struct pair *decode(struct str bytes, size_t count, struct tight_str *copy)
{
    struct pair *pairs = malloc((count + 1) * sizeof *pairs);
    struct buf   with_room = BUF_UP_TO(bytes.len + 1);

    MUST_HOLD(pairs);
    buf_append(&with_room, bytes);
    buf_append_byte(&with_room, 'x');
    *copy = tight_bytes(with_room.ptr, with_room.len);
    MUST_HOLD(urlencoded_decode(copy->bytes, bytes.len, pairs, count + 1) == count);
    buf_fini(&with_room);
    return pairs;
}

static void check_again(const struct pair *pairs, size_t count)
{
    struct buf       encoded = BUF_UP_TO(1 << 26);
    struct tight_str copy;
    struct pair     *again;

    for (size_t i = 0; i < count; i++) {
        encode(pairs[i].name, &encoded);
        buf_append_byte(&encoded, '=');
        encode(pairs[i].value, &encoded);
        buf_append_byte(&encoded, '&');
    }
    MUST_HOLD(!encoded.failed);
    again = decode(buf_view(&encoded), count, &copy);
    for (size_t i = 0; i < count; i++) {
        MUST_HOLD(str_equal(again[i].name, pairs[i].name));
        MUST_HOLD(str_equal(again[i].value, pairs[i].value));
    }
    free(again);
    tight_str_free(&copy);
    buf_fini(&encoded);
}

static void check_bounds(const struct pair *pairs, size_t count, struct str room)
{
    for (size_t i = 0; i < count; i++) {
        MUST_HOLD(is_inside(pairs[i].name, room) && is_inside(pairs[i].value, room));
        MUST_HOLD(pairs[i].name.ptr[pairs[i].name.len] == '\0');
        MUST_HOLD(pairs[i].value.ptr[pairs[i].value.len] == '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tight_str input = tight_bytes((const char *)data, size), copy;
    size_t           count = urlencoded_count(input.view);
    struct pair     *pairs = decode(input.view, count, &copy);

    check_bounds(pairs, count, copy.view);
    MUST_HOLD(compare_naively(input.view, pairs, count) == count);
    check_again(pairs, count);
    free(pairs);
    tight_str_free(&copy);
    tight_str_free(&input);
    return 0;
}
