#include "endpoints/amount.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "endpoints/base64.h"
#include "endpoints/noise.h"
#include "endpoints/pace.h"
#include "http/status.h"

enum {
    PIECE_MAX   = 64 * 1024,        /* what a puller may write at once */
    CHUNK_BYTES = 10 * 1024,        /* of /stream-bytes, where nobody says how many */
    CHUNKS_MAX  = 128 * 1024,       /* each is a turn and a system call; 1 GiB has fewer of CHUNK_BYTES */
    RANGE_MAX   = 1024 * 1024,      /* bytes of /range */
    DRIP_MS     = 2000,             /* of /drip, where nobody says how long */
    DRIP_BYTES  = 10,
};

static const char octets[] = "application/octet-stream";

/* ---- /bytes/{n}, /stream-bytes/{n} ------------------------------------------------------- */

struct noise_body {
    uint64_t seed;
    uint64_t length;
    uint64_t sent;
    size_t   piece;                 /* bytes of each, but for the last */
};

static enum wherry_pull pull_noise(struct wherry_exchange *exchange, void *data)
{
    struct noise_body *body = data;
    char               bytes[4096];
    uint64_t           end = body->sent + MIN_OF(body->piece, body->length - body->sent);

    while (body->sent < end) {
        size_t count = (size_t)MIN_OF(sizeof bytes, end - body->sent);

        noise_make(body->seed, body->sent, bytes, count);
        if (!endpoint_write(exchange, bytes, count))
            return WHERRY_BROKEN;
        body->sent += count;
    }
    return body->sent < body->length ? WHERRY_MORE : WHERRY_END;
}

/* Without a seed nobody knows what will come. */
static enum wherry_next answer_noise(struct wherry_exchange *exchange, struct noise_body *body,
                                     bool has_length)
{
    if (!wherry_query_value(exchange, "seed").ptr) {
        if (getrandom(&body->seed, sizeof body->seed, 0) != (ssize_t)sizeof body->seed)
            return WHERRY_FAIL;
        endpoint_forbid_storing(exchange);
    }
    return endpoint_stream(exchange, octets, has_length ? (int64_t)body->length : -1, pull_noise,
                           body, sizeof *body);
}

static enum wherry_next refuse_seed(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "the seed must be a whole number from 0 to 18446744073709551615");
}

static enum wherry_next some_bytes(struct wherry_exchange *exchange, void *data)
{
    struct noise_body body = {.piece = PIECE_MAX};

    if (!endpoint_read_bytes(data, wherry_part(exchange, "n"), &body.length))
        return endpoint_refuse_bytes(exchange);
    if (!endpoint_query_number(exchange, "seed", &body.seed))
        return refuse_seed(exchange);
    return answer_noise(exchange, &body, true);
}

/* A piece is a chunk (RFC 9112 §7.1), so none can be larger than a piece. */
static enum wherry_next stream_bytes(struct wherry_exchange *exchange, void *data)
{
    struct noise_body body = {0};
    uint64_t          piece = CHUNK_BYTES;

    if (!endpoint_read_bytes(data, wherry_part(exchange, "n"), &body.length))
        return endpoint_refuse_bytes(exchange);
    if (!endpoint_query_number(exchange, "seed", &body.seed))
        return refuse_seed(exchange);
    if (!endpoint_query_number(exchange, "chunk_size", &piece) || piece < 1 || piece > PIECE_MAX ||
        body.length > piece * CHUNKS_MAX)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the chunk_size must be a whole number from 1 to 65536, of which the "
                             "body takes no more than 131072");
    body.piece = (size_t)piece;
    return answer_noise(exchange, &body, false);
}

/* ---- /range/{n} -------------------------------------------------------------------------- */

/* The alphabet, again and again: all answers are parts of it.  It takes no memory before somebody asks
 * for one. */
static char           alphabet[RANGE_MAX];
static pthread_once_t alphabet_once = PTHREAD_ONCE_INIT;

static void write_alphabet(void)
{
    for (size_t i = 0; i < sizeof alphabet; i++)
        alphabet[i] = (char)('a' + i % 26);
}

/* Which part of it is asked for is for the server to see (RFC 9110 §14.2): it has validators and a
 * length. */
static enum wherry_next range(struct wherry_exchange *exchange, void *data)
{
    struct buf etag = BUF_UP_TO(32);
    uint64_t   length;

    if (!endpoint_read_bytes(data, wherry_part(exchange, "n"), &length) || length < 1 ||
        length > RANGE_MAX)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the number of bytes must be a whole number from 1 to 1048576, and no "
                             "more than --endpoints-bytes");
    pthread_once(&alphabet_once, write_alphabet);
    buf_printf(&etag, "\"range%llu\"", (unsigned long long)length);
    wherry_add_field(exchange, "ETag", endpoint_slice(buf_view(&etag)));
    buf_fini(&etag);
    wherry_add_field(exchange, "Accept-Ranges", wherry_text("bytes"));
    wherry_add_field(exchange, "Content-Type", wherry_text(octets));
    wherry_set_body(exchange, (struct wherry_slice){alphabet, (size_t)length});
    return WHERRY_ANSWER;
}

/* ---- /base64/{value} --------------------------------------------------------------------- */

static bool is_text(struct str bytes)
{
    struct utf8 utf8 = UTF8_NONE;

    utf8_read(&utf8, bytes);
    return utf8_is_text(&utf8);
}

/* Never more than plain text, whatever it would like to be. */
static enum wherry_next base64(struct wherry_exchange *exchange, void *data)
{
    struct str       text = endpoint_str(wherry_part(exchange, "value"));
    struct buf       bytes = BUF_UP_TO(text.len);
    struct str       decoded;
    enum wherry_next next;

    (void)data;
    if (!base64_decode(text, &bytes)) {
        next = wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the path must end in base64 or base64url, as in "
                             "SFRUUEJJTiBpcyBhd2Vzb21l");
    } else if (bytes.failed) {
        next = WHERRY_FAIL;
    } else {
        decoded = buf_view(&bytes);
        next = endpoint_send(exchange, HTTP_OK, is_text(decoded) ? "text/plain; charset=utf-8" : octets,
                             endpoint_slice(decoded));
    }
    buf_fini(&bytes);
    return next;
}

/* ---- /drip ------------------------------------------------------------------------------- */

static enum wherry_pull pull_drops(struct wherry_exchange *exchange, void *data)
{
    static const char drops[] = "****************************************************************";
    struct paced     *paced = data;
    int64_t           now_ms = clock_us() / 1000;
    uint64_t          owed = paced_owed(paced, now_ms);

    if (endpoint_is_stopping(exchange))
        owed = paced->pace.count - paced->done;
    for (uint64_t left = MIN_OF(owed, PIECE_MAX); left > 0;) {
        size_t count = (size_t)MIN_OF(sizeof drops - 1, left);

        if (!endpoint_write(exchange, drops, count))
            return WHERRY_BROKEN;
        paced->done += count;
        left -= count;
    }
    if (paced->done == paced->pace.count)
        return WHERRY_END;
    return owed > PIECE_MAX ? WHERRY_MORE : wherry_wait(exchange, paced_wait_ms(paced, now_ms));
}

static bool read_numbytes(struct wherry_exchange *exchange,
                          const struct endpoints_settings *settings, uint64_t *count)
{
    return endpoint_query_number(exchange, "numbytes", count) && *count >= 1 &&
           *count <= settings->bytes_max;
}

static enum wherry_next drip(struct wherry_exchange *exchange, void *data)
{
    struct paced paced = {.pace = {DRIP_BYTES, DRIP_MS}};
    uint64_t     status = HTTP_OK;
    int64_t      delay_ms;

    if (!endpoint_query_span(exchange, data, &paced.pace.duration_ms, &delay_ms))
        return endpoint_refuse_span(exchange);
    if (!read_numbytes(exchange, data, &paced.pace.count))
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the numbytes must be a whole number of at least 1, and no more than "
                             "--endpoints-bytes");
    if (!endpoint_query_number(exchange, "code", &status) || status < 200 || status > 599)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the code must be a whole number from 200 to 599");
    wherry_set_status(exchange, (int)status);
    wherry_delay(exchange, delay_ms);
    return endpoint_stream(exchange, octets, (int64_t)paced.pace.count, pull_drops, &paced,
                           sizeof paced);
}

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/bytes/{n}", .methods = WHERRY_GET, .look = some_bytes},
     "/bytes/1024?seed=7", "So many random bytes; with a seed, the same ones each time."},
    {{.pattern = "/stream-bytes/{n}", .methods = WHERRY_GET, .look = stream_bytes},
     "/stream-bytes/4096?seed=7&chunk_size=1000",
     "The same in chunks of chunk_size bytes, without a Content-Length."},
    {{.pattern = "/range/{n}", .methods = WHERRY_GET, .look = range},
     "/range/1024", "The alphabet, again and again, with an ETag; the whole or the ranges asked for."},
    {{.pattern = "/base64/{value}", .methods = WHERRY_GET, .look = base64},
     "/base64/SGVsbG8sIFdvcmxkIQ", "What the base64 or base64url stands for, as plain text."},
    {{.pattern = "/drip", .methods = WHERRY_GET, .look = drip},
     "/drip?duration=2&numbytes=10&code=200&delay=0",
     "After a delay, numbytes bytes one by one over the duration."},
};
/* clang-format on */

const struct endpoint_group amount_group = ENDPOINT_GROUP("Bytes", table);
