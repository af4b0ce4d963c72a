#include "http/chunked.h"

#include "http/token.h"

/* chunked-body = *chunk last-chunk trailer-section CRLF            RFC 9112 §7.1
 * chunk        = chunk-size [ chunk-ext ] CRLF chunk-data CRLF
 * last-chunk   = 1*("0") [ chunk-ext ] CRLF
 *
 * What the next byte is part of. */
enum state {
    IN_SIZE,                        /* also before it */
    IN_BLANK,                       /* behind a size, before ";" */
    IN_EXTENSION,
    AT_SIZE_LF,
    IN_DATA,
    AT_DATA_CR,
    AT_DATA_LF,
    AT_TRAILER,                     /* the start of a trailer line, or of the CRLF after all */
    IN_TRAILER_NAME,
    IN_TRAILER_VALUE,
    AT_TRAILER_LF,
    AT_LAST_LF,
    AFTER_BODY,
};

/* Each reader of one byte says why it refuses, or NULL. */

/* chunk-size = 1*HEXDIG */
static const char *read_size(struct chunked *chunked, char byte)
{
    int digit = token_hex(byte);

    if (digit >= 0) {
        if (chunked->left > (uint64_t)INT64_MAX >> 4)
            return "chunk size too large";
        chunked->left = chunked->left << 4 | (unsigned)digit;
        chunked->digits++;
        return NULL;
    }
    if (chunked->digits == 0)
        return "chunk without a size";
    if (byte == '\r')
        chunked->state = AT_SIZE_LF;
    else if (byte == ';')
        chunked->state = IN_EXTENSION;
    else if (byte == ' ' || byte == '\t')
        chunked->state = IN_BLANK;
    else
        return "bad byte in a chunk size";
    return NULL;
}

/* chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )   RFC 9112 §7.1.1
 * Bad white space is read only where an extension follows. */
static const char *read_blank(struct chunked *chunked, char byte)
{
    if (byte == ';')
        chunked->state = IN_EXTENSION;
    else if (byte != ' ' && byte != '\t')
        return "white space behind a chunk size";
    return NULL;
}

/* We know no extension, so there is none to read; but none may hide a line end. */
static const char *read_extension(struct chunked *chunked, char byte)
{
    if (byte == '\r')
        chunked->state = AT_SIZE_LF;
    else if (!char_is(byte, CHAR_FIELD))
        return "control byte in a chunk extension";
    return NULL;
}

static const char *read_line_feed(struct chunked *chunked, char byte, enum state next)
{
    if (byte != '\n')
        return "carriage return without a line feed";
    chunked->state = (int)next;
    return NULL;
}

/* The line is over; the next one, and the trailers, get a count of their own. */
static const char *read_size_end(struct chunked *chunked, char byte)
{
    chunked->line_bytes = 0;
    chunked->digits = 0;
    return read_line_feed(chunked, byte, chunked->left > 0 ? IN_DATA : AT_TRAILER);
}

static const char *read_data_cr(struct chunked *chunked, char byte)
{
    if (byte != '\r')
        return "chunk data longer than its size";
    chunked->state = AT_DATA_LF;
    return NULL;
}

/* trailer-section = *( field-line CRLF )                           RFC 9112 §7.1.2 */
static const char *read_trailer_start(struct chunked *chunked, char byte)
{
    if (byte == '\r')
        chunked->state = AT_LAST_LF;
    else if (char_is(byte, CHAR_TOKEN))
        chunked->state = IN_TRAILER_NAME;
    else
        return "malformed trailer";
    return NULL;
}

static const char *read_trailer_name(struct chunked *chunked, char byte)
{
    if (byte == ':')
        chunked->state = IN_TRAILER_VALUE;
    else if (!char_is(byte, CHAR_TOKEN))
        return "malformed trailer";
    return NULL;
}

static const char *read_trailer_value(struct chunked *chunked, char byte)
{
    if (byte == '\r')
        chunked->state = AT_TRAILER_LF;
    else if (!char_is(byte, CHAR_FIELD))
        return "control byte in a trailer";
    return NULL;
}

static const char *read_byte(struct chunked *chunked, char byte)
{
    switch ((enum state)chunked->state) {
    case IN_SIZE:          return read_size(chunked, byte);
    case IN_BLANK:         return read_blank(chunked, byte);
    case IN_EXTENSION:     return read_extension(chunked, byte);
    case AT_SIZE_LF:       return read_size_end(chunked, byte);
    case AT_DATA_CR:       return read_data_cr(chunked, byte);
    case AT_DATA_LF:       return read_line_feed(chunked, byte, IN_SIZE);
    case AT_TRAILER:       return read_trailer_start(chunked, byte);
    case IN_TRAILER_NAME:  return read_trailer_name(chunked, byte);
    case IN_TRAILER_VALUE: return read_trailer_value(chunked, byte);
    case AT_TRAILER_LF:    return read_line_feed(chunked, byte, AT_TRAILER);
    case AT_LAST_LF:       return read_line_feed(chunked, byte, AFTER_BODY);
    case IN_DATA:
    case AFTER_BODY:       break;
    }
    assert(false && "a state that reads no single byte");
    return NULL;
}

/* Everything but data is counted, so that a peer cannot feed us framing for ever. */
static const char *read_framing(struct chunked *chunked, char byte)
{
    bool in_trailers = chunked->state >= AT_TRAILER;

    if (++chunked->line_bytes > (in_trailers ? CHUNK_TRAILER_MAX : CHUNK_LINE_MAX))
        return in_trailers ? "trailers too long" : "chunk size line too long";
    return read_byte(chunked, byte);
}

/* Moves what there is of the present chunk down to `to`; how many bytes that were. */
static size_t move_data(struct chunked *chunked, char *to, const char *from, size_t count)
{
    size_t moved = (size_t)MIN_OF(chunked->left, count);

    memmove(to, from, moved);
    chunked->left -= moved;
    if (chunked->left == 0)
        chunked->state = AT_DATA_CR;
    return moved;
}

enum parse chunked_decode(struct chunked *chunked, char *bytes, size_t *count, size_t *used,
                          struct refusal *refusal)
{
    size_t in = 0, out = 0;
    const char *why = NULL;

    while (in < *count && !why && chunked->state != AFTER_BODY) {
        if (chunked->state == IN_DATA) {
            size_t moved = move_data(chunked, bytes + out, bytes + in, *count - in);

            in += moved;
            out += moved;
        } else {
            why = read_framing(chunked, bytes[in++]);
        }
    }

    *count = out;
    *used = in;
    *refusal = why ? refuse(HTTP_BAD_REQUEST, why) : REFUSAL_NONE;
    if (why)
        return PARSE_REFUSED;
    return chunked->state == AFTER_BODY ? PARSE_DONE : PARSE_MORE;
}
