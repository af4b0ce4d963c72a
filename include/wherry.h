/* wherry - a small, fast, safe web server, as a library.
 *
 * A server listens, reads requests, and asks the route that fits for an answer.  A route is two
 * plain functions over an exchange (one request and its answer):
 *
 *     look    is called as soon as the head has come, on the thread that serves the connection.
 *             It must not block.  It answers from memory, refuses, or says WHERRY_WORK.
 *     work    is called once the whole body has come, with a permit.  It may block: open files,
 *             compute, sleep.  There are always fewer permits than threads, so nobody who can be
 *             answered from memory waits for it.
 *
 * What follows from the protocol is the server's business, not the route's: HEAD, conditional
 * requests against the validators given, ranges over a body of known length, OPTIONS, 405,
 * Date, Content-Length, keep-alive.
 *
 * Pointers taken from an exchange live until its answer has been sent or given up. */
#ifndef WHERRY_H
#define WHERRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WHERRY_PUBLIC __attribute__((visibility("default")))

struct wherry_server;
struct wherry_exchange;

/* Borrowed bytes, not terminated.  ptr is NULL where there is nothing at all. */
struct wherry_slice {
    const char *ptr;
    size_t      len;
};

/* ---- a server ------------------------------------------------------------------------- */

enum wherry_log_format {
    WHERRY_LOG_OFF,
    WHERRY_LOG_COMMON,      /* Common Log Format, then duration and reason */
    WHERRY_LOG_COMBINED,    /* the same with Referer and User-Agent */
    WHERRY_LOG_JSON,        /* one object a line */
};

enum wherry_tls_version { WHERRY_TLS_1_2, WHERRY_TLS_1_3 };

/* PEM files: the certificate with those that lead to its authority, and its key. */
struct wherry_certificate {
    const char *cert_path;
    const char *key_path;
    const char *password_path;      /* the key's password on the first line; NULL: none */
};

/* HTTPS.  Texts and tables are borrowed until wherry_server_free. */
struct wherry_tls {
    int         port;               /* 0: any free one; -1: no HTTPS */
    const struct wherry_certificate *certificates;  /* the first is for who asks for no other name */
    size_t      certificates_count; /* at most 16; 0: the server makes one and keeps it in cert_dir */
    const char *cert_dir;
    const char *const *names;       /* for the one it makes, beside localhost and this host's name */
    size_t      names_count;
    enum wherry_tls_version min;
    const char *client_ca_path;     /* PEM: clients show a certificate signed by these; NULL: none */
    bool        client_is_optional; /* or they show none */
    const char *key_log_path;       /* secrets of all sessions, to debug with; NULL: never */
    int64_t     handshake_timeout_ms;
    int64_t     hsts_s;             /* Strict-Transport-Security: max-age; 0: not sent */
    bool        redirects;          /* what comes by HTTP is sent to HTTPS, with 308 */
    int         public_port;        /* of HTTPS, as clients see it; -1: nothing is known of it */
};

/* How to serve.  Texts are borrowed until wherry_server_free. */
struct wherry_settings {
    const char *address;            /* "localhost" (both loopbacks), "*", an IPv4 or IPv6 address */
    int         http_port;          /* 0: any free one; -1: no TCP listener */
    const char *unix_path;          /* a socket in the file system; NULL: none */
    const char *admin;              /* where /healthz and /readyz are, in the clear and not in the
                                     * log: "localhost:9090", "[::1]:0", or the path of a socket,
                                     * with a "/" in it; NULL: nowhere */
    struct wherry_tls tls;

    unsigned    workers;            /* threads at rest; 0: one per core, never under 2 */
    unsigned    workers_max;        /* threads when all are busy */
    unsigned    connections_max;

    size_t      head_bytes_max;     /* request line and fields together */
    size_t      target_bytes_max;
    uint64_t    body_bytes_max;     /* of a request */

    int64_t     head_timeout_ms;    /* from the first byte (or accept) to the end of the head */
    int64_t     body_timeout_ms;    /* for each 64 KiB of a body to arrive */
    int64_t     write_timeout_ms;   /* for each 64 KiB of an answer to be taken */
    int64_t     idle_timeout_ms;    /* between two requests */
    int64_t     wait_timeout_ms;    /* for a permit, then 503 */
    int64_t     drain_delay_ms;     /* at shutdown, before newcomers are turned away */
    int64_t     drain_ms;           /* after that, for what is in flight */

    enum wherry_log_format access_log;
};

/* Fills in the defaults. */
WHERRY_PUBLIC void wherry_settings_init(struct wherry_settings *settings);

/* A server that does not listen yet; NULL when there is no memory. */
WHERRY_PUBLIC struct wherry_server *wherry_server_new(const struct wherry_settings *settings);

/* Frees it; NULL is fine.  Not while wherry_server_run is running.  False: a handler has not come
 * back; nothing is freed, and what the routes use must not be either. */
WHERRY_PUBLIC bool wherry_server_free(struct wherry_server *server);

/* Opens the listeners.  False: `problem` (size bytes) holds one sentence that says what is wrong.
 */
WHERRY_PUBLIC bool wherry_server_open(struct wherry_server *server, char *problem, size_t size);

/* Where it listens, once open: "http://localhost:8080" and the like; NULL past the last. */
WHERRY_PUBLIC const char *wherry_server_url(const struct wherry_server *server, size_t index);

/* The same of the listener for /healthz and /readyz; NULL when there is none. */
WHERRY_PUBLIC const char *wherry_server_admin_url(const struct wherry_server *server);

/* Serves until it is stopped; the calling thread keeps house.  True when everything in flight was
 * finished, false when the drain time ran out (or, with `problem` filled in, when no thread could
 * be started). */
WHERRY_PUBLIC bool wherry_server_run(struct wherry_server *server, char *problem, size_t size);

/* Asks it to stop: go on for the drain delay, then accept what waits and finish what is in flight
 * within the drain time.  Asked again meanwhile, it does not wait for the end of the delay.  False:
 * that changed nothing, it is past that already.  May be called from any thread and from a signal
 * handler. */
WHERRY_PUBLIC bool wherry_server_stop(struct wherry_server *server);

/* Asks it to read certificates and keys anew; it does so by itself when their files change.  May be
 * called from any thread and from a signal handler. */
WHERRY_PUBLIC void wherry_server_reload(struct wherry_server *server);

/* The authority that signed the certificate which an open server has made for itself. */
struct wherry_authority {
    const char *path;               /* of its certificate, PEM; NULL: it could not be kept */
    const char *fingerprint;        /* SHA-256, "AB:CD:..." */
    const char *warning;            /* why it could not be kept, one sentence; "": it was */
    bool        is_new;             /* nobody can trust it yet */
    bool        has_replaced;       /* and those who trusted the one before do not any more */
};

/* False when there is none: certificates were given, or there is no HTTPS. */
WHERRY_PUBLIC bool wherry_server_authority(const struct wherry_server *server,
                                           struct wherry_authority *authority);

/* A function that the keeper of the house calls about four times a second while the server runs. */
WHERRY_PUBLIC void wherry_server_on_tick(struct wherry_server *server, void (*tick)(void *data),
                                         void *data);

/* ---- routes --------------------------------------------------------------------------- */

enum wherry_next {
    WHERRY_ANSWER,          /* the answer is filled in: send it */
    WHERRY_WORK,            /* (from look) call work, with a permit */
    WHERRY_FAIL,            /* something on our side broke: 500 */
};

enum {
    WHERRY_GET = 1, WHERRY_HEAD = 2, WHERRY_POST = 4, WHERRY_PUT = 8, WHERRY_DELETE = 16,
    WHERRY_PATCH = 32,
};

struct wherry_route {
    const char *pattern;    /* "/exactly/this", or "/everything/below/" + "*" */
    unsigned    methods;    /* of WHERRY_GET...; OPTIONS is answered by the server */
    bool        is_brief;   /* work takes moments (a file): it goes ahead of work that may sleep */
    bool        wants_body; /* keep the request's body for work; else it is read and dropped */
    enum wherry_next (*look)(struct wherry_exchange *exchange, void *data);  /* NULL: always work */
    enum wherry_next (*work)(struct wherry_exchange *exchange, void *data);
    void       *data;
};

/* Adds a route; the longest pattern that fits wins.  Before open.  False: no memory, or a pattern
 * that does not begin with "/". */
WHERRY_PUBLIC bool wherry_server_route(struct wherry_server *server,
                                       const struct wherry_route *route);

/* Called when the server is about to answer `status` (400 and up) with its own plain page: may give
 * the answer another body.  Must not block unless `may_block`.  False: keep the plain page. */
typedef bool wherry_error_page(struct wherry_exchange *exchange, int status, bool may_block,
                               void *data);
WHERRY_PUBLIC void wherry_server_on_error(struct wherry_server *server, wherry_error_page *page,
                                          void *data);

/* ---- the request ---------------------------------------------------------------------- */

WHERRY_PUBLIC struct wherry_slice wherry_method(const struct wherry_exchange *exchange);

/* Decoded once and cleaned: no leading "/", no empty or dot segments, no control bytes; a NUL
 * stands behind it.  "" is the root. */
WHERRY_PUBLIC struct wherry_slice wherry_path(const struct wherry_exchange *exchange);

/* The path as sent ended in "/" (or a dot segment). */
WHERRY_PUBLIC bool wherry_path_is_directory(const struct wherry_exchange *exchange);

/* Some segment holds an escaped "/", which no file name can. */
WHERRY_PUBLIC bool wherry_path_has_slash(const struct wherry_exchange *exchange);

/* What stood behind "?", as sent; ptr NULL when there was none. */
WHERRY_PUBLIC struct wherry_slice wherry_query(const struct wherry_exchange *exchange);

/* The first field of that name, whatever the case; ptr NULL when none came. */
WHERRY_PUBLIC struct wherry_slice wherry_field(const struct wherry_exchange *exchange,
                                               const char *name);

/* Content codings, of a body. */
enum wherry_coding { WHERRY_IDENTITY, WHERRY_GZIP, WHERRY_BROTLI, WHERRY_ZSTD, WHERRY_NO_CODING };

/* Which coding of those `available` (bits: 1u << WHERRY_GZIP...) the client would rather have, by its
 * Accept-Encoding (RFC 9110 §12.5.3); WHERRY_NO_CODING when it takes none of them: 406.  The answer
 * then depends on that field, and has to say so by Vary. */
WHERRY_PUBLIC enum wherry_coding wherry_choose_coding(const struct wherry_exchange *exchange,
                                                      unsigned available);

/* The body, for a route that wants it. */
WHERRY_PUBLIC struct wherry_slice wherry_body(const struct wherry_exchange *exchange);

/* ---- the answer ----------------------------------------------------------------------- */

/* 200 unless said otherwise.  What is not from 200 to 599 makes the answer a 500. */
WHERRY_PUBLIC void wherry_set_status(struct wherry_exchange *exchange, int status);

/* Adds a field.  A name or value that would not be one field line, a field that is the server's own
 * (Content-Length, Transfer-Encoding, Connection, Date), or no room makes the answer a 500. */
WHERRY_PUBLIC void wherry_add_field(struct wherry_exchange *exchange, const char *name,
                                    struct wherry_slice value);

/* Field lines made earlier by wherry_field_line, ready to send: `shared` go with 304 too,
 * `content` describe the body and do not; Content-Type, if any, comes first there.  Borrowed until
 * the release. */
WHERRY_PUBLIC void wherry_set_lines(struct wherry_exchange *exchange, struct wherry_slice shared,
                                    struct wherry_slice content);

/* Appends "name: value" and a line end to a terminated text in `lines` of `size` bytes.  False,
 * nothing appended, when that is no field line or does not fit. */
WHERRY_PUBLIC bool wherry_field_line(char *lines, size_t size, const char *name, const char *value);

/* What conditional requests are judged by: an entity tag as it stands in the field (ptr NULL:
 * none) and a moment in seconds since 1970 (INT64_MIN: none).  Given alone, sends no field. */
WHERRY_PUBLIC void wherry_set_validators(struct wherry_exchange *exchange,
                                         struct wherry_slice etag, int64_t last_modified);

/* A body from memory, borrowed until the release; and one that is copied. */
WHERRY_PUBLIC void wherry_set_body(struct wherry_exchange *exchange, struct wherry_slice bytes);
WHERRY_PUBLIC void wherry_copy_body(struct wherry_exchange *exchange, struct wherry_slice bytes);

/* A body from an open file, its first `length` bytes; fd is borrowed until the release.  Before
 * the last piece leaves, `is_intact(owner)` is asked (NULL: not asked): when the file is no longer
 * what it was, the connection is cut rather than a mix passed off as whole. */
WHERRY_PUBLIC void wherry_set_file(struct wherry_exchange *exchange, int fd, uint64_t length,
                                   bool (*is_intact)(void *owner));

/* Called with `owner` once the answer has been sent or given up.  One per exchange. */
WHERRY_PUBLIC void wherry_on_release(struct wherry_exchange *exchange,
                                     void (*release)(void *owner), void *owner);

/* Answers with that status and the error page that fits; `why`, a constant, goes to the log. */
WHERRY_PUBLIC enum wherry_next wherry_refuse(struct wherry_exchange *exchange, int status,
                                             const char *why);

#ifdef __cplusplus
}
#endif

#endif
