#include "coding/encode.h"

#define ZLIB_CONST              /* zlib does not write to what it reads */

#include <brotli/encode.h>
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/list.h"

enum { STAGE_BYTES = 4096 };

enum op { OP_PUT, OP_FLUSH, OP_FINISH };

/* What an encoder may still take from the heap, and what it has taken. */
struct allowance {
    size_t      left;           /* bytes */
    struct list loans;
    jmp_buf     escape;         /* for a library that cannot live without; see brotli */
};

/* One library's way. */
struct codec {
    size_t (*memory)(int effort, uint64_t length);

    /* False: no memory. */
    bool (*open)(struct encoder *encoder, int effort, uint64_t length);

    /* Takes bytes in and fills the stage, which is empty.  Sets `is_settled` when the op is
     * complete but for what lies on the stage.  False: no memory. */
    bool (*step)(struct encoder *encoder, struct str *bytes);
    int  effort_max;
};

/* The libraries write to the stage and never to the caller's buffer: how much room is left there
 * does not change a byte of what is coded, nor does zlib repeat a flush for want of it. */
struct encoder {
    const struct codec *codec;
    struct allowance    allowance;
    union {
        z_stream            deflate;
        BrotliEncoderState *brotli;
    };
    enum op             op;             /* the last one asked for */
    bool                is_settled;
    bool                has_failed;
    size_t              staged_first;   /* the first byte that has not been handed out */
    size_t              staged_end;
    char                stage[STAGE_BYTES];
};

/* ---- memory ------------------------------------------------------------------------- */

/* Stands before what the library gets. */
union loan {
    struct {
        struct list link;       /* in allowance.loans */
        size_t      bytes;      /* this included */
    };
    max_align_t aligned;
};

static void *lend(void *opaque, size_t bytes)
{
    struct allowance *allowance = opaque;
    union loan *loan;

    if (allowance->left < sizeof *loan || bytes > allowance->left - sizeof *loan)
        return NULL;
    loan = malloc(sizeof *loan + bytes);
    if (!loan)
        return NULL;
    loan->link = LIST_NONE;
    loan->bytes = sizeof *loan + bytes;
    list_append(&allowance->loans, &loan->link);
    allowance->left -= loan->bytes;
    return loan + 1;
}

static void take_back(void *opaque, void *address)
{
    struct allowance *allowance = opaque;
    union loan *loan = address;

    if (!loan)
        return;
    loan--;
    list_remove(&loan->link);
    allowance->left += loan->bytes;
    free(loan);
}

static void take_all_back(struct allowance *allowance)
{
    struct list *first = allowance->loans.next;

    while (first != &allowance->loans) {
        struct list *next = first->next;

        free(CONTAINER_OF(first, union loan, link));
        first = next;
    }
    list_init(&allowance->loans);
}

/* ---- gzip --------------------------------------------------------------------------- */

enum {
    GZIP_WINDOW_MIN = 9,        /* as powers of two; zlib cannot do 8 */
    GZIP_WINDOW_MAX = 15,
    GZIP_FRAMING    = 16,       /* added to the window: gzip's head and tail, not zlib's */
    ZLIB_FRAMING    = 0,
    GZIP_MEMORY     = 8,        /* at 9 text comes out longer, because blocks do */
    GZIP_REACH      = 262,      /* a match begins so far from the window's edge (MIN_LOOKAHEAD) */
    GZIP_REST       = 16 * 1024,
};

/* The smallest that holds all of it. */
static int gzip_window(uint64_t length)
{
    int window = GZIP_WINDOW_MIN;

    while (window < GZIP_WINDOW_MAX && length > (UINT64_C(1) << window) - GZIP_REACH)
        window++;
    return window;
}

/* zconf.h: (1 << (windowBits + 2)) + (1 << (memLevel + 9)), and "a few kilobytes". */
static size_t gzip_memory(int effort, uint64_t length)
{
    (void)effort;
    return ((size_t)1 << (gzip_window(length) + 2)) + ((size_t)1 << (GZIP_MEMORY + 9)) + GZIP_REST;
}

static void *lend_items(void *opaque, unsigned items, unsigned size)
{
    return lend(opaque, (size_t)items * size);
}

static bool framed_open(struct encoder *encoder, int effort, uint64_t length, int framing)
{
    int result;

    encoder->deflate = (z_stream){
        .zalloc = lend_items,
        .zfree = take_back,
        .opaque = &encoder->allowance,
    };
    result = deflateInit2(&encoder->deflate, effort, Z_DEFLATED, gzip_window(length) + framing,
                          GZIP_MEMORY, Z_DEFAULT_STRATEGY);
    assert(result == Z_OK || result == Z_MEM_ERROR);
    return result == Z_OK;
}

static bool gzip_open(struct encoder *encoder, int effort, uint64_t length)
{
    return framed_open(encoder, effort, length, GZIP_FRAMING);
}

static bool deflate_open(struct encoder *encoder, int effort, uint64_t length)
{
    return framed_open(encoder, effort, length, ZLIB_FRAMING);
}

/* A flush is complete when it leaves room on the stage. */
static bool gzip_step(struct encoder *encoder, struct str *bytes)
{
    static const int flushes[] = {
        [OP_PUT] = Z_NO_FLUSH,
        [OP_FLUSH] = Z_SYNC_FLUSH,
        [OP_FINISH] = Z_FINISH,
    };
    z_stream *deflate_ = &encoder->deflate;
    size_t given = MIN_OF(bytes->len, (size_t)UINT_MAX);
    int result;

    deflate_->next_in = (const Bytef *)bytes->ptr;
    deflate_->avail_in = (unsigned)given;
    deflate_->next_out = (Bytef *)encoder->stage;
    deflate_->avail_out = STAGE_BYTES;
    result = deflate(deflate_, flushes[encoder->op]);
    assert(result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR);

    *bytes = str_from(*bytes, given - deflate_->avail_in);
    encoder->staged_end = STAGE_BYTES - deflate_->avail_out;
    encoder->is_settled = bytes->len == 0 && (encoder->op == OP_PUT || deflate_->avail_out > 0);
    if (encoder->op == OP_FINISH)
        encoder->is_settled = result == Z_STREAM_END;
    return true;
}

/* ---- brotli -------------------------------------------------------------------------
 *
 * libbrotlienc calls exit() when it gets no memory: Debian builds it so.  So it is never told; we
 * jump out of it, over its head, and drop what it held.  All of that is memory we lent it, and the
 * encoder is not used again. */

enum {
    BROTLI_EFFORT_MAX    = 11,
    BROTLI_WINDOW_MIN    = 16,  /* as powers of two */
    BROTLI_WINDOW_MAX    = 21,  /* as good as the usual 22, for two thirds of the memory */
    BROTLI_WINDOW_STREAM = 16,
    BROTLI_WINDOWS       = BROTLI_WINDOW_MAX - BROTLI_WINDOW_MIN + 1,
    BROTLI_BLOCK         = 16,  /* at its best it would take 18, and take longer from one look at
                                   the flag to the next, for a thousandth less */
};

/* The smallest that holds all of it. */
static int brotli_window(uint64_t length)
{
    int window = BROTLI_WINDOW_MIN;

    if (length == ENCODE_LENGTH_UNKNOWN)
        return BROTLI_WINDOW_STREAM;
    while (window < BROTLI_WINDOW_MAX && length > UINT64_C(1) << window)
        window++;
    return window;
}

/* KiB, for each effort and window: the most that libbrotlienc 1.0.9 took, in blocks and spans as
 * encode_all gives them, for JavaScript, HTML, noise, digits, random words, letters of four, and
 * mixtures of them; and a quarter.  Where that is not enough, the answer is "no memory". */
static const uint32_t brotli_kib[BROTLI_EFFORT_MAX + 1][BROTLI_WINDOWS] = {
    [1] = {256, 256, 256, 256, 256, 256},
    [2] = {1280, 1600, 2560, 4480, 8320, 10880},
    [3] = {1280, 1600, 2560, 4480, 8320, 10880},
    [4] = {7040, 7936, 9664, 13632, 20352, 22912},
    [5] = {2560, 4352, 7104, 11392, 17600, 26560},
    [6] = {2560, 5632, 7424, 13888, 20480, 25472},
    [7] = {2560, 13312, 15104, 19008, 25536, 36928},
    [8] = {2560, 23552, 25344, 29184, 35840, 47232},
    [9] = {3520, 44032, 45824, 49664, 56192, 67712},
    [10] = {5568, 5888, 10880, 15232, 32128, 46016},
    [11] = {10688, 11456, 13248, 16896, 29888, 47488},
};

static size_t brotli_memory(int effort, uint64_t length)
{
    return (size_t)brotli_kib[effort][brotli_window(length) - BROTLI_WINDOW_MIN] * 1024;
}

static void *lend_or_leave(void *opaque, size_t bytes)
{
    struct allowance *allowance = opaque;
    void *address = lend(allowance, bytes);

    if (!address)
        longjmp(allowance->escape, 1);
    return address;
}

static void set(BrotliEncoderState *state, BrotliEncoderParameter parameter, uint32_t value)
{
    BROTLI_BOOL is_set = BrotliEncoderSetParameter(state, parameter, value);

    assert(is_set);
}

static bool brotli_open(struct encoder *encoder, int effort, uint64_t length)
{
    BrotliEncoderState *state;

    if (setjmp(encoder->allowance.escape))
        return false;
    state = BrotliEncoderCreateInstance(lend_or_leave, take_back, &encoder->allowance);
    assert(state);
    set(state, BROTLI_PARAM_QUALITY, (uint32_t)effort);
    set(state, BROTLI_PARAM_LGWIN, (uint32_t)brotli_window(length));
    set(state, BROTLI_PARAM_LGBLOCK, BROTLI_BLOCK);
    if (length != ENCODE_LENGTH_UNKNOWN)
        set(state, BROTLI_PARAM_SIZE_HINT, (uint32_t)MIN_OF(length, (uint64_t)INT_MAX));
    encoder->brotli = state;
    return true;
}

static void brotli_code(struct encoder *encoder, struct str *bytes)
{
    static const BrotliEncoderOperation operations[] = {
        [OP_PUT] = BROTLI_OPERATION_PROCESS,
        [OP_FLUSH] = BROTLI_OPERATION_FLUSH,
        [OP_FINISH] = BROTLI_OPERATION_FINISH,
    };
    BrotliEncoderState *state = encoder->brotli;
    const uint8_t *next_in = (const uint8_t *)bytes->ptr;
    uint8_t *next_out = (uint8_t *)encoder->stage;
    size_t given = MIN_OF(bytes->len, (size_t)ENCODE_BLOCK_BYTES);  /* as it was measured */
    size_t left = given, room = STAGE_BYTES;
    BROTLI_BOOL is_fine = BrotliEncoderCompressStream(state, operations[encoder->op], &left,
                                                      &next_in, &room, &next_out, NULL);

    assert(is_fine);
    *bytes = str_from(*bytes, given - left);
    encoder->staged_end = STAGE_BYTES - room;
    encoder->is_settled =
        bytes->len == 0 && (encoder->op == OP_PUT || !BrotliEncoderHasMoreOutput(state));
    if (encoder->op == OP_FINISH)
        encoder->is_settled = BrotliEncoderIsFinished(state);
}

static bool brotli_step(struct encoder *encoder, struct str *bytes)
{
    if (setjmp(encoder->allowance.escape))
        return false;
    brotli_code(encoder, bytes);
    return true;
}

/* ---- codings ------------------------------------------------------------------------ */

static const struct codec codecs[CODINGS] = {
    [CODING_GZIP] = {gzip_memory, gzip_open, gzip_step, Z_BEST_COMPRESSION},
    [CODING_BROTLI] = {brotli_memory, brotli_open, brotli_step, BROTLI_EFFORT_MAX},
};

static const struct codec deflate_codec = {gzip_memory, deflate_open, gzip_step, Z_BEST_COMPRESSION};

bool encode_can(enum coding coding)
{
    return coding < CODINGS && codecs[coding].open;
}

static const struct codec *codec_of(enum coding coding, int effort)
{
    assert(encode_can(coding));
    assert(effort >= 1 && effort <= codecs[coding].effort_max);
    return &codecs[coding];
}

struct str coding_suffix(enum coding coding)
{
    static const struct str suffixes[CODINGS] = {
        [CODING_IDENTITY] = {"", 0},
        [CODING_GZIP] = {".gz", 3},
        [CODING_BROTLI] = {".br", 3},
        [CODING_ZSTD] = {".zst", 4},
    };

    assert(coding < CODINGS);
    return suffixes[coding];
}

int encode_effort_max(enum coding coding)
{
    assert(encode_can(coding));
    return codecs[coding].effort_max;
}

size_t encode_memory(enum coding coding, int effort, uint64_t length)
{
    return sizeof(struct encoder) + codec_of(coding, effort)->memory(effort, length);
}

int encode_effort_within(enum coding coding, int wanted, uint64_t length, size_t bytes)
{
    int effort_max = encode_effort_max(coding), effort = MIN_OF(wanted, effort_max);

    while (effort > 0 && encode_memory(coding, effort, length) > bytes)
        effort--;
    return MAX_OF(effort, 0);
}

/* ---- as it comes -------------------------------------------------------------------- */

static struct encoder *open_with(const struct codec *codec, int effort, uint64_t length)
{
    struct encoder *encoder = malloc(sizeof *encoder);

    if (!encoder)
        return NULL;
    encoder->codec = codec;
    encoder->allowance.left = codec->memory(effort, length);
    list_init(&encoder->allowance.loans);
    encoder->op = OP_PUT;
    encoder->is_settled = true;
    encoder->has_failed = false;
    encoder->staged_first = encoder->staged_end = 0;
    if (codec->open(encoder, effort, length))
        return encoder;
    encoder_close(encoder);
    return NULL;
}

struct encoder *encoder_open_for(enum coding coding, int effort, uint64_t length)
{
    return open_with(codec_of(coding, effort), effort, length);
}

struct encoder *encoder_open_deflate(uint64_t length)
{
    return open_with(&deflate_codec, ENCODER_EFFORT_GZIP, length);
}

struct encoder *encoder_open(enum coding coding, int effort)
{
    return encoder_open_for(coding, effort, ENCODE_LENGTH_UNKNOWN);
}

/* Memory is all that either library holds. */
void encoder_close(struct encoder *encoder)
{
    if (!encoder)
        return;
    take_all_back(&encoder->allowance);
    free(encoder);
}

/* Hands out what lies on the stage. */
static enum encoder_step unstage(struct encoder *encoder, struct buf *out)
{
    size_t staged = encoder->staged_end - encoder->staged_first;
    size_t room = out->max > out->len ? out->max - out->len : 0;
    size_t count = MIN_OF(staged, room);

    buf_append(out, str_of(encoder->stage + encoder->staged_first, count));
    if (out->failed)
        return ENCODER_NO_MEMORY;
    encoder->staged_first += count;
    if (encoder->staged_first < encoder->staged_end)
        return ENCODER_MORE;
    encoder->staged_first = encoder->staged_end = 0;
    return ENCODER_DONE;
}

/* After MORE the same is asked again, and a finished stream takes nothing more. */
static void begin(struct encoder *encoder, enum op op, const struct str *bytes)
{
    bool is_same = encoder->op == op;

    assert(is_same || encoder->is_settled);
    assert(is_same || encoder->op != OP_FINISH);
    if (!is_same || bytes->len > 0)
        encoder->is_settled = op == OP_PUT && bytes->len == 0;
    encoder->op = op;
}

static enum encoder_step drive(struct encoder *encoder, enum op op, struct str *bytes,
                               struct buf *out)
{
    enum encoder_step step;

    if (encoder->has_failed)
        return ENCODER_NO_MEMORY;
    begin(encoder, op, bytes);
    while ((step = unstage(encoder, out)) == ENCODER_DONE && !encoder->is_settled) {
        if (!encoder->codec->step(encoder, bytes)) {
            step = ENCODER_NO_MEMORY;
            break;
        }
    }
    encoder->has_failed = step == ENCODER_NO_MEMORY;
    return step;
}

enum encoder_step encoder_put(struct encoder *encoder, struct str *bytes, struct buf *out)
{
    return drive(encoder, OP_PUT, bytes, out);
}

enum encoder_step encoder_flush(struct encoder *encoder, struct buf *out)
{
    struct str nothing = STR_NONE;

    return drive(encoder, OP_FLUSH, &nothing, out);
}

enum encoder_step encoder_finish(struct encoder *encoder, struct buf *out)
{
    struct str nothing = STR_NONE;

    return drive(encoder, OP_FINISH, &nothing, out);
}

/* ---- at once ------------------------------------------------------------------------ */

static uint64_t length_of(const struct encode_source *source)
{
    return source->fd == -1 ? source->bytes.len : source->stamp->size;
}

/* Fills the block.  False: the file cannot be read, or ends too early. */
static bool read_block(int fd, uint64_t offset, char *block, size_t count)
{
    size_t have = 0;

    while (have < count) {
        ssize_t got = pread(fd, block + have, count - have, (off_t)(offset + have));

        if (got == -1 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        have += (size_t)got;
    }
    return true;
}

static bool next_block(const struct encode_source *source, uint64_t offset, char *block,
                       struct str *bytes)
{
    uint64_t left = length_of(source) - offset;
    size_t count = (size_t)MIN_OF(left, (uint64_t)ENCODE_BLOCK_BYTES);

    if (source->fd == -1)
        *bytes = str_of(source->bytes.ptr + offset, count);
    else
        *bytes = str_of(block, count);
    return source->fd == -1 || read_block(source->fd, offset, block, count);
}

static bool is_same_version(const struct encode_source *source)
{
    struct stat status;
    struct file_stamp stamp;

    if (source->fd == -1)
        return true;
    if (fstat(source->fd, &status) == -1)
        return false;
    stamp = file_stamp_of(&status);
    return file_stamp_equal(&stamp, source->stamp);
}

static bool is_cancelled(const atomic_bool *cancelled)
{
    return cancelled && atomic_load_explicit(cancelled, memory_order_relaxed);
}

/* The blocks are the same whatever a read gives, and so is what is coded. */
static enum encoded feed(struct encoder *encoder, const struct encode_source *source,
                         const atomic_bool *cancelled, struct buf *out)
{
    char block[ENCODE_BLOCK_BYTES];
    uint64_t offset = 0, length = length_of(source);
    enum encoder_step step = ENCODER_DONE;

    while (offset < length && step == ENCODER_DONE) {
        struct str bytes;

        if (is_cancelled(cancelled))
            return ENCODED_CANCELLED;
        if (!next_block(source, offset, block, &bytes))
            return ENCODED_CHANGED;
        offset += bytes.len;
        step = encoder_put(encoder, &bytes, out);
        if (step == ENCODER_DONE && offset % ENCODE_SPAN_BYTES == 0)
            step = encoder_flush(encoder, out);
    }
    if (step == ENCODER_DONE && is_cancelled(cancelled))
        return ENCODED_CANCELLED;
    if (step == ENCODER_DONE)
        step = encoder_finish(encoder, out);
    if (step == ENCODER_DONE)
        return is_same_version(source) ? ENCODED_MADE : ENCODED_CHANGED;
    return step == ENCODER_MORE ? ENCODED_NOT_SMALLER : ENCODED_NO_MEMORY;
}

static enum encoded encode(enum coding coding, int effort, const struct encode_source *source,
                           const atomic_bool *cancelled, struct buf *out)
{
    uint64_t length = length_of(source);
    size_t ceiling = out->max;
    struct encoder *encoder;
    enum encoded encoded;

    if (length == 0)
        return ENCODED_NOT_SMALLER;
    encoder = encoder_open_for(coding, effort, length);
    if (!encoder)
        return ENCODED_NO_MEMORY;
    out->max = (size_t)MIN_OF((uint64_t)ceiling, length - 1);
    encoded = feed(encoder, source, cancelled, out);
    out->max = ceiling;
    encoder_close(encoder);
    return encoded;
}

enum encoded encode_all(enum coding coding, int effort, const struct encode_source *source,
                        const atomic_bool *cancelled, struct buf *out)
{
    enum encoded encoded;

    buf_reset(out);
    encoded = encode(coding, effort, source, cancelled, out);
    if (encoded != ENCODED_MADE)
        buf_fini(out);
    return encoded;
}
