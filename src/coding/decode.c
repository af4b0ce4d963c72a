#include "coding/decode.h"

#define ZLIB_CONST              /* zlib does not write to what it reads */

#include <brotli/decode.h>
#include <errno.h>
#include <unistd.h>
#include <zlib.h>

enum { BLOCK_BYTES = 16 * 1024, WINDOW_ANY = 15, FRAMING_GZIP = 16 };

enum step { STEP_ON, STEP_END, STEP_WRONG, STEP_NO_MEMORY };

/* Takes bytes off the front of *coded and fills `room`; *made is how many. */
struct decoder {
    enum step (*step)(struct decoder *decoder, struct str *coded, char *room, size_t *made);
    union {
        z_stream            inflate;
        BrotliDecoderState *brotli;
    };
};

/* ---- gzip --------------------------------------------------------------------------- */

/* Several members behind each other would be one file (RFC 1952 §2.2), of which some clients read the
 * first only: nothing to be sent. */
static enum step gzip_step(struct decoder *decoder, struct str *coded, char *room, size_t *made)
{
    z_stream *inflate_ = &decoder->inflate;
    int result;

    inflate_->next_in = (const Bytef *)coded->ptr;
    inflate_->avail_in = (unsigned)coded->len;
    inflate_->next_out = (Bytef *)room;
    inflate_->avail_out = BLOCK_BYTES;
    result = inflate(inflate_, Z_NO_FLUSH);
    *coded = str_from(*coded, coded->len - inflate_->avail_in);
    *made = BLOCK_BYTES - inflate_->avail_out;

    switch (result) {
    case Z_OK:
    case Z_BUF_ERROR:
        return STEP_ON;
    case Z_STREAM_END:
        return coded->len == 0 ? STEP_END : STEP_WRONG;
    case Z_MEM_ERROR:
        return STEP_NO_MEMORY;
    default:
        return STEP_WRONG;
    }
}

/* ---- brotli ------------------------------------------------------------------------- */

static bool is_want_of_memory(BrotliDecoderErrorCode code)
{
    return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES &&
           code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

static enum step brotli_step(struct decoder *decoder, struct str *coded, char *room, size_t *made)
{
    const uint8_t *next_in = (const uint8_t *)coded->ptr;
    uint8_t *next_out = (uint8_t *)room;
    size_t left = coded->len, space = BLOCK_BYTES;
    BrotliDecoderResult result =
        BrotliDecoderDecompressStream(decoder->brotli, &left, &next_in, &space, &next_out, NULL);

    *coded = str_from(*coded, coded->len - left);
    *made = BLOCK_BYTES - space;

    switch (result) {
    case BROTLI_DECODER_RESULT_SUCCESS:
        return coded->len == 0 ? STEP_END : STEP_WRONG;
    case BROTLI_DECODER_RESULT_NEEDS_MORE_INPUT:
    case BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT:
        return STEP_ON;
    case BROTLI_DECODER_RESULT_ERROR:
        break;
    }
    return is_want_of_memory(BrotliDecoderGetErrorCode(decoder->brotli)) ? STEP_NO_MEMORY
                                                                        : STEP_WRONG;
}

/* ---- either ------------------------------------------------------------------------- */

size_t decode_memory(enum coding coding)
{
    /* The largest windows there are (RFC 1952, RFC 7932 §9.1), and tables. */
    return coding == CODING_BROTLI ? 18u << 20 : 64u << 10;
}

static bool decoder_open(struct decoder *decoder, enum coding coding)
{
    assert(encode_can(coding));
    if (coding == CODING_BROTLI) {
        *decoder = (struct decoder){.step = brotli_step};
        decoder->brotli = BrotliDecoderCreateInstance(NULL, NULL, NULL);
        return decoder->brotli != NULL;
    }
    *decoder = (struct decoder){.step = gzip_step};
    return inflateInit2(&decoder->inflate, WINDOW_ANY + FRAMING_GZIP) == Z_OK;
}

static void decoder_close(struct decoder *decoder, enum coding coding)
{
    if (coding == CODING_BROTLI)
        BrotliDecoderDestroyInstance(decoder->brotli);
    else
        inflateEnd(&decoder->inflate);
}

/* Up to `size` bytes, fewer only at the end. */
static bool read_some(int fd, uint64_t offset, char *room, size_t size, size_t *count)
{
    *count = 0;
    while (*count < size) {
        ssize_t got = pread(fd, room + *count, size - *count, (off_t)(offset + *count));

        if (got == -1 && errno != EINTR)
            return false;
        if (got == 0)
            break;
        *count += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* The original has these bytes there. */
static bool has(const struct encode_source *original, uint64_t offset, struct str bytes)
{
    char block[BLOCK_BYTES];
    size_t count;

    if (original->fd == -1)
        return offset <= original->bytes.len && bytes.len <= original->bytes.len - offset &&
               str_equal(str_of(original->bytes.ptr + offset, bytes.len), bytes);
    return read_some(original->fd, offset, block, bytes.len, &count) &&
           str_equal(str_of(block, count), bytes);
}

static uint64_t length_of(const struct encode_source *source)
{
    return source->fd == -1 ? source->bytes.len : source->stamp->size;
}

/* Unpacks one block of the file.  STEP_END: it is over, and so may the original be. */
static enum step compare_block(struct decoder *decoder, struct str coded,
                               const struct encode_source *original, uint64_t *offset)
{
    enum step step = STEP_ON;
    char room[BLOCK_BYTES];
    size_t made = sizeof room;

    while (step == STEP_ON && (coded.len > 0 || made == sizeof room)) {
        step = decoder->step(decoder, &coded, room, &made);
        if (made > 0 && !has(original, *offset, str_of(room, made)))
            return STEP_WRONG;
        *offset += made;
    }
    return step;
}

static enum decoded compare(struct decoder *decoder, int fd, const struct encode_source *original,
                            const atomic_bool *cancelled)
{
    char block[BLOCK_BYTES];
    uint64_t at = 0, offset = 0;
    enum step step = STEP_ON;

    while (step == STEP_ON) {
        size_t count;

        if (cancelled && atomic_load_explicit(cancelled, memory_order_relaxed))
            return DECODED_CANCELLED;
        if (!read_some(fd, at, block, sizeof block, &count) || count == 0)
            return DECODED_OTHER;
        at += count;
        step = compare_block(decoder, str_of(block, count), original, &offset);
        /* The coding may end with a block, and the file go on. */
        if (step == STEP_END && read_some(fd, at, block, 1, &count) && count > 0)
            return DECODED_OTHER;
    }
    if (step == STEP_NO_MEMORY)
        return DECODED_NO_MEMORY;
    return step == STEP_END && offset == length_of(original) ? DECODED_SAME : DECODED_OTHER;
}

enum decoded decode_compare(enum coding coding, int fd, const struct encode_source *original,
                            const atomic_bool *cancelled)
{
    struct decoder decoder;
    enum decoded decoded;

    if (!decoder_open(&decoder, coding))
        return DECODED_NO_MEMORY;
    decoded = compare(&decoder, fd, original, cancelled);
    decoder_close(&decoder, coding);
    return decoded;
}
