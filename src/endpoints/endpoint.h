/* endpoint - one small resource: its route, what a person is told of it, and what all of them share.
 *
 * Each file of endpoints has a table of them, a group.  The routes and the page that lists them are
 * read off these tables (endpoints.c, guide.c).
 *
 * Whatever a caller chooses, a browser that shows an answer runs no script of it and takes it for
 * no other type than it says.  That is seen to for answers below 400; those above show nothing that a
 * caller chose. */
#ifndef ENDPOINTS_ENDPOINT_H
#define ENDPOINTS_ENDPOINT_H

#include "base/buf.h"
#include "endpoints/endpoints.h"
#include "wherry.h"

struct endpoint {
    struct wherry_route route;      /* its data and finish are filled in by endpoints.c */
    const char         *example;    /* a target below the prefix to try it with; NULL: it belongs to
                                     * the endpoint above, and is not listed by itself */
    const char         *says;       /* what comes, a phrase of text */
};

struct endpoint_group {
    const char            *title;
    const struct endpoint *endpoints;
    size_t                 count;
    bool                   is_private;  /* pages of other origins may not read nor change it (no CORS) */
};

#define ENDPOINT_GROUP(heading, table) {.title = (heading), .endpoints = (table), .count = COUNTOF(table)}

/* Every route that reads its request's body does so with these. */
enum { ENDPOINT_ANY_METHOD = WHERRY_GET | WHERRY_POST | WHERRY_PUT | WHERRY_PATCH | WHERRY_DELETE };

static inline struct str endpoint_str(struct wherry_slice s)
{
    return (struct str){s.ptr, s.len};
}

static inline struct wherry_slice endpoint_slice(struct str s)
{
    return (struct wherry_slice){s.ptr, s.len};
}

/* What handlers of groups get as their data, that of files apart. */
static inline const struct endpoints_settings *endpoint_settings(const void *data)
{
    return data;
}

/* In a puller: the server is being stopped, and what takes its time had better come to an end. */
static inline bool endpoint_is_stopping(const struct wherry_exchange *exchange)
{
    return wherry_deadline(exchange) != INT64_MAX;
}

/* A whole number up to settings->bytes_max.  False: endpoint_refuse_bytes is the answer. */
bool             endpoint_read_bytes(const struct endpoints_settings *settings,
                                     struct wherry_slice text, uint64_t *bytes) MUST_USE;
enum wherry_next endpoint_refuse_bytes(struct wherry_exchange *exchange);

/* time    = seconds [ "s" ] / 1*DIGIT "ms"
 * seconds = 1*DIGIT [ "." 1*DIGIT ], of which thousandths count
 * up to settings->time_max_ms.  False: endpoint_refuse_time is the answer. */
bool             endpoint_read_time(const struct endpoints_settings *settings,
                                    struct wherry_slice text, int64_t *ms) MUST_USE;
enum wherry_next endpoint_refuse_time(struct wherry_exchange *exchange);

/* A whole number out of the query; where there is none, *number stays as it is. */
bool endpoint_query_number(struct wherry_exchange *exchange, const char *name,
                           uint64_t *number) MUST_USE;

/* ?duration= and ?delay= of what comes piece by piece, together up to settings->time_max_ms; so is what
 * *duration_ms was before, where nobody says how long.  False: endpoint_refuse_span is the answer. */
bool endpoint_query_span(struct wherry_exchange *exchange,
                         const struct endpoints_settings *settings, int64_t *duration_ms,
                         int64_t *delay_ms) MUST_USE;
enum wherry_next endpoint_refuse_span(struct wherry_exchange *exchange);

/* Answers with a copy of these bytes as that type, whatever the client accepts. */
enum wherry_next endpoint_send(struct wherry_exchange *exchange, int status, const char *type,
                               struct wherry_slice bytes);

/* Answers with a stream (wherry_set_stream) whose data is a copy of these `size` bytes; they are freed with the
 * exchange.  Fails when there is no memory. */
enum wherry_next endpoint_stream(struct wherry_exchange *exchange, const char *type, int64_t length,
                                 wherry_puller *pull, const void *state, size_t size);

/* In a puller: adds so many bytes, for which there is room.  False: no memory. */
MUST_USE static inline bool endpoint_write(struct wherry_exchange *exchange, const char *bytes,
                                           size_t count)
{
    return wherry_write(exchange, (struct wherry_slice){bytes, count}) == count;
}

/* Leads to `location`, which is to be checked before. */
enum wherry_next endpoint_redirect(struct wherry_exchange *exchange, int status,
                                   struct wherry_slice location);

/* It depends on the moment or on who asks: no cache may keep it (RFC 9111 §5.2.2.5). */
static inline void endpoint_forbid_storing(struct wherry_exchange *exchange)
{
    wherry_add_field(exchange, "Cache-Control", wherry_text("no-store"));
}

/* Appends "https://host:port" as the client has asked for it; nothing where it names no host, as only
 * HTTP/1.0 may. */
void endpoint_append_origin(struct wherry_exchange *exchange, struct buf *text);

/* A page of another origin has a browser send it.  What a form can post comes without a preflight (Fetch
 * §2.2.2), so CORS does not keep it off.  Who sends neither Sec-Fetch-Site nor Origin is no browser. */
bool endpoint_is_cross_origin(const struct wherry_exchange *exchange) MUST_USE;

/* Under it a browser runs no script of an answer, wherever that is shown. */
#define ENDPOINT_POLICY "default-src 'none'; style-src 'unsafe-inline'; sandbox"

/* For wherry_route.finish: no script, no sniffing; and open to all origins with CORS (Fetch §3.2),
 * preflights too, or closed to all others (Fetch §3.7). */
void endpoint_finish_open(struct wherry_exchange *exchange, void *data);
void endpoint_finish_private(struct wherry_exchange *exchange, void *data);

#endif
