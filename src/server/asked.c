/* What handlers ask of a request beyond its head as it stands: all its fields, the values of its
 * query, its cookies, and who has sent it, how secured. */
#include "http/cookie.h"
#include "http/urlencoded.h"
#include "net/tls.h"
#include "server/connection.h"
#include "server/exchange.h"

/* ---- fields and values ---------------------------------------------------------------- */

bool wherry_next_field(const struct wherry_exchange *exchange, size_t *at,
                       struct wherry_slice *name, struct wherry_slice *value)
{
    const struct fields *fields = &exchange->request.fields;

    if (*at >= fields->count)
        return false;
    *name = slice_of_str(fields->all[*at].name);
    *value = slice_of_str(fields->all[*at].value);
    (*at)++;
    return true;
}

bool exchange_next_pair(const struct pairs *pairs, size_t *at, struct wherry_slice *name,
                        struct wherry_slice *value)
{
    if (*at >= pairs->count)
        return false;
    *name = slice_of_str(pairs->all[*at].name);
    *value = slice_of_str(pairs->all[*at].value);
    (*at)++;
    return true;
}

/* A target is bounded, and so are the pairs in it.  NULL: there is no room for them. */
static const struct pairs *decode_query(struct str query, struct arena *arena)
{
    size_t        count = urlencoded_count(query);
    struct pairs *pairs = arena_alloc(arena, sizeof *pairs + count * sizeof(struct pair));
    char         *bytes = arena_cstr(arena, query);

    if (!pairs || !bytes)
        return NULL;
    pairs->all = (struct pair *)(pairs + 1);
    pairs->count = urlencoded_decode(bytes, query.len, pairs->all, count);
    return pairs;
}

/* Decoded when they are first wanted.  Without room the answer fails: a value that is silently not
 * there would make another one. */
static const struct pairs *query_of(struct wherry_exchange *exchange)
{
    static const struct pairs none;

    if (!exchange->query)
        exchange->query = decode_query(exchange->request.target.query, &exchange->arena);
    if (exchange->query)
        return exchange->query;
    exchange->response.lines.failed = true;
    return &none;
}

struct wherry_slice wherry_query_value(struct wherry_exchange *exchange, const char *name)
{
    return slice_of_str(pairs_find(query_of(exchange), str_view(name)));
}

bool wherry_next_query_value(struct wherry_exchange *exchange, size_t *at,
                             struct wherry_slice *name, struct wherry_slice *value)
{
    return exchange_next_pair(query_of(exchange), at, name, value);
}

/* ---- cookies -------------------------------------------------------------------------- */

/* RFC 6265 §5.4: the first of a name is the one of the longest path.  There is one field of them;
 * if there are more, all count. */
struct wherry_slice wherry_cookie(const struct wherry_exchange *exchange, const char *name)
{
    const struct fields *fields = &exchange->request.fields;

    for (size_t i = 0; i < fields->count; i++) {
        struct str rest = fields->all[i].value, each, value;

        if (!str_equal_nocase(fields->all[i].name, STR("Cookie")))
            continue;
        while (cookie_next(&rest, &each, &value))
            if (str_equal(each, str_view(name)))
                return slice_of_str(value);
    }
    return (struct wherry_slice){NULL, 0};
}

void wherry_set_cookie(struct wherry_exchange *exchange, const struct wherry_new_cookie *cookie)
{
    enum { COOKIE_FIELD_MAX = 16 * 1024 };
    struct buf          field = BUF_UP_TO(COOKIE_FIELD_MAX);
    const struct cookie checked = {
        .name = str_view(cookie->name),
        .value = str_view(cookie->value),
        .path = cookie->path ? str_view(cookie->path) : STR("/"),
        .max_age_s = cookie->max_age_s,
        .is_secure = conn_of(exchange)->transport.session || cookie->is_cross_site,
        .is_for_scripts = cookie->is_for_scripts,
        .is_cross_site = cookie->is_cross_site,
    };

    if (cookie_write(&field, &checked))
        response_add_field(&exchange->response, STR("Set-Cookie"), buf_view(&field));
    else
        exchange->response.lines.failed = true;
    buf_fini(&field);
}

/* ---- the connection ------------------------------------------------------------------- */

const char *wherry_peer(struct wherry_exchange *exchange, int *port)
{
    const struct peer *peer = &conn_of(exchange)->peer;

    if (port)
        *port = peer->port;
    peer_text(peer, exchange->peer_text);
    return exchange->peer_text;
}

bool wherry_tls(struct wherry_exchange *exchange, struct wherry_tls_facts *facts)
{
    struct tls_facts known;

    if (!tls_facts(&conn_of(exchange)->transport, &known))
        return false;
    *facts = (struct wherry_tls_facts){
        .version = known.version,
        .cipher = known.cipher,
        .alpn = known.alpn,
        .server_name = known.server_name,
        .client = known.client,
        .is_resumed = known.is_resumed,
    };
    return true;
}
