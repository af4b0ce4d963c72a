/* What coding/encode promises: coded bytes that others decode, never more of them than wanted, within
 * the memory that was said, and a clean answer when anything is lacking. */
#include <brotli/decode.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>
#include <zlib.h>

#include "coding/encode.h"
#include "site/representation.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum { KIB = 1024, MIB = 1024 * 1024, PLENTY = 64 * MIB };

static const enum coding both[] = {CODING_GZIP, CODING_BROTLI};

/* ---- what is coded -------------------------------------------------------------------- */

enum kind { TEXT, NOISE, DIGITS, ZEROS, KINDS };

/* xorshift64: the same numbers every time. */
static uint64_t random_next(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void add_word(struct buf *buf, uint64_t *seed)
{
    static const char *const words[] = {
        "function", " return ", "this.", "length", " = ", "if (", ") {\n", "}\n",
        "<div class=\"", "\">", "</div>\n", "const ", " => ", "null", ", ", ";\n",
    };
    uint64_t number = random_next(seed);

    if (number % 4 == 0)
        buf_append_u64(buf, number >> 8 & 0xfff);
    else
        buf_append(buf, str_view(words[number >> 8 & 15]));
}

static struct buf content(enum kind kind, size_t length)
{
    struct buf buf = BUF_UP_TO(length + 64);
    uint64_t seed = 88172645463325252u;

    while (buf.len < length) {
        switch (kind) {
        case TEXT:
            add_word(&buf, &seed);
            break;
        case NOISE:
            buf_append_byte(&buf, (char)(random_next(&seed) >> 32));
            break;
        case DIGITS:
            buf_append_byte(&buf, (char)('0' + (random_next(&seed) >> 32) % 10));
            break;
        case ZEROS:
        case KINDS:
            buf_append_byte(&buf, 0);
            break;
        }
    }
    assert_false(buf.failed);
    buf.len = length;
    return buf;
}

static struct encode_source source_of(const struct buf *buf)
{
    return (struct encode_source){.bytes = buf_view(buf), .fd = -1};
}

/* ---- decoding, by the libraries that clients use ---------------------------------------- */

/* All that `coded` says so far.  True when it is whole, and nothing stands behind it. */
static bool gunzip(struct str coded, struct buf *plain)
{
    z_stream inflate_ = {.next_in = (Bytef *)coded.ptr, .avail_in = (unsigned)coded.len};
    int result = inflateInit2(&inflate_, 15 + 16);

    while (result == Z_OK) {
        assert_true(buf_reserve(plain, 64 * KIB));
        inflate_.next_out = (Bytef *)plain->ptr + plain->len;
        inflate_.avail_out = 64 * KIB;
        result = inflate(&inflate_, Z_NO_FLUSH);
        plain->len += 64 * KIB - inflate_.avail_out;
    }
    assert_true(result == Z_STREAM_END || result == Z_BUF_ERROR);
    assert_int_equal(inflateEnd(&inflate_), Z_OK);
    return result == Z_STREAM_END && inflate_.avail_in == 0;
}

static bool unbrotli(struct str coded, struct buf *plain)
{
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    BrotliDecoderResult result = BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT;
    const uint8_t *next_in = (const uint8_t *)coded.ptr;
    size_t left = coded.len;

    while (result == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT) {
        size_t room = 64 * KIB;
        uint8_t *next_out;

        assert_true(buf_reserve(plain, room));
        next_out = (uint8_t *)plain->ptr + plain->len;
        result = BrotliDecoderDecompressStream(state, &left, &next_in, &room, &next_out, NULL);
        plain->len += 64 * KIB - room;
    }
    assert_int_not_equal(result, BROTLI_DECODER_RESULT_ERROR);
    BrotliDecoderDestroyInstance(state);
    return result == BROTLI_DECODER_RESULT_SUCCESS && left == 0;
}

static bool decode(enum coding coding, const struct buf *coded, struct buf *plain)
{
    *plain = BUF_UP_TO(PLENTY);
    return coding == CODING_GZIP ? gunzip(buf_view(coded), plain)
                                 : unbrotli(buf_view(coded), plain);
}

static void expect_decodes(enum coding coding, const struct buf *coded, struct str want)
{
    struct buf plain;

    assert_true(decode(coding, coded, &plain));
    assert_true(str_equal(buf_view(&plain), want));
    buf_fini(&plain);
}

/* ---- at once -------------------------------------------------------------------------- */

/* Codes it, and expects what can be said beforehand. */
static void expect_coded(enum coding coding, int effort, enum kind kind, size_t length)
{
    struct buf plain = content(kind, length), out = BUF_UP_TO(PLENTY);
    struct encode_source source = source_of(&plain);
    enum encoded encoded = encode_all(coding, effort, &source, NULL, &out);
    bool gains = kind != NOISE && length >= 255;

    if (encoded != (gains ? ENCODED_MADE : ENCODED_NOT_SMALLER))
        fail_msg("%s at %d of %zu bytes of kind %d: %d", coding_name(coding).ptr, effort, length,
                 kind, encoded);
    if (encoded == ENCODED_MADE) {
        assert_true(out.len < length);
        expect_decodes(coding, &out, buf_view(&plain));
    } else {
        assert_true(out.len == 0 && out.cap == 0);
    }
    assert_true(out.max == PLENTY && !out.failed);
    buf_fini(&out);
    buf_fini(&plain);
}

static void what_is_coded_decodes(void **state)
{
    static const size_t lengths[] = {0, 1, 255, 256, 64 * KIB, MIB};
    static const struct {
        enum coding coding;
        int         effort;
    } used[] = {
        {CODING_GZIP, 1},   {CODING_GZIP, 6},   {CODING_GZIP, 9},    {CODING_GZIP, 4},
        {CODING_BROTLI, 1}, {CODING_BROTLI, 3}, {CODING_BROTLI, 5},  {CODING_BROTLI, 9},
        {CODING_BROTLI, 11},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(used); i++)
        for (size_t k = 0; k < COUNTOF(lengths); k++)
            for (enum kind kind = TEXT; kind < KINDS; kind++)
                if (used[i].effort < 11 || kind == TEXT || lengths[k] < MIB)
                    expect_coded(used[i].coding, used[i].effort, kind, lengths[k]);
}

/* Around the sizes of a block, a span, and the windows. */
static void no_length_is_special(void **state)
{
    static const size_t lengths[] = {
        ENCODE_BLOCK_BYTES - 1, ENCODE_BLOCK_BYTES, ENCODE_BLOCK_BYTES + 1, 32 * KIB - 262,
        32 * KIB - 261, 64 * KIB + 1, ENCODE_SPAN_BYTES, ENCODE_SPAN_BYTES + 1,
        2 * ENCODE_SPAN_BYTES + ENCODE_BLOCK_BYTES,
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        expect_coded(CODING_GZIP, 6, TEXT, lengths[i]);
        expect_coded(CODING_BROTLI, 5, TEXT, lengths[i]);
    }
}

/* An encoder gets what encode_memory says, so a result means that it was enough.  Digits are
 * what takes most. */
static void memory_is_as_was_said(void **state)
{
    static const size_t lengths[] = {300, 60 * KIB, 200 * KIB, 1100 * KIB};

    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++)
        for (int effort = 1; effort <= encode_effort_max(both[i]); effort++)
            for (size_t k = 0; k < COUNTOF(lengths); k++)
                if (effort < 10 || k < 2)
                    expect_coded(both[i], effort, DIGITS, lengths[k]);
    for (int effort = 3; effort <= 9; effort += 3)
        expect_coded(CODING_BROTLI, effort, DIGITS, 5 * MIB);
}

static void memory_rises_with_the_length_to_a_bound(void **state)
{
    (void)state;
    assert_true(encode_memory(CODING_GZIP, 9, ENCODE_LENGTH_UNKNOWN) < 300 * KIB);
    assert_true(encode_memory(CODING_GZIP, 9, 100) < 160 * KIB);
    for (size_t i = 0; i < COUNTOF(both); i++) {
        for (int effort = 1; effort <= encode_effort_max(both[i]); effort++) {
            size_t last = 0;

            for (uint64_t length = 1; length < UINT64_C(1) << 40; length *= 2) {
                size_t bytes = encode_memory(both[i], effort, length);

                assert_true(bytes >= last && bytes < 80 * MIB);
                last = bytes;
            }
            assert_true(encode_memory(both[i], effort, ENCODE_LENGTH_UNKNOWN) <= last);
        }
    }
}

static void an_effort_is_found_within_a_limit(void **state)
{
    size_t needed = encode_memory(CODING_BROTLI, 9, MIB);

    (void)state;
    assert_int_equal(encode_effort_within(CODING_BROTLI, 11, MIB, SIZE_MAX), 11);
    assert_int_equal(encode_effort_within(CODING_BROTLI, 5, MIB, SIZE_MAX), 5);
    assert_int_equal(encode_effort_within(CODING_BROTLI, 99, MIB, SIZE_MAX), 11);
    assert_int_equal(encode_effort_within(CODING_BROTLI, 9, MIB, needed), 9);
    assert_true(encode_effort_within(CODING_BROTLI, 9, MIB, needed - 1) < 9);
    assert_int_equal(encode_effort_within(CODING_GZIP, 9, MIB, 64 * KIB), 0);
    assert_int_equal(encode_effort_within(CODING_GZIP, 0, MIB, SIZE_MAX), 0);
}

/* RFC 1952 §2.3: no time, no name, Unix; so two replicas have the same bytes. */
static void coded_bytes_are_the_same_every_time(void **state)
{
    struct buf plain = content(TEXT, 100000);
    struct encode_source source = source_of(&plain);

    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++) {
        struct buf once = BUF_UP_TO(PLENTY), again = BUF_UP_TO(PLENTY);

        assert_int_equal(encode_all(both[i], 9, &source, NULL, &once), ENCODED_MADE);
        assert_int_equal(encode_all(both[i], 9, &source, NULL, &again), ENCODED_MADE);
        assert_true(str_equal(buf_view(&once), buf_view(&again)));
        if (both[i] == CODING_GZIP)
            assert_memory_equal(once.ptr, "\x1f\x8b\x08\0\0\0\0\0\x02\x03", 10);
        buf_fini(&once);
        buf_fini(&again);
    }
    buf_fini(&plain);
}

static void the_ceiling_is_never_passed(void **state)
{
    struct buf plain = content(TEXT, 100000);
    struct encode_source source = source_of(&plain);

    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++) {
        struct buf out = BUF_UP_TO(PLENTY);
        size_t made;

        assert_int_equal(encode_all(both[i], 5, &source, NULL, &out), ENCODED_MADE);
        made = out.len;

        out.max = made;
        assert_int_equal(encode_all(both[i], 5, &source, NULL, &out), ENCODED_MADE);
        assert_int_equal(out.len, made);
        out.max = made - 1;
        assert_int_equal(encode_all(both[i], 5, &source, NULL, &out), ENCODED_NOT_SMALLER);
        assert_true(out.len == 0 && out.cap == 0 && out.max == made - 1);
        out.max = 0;
        assert_int_equal(encode_all(both[i], 5, &source, NULL, &out), ENCODED_NOT_SMALLER);
        buf_fini(&out);
    }
    buf_fini(&plain);
}

/* ---- files ---------------------------------------------------------------------------- */

static struct folder folder;

static int enter_folder(void **state)
{
    (void)state;
    folder_enter(&folder);
    return 0;
}

static int leave_folder(void **state)
{
    (void)state;
    folder_leave(&folder);
    return 0;
}

enum { FILE_BYTES = 100000 };

static struct encode_source open_file(struct file_stamp *stamp, struct buf *plain)
{
    struct encode_source source = {.stamp = stamp};
    struct stat status;

    *plain = content(TEXT, FILE_BYTES);
    folder_bytes("file", buf_view(plain));
    source.fd = open("file", O_RDONLY);
    assert_int_not_equal(source.fd, -1);
    assert_int_equal(fstat(source.fd, &status), 0);
    *stamp = file_stamp_of(&status);
    return source;
}

static void a_file_is_coded_like_its_bytes(void **state)
{
    struct file_stamp stamp;
    struct buf plain;
    struct encode_source file = open_file(&stamp, &plain), memory = source_of(&plain);

    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++) {
        struct buf one = BUF_UP_TO(PLENTY), other = BUF_UP_TO(PLENTY);

        assert_int_equal(encode_all(both[i], 6, &file, NULL, &one), ENCODED_MADE);
        assert_int_equal(encode_all(both[i], 6, &memory, NULL, &other), ENCODED_MADE);
        assert_true(str_equal(buf_view(&one), buf_view(&other)));
        buf_fini(&one);
        buf_fini(&other);
    }
    close(file.fd);
    buf_fini(&plain);
}

static const struct reading_case {
    const char     *promise;
    enum fault_call call;
    int             error;
    enum encoded    encoded;
} readings[] = {
    {"a signal is nothing",                        FAULT_PREAD, EINTR, ENCODED_MADE},
    {"one byte, then the rest, is the same bytes", FAULT_PREAD, FAULT_SHORT, ENCODED_MADE},
    {"a file that shrinks between blocks",         FAULT_PREAD, FAULT_END, ENCODED_CHANGED},
    {"a broken disk",                              FAULT_PREAD, EIO, ENCODED_CHANGED},
    {"a file that cannot be looked at",            FAULT_FSTAT, EIO, ENCODED_CHANGED},
};

/* Whichever of the calls it is. */
static void each_reading_has_its_answer(void **state)
{
    struct file_stamp stamp;
    struct buf plain, want = BUF_UP_TO(PLENTY);
    struct encode_source file = open_file(&stamp, &plain);

    (void)state;
    assert_int_equal(encode_all(CODING_GZIP, 1, &file, NULL, &want), ENCODED_MADE);
    for (size_t i = 0; i < COUNTOF(readings); i++) {
        const struct reading_case *c = &readings[i];

        for (size_t n = 1; fault_next(n, c->call, c->error); n++) {
            struct buf out = BUF_UP_TO(PLENTY);
            enum encoded encoded = encode_all(CODING_GZIP, 1, &file, NULL, &out);

            PROMISED_NUMBER(c->promise, encoded,
                            fault_has_struck() ? c->encoded : ENCODED_MADE);
            PROMISED(c->promise, encoded == ENCODED_MADE
                                     ? str_equal(buf_view(&out), buf_view(&want))
                                     : out.cap == 0);
            buf_fini(&out);
        }
    }
    close(file.fd);
    buf_fini(&plain);
    buf_fini(&want);
}

static void make_shorter(void)
{
    assert_int_equal(truncate("file", 3 * ENCODE_BLOCK_BYTES), 0);
}

static void make_empty(void)
{
    assert_int_equal(truncate("file", 0), 0);
}

static void make_longer(void)
{
    assert_int_equal(truncate("file", FILE_BYTES + 1), 0);
}

static void touch(void)
{
    folder_age("file", 1000000000);
}

static const struct change_case {
    const char *promise;
    void      (*change)(void);
} changes[] = {
    {"a file that became shorter", make_shorter},
    {"a file that became empty",   make_empty},
    {"a file that has grown",      make_longer},
    {"a file of another time",     touch},
};

static void another_version_is_not_passed_off(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(changes); i++) {
        const struct change_case *c = &changes[i];
        struct file_stamp stamp;
        struct buf plain, out = BUF_UP_TO(PLENTY);
        struct encode_source file = open_file(&stamp, &plain);

        c->change();
        PROMISED_NUMBER(c->promise, encode_all(CODING_BROTLI, 1, &file, NULL, &out),
                        ENCODED_CHANGED);
        PROMISED(c->promise, out.cap == 0);
        close(file.fd);
        buf_fini(&plain);
    }
}

/* With the ceiling reached there is no reason to read on. */
static void it_stops_reading_at_the_ceiling(void **state)
{
    struct file_stamp stamp;
    struct stat status;
    struct buf plain = content(DIGITS, MIB), out = BUF_UP_TO(1000);
    struct encode_source file = {.stamp = &stamp};

    (void)state;
    folder_bytes("large", buf_view(&plain));
    file.fd = open("large", O_RDONLY);
    assert_int_equal(fstat(file.fd, &status), 0);
    stamp = file_stamp_of(&status);
    fault_at(MIB / ENCODE_BLOCK_BYTES / 2, FAULT_PREAD, EIO);
    assert_int_equal(encode_all(CODING_GZIP, 1, &file, NULL, &out), ENCODED_NOT_SMALLER);
    assert_false(fault_off());
    close(file.fd);
    buf_fini(&plain);
}

/* ---- no more, no memory --------------------------------------------------------------- */

static atomic_bool cancelled;

static void cancel(int signal)
{
    (void)signal;
    atomic_store(&cancelled, true);
}

static void a_flag_ends_it_before_it_begins(void **state)
{
    struct buf plain = content(TEXT, 1000), out = BUF_UP_TO(PLENTY);
    struct encode_source source = source_of(&plain);

    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++) {
        atomic_store(&cancelled, false);
        assert_int_equal(encode_all(both[i], 1, &source, &cancelled, &out), ENCODED_MADE);
        atomic_store(&cancelled, true);
        assert_int_equal(encode_all(both[i], 1, &source, &cancelled, &out), ENCODED_CANCELLED);
        assert_int_equal(out.cap, 0);
    }
    buf_fini(&plain);
}

/* By the processor's time, of which all of it would take seconds. */
static void a_flag_ends_it_half_way(void **state)
{
    struct buf plain = content(TEXT, 4 * MIB), out = BUF_UP_TO(PLENTY);
    struct encode_source source = source_of(&plain);
    struct itimerval soon = {.it_value.tv_usec = 20 * 1000}, never = {.it_value.tv_usec = 0};
    struct sigaction action = {.sa_handler = cancel}, before;

    (void)state;
    atomic_store(&cancelled, false);
    assert_int_equal(sigaction(SIGPROF, &action, &before), 0);
    assert_int_equal(setitimer(ITIMER_PROF, &soon, NULL), 0);
    assert_int_equal(encode_all(CODING_BROTLI, 11, &source, &cancelled, &out), ENCODED_CANCELLED);
    assert_int_equal(setitimer(ITIMER_PROF, &never, NULL), 0);
    assert_int_equal(sigaction(SIGPROF, &before, NULL), 0);
    assert_int_equal(out.cap, 0);
    buf_fini(&plain);
}

static void without_memory_it_says_so(void **state)
{
    static const int efforts[] = {1, 5, 9, 11};
    struct buf plain = content(TEXT, 10000);
    struct encode_source source = source_of(&plain);

    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++) {
        for (size_t k = 0; k < COUNTOF(efforts); k++) {
            int effort_max = encode_effort_max(both[i]), effort = MIN_OF(efforts[k], effort_max);
            size_t n = 1;

            for (; alloc_fail_next(n); n++) {
                struct buf out = BUF_UP_TO(PLENTY);
                enum encoded encoded = encode_all(both[i], effort, &source, NULL, &out);
                bool has_failed = alloc_fail_off();

                assert_int_equal(encoded, has_failed ? ENCODED_NO_MEMORY : ENCODED_MADE);
                if (encoded == ENCODED_MADE)
                    expect_decodes(both[i], &out, buf_view(&plain));
                buf_fini(&out);
                if (!has_failed)
                    break;
            }
            assert_true(n > 5);
        }
    }
    buf_fini(&plain);
}

/* ---- as it comes ---------------------------------------------------------------------- */

/* Where the output goes: through a small buffer, as a connection's would be. */
struct sink {
    struct buf small;
    struct buf all;
};

static void drain(struct sink *sink)
{
    assert_true(sink->small.len <= sink->small.max);
    buf_append(&sink->all, buf_view(&sink->small));
    assert_false(sink->all.failed);
    buf_reset(&sink->small);
}

static void put_all(struct encoder *encoder, struct str bytes, struct sink *sink)
{
    enum encoder_step step;

    do {
        step = encoder_put(encoder, &bytes, &sink->small);
        assert_int_not_equal(step, ENCODER_NO_MEMORY);
        assert_true(step == ENCODER_DONE ? bytes.len == 0
                                         : sink->small.len == sink->small.max);
        drain(sink);
    } while (step == ENCODER_MORE);
}

static void flush_all(struct encoder *encoder, struct sink *sink)
{
    enum encoder_step step;

    while ((step = encoder_flush(encoder, &sink->small)) == ENCODER_MORE)
        drain(sink);
    assert_int_equal(step, ENCODER_DONE);
    drain(sink);
}

static void finish_all(struct encoder *encoder, struct sink *sink)
{
    enum encoder_step step;

    while ((step = encoder_finish(encoder, &sink->small)) == ENCODER_MORE)
        drain(sink);
    assert_int_equal(step, ENCODER_DONE);
    drain(sink);
}

/* All that was put can be decoded, though the stream goes on. */
static void expect_decodes_so_far(enum coding coding, const struct buf *coded, struct str want)
{
    struct buf plain;

    assert_false(decode(coding, coded, &plain));
    assert_true(str_equal(buf_view(&plain), want));
    buf_fini(&plain);
}

/* In pieces of up to `piece` bytes through a buffer of `room`, one piece in eight flushed. */
static void expect_streams(enum coding coding, int effort, const struct buf *plain, size_t piece,
                           size_t room)
{
    struct sink sink = {.small = BUF_UP_TO(room), .all = BUF_UP_TO(PLENTY)};
    struct encoder *encoder = encoder_open(coding, effort);
    uint64_t seed = piece * 977 + room;

    assert_non_null(encoder);
    for (size_t at = 0; at < plain->len;) {
        size_t count = 1 + (size_t)(random_next(&seed) % piece);

        count = MIN_OF(count, plain->len - at);
        put_all(encoder, str_of(plain->ptr + at, count), &sink);
        at += count;
        if (random_next(&seed) % 8 == 0) {
            flush_all(encoder, &sink);
            expect_decodes_so_far(coding, &sink.all, str_of(plain->ptr, at));
        }
    }
    finish_all(encoder, &sink);
    finish_all(encoder, &sink);
    expect_decodes(coding, &sink.all, buf_view(plain));
    encoder_close(encoder);
    buf_fini(&sink.small);
    buf_fini(&sink.all);
}

static void pieces_decode_to_the_whole(void **state)
{
    static const size_t lengths[] = {0, 1, 100, 5000, 50000};
    static const size_t pieces[] = {1, 7, 700, 70000};
    static const size_t rooms[] = {1, 5, 100, 4096, 100000};

    (void)state;
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        for (enum kind kind = TEXT; kind <= NOISE; kind++) {
            struct buf plain = content(kind, lengths[i]);

            for (size_t k = 0; k < COUNTOF(pieces) * COUNTOF(rooms); k++) {
                size_t piece = pieces[k % COUNTOF(pieces)], room = rooms[k / COUNTOF(pieces)];

                if (lengths[i] / piece > 800)
                    continue;
                expect_streams(CODING_GZIP, ENCODER_EFFORT_GZIP, &plain, piece, room);
                expect_streams(CODING_BROTLI, ENCODER_EFFORT_BROTLI, &plain, piece, room);
            }
            buf_fini(&plain);
        }
    }
}

/* However long it is: digits take most, and the stream is many times the window. */
static void a_stream_stays_within_its_memory(void **state)
{
    struct buf plain = content(DIGITS, MIB);

    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++) {
        for (int effort = 1; effort <= 9; effort++) {
            struct sink sink = {.small = BUF_UP_TO(16 * KIB), .all = BUF_UP_TO(PLENTY)};
            struct encoder *encoder = encoder_open(both[i], effort);

            assert_non_null(encoder);
            put_all(encoder, buf_view(&plain), &sink);
            finish_all(encoder, &sink);
            expect_decodes(both[i], &sink.all, buf_view(&plain));
            encoder_close(encoder);
            buf_fini(&sink.small);
            buf_fini(&sink.all);
        }
    }
    buf_fini(&plain);
}

/* How it was cut makes no difference where nothing was flushed. */
static void pieces_are_coded_like_the_whole(void **state)
{
    struct buf plain = content(TEXT, 200000);

    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++) {
        struct buf last = BUF_UP_TO(PLENTY);

        for (size_t piece = 33; piece < 4 * plain.len; piece *= 10) {
            struct sink sink = {.small = BUF_UP_TO(piece), .all = BUF_UP_TO(PLENTY)};
            struct encoder *encoder = encoder_open(both[i], 5);

            assert_non_null(encoder);
            for (size_t at = 0; at < plain.len; at += piece)
                put_all(encoder, str_of(plain.ptr + at, MIN_OF(piece, plain.len - at)), &sink);
            finish_all(encoder, &sink);
            assert_true(last.len == 0 || str_equal(buf_view(&last), buf_view(&sink.all)));
            buf_reset(&last);
            buf_append(&last, buf_view(&sink.all));
            encoder_close(encoder);
            buf_fini(&sink.small);
            buf_fini(&sink.all);
        }
        buf_fini(&last);
    }
    buf_fini(&plain);
}

/* A second flush, or one before the first byte, says nothing new: a few bytes at most. */
static void flushing_nothing_costs_little(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++) {
        struct sink sink = {.small = BUF_UP_TO(100), .all = BUF_UP_TO(PLENTY)};
        struct encoder *encoder = encoder_open(both[i], 1);

        assert_non_null(encoder);
        for (int n = 0; n < 100; n++)
            flush_all(encoder, &sink);
        put_all(encoder, STR("data: 1\n\n"), &sink);
        for (int n = 0; n < 100; n++)
            flush_all(encoder, &sink);
        assert_true(sink.all.len < 64);
        expect_decodes_so_far(both[i], &sink.all, STR("data: 1\n\n"));
        finish_all(encoder, &sink);
        expect_decodes(both[i], &sink.all, STR("data: 1\n\n"));
        encoder_close(encoder);
        buf_fini(&sink.small);
        buf_fini(&sink.all);
    }
}

static enum encoder_step stream_once(enum coding coding, struct str bytes, struct buf *out)
{
    struct encoder *encoder = encoder_open(coding, 3);
    enum encoder_step step = ENCODER_NO_MEMORY;

    if (encoder)
        step = encoder_put(encoder, &bytes, out);
    if (encoder && step == ENCODER_DONE)
        step = encoder_flush(encoder, out);
    if (encoder && step == ENCODER_DONE)
        step = encoder_finish(encoder, out);
    if (encoder && step == ENCODER_NO_MEMORY)       /* and it stays so */
        assert_int_equal(encoder_finish(encoder, out), ENCODER_NO_MEMORY);
    encoder_close(encoder);
    return step;
}

static void a_stream_without_memory_says_so(void **state)
{
    struct buf plain = content(TEXT, 300000);

    (void)state;
    for (size_t i = 0; i < COUNTOF(both); i++) {
        for (size_t n = 1; alloc_fail_next(n); n++) {
            struct buf out = BUF_UP_TO(PLENTY);
            enum encoder_step step = stream_once(both[i], buf_view(&plain), &out);
            bool has_failed = alloc_fail_off();

            assert_int_equal(step, has_failed ? ENCODER_NO_MEMORY : ENCODER_DONE);
            buf_fini(&out);
            if (!has_failed)
                break;
        }
    }
    buf_fini(&plain);
}

/* RFC 9110 §8.4.1.2: the zlib format, as its own decoder reads it. */
static void deflate_is_the_zlib_format(void **state)
{
    static const size_t lengths[] = {0, 1, 255, 5000, 300000};

    (void)state;
    for (size_t i = 0; i < COUNTOF(lengths); i++) {
        struct buf      plain = content(TEXT, lengths[i]), out = BUF_UP_TO(PLENTY);
        struct str      bytes = buf_view(&plain);
        struct encoder *encoder = encoder_open_deflate(plain.len);
        uLongf          decoded_len = plain.len + 1;
        Bytef          *decoded = malloc(decoded_len);

        assert_non_null(encoder);
        assert_int_equal(encoder_put(encoder, &bytes, &out), ENCODER_DONE);
        assert_int_equal(encoder_finish(encoder, &out), ENCODER_DONE);
        assert_int_equal(uncompress(decoded, &decoded_len, (const Bytef *)out.ptr, out.len), Z_OK);
        assert_int_equal(decoded_len, plain.len);
        assert_true(plain.len == 0 || memcmp(decoded, plain.ptr, plain.len) == 0);
        encoder_close(encoder);
        free(decoded);
        buf_fini(&out);
        buf_fini(&plain);
    }
}

static void codings_have_suffixes(void **state)
{
    (void)state;
    assert_true(str_equal(coding_suffix(CODING_IDENTITY), STR("")));
    assert_true(str_equal(coding_suffix(CODING_GZIP), STR(".gz")));
    assert_true(str_equal(coding_suffix(CODING_BROTLI), STR(".br")));
    assert_true(str_equal(coding_suffix(CODING_ZSTD), STR(".zst")));
    assert_true(encode_can(CODING_GZIP) && encode_can(CODING_BROTLI));
    assert_false(encode_can(CODING_IDENTITY) || encode_can(CODING_ZSTD) || encode_can(CODING_NONE));
    encoder_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_coded_decodes),
        cmocka_unit_test(no_length_is_special),
        cmocka_unit_test(memory_is_as_was_said),
        cmocka_unit_test(memory_rises_with_the_length_to_a_bound),
        cmocka_unit_test(an_effort_is_found_within_a_limit),
        cmocka_unit_test(coded_bytes_are_the_same_every_time),
        cmocka_unit_test(the_ceiling_is_never_passed),
        cmocka_unit_test(a_file_is_coded_like_its_bytes),
        cmocka_unit_test(each_reading_has_its_answer),
        cmocka_unit_test(another_version_is_not_passed_off),
        cmocka_unit_test(it_stops_reading_at_the_ceiling),
        cmocka_unit_test(a_flag_ends_it_before_it_begins),
        cmocka_unit_test(a_flag_ends_it_half_way),
        cmocka_unit_test(without_memory_it_says_so),
        cmocka_unit_test(pieces_decode_to_the_whole),
        cmocka_unit_test(a_stream_stays_within_its_memory),
        cmocka_unit_test(pieces_are_coded_like_the_whole),
        cmocka_unit_test(flushing_nothing_costs_little),
        cmocka_unit_test(a_stream_without_memory_says_so),
        cmocka_unit_test(deflate_is_the_zlib_format),
        cmocka_unit_test(codings_have_suffixes),
    };

    return cmocka_run_group_tests_name("encode", tests, enter_folder, leave_folder);
}
