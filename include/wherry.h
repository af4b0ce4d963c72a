/* wherry - a small, fast, safe web server, as a library.
 *
 * A server listens, reads requests, and asks the route that fits for an answer.  Most routes are
 * one plain function over an exchange (one request and its answer):
 *
 *     static enum wherry_next hello(struct wherry_exchange *exchange, void *data)
 *     {
 *         (void)data;
 *         return wherry_send_text(exchange, 200, wherry_text("Hello, World!\n"));
 *     }
 *     ...
 *     wherry_server_handle(server, WHERRY_GET, "/hello", hello, NULL);
 *
 * It is called once the whole body has come, with a permit, and may block: open files, ask a
 * database, sleep.  There are always fewer permits than threads, so nobody who can be answered from
 * memory waits for it.  A route can have a second function that is called before the body comes:
 * see struct wherry_route.
 *
 * What follows from the protocol is the server's business, not the route's: HEAD, conditional
 * requests against the validators given, ranges over a body of known length, content codings,
 * OPTIONS, 405, Date, Content-Length, chunks, keep-alive.
 *
 * Pointers taken from an exchange live until the release: the moment when its answer has been sent or
 * given up.  One thread at a time works on an exchange, but many exchanges are worked on at once: what
 * handlers share, their `data` too, needs a lock.  Of what follows, wherry_wake, wherry_waker_release,
 * wherry_server_stop and wherry_server_reload may be called from any thread.
 *
 * Times are in milliseconds and sizes in bytes, unless their name says another unit. */
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

/* A terminated text as a slice; NULL is nothing at all. */
static inline struct wherry_slice wherry_text(const char *text)
{
    struct wherry_slice bytes = {text, 0};

    while (text && text[bytes.len])
        bytes.len++;
    return bytes;
}

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

/* HTTPS. */
struct wherry_tls_settings {
    int         port;               /* 0: any free one; -1: no HTTPS */
    const struct wherry_certificate *certificates;  /* the first is for who asks for no other name */
    size_t      certificates_count; /* at most 16; 0: the server makes one and keeps it in cert_dir */
    const char *cert_dir;           /* made if need be; NULL: it is kept in memory only */
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
    int         bad_port;           /* the first of five in a row, each with another fault in its
                                     * certificate; 0: any free ones; -1: none */
};

/* How to serve.  Texts and tables are borrowed until wherry_server_free. */
struct wherry_settings {
    const char *address;            /* "localhost" (both loopbacks), "*", an IPv4 or IPv6 address */
    int         http_port;          /* 0: any free one; -1: no TCP listener */
    const char *unix_path;          /* a socket in the file system; NULL: none */
    const char *admin;              /* where /healthz and /readyz are, in the clear and not in the
                                     * log: "localhost:9090", "[::1]:0", or the path of a socket,
                                     * with a "/" in it; NULL: nowhere */
    struct wherry_tls_settings tls;

    unsigned    workers;            /* threads at rest; 0: one per core, never under 2 */
    unsigned    workers_max;        /* threads when all are busy */
    unsigned    connections_max;

    size_t      head_bytes_max;     /* request line and fields together */
    size_t      target_bytes_max;
    uint64_t    body_bytes_max;     /* of a request, where its route says nothing else */
    uint64_t    body_memory_max;    /* bytes of a body kept in memory; longer ones are spooled.
                                     * All together have an eighth of what there is, then 503 */
    const char *spool_dir;          /* a folder for those; NULL: none, they are refused with 413 */

    int64_t     head_timeout_ms;    /* from the first byte (or accept) to the end of the head */
    int64_t     body_timeout_ms;    /* for each 64 KiB of a body to arrive */
    int64_t     write_timeout_ms;   /* for each 64 KiB of an answer to be taken */
    int64_t     idle_timeout_ms;    /* between two requests */
    int64_t     wait_timeout_ms;    /* for a permit, then 503 */
    int64_t     handler_timeout_ms; /* for a handler to come back; see wherry_deadline */
    int64_t     drain_delay_ms;     /* at shutdown, before newcomers are turned away */
    int64_t     drain_ms;           /* after that, for what is in flight */

    size_t      compress_bytes_min; /* handlers' shorter answers are sent as they are */
    bool        compresses;         /* handlers' answers, for clients that accept it */

    enum wherry_log_format access_log;
};

/* Fills in the defaults, which are those of wherry(8), but that no body is written to a file: spool_dir
 * is NULL. */
WHERRY_PUBLIC void wherry_settings_init(struct wherry_settings *settings);

/* A server that does not listen yet; the settings are copied.  NULL: no memory. */
WHERRY_PUBLIC struct wherry_server *wherry_server_new(const struct wherry_settings *settings);

/* What it was told, with what followed from that filled in; borrowed from the server. */
WHERRY_PUBLIC const struct wherry_settings *
wherry_server_settings(const struct wherry_server *server);

/* Frees it; NULL is fine.  Not while wherry_server_run is running.  False: a handler has not come
 * back; nothing is freed, and what the routes use must not be either. */
WHERRY_PUBLIC bool wherry_server_free(struct wherry_server *server);

/* A function that wherry_server_free calls last, when no route is in use any more; at most 8 of them,
 * the last one added first. */
WHERRY_PUBLIC void wherry_server_on_free(struct wherry_server *server, void (*release)(void *data),
                                         void *data);

/* Opens the listeners.  False: `problem` (size bytes) holds one sentence that says what is wrong. */
WHERRY_PUBLIC bool wherry_server_open(struct wherry_server *server, char *problem, size_t size);

/* Where it listens, once open: "http://localhost:8080" and the like; NULL past the last. */
WHERRY_PUBLIC const char *wherry_server_url(const struct wherry_server *server, size_t index);

/* The same of those whose certificate is bad, which are none of the above; `fault` (NULL: it is not wanted)
 * is "expired", "not-yet-valid", "wrong-name", "unknown-authority", "weak-key", in that order.  Clients
 * that trust the server's authority see that fault only, and are to refuse it. */
WHERRY_PUBLIC const char *wherry_server_bad_tls_url(const struct wherry_server *server,
                                                    size_t index, const char **fault);

/* The same of the listener for /healthz and /readyz; NULL when there is none. */
WHERRY_PUBLIC const char *wherry_server_admin_url(const struct wherry_server *server);

/* Serves until it is stopped; the calling thread keeps house.  The access log goes to standard output,
 * what is worth a warning to standard error, by a thread that never makes anyone wait.  True when
 * everything in flight was finished, false when the drain time ran out (or, with `problem` filled
 * in, when no thread could be started). */
WHERRY_PUBLIC bool wherry_server_run(struct wherry_server *server, char *problem, size_t size);

/* Asks it to stop: go on for the drain delay, then accept what waits and finish what is in flight
 * within the drain time.  Asked again meanwhile, it does not wait for the end of the delay.  False:
 * it was asked to before, and the delay is over.  May be called from any thread and from a signal
 * handler. */
WHERRY_PUBLIC bool wherry_server_stop(struct wherry_server *server);

/* Asks it to read certificates and keys anew; it does so by itself when their files change.  May be
 * called from any thread and from a signal handler. */
WHERRY_PUBLIC void wherry_server_reload(struct wherry_server *server);

/* From here on SIGTERM and SIGINT stop it, which finishes what is in flight; a second one ends the
 * process at once.  SIGHUP makes it read certificates anew; SIGPIPE and SIGXFSZ are ignored.  One
 * server of a process can have the signals, until it is freed. */
WHERRY_PUBLIC void wherry_server_take_signals(struct wherry_server *server);

/* All that a main() does with a server: opens it, prints its URLs, takes the signals and runs it.
 * What goes wrong is one sentence on standard error.  Gives the exit status, 0 or 1; NULL, when
 * there was no memory for a server, is fine. */
WHERRY_PUBLIC int wherry_server_main(struct wherry_server *server);

/* The authority that signed the certificates which an open server has made for itself. */
struct wherry_authority {
    const char *path;               /* of its certificate, PEM; NULL: it could not be kept */
    const char *fingerprint;        /* SHA-256, "AB:CD:..." */
    const char *warning;            /* why it could not be kept, one sentence; "": it was */
    bool        is_new;             /* nobody can trust it yet */
    bool        has_replaced;       /* and those who trusted the one before do not any more */
};

/* False when there is none: certificates were given, or there is no HTTPS, and there are no bad ones. */
WHERRY_PUBLIC bool wherry_server_authority(const struct wherry_server *server,
                                           struct wherry_authority *authority);

/* A function that the keeper of the house calls about four times a second while the server runs; at most
 * 8 of them. */
WHERRY_PUBLIC void wherry_server_on_tick(struct wherry_server *server, void (*tick)(void *data),
                                         void *data);

/* A function that is called once, on the thread that runs the server, when it begins to stop: before the
 * drain delay, where there is one; at most 8 of them.  It must not block. */
WHERRY_PUBLIC void wherry_server_on_stop(struct wherry_server *server, void (*stop)(void *data),
                                         void *data);

/* ---- routes --------------------------------------------------------------------------- */

enum wherry_next {
    WHERRY_ANSWER,          /* the answer is filled in: send it */
    WHERRY_WORK,            /* (from look) call work, with a permit */
    WHERRY_FAIL,            /* something on our side broke: 500, and a line in the log */
};

enum {
    WHERRY_GET = 1, WHERRY_HEAD = 2, WHERRY_POST = 4, WHERRY_PUT = 8, WHERRY_DELETE = 16,
    WHERRY_PATCH = 32,
};

typedef enum wherry_next wherry_handler(struct wherry_exchange *exchange, void *data);

/* Called with each answer to a path that the route's pattern fits, just before it is sent, also with
 * those that the server gives itself (OPTIONS, 304, 405, error pages): may add fields that have nothing
 * to do with the body.  It must not block. */
typedef void wherry_finisher(struct wherry_exchange *exchange, void *data);

/* A pattern is a path of segments: a word stands for itself, "{name}" for any one segment, and "*" as
 * the last for everything below.  "/todos/{id}", "/files/" + "*".  Segments are compared decoded;
 * an escaped "/" separates nothing, and only the pattern that is nothing but "*" takes one for what
 * is below.  Of the patterns that fit, the one that is more exact in the first segment where they
 * differ wins: a word before a name, a name before "*".  Routes of the same pattern stand side by
 * side, each with its methods.
 *
 * Whether the path asked for ends in "/" is all the same to a pattern of words and names.  "*" is for
 * what is below: "/files/" + "*" takes "/files/" itself (the rest is ""), and not "/files". */
struct wherry_route {
    const char     *pattern;
    unsigned        methods;    /* of WHERRY_GET...; HEAD comes with GET, OPTIONS by itself */
    bool            is_brief;   /* work takes moments (a file): it goes ahead of work that may sleep */
    bool            wants_body; /* keep the request's body for work; else it is read and dropped */
    wherry_handler *look;       /* NULL: always work.  Called as soon as the head has come, on the
                                 * thread that serves the connection: it must not block.  It answers
                                 * from memory, refuses (an upload that is refused is not read; nor
                                 * has the client been told to continue), says what may become of
                                 * the body (wherry_limit_body, wherry_spool_body), or just says
                                 * WHERRY_WORK */
    wherry_handler *work;
    wherry_finisher *finish;    /* NULL: nothing is added */
    void           *data;
};

/* Adds a route, which is copied, its pattern too.  Before open.  False: no memory, more than 128 routes,
 * or no good pattern: it does not begin with "/", has an empty segment ("/a/" ends in one) or name,
 * "." or "..", the same name twice, or a brace or "*" that is only a part of a segment, or a "*" that
 * is not the last one. */
WHERRY_PUBLIC bool wherry_server_route(struct wherry_server *server,
                                       const struct wherry_route *route);

/* The same for a route of one handler, which gets the body. */
WHERRY_PUBLIC bool wherry_server_handle(struct wherry_server *server, unsigned methods,
                                        const char *pattern, wherry_handler *handler, void *data);

/* Serves the files of a folder at every path that no other route has, as wherry(8) does: index files,
 * clean URLs, the folder's own 404.html and 50x.html, types, codings, validators and ranges.  Never a
 * dotfile, what lies outside, or the keys and certificates that the settings name.  The path is
 * borrowed until wherry_server_free.  Before open, once.  False: `problem` (size bytes) holds one
 * sentence. */
WHERRY_PUBLIC bool wherry_server_folder(struct wherry_server *server, const char *folder,
                                        char *problem, size_t size);

/* Called when the server is about to answer `status` (400 and up) with its own plain page: may give
 * the answer another body.  Must not block unless `may_block`.  False: keep the plain page. */
typedef bool wherry_error_page(struct wherry_exchange *exchange, int status, bool may_block,
                               void *data);
WHERRY_PUBLIC void wherry_server_on_error(struct wherry_server *server, wherry_error_page *page,
                                          void *data);

/* ---- the request ---------------------------------------------------------------------- */

/* "GET" and the like. */
WHERRY_PUBLIC struct wherry_slice wherry_method(const struct wherry_exchange *exchange);

/* Decoded once and cleaned: no leading "/", no empty or dot segments, no control bytes; a NUL
 * stands behind it.  "" is the root. */
WHERRY_PUBLIC struct wherry_slice wherry_path(const struct wherry_exchange *exchange);

/* The same as it was sent, from its "/" on: to be shown or sent back, never to name a file by. */
WHERRY_PUBLIC struct wherry_slice wherry_raw_path(const struct wherry_exchange *exchange);

/* The path as sent ended in "/" (or a dot segment). */
WHERRY_PUBLIC bool wherry_path_is_directory(const struct wherry_exchange *exchange);

/* Some segment holds an escaped "/", which no file name can. */
WHERRY_PUBLIC bool wherry_path_has_slash(const struct wherry_exchange *exchange);

/* The segment that "{name}" stands for, decoded, a NUL behind it; never empty, "." or "..", but it may
 * hold a "/" that was escaped ("..%2Fa"): what is to be a file's name has to be looked at first.  For
 * "*", the rest of the path ("" when there is none).  ptr NULL: the route's pattern has no such
 * name. */
WHERRY_PUBLIC struct wherry_slice wherry_part(const struct wherry_exchange *exchange,
                                              const char *name);

/* What stood behind "?", as sent; ptr NULL: there was none. */
WHERRY_PUBLIC struct wherry_slice wherry_query(const struct wherry_exchange *exchange);

/* Whom the client believes to talk to, "example.com:8080": what the target names, else the Host field (RFC
 * 9112 §3.2.2).  Whatever he says, if he is no browser; ptr NULL or "": he says nothing. */
WHERRY_PUBLIC struct wherry_slice wherry_host(const struct wherry_exchange *exchange);

/* Values of the query ("a=1&b=x+y"), decoded ("+" is a space; escapes; WHATWG URL §5.1), a NUL
 * behind each.  The first of that name (ptr NULL: none); all of them in their order: start with
 * *at = 0; false at the end.  No memory for them makes the answer a 500. */
WHERRY_PUBLIC struct wherry_slice wherry_query_value(struct wherry_exchange *exchange,
                                                     const char *name);
WHERRY_PUBLIC bool wherry_next_query_value(struct wherry_exchange *exchange, size_t *at,
                                           struct wherry_slice *name, struct wherry_slice *value);

/* The first field of that name, whatever its case; ptr NULL: none came. */
WHERRY_PUBLIC struct wherry_slice wherry_field(const struct wherry_exchange *exchange,
                                               const char *name);

/* All fields in the order they came: start with *at = 0; false at the end. */
WHERRY_PUBLIC bool wherry_next_field(const struct wherry_exchange *exchange, size_t *at,
                                     struct wherry_slice *name, struct wherry_slice *value);

/* The value of a cookie that the client sent (RFC 6265 §5.4), quotes taken off; ptr NULL: none. */
WHERRY_PUBLIC struct wherry_slice wherry_cookie(const struct wherry_exchange *exchange,
                                                const char *name);

/* Content codings, of a body. */
enum wherry_coding { WHERRY_IDENTITY, WHERRY_GZIP, WHERRY_BROTLI, WHERRY_ZSTD, WHERRY_NO_CODING };

/* Which coding of those `available` (bits: 1u << WHERRY_GZIP...) the client would rather have, by its
 * Accept-Encoding (RFC 9110 §12.5.3); WHERRY_NO_CODING: it takes none of them, which is a 406.  The
 * answer then depends on that field, and has to say so by Vary. */
WHERRY_PUBLIC enum wherry_coding wherry_choose_coding(const struct wherry_exchange *exchange,
                                                      unsigned available);

/* The peer's address as a text ("192.0.2.1", "::1"), "unix" for a local socket; and its port, 0
 * there (NULL: it is not wanted). */
WHERRY_PUBLIC const char *wherry_peer(struct wherry_exchange *exchange, int *port);

/* What TLS says of the connection. */
struct wherry_tls_facts {
    const char *version;            /* "TLSv1.3" */
    const char *cipher;             /* "TLS_AES_128_GCM_SHA256" */
    const char *alpn;               /* "http/1.1"; NULL: none was agreed on */
    const char *server_name;        /* the name the client asked for; NULL: none */
    const char *client;             /* subject of its certificate, RFC 2253; NULL: it has shown none */
    bool        is_resumed;
};

/* False without TLS. */
WHERRY_PUBLIC bool wherry_tls(struct wherry_exchange *exchange, struct wherry_tls_facts *facts);

/* ---- the request's body ----------------------------------------------------------------- */

/* From look: the most bytes this body may have, instead of the settings' body_bytes_max.  A longer
 * one is refused with 413, at once when its length is announced.  One that does not fit into memory
 * (body_memory_max) needs a folder: spool_dir, or wherry_spool_body. */
WHERRY_PUBLIC void wherry_limit_body(struct wherry_exchange *exchange, uint64_t bytes);

/* From look: write the body to a new file in the folder that `folder_fd` is open on, borrowed until
 * the release, however short it is, also for a route that does not say wants_body.  The file has no
 * name and is gone with the exchange unless wherry_keep_body gives it one.  Where the file system
 * has no nameless files it has one that begins with ".wherry-"; what a killed server has left of
 * those is taken away when the next one uses the folder. */
WHERRY_PUBLIC void wherry_spool_body(struct wherry_exchange *exchange, int folder_fd);

/* The body, for a route that wants it: its bytes (ptr NULL when it was spooled; "" when there is
 * none), its length wherever it is, and the file it was spooled to, for pread (-1: it is in memory). */
WHERRY_PUBLIC struct wherry_slice wherry_body(const struct wherry_exchange *exchange);
WHERRY_PUBLIC uint64_t wherry_body_length(const struct wherry_exchange *exchange);
WHERRY_PUBLIC int wherry_body_file(const struct wherry_exchange *exchange);

enum wherry_kept {
    WHERRY_KEPT_NEW,        /* there was no such file */
    WHERRY_KEPT_REPLACED,
    WHERRY_KEPT_NOT,        /* errno says why; ENOSPC: the disk is full */
};

/* Gives the spooled body of wherry_spool_body this name in its folder, in one step: whoever looks
 * there sees the old file or the new one, whole, whatever happens meanwhile; it is on the disk when
 * this returns.  Once.  `name` is one segment of at most 255 bytes that does not begin with "." (what
 * does is never served, and what is on its way is called so); else errno is EINVAL or ENAMETOOLONG.
 * The file's mode is 0644, of which the umask may take. */
WHERRY_PUBLIC enum wherry_kept wherry_keep_body(struct wherry_exchange *exchange, const char *name);

/* Values of a form that was sent as the body: application/x-www-form-urlencoded, or
 * multipart/form-data (RFC 7578), whose files come by wherry_next_upload.  Decoded, a NUL behind
 * each.  The first of that name (ptr NULL: none); all of them in their order: start with *at = 0;
 * false at the end.  May read the spooled body, so only from work. */
WHERRY_PUBLIC struct wherry_slice wherry_form_value(struct wherry_exchange *exchange,
                                                    const char *name);
WHERRY_PUBLIC bool wherry_next_form_value(struct wherry_exchange *exchange, size_t *at,
                                          struct wherry_slice *name, struct wherry_slice *value);

/* A file in a form.  Texts have a NUL behind them. */
struct wherry_upload {
    struct wherry_slice name;       /* of the form's field */
    struct wherry_slice file_name;  /* as the client says: never a path to use.  "", and no bytes: a
                                     * browser's field that was left empty */
    struct wherry_slice type;       /* media type, as the client says; ptr NULL: it says none */
    struct wherry_slice bytes;      /* ptr NULL when the body was spooled; then it is */
    uint64_t            offset;     /* from here on in wherry_body_file */
    uint64_t            length;
};

/* The files of a multipart form in their order: start with *at = 0; false at the end.  Only from
 * work. */
WHERRY_PUBLIC bool wherry_next_upload(struct wherry_exchange *exchange, size_t *at,
                                      struct wherry_upload *upload);

/* What is wrong with the form, one constant phrase for wherry_refuse(exchange, 400, ...); NULL when it
 * could be read, or the body is of another type.  Limits: 1,000 values, 100 parts, 64 KiB for a
 * value of a multipart form. */
WHERRY_PUBLIC const char *wherry_form_problem(struct wherry_exchange *exchange);

/* ---- time --------------------------------------------------------------------------------- */

/* Milliseconds that are left for this handler (settings.handler_timeout_ms, or the time to drain when
 * the server is stopping); 0: none.  Nobody can cut off a function in C: it has to look itself.  An
 * overrun is logged.  For look and in a puller, which have no such time, INT64_MAX as long as the
 * server is not stopping. */
WHERRY_PUBLIC int64_t wherry_deadline(const struct wherry_exchange *exchange);

/* Sleeps, in a handler's work.  False: it woke before, because the deadline has passed or the client has
 * gone, and there is no use in going on.  A client that keeps its connection for further requests and
 * ends its side has gone; one that has asked to close it may have half closed, and waits. */
WHERRY_PUBLIC bool wherry_sleep(struct wherry_exchange *exchange, int64_t ms);

/* The answer leaves so many milliseconds after the handler has come back, also when the handler refuses, in
 * place of wherry_sleep: until then it holds nothing but the request (some 14 KB), no thread and no
 * permit.  A client that leaves meanwhile is noticed, as by wherry_sleep; when the server begins to
 * stop, the answer leaves at once. */
WHERRY_PUBLIC void wherry_delay(struct wherry_exchange *exchange, int64_t ms);

/* ---- the answer ----------------------------------------------------------------------- */

/* Answers in one line: `status`, Content-Type text/plain (UTF-8) or application/json, and a copy of
 * the bytes.  Another type takes three: wherry_add_field with its Content-Type, wherry_copy_body, and
 * return WHERRY_ANSWER. */
WHERRY_PUBLIC enum wherry_next wherry_send_text(struct wherry_exchange *exchange, int status,
                                                struct wherry_slice text);
WHERRY_PUBLIC enum wherry_next wherry_send_json(struct wherry_exchange *exchange, int status,
                                                struct wherry_slice json);

/* Answers with that status and the error page that fits; `why`, a constant, goes to the log.  What was
 * filled in before is given up, so its release is called before this returns. */
WHERRY_PUBLIC enum wherry_next wherry_refuse(struct wherry_exchange *exchange, int status,
                                             const char *why);

/* 200 unless said otherwise.  What is not from 200 to 599 makes the answer a 500. */
WHERRY_PUBLIC void wherry_set_status(struct wherry_exchange *exchange, int status);

/* As it is now. */
WHERRY_PUBLIC int wherry_status(const struct wherry_exchange *exchange);

/* Adds a field, which is copied.  A name or value that would not be one field line, a field that is
 * the server's own (Content-Length, Transfer-Encoding, Connection, Date), an ETag that is no entity
 * tag ("v1", with its quotes), or no room makes the answer a 500.
 *
 * ETag and Last-Modified are what conditional requests are judged by, too.  When the server sends the
 * body in a coding (settings.compresses: text and the like of bytes, and of streams whose length nobody
 * knows, unless there is a Content-Encoding or Cache-Control: no-transform), a strong "v1" is "v1-gzip"
 * there, because it names bytes; wherry_precondition knows it by both. */
WHERRY_PUBLIC void wherry_add_field(struct wherry_exchange *exchange, const char *name,
                                    struct wherry_slice value);

/* A cookie to set (RFC 6265 §4.1): Path=/, HttpOnly, SameSite=Lax, and Secure over TLS, unless said
 * otherwise. */
struct wherry_new_cookie {
    const char *name;
    const char *value;
    const char *path;               /* NULL: "/" */
    int64_t     max_age_s;          /* 0: until the browser ends; below: forget it */
    bool        is_for_scripts;     /* without HttpOnly */
    bool        is_cross_site;      /* SameSite=None, and so Secure, instead of Lax */
};

/* Adds it, copied.  What cannot stand in a cookie makes the answer a 500. */
WHERRY_PUBLIC void wherry_set_cookie(struct wherry_exchange *exchange,
                                     const struct wherry_new_cookie *cookie);

/* A body from memory, borrowed until the release; and one that is copied, of up to 64 MiB. */
WHERRY_PUBLIC void wherry_set_body(struct wherry_exchange *exchange, struct wherry_slice bytes);
WHERRY_PUBLIC void wherry_copy_body(struct wherry_exchange *exchange, struct wherry_slice bytes);

/* A body from an open file, its first `length` bytes; fd is borrowed until the release.  Before
 * the last piece leaves, `is_intact(owner)` is asked (NULL: not asked): when the file is no longer
 * what it was, the connection is cut rather than a mix passed off as whole. */
WHERRY_PUBLIC void wherry_set_file(struct wherry_exchange *exchange, int fd, uint64_t length,
                                   bool (*is_intact)(void *owner));

/* May the request go on, given the version of its target that is there now (RFC 9110 §13)?  To be asked
 * before anything is changed: If-Match against lost updates, If-None-Match: * against making what is
 * there already.  etag.ptr NULL and INT64_MIN: nothing is there yet.  False: the answer is filled in,
 * 412, or 304 to GET and HEAD; return WHERRY_ANSWER.
 *
 * GET and HEAD need not ask: an answer of 200 with an ETag or Last-Modified becomes a 304 by itself.
 * They may, where making the answer is dear. */
WHERRY_PUBLIC bool wherry_precondition(struct wherry_exchange *exchange, struct wherry_slice etag,
                                       int64_t last_modified);

/* Sends a body from memory in this coding (WHERRY_GZIP or WHERRY_BROTLI) to those who accept it, however
 * short it is, and in no other.  Only where the settings compress at all; and only what they would if
 * it were longer. */
WHERRY_PUBLIC void wherry_set_coding(struct wherry_exchange *exchange, enum wherry_coding coding);

/* Field lines made earlier by wherry_field_line, ready to send: `shared` go with 304 too,
 * `content` describe the body and do not; Content-Type, if any, comes first there.  Borrowed until
 * the release. */
WHERRY_PUBLIC void wherry_set_lines(struct wherry_exchange *exchange, struct wherry_slice shared,
                                    struct wherry_slice content);

/* Appends "name: value" and a line end to a terminated text in `lines` of `size` bytes.  False,
 * nothing appended, when that is no field line or does not fit. */
WHERRY_PUBLIC bool wherry_field_line(char *lines, size_t size, const char *name, const char *value);

/* What conditional requests are judged by, for lines of wherry_set_lines: an entity tag as it stands in
 * the field (ptr NULL: none) and a moment in seconds since 1970 (INT64_MIN: none).  Sends no field. */
WHERRY_PUBLIC void wherry_set_validators(struct wherry_exchange *exchange,
                                         struct wherry_slice etag, int64_t last_modified);

/* The release: called with `owner` once the answer has been sent or given up.  One per exchange. */
WHERRY_PUBLIC void wherry_on_release(struct wherry_exchange *exchange,
                                     void (*release)(void *owner), void *owner);

/* ---- a body that comes piece by piece ---------------------------------------------------- */

enum wherry_pull {
    WHERRY_MORE,            /* something was written, and there is more: call again when it is sent */
    WHERRY_END,             /* that was all */
    WHERRY_WAIT,            /* send what was written, and call again later: return wherry_wait(...) */
    WHERRY_BROKEN,          /* it cannot be finished: the connection is cut, so that nobody takes what
                             * came for whole; or, when nothing has left yet, the answer is a 500 */
};

/* Writes the next piece with wherry_write.  Called on the thread that serves the connection, never
 * for HEAD, and not before the client has taken what came before: it must not block.  What takes
 * long is done by a thread of yours, which calls wherry_wake when there is more.
 *
 * When the server begins to stop, a puller that waits is called once, and can see by wherry_deadline
 * how long it has to come to an end; what has none by then is cut. */
typedef enum wherry_pull wherry_puller(struct wherry_exchange *exchange, void *data);

/* A body from a function; `length` bytes in all, or -1: nobody knows beforehand (then it goes in
 * chunks, or ends with the connection in HTTP/1.0).  A puller that ends with other than its
 * length is broken; the piece that completes it is sent with WHERRY_END. */
WHERRY_PUBLIC void wherry_set_stream(struct wherry_exchange *exchange, int64_t length,
                                     wherry_puller *pull, void *data);

/* In a puller: appends a copy to the piece.  Gives how many bytes were taken: there is room for 64 KiB
 * in each call of the puller, and none elsewhere. */
WHERRY_PUBLIC size_t wherry_write(struct wherry_exchange *exchange, struct wherry_slice bytes);

/* In a puller: call again in so many milliseconds, or when it is woken, whatever comes first; -1: when
 * it is woken.  A wait is not bounded by the deadline of a slow client, and holds nothing but the
 * request (some 14 KB).  A client that leaves meanwhile is noticed at once, as by wherry_sleep. */
WHERRY_PUBLIC enum wherry_pull wherry_wait(struct wherry_exchange *exchange, int64_t ms);

/* In a puller: a field behind the last chunk (RFC 9110 §6.5); dropped where there are no chunks.
 * False: that is no field line, or a field that may not stand there. */
WHERRY_PUBLIC bool wherry_add_trailer(struct wherry_exchange *exchange, const char *name,
                                      struct wherry_slice value);

/* Something to wake a waiting stream with, from any thread, until it is released, also when the exchange is
 * long over: waking one that has ended, or does not wait, does no harm.  NULL when there is no memory,
 * which both of the others take. */
struct wherry_waker;
WHERRY_PUBLIC struct wherry_waker *wherry_waker_acquire(struct wherry_exchange *exchange);
WHERRY_PUBLIC void wherry_waker_release(struct wherry_waker *waker);
WHERRY_PUBLIC void wherry_wake(struct wherry_waker *waker);

/* ---- answers that break the rules, to test clients with ---------------------------------- */

enum wherry_ending {
    WHERRY_CLOSES,          /* in good order: the client gets all that was sent, then the end */
    WHERRY_RESETS,          /* by a reset, where the socket knows one: the client may lose what it has
                             * not taken by then; over TLS without a close_notify */
};

/* What is sent is the body alone, from wherever it comes, for HEAD too: no status line, no field (nor
 * is the route's finish called), no chunk, no coding, no range, no condition; nothing is checked.
 * Without a body not a byte is sent.  Then the connection ends, whatever else the client has asked for.
 * The status is for the log, where an answer without a byte has none.  A refusal is sent as any other. */
WHERRY_PUBLIC void wherry_set_raw(struct wherry_exchange *exchange, enum wherry_ending ending);

#ifdef __cplusplus
}
#endif

#endif
