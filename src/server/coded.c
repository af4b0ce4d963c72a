#include "server/coded.h"

#include "coding/encode.h"
#include "http/etag.h"
#include "http/media_type.h"
#include "http/token.h"

enum { TYPE_MAX = 127 };

static int effort_of(enum coding coding)
{
    return coding == CODING_GZIP ? ENCODER_EFFORT_GZIP : ENCODER_EFFORT_BROTLI;
}

/* ---- is it worth it? ------------------------------------------------------------------ */

/* The type without its parameters, in lower case. */
static struct str essence(struct str type, char room[TYPE_MAX])
{
    type = str_trim(str_of(type.ptr, str_find(type, ';')));
    if (type.len > TYPE_MAX)
        return STR_NONE;
    for (size_t i = 0; i < type.len; i++)
        room[i] = type.ptr[i] >= 'A' && type.ptr[i] <= 'Z' ? (char)(type.ptr[i] + ('a' - 'A'))
                                                           : type.ptr[i];
    return str_of(room, type.len);
}

static bool is_long_enough(const struct response *response, size_t least)
{
    if (response->source == SOURCE_STREAM)
        return !response->has_length;
    if (response->only_coding != CODING_IDENTITY)
        least = 1;
    return response->source == SOURCE_BYTES && response->length > 0 && response->length >= least;
}

/* What the handler has coded itself, or cut a piece out of, is not touched; nor what it says must not
 * be (RFC 9111 §5.2.2.6, which a coding made here would only seem to keep). */
static bool may_be_coded(const struct response *response, const struct answer_setting *setting)
{
    return setting->compresses && !response->is_refusal && response->status != HTTP_PARTIAL_CONTENT &&
           !status_has_no_body(response->status) && response->shared_lines.len == 0 &&
           response->content_lines.len == 0 && is_long_enough(response, setting->compress_min) &&
           !response_find_field(response, STR("Content-Encoding")).ptr &&
           !token_list_has(response_find_field(response, STR("Cache-Control")),
                           STR("no-transform"));
}

/* RFC 9110 §14.2: ranges are of what is selected; who asks for some gets them of the plain bytes. */
static bool asks_for_range(const struct wherry_exchange *exchange)
{
    return exchange->response.source == SOURCE_BYTES &&
           exchange->request.method == METHOD_GET &&
           fields_has(&exchange->request.fields, FIELD_RANGE);
}

/* An event stream is open for long, and many are: they get the coding that needs little memory. */
static enum coding choose(const struct wherry_exchange *exchange, struct str type)
{
    unsigned      gets = BIT(WHERRY_IDENTITY) | BIT(WHERRY_GZIP) | BIT(WHERRY_BROTLI);
    enum coding   coding;

    if (str_equal(type, STR("text/event-stream")))
        gets &= ~BIT(WHERRY_BROTLI);
    if (exchange->response.only_coding != CODING_IDENTITY)
        gets &= BIT(WHERRY_IDENTITY) | BIT(exchange->response.only_coding);
    coding = (enum coding)wherry_choose_coding(exchange, gets);
    return coding == CODING_NONE ? CODING_IDENTITY : coding;
}

/* ---- choosing ------------------------------------------------------------------------- */

struct str coded_etag(struct arena *arena, struct str etag, enum coding coding)
{
    struct str name = coding_name(coding);
    size_t     len = etag.len + 1 + name.len;
    char      *coded;

    if (coding == CODING_IDENTITY || etag_is_weak(etag))
        return etag;
    coded = arena_alloc(arena, len);
    if (!coded)
        return (struct str){NULL, 0};
    memcpy(coded, etag.ptr, etag.len - 1);
    coded[etag.len - 1] = '-';
    memcpy(coded + etag.len, name.ptr, name.len);
    coded[len - 1] = '"';
    return str_of(coded, len);
}

/* RFC 9110 §12.5.5 */
static void add_vary(struct response *response)
{
    struct str vary = response_find_field(response, STR("Vary"));

    if (!str_equal(vary, STR("*")) && !token_list_has(vary, STR("Accept-Encoding")))
        response_add_field(response, STR("Vary"), STR("Accept-Encoding"));
}

void coded_choose(struct wherry_exchange *exchange, const struct answer_setting *setting)
{
    struct response *response = &exchange->response;
    char             room[TYPE_MAX];
    struct str       type, etag;

    if (!may_be_coded(response, setting))
        return;
    type = essence(response_find_field(response, STR("Content-Type")), room);
    if (!media_type_is_compressible(type))
        return;
    add_vary(response);
    if (asks_for_range(exchange))
        return;
    response->coding = choose(exchange, type);
    if (!response->validators.etag.ptr)
        return;
    etag = coded_etag(&exchange->arena, response->validators.etag, response->coding);
    if (!etag.ptr)
        response->coding = CODING_IDENTITY;
    if (response->coding == CODING_IDENTITY)
        return;
    response->plain_etag = response->validators.etag;
    response->validators.etag = etag;
}

/* ---- coding --------------------------------------------------------------------------- */

/* However small: what was promised to one client is promised to all. */
static bool code_at_once(struct wherry_exchange *exchange)
{
    struct response *response = &exchange->response;
    struct str       bytes = response->bytes;
    struct encoder  *encoder =
        encoder_open_for(response->coding, effort_of(response->coding), bytes.len);
    bool             ok;

    buf_reset(&exchange->coded);
    ok = encoder && encoder_put(encoder, &bytes, &exchange->coded) == ENCODER_DONE &&
         encoder_finish(encoder, &exchange->coded) == ENCODER_DONE;
    encoder_close(encoder);
    if (ok)
        response_set_bytes(response, buf_view(&exchange->coded));
    return ok;
}

static enum wherry_pull pull_bytes(struct wherry_exchange *exchange, void *data)
{
    struct str *rest = &exchange->response.bytes;
    size_t      taken = wherry_write(exchange, (struct wherry_slice){rest->ptr, rest->len});

    (void)data;
    *rest = str_from(*rest, taken);
    return rest->len ? WHERRY_MORE : WHERRY_END;
}

size_t coded_streams_share(uint64_t memory)
{
    return (size_t)MIN_OF(memory / 8, (uint64_t)CODED_STREAMS_BYTES);
}

/* False: there are too many already, or there is no memory. */
static bool code_as_it_comes(struct wherry_exchange *exchange, const struct answer_setting *setting)
{
    struct response *response = &exchange->response;

    if (!setting->coding_bytes ||
        (exchange->request.method != METHOD_HEAD &&
         !stream_code(&exchange->stream, response->coding, effort_of(response->coding),
                      setting->coding_bytes)))
        return false;
    if (response->source == SOURCE_BYTES)
        wherry_set_stream(exchange, -1, pull_bytes, NULL);
    return true;
}

/* It goes as the handler gave it, and under the handler's tag. */
static void send_plain(struct response *response)
{
    response->validators.etag = response->plain_etag;
    response->coding = CODING_IDENTITY;
}

void coded_begin(struct wherry_exchange *exchange, const struct answer_setting *setting)
{
    struct response *response = &exchange->response;
    bool             is_short;

    if (response->coding == CODING_IDENTITY || status_has_no_body(response->status))
        return;
    is_short = response->source == SOURCE_BYTES && response->length <= CODED_AT_ONCE_MAX;
    if (is_short ? code_at_once(exchange) : code_as_it_comes(exchange, setting))
        response_add_field(response, STR("Content-Encoding"), coding_name(response->coding));
    else
        send_plain(response);
}
