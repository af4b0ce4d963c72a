/* What http/chunked promises about any bytes: the same body, the same verdict and the same end
 * however they are cut, and both as a second decoder has them that reads the grammar off the page. */
#include "http/chunked.h"
#include "tests/fuzz/fuzz.h"

enum { BODY_MAX = 1024 * 1024 };

/* What came of a body. */
struct decoded {
    struct buf     body;
    size_t         used;
    enum parse     verdict;
    struct refusal refusal;
};

#define DECODED_START ((struct decoded){.body = BUF_UP_TO(BODY_MAX), .verdict = PARSE_MORE})

/* ---- ours ----------------------------------------------------------------------------- */

static void decode_piece(struct chunked *chunked, struct str piece, struct decoded *decoded)
{
    struct tight_str bytes = tight_bytes(piece.ptr, piece.len);
    size_t           count = piece.len, used = SIZE_MAX;

    decoded->verdict = chunked_decode(chunked, bytes.bytes, &count, &used, &decoded->refusal);
    MUST_HOLD(used <= piece.len && count <= used);
    MUST_HOLD(decoded->verdict != PARSE_MORE || used == piece.len);
    MUST_HOLD(is_refused(decoded->refusal) == (decoded->verdict == PARSE_REFUSED));
    buf_append(&decoded->body, str_of(bytes.bytes, count));
    decoded->used += used;
    tight_str_free(&bytes);
}

static struct decoded decode_whole(struct str bytes)
{
    struct chunked chunked = CHUNKED_START;
    struct decoded decoded = DECODED_START;

    decode_piece(&chunked, bytes, &decoded);
    return decoded;
}

static struct decoded decode_in_pieces(struct str bytes, struct cuts cuts)
{
    struct chunked chunked = CHUNKED_START;
    struct decoded decoded = DECODED_START;

    while (bytes.len > 0 && decoded.verdict == PARSE_MORE) {
        size_t len = cuts_next(&cuts, bytes.len);

        decode_piece(&chunked, str_of(bytes.ptr, len), &decoded);
        bytes = str_from(bytes, len);
    }
    return decoded;
}

/* ---- the naive one -------------------------------------------------------------------- */

/* It has all bytes at once, and ends at the first that is missing or wrong. */
struct naive {
    struct str bytes;
    size_t     at;
    size_t     line_at;         /* where what is bounded began */
    size_t     line_max;
    struct buf body;
    enum parse verdict;         /* PARSE_DONE as long as all is well */
};

/* The next byte, or -1 with the verdict said. */
static int next(struct naive *naive)
{
    if (naive->verdict != PARSE_DONE)
        return -1;
    if (naive->at == naive->bytes.len) {
        naive->verdict = PARSE_MORE;
        return -1;
    }
    if (naive->at - naive->line_at == naive->line_max) {
        naive->verdict = PARSE_REFUSED;
        return -1;
    }
    return (unsigned char)naive->bytes.ptr[naive->at++];
}

static void refuse_unless(struct naive *naive, bool holds)
{
    if (naive->verdict == PARSE_DONE && !holds)
        naive->verdict = PARSE_REFUSED;
}

static void line_begins(struct naive *naive, size_t max)
{
    naive->line_at = naive->at;
    naive->line_max = max;
}

static int hex_value(int byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if ((byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F'))
        return (byte | 0x20) - 'a' + 10;
    return -1;
}

/* chunk-size; gives the byte behind it. */
static int naive_size(struct naive *naive, uint64_t *size)
{
    int byte = next(naive);

    refuse_unless(naive, hex_value(byte) >= 0);
    for (*size = 0; hex_value(byte) >= 0; byte = next(naive)) {
        unsigned __int128 wide = (unsigned __int128)*size * 16 + (unsigned)hex_value(byte);

        refuse_unless(naive, wide <= INT64_MAX);
        *size = (uint64_t)wide;
    }
    return byte;
}

/* [ chunk-ext ] CRLF */
static void naive_size_end(struct naive *naive, int byte)
{
    bool has_blank = byte == ' ' || byte == '\t';

    while (byte == ' ' || byte == '\t')
        byte = next(naive);
    refuse_unless(naive, byte == ';' || (byte == '\r' && !has_blank));
    while (byte != '\r' && byte >= 0) {
        byte = next(naive);
        refuse_unless(naive, byte == '\r' || naive_is_text((char)byte));
    }
    byte = next(naive);
    refuse_unless(naive, byte == '\n');
}

static void naive_data(struct naive *naive, uint64_t size)
{
    size_t left = naive->bytes.len - naive->at;
    size_t len = size < left ? (size_t)size : left;
    int    byte;

    if (naive->verdict != PARSE_DONE)
        return;
    buf_append(&naive->body, str_of(naive->bytes.ptr + naive->at, len));
    naive->at += len;
    line_begins(naive, CHUNK_LINE_MAX);
    if (len < size) {
        naive->verdict = PARSE_MORE;
        return;
    }
    byte = next(naive);
    refuse_unless(naive, byte == '\r');
    byte = next(naive);
    refuse_unless(naive, byte == '\n');
}

/* field-line CRLF, of which the first byte is read already. */
static void naive_trailer(struct naive *naive, int byte)
{
    refuse_unless(naive, naive_is_tchar((char)byte));
    while (byte >= 0 && naive_is_tchar((char)byte))
        byte = next(naive);
    refuse_unless(naive, byte == ':');
    do {
        byte = next(naive);
        refuse_unless(naive, byte == '\r' || naive_is_text((char)byte));
    } while (byte != '\r' && byte >= 0);
    byte = next(naive);
    refuse_unless(naive, byte == '\n');
}

/* trailer-section CRLF */
static void naive_trailers(struct naive *naive)
{
    int byte;

    line_begins(naive, CHUNK_TRAILER_MAX);
    for (byte = next(naive); byte >= 0 && byte != '\r'; byte = next(naive))
        naive_trailer(naive, byte);
    byte = next(naive);
    refuse_unless(naive, byte == '\n');
}

static struct decoded decode_naively(struct str bytes)
{
    struct naive naive = {.bytes = bytes, .body = BUF_UP_TO(BODY_MAX), .verdict = PARSE_DONE};
    uint64_t     size;

    line_begins(&naive, CHUNK_LINE_MAX);
    do {
        naive_size_end(&naive, naive_size(&naive, &size));
        if (size > 0)
            naive_data(&naive, size);
    } while (size > 0 && naive.verdict == PARSE_DONE);
    naive_trailers(&naive);
    return (struct decoded){.body = naive.body, .used = naive.at, .verdict = naive.verdict};
}

/* ---- the comparison ------------------------------------------------------------------- */

static void check_same(const struct decoded *a, const struct decoded *b)
{
    MUST_HOLD(a->verdict == b->verdict);
    MUST_HOLD(str_equal(buf_view(&a->body), buf_view(&b->body)));
    MUST_HOLD(a->verdict == PARSE_REFUSED || a->used == b->used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str     input = str_of((const char *)data, size);
    struct cuts    cuts = cuts_choose(&input);
    struct decoded whole = decode_whole(input);
    struct decoded pieces = decode_in_pieces(input, cuts);
    struct decoded naive = decode_naively(input);

    check_same(&whole, &pieces);
    check_same(&whole, &naive);
    MUST_HOLD(whole.used == pieces.used);
    MUST_HOLD(whole.verdict != PARSE_REFUSED ||
              strcmp(whole.refusal.why, pieces.refusal.why) == 0);
    buf_fini(&whole.body);
    buf_fini(&pieces.body);
    buf_fini(&naive.body);
    return 0;
}
