#include "endpoints/endpoint.h"

#include "http/status.h"

/* ---- what stands in a path or a query ---------------------------------------------------- */

bool endpoint_read_bytes(const struct endpoints_settings *settings, struct wherry_slice text,
                         uint64_t *bytes)
{
    return str_to_u64(endpoint_str(text), bytes) && *bytes <= settings->bytes_max;
}

enum wherry_next endpoint_refuse_bytes(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "the number of bytes must be a whole number, as in 1024, and no more than "
                         "--endpoints-bytes");
}

bool endpoint_read_time(const struct endpoints_settings *settings, struct wherry_slice text,
                        int64_t *ms)
{
    struct str seconds = endpoint_str(text);
    struct str whole = str_of(seconds.ptr, str_find(seconds, '.'));
    struct str fraction = str_from(seconds, whole.len + 1);
    uint64_t   count, ignored;

    if (!str_to_u64(whole, &count) || count > (uint64_t)settings->time_max_ms / 1000 ||
        (whole.len < seconds.len && !str_to_u64(fraction, &ignored)))
        return false;
    *ms = (int64_t)count * 1000;
    for (size_t i = 0, weight = 100; i < fraction.len && weight > 0; i++, weight /= 10)
        *ms += (fraction.ptr[i] - '0') * (int64_t)weight;
    return *ms <= settings->time_max_ms;
}

enum wherry_next endpoint_refuse_time(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "a time must be in seconds, as in 1.5, and no longer than "
                         "--endpoints-time");
}

/* ---- whom the client asks ---------------------------------------------------------------- */

void endpoint_append_origin(struct wherry_exchange *exchange, struct buf *text)
{
    struct wherry_tls_facts facts;
    struct wherry_slice     host = wherry_host(exchange);

    if (host.len == 0)
        return;
    buf_append(text, wherry_tls(exchange, &facts) ? STR("https://") : STR("http://"));
    buf_append(text, endpoint_str(host));
}

/* ---- answers ----------------------------------------------------------------------------- */

enum wherry_next endpoint_send(struct wherry_exchange *exchange, int status, const char *type,
                               struct wherry_slice bytes)
{
    wherry_set_status(exchange, status);
    wherry_add_field(exchange, "Content-Type", wherry_text(type));
    wherry_copy_body(exchange, bytes);
    return WHERRY_ANSWER;
}

enum wherry_next endpoint_redirect(struct wherry_exchange *exchange, int status,
                                   struct wherry_slice location)
{
    wherry_set_status(exchange, status);
    endpoint_forbid_storing(exchange);
    wherry_add_field(exchange, "Location", location);
    return WHERRY_ANSWER;
}

static void add(struct wherry_exchange *exchange, const char *name, const char *value)
{
    wherry_add_field(exchange, name, wherry_text(value));
}

/* Pages of errors are not ours: they have nothing of the caller's in them, and may be the site's own,
 * with pictures. */
void endpoint_finish_private(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    if (wherry_status(exchange) >= HTTP_BAD_REQUEST)
        return;
    add(exchange, "X-Content-Type-Options", "nosniff");
    add(exchange, "Content-Security-Policy", ENDPOINT_POLICY);
}

/* Fetch §3.2.4: what a page asks for beforehand is what it may do. */
static void answer_preflight(struct wherry_exchange *exchange)
{
    struct wherry_slice fields = wherry_field(exchange, "Access-Control-Request-Headers");

    add(exchange, "Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    if (fields.ptr)
        wherry_add_field(exchange, "Access-Control-Allow-Headers", fields);
    add(exchange, "Access-Control-Max-Age", "3600");
}

/* Every origin may read, but none with the cookies that the browser has for this one: they may be
 * somebody else's on the same host. */
void endpoint_finish_open(struct wherry_exchange *exchange, void *data)
{
    endpoint_finish_private(exchange, data);
    add(exchange, "Access-Control-Allow-Origin", "*");
    if (wherry_field(exchange, "Access-Control-Request-Method").ptr)
        answer_preflight(exchange);
    else
        add(exchange, "Access-Control-Expose-Headers", "*");
}
