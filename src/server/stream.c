#include "server/stream.h"

#include "base/budget.h"
#include "base/clock.h"
#include "http/head.h"
#include "http/trailer.h"
#include "server/server.h"

void stream_init(struct stream *stream)
{
    *stream = (struct stream){
        .piece = BUF_UP_TO(STREAM_PIECE_MAX),
        .coded = BUF_UP_TO(STREAM_CODED_MAX),
        .trailers = BUF_UP_TO(STREAM_TRAILERS_MAX),
    };
}

void stream_reset(struct stream *stream)
{
    assert(!stream->is_waiting && !stream->is_pulling);
    waker_detach(stream->waker);
    encoder_close(stream->encoder);
    if (stream->encoder)
        budget_give(stream->lender, stream->lent);
    buf_fini(&stream->piece);
    buf_fini(&stream->coded);
    buf_fini(&stream->trailers);
    stream_init(stream);
}

void stream_begin(struct stream *stream, uint64_t length, wherry_puller *pull, void *data)
{
    stream->left = length;
    stream->pull = pull;
    stream->data = data;
}

void stream_rest(struct stream *stream)
{
    if (!stream->is_held)
        buf_fini(&stream->piece);
    buf_fini(&stream->coded);
}

/* ---- coding --------------------------------------------------------------------------- */

bool stream_code(struct stream *stream, enum coding coding, int effort, atomic_size_t *left)
{
    size_t bytes = encode_memory(coding, effort, ENCODE_LENGTH_UNKNOWN);

    if (!budget_take(left, bytes))
        return false;
    stream->encoder = encoder_open(coding, effort);
    if (!stream->encoder) {
        budget_give(left, bytes);
        return false;
    }
    stream->lender = left;
    stream->lent = bytes;
    return true;
}

/* The client gets all that was written whenever the next piece will take its time.  False: no memory
 * (nor is there ever more than fits: an encoder holds back less than two pieces). */
static bool code(struct stream *stream, enum wherry_pull next)
{
    struct str        bytes = buf_view(&stream->piece);
    enum encoder_step step;

    if (!stream->encoder)
        return true;
    buf_reset(&stream->coded);
    stream->is_unflushed |= bytes.len > 0;
    step = encoder_put(stream->encoder, &bytes, &stream->coded);
    if (step == ENCODER_DONE && next == WHERRY_WAIT && stream->is_unflushed) {
        step = encoder_flush(stream->encoder, &stream->coded);
        stream->is_unflushed = false;
    }
    if (step == ENCODER_DONE && next == WHERRY_END)
        step = encoder_finish(stream->encoder, &stream->coded);
    return step == ENCODER_DONE;
}

/* ---- pulling -------------------------------------------------------------------------- */

bool stream_is_due(const struct stream *stream, int64_t now_ms, bool is_stopping)
{
    return stream->due_ms <= now_ms || (!stream->is_put_off && waker_is_called(stream->waker)) ||
           (is_stopping && !stream->was_told);
}

static int64_t due_from(int64_t now_ms, int64_t in_ms)
{
    return in_ms < 0 || in_ms > CLOCK_NEVER - now_ms ? CLOCK_NEVER : now_ms + in_ms;
}

void stream_put_off(struct stream *stream, int64_t now_ms, int64_t in_ms)
{
    stream->is_put_off = true;
    stream->due_ms = due_from(now_ms, in_ms);
}

void stream_let_go(struct stream *stream)
{
    stream->is_put_off = false;
    stream->due_ms = 0;
}

/* A puller gives exactly its length (RFC 9112 §6.2).  The piece that completes it is held until the
 * puller has said that this was the end: who goes on after that was wrong all the time, and nobody
 * may have taken the body for whole. */
static bool adds_up(struct stream *stream, enum wherry_pull next)
{
    if (stream->piece.failed)
        return false;
    if (stream->framing != STREAM_COUNTED)
        return true;
    if (stream->piece.len > stream->left ||
        (next == WHERRY_END && stream->piece.len < stream->left))
        return false;
    stream->is_held = next != WHERRY_END && stream->piece.len == stream->left;
    if (!stream->is_held)
        stream->left -= stream->piece.len;
    return true;
}

enum wherry_pull stream_pull(struct stream *stream, struct wherry_exchange *exchange,
                             int64_t now_ms, bool is_stopping)
{
    enum wherry_pull next;

    if (!stream->is_held)
        buf_reset(&stream->piece);
    waker_forget_call(stream->waker);
    stream->was_told = is_stopping;
    stream->wait_ms = -1;
    stream->is_pulling = true;
    next = stream->pull(exchange, stream->data);
    stream->is_pulling = false;
    stream->due_ms = next == WHERRY_WAIT ? due_from(now_ms, stream->wait_ms) : now_ms;
    stream->has_ended = next == WHERRY_END;
    return adds_up(stream, next) && code(stream, next) ? next : WHERRY_BROKEN;
}

/* ---- framing -------------------------------------------------------------------------- */

/* What belongs behind the data of a last chunk with data, the trailer fields among it. */
static struct str end_of_chunks(struct stream *stream)
{
    if (stream->trailers.len == 0)
        return STR("\r\n0\r\n\r\n");
    head_end(&stream->trailers);
    return buf_view(&stream->trailers);
}

/* chunk      = chunk-size CRLF chunk-data CRLF
 * last-chunk = 1*"0" CRLF                    (then trailer-section CRLF)      RFC 9112 §7.1
 * A chunk without data would be the last one, so there is none for a piece that is empty. */
static void frame_chunk(struct stream *stream, struct str data, struct buf *head,
                        struct writer *writer)
{
    struct str behind = stream->has_ended ? end_of_chunks(stream) : STR("\r\n");

    if (data.len)
        buf_printf(head, "%zx\r\n", data.len);
    writer->tail = data.len ? behind : str_from(behind, 2);
}

bool stream_frame(struct stream *stream, struct buf *head, struct writer *writer)
{
    const struct buf *piece = stream->encoder ? &stream->coded : &stream->piece;
    struct str data = stream->is_held ? STR_NONE : buf_view(piece);

    if (writer->head.len == 0)
        buf_reset(head);
    if (stream->framing == STREAM_CHUNKED)
        frame_chunk(stream, data, head, writer);
    writer->head = buf_view(head);
    writer->bytes = data;
    return !head->failed && !stream->trailers.failed;
}

/* ---- what wherry.h promises to pullers ------------------------------------------------ */

void wherry_set_stream(struct wherry_exchange *exchange, int64_t length, wherry_puller *pull,
                       void *data)
{
    struct response *response = &exchange->response;

    response->source = SOURCE_STREAM;
    response->has_length = length >= 0;
    response->length = length >= 0 ? (uint64_t)length : 0;
    response->pull = pull;
    response->pull_data = data;
}

size_t wherry_write(struct wherry_exchange *exchange, struct wherry_slice bytes)
{
    struct stream *stream = &exchange->stream;
    struct buf    *piece = &stream->piece;
    size_t         count = MIN_OF(bytes.len, piece->max - piece->len);

    if (!stream->is_pulling)
        return 0;
    if (stream->is_held && bytes.len)   /* more than its length */
        piece->failed = true;
    buf_append(piece, str_of(bytes.ptr, count));
    return piece->failed ? 0 : count;
}

enum wherry_pull wherry_wait(struct wherry_exchange *exchange, int64_t ms)
{
    exchange->stream.wait_ms = ms;
    return WHERRY_WAIT;
}

bool wherry_add_trailer(struct wherry_exchange *exchange, const char *name,
                        struct wherry_slice value)
{
    struct buf *trailers = &exchange->stream.trailers;
    size_t      before = trailers->len;

    if (!exchange->stream.is_pulling || !trailer_is_allowed(str_view(name)))
        return false;
    if (before == 0)
        buf_append(trailers, STR("\r\n0\r\n"));
    head_field(trailers, str_view(name), str_of(value.ptr, value.len));
    if (!trailers->failed)
        return true;
    trailers->len = before;
    trailers->failed = false;
    return false;
}

struct wherry_waker *wherry_waker_acquire(struct wherry_exchange *exchange)
{
    struct conn   *conn = conn_of(exchange);
    struct stream *stream = &exchange->stream;

    if (!stream->waker)
        stream->waker = waker_new(&conn->server->queue, &conn->source);
    return stream->waker ? waker_share(stream->waker) : NULL;
}
