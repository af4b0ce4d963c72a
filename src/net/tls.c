#include "net/tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/tls_error.h"

enum {
    RECORD_MAX   = 16 * 1024,       /* bytes of data in a record (RFC 8446 §5.1) */
    RECORD_SMALL = 4 * 1024,        /* while a connection is fresh from rest */
    SMALL_BYTES  = 16 * 1024,       /* what goes out in small ones */
    SILENT_MAX   = 32,              /* records without data that are taken in a row */
    SUBJECT_MAX  = 512,             /* bytes of a client's name that are kept, and logged each time */
    HANDSHAKE    = 0x16,            /* the first byte of a client that speaks TLS */
    HELLO_MAX    = 16 * 1024,       /* bytes of a client's first message; real ones take up to 4 KiB */
};

/* What stands behind a transport that is a TLS one. */
struct session {
    SSL                *ssl;
    struct tls_context *context;    /* callbacks of ssl need it */
    char               *name;       /* whom it asks for; NULL: nobody */
    char               *client;     /* the subject of its certificate; NULL: it has shown none */
    size_t              begun;      /* bytes of a record that is on its way; it has to be finished */
    size_t              sent;       /* since the last rest, until they do not matter any more */
    unsigned            silent;     /* records that came since the last one with data */
    int                 fd;
    bool                is_drained; /* the last recv took all that had come */
    bool                is_empty;   /* it found nothing */
    bool                has_ended;  /* the peer has closed its side */
    bool                more;       /* further records follow at once */
    bool                lacks_proof; /* the handshake failed for want of a client's certificate */
    bool                is_broken;  /* nothing more may be said, not even close_notify */
};

/* ---- between OpenSSL and the socket --------------------------------------------------- */

/* A BIO of our own: it knows whether a read took all there was, and never raises SIGPIPE. */
static int bio_read(BIO *bio, char *room, int size)
{
    struct session *session = BIO_get_data(bio);
    ssize_t         n;

    BIO_clear_retry_flags(bio);
    do
        n = recv(session->fd, room, (size_t)size, 0);
    while (n == -1 && errno == EINTR);
    session->is_drained = n < size;
    session->is_empty = n == -1 && errno == EAGAIN;
    session->has_ended = n == 0;
    if (session->is_empty)
        BIO_set_retry_read(bio);
    return (int)n;
}

/* -1 for what fails: from OpenSSL 3.2 on, 0 is a success that wrote nothing. */
static int bio_write(BIO *bio, const char *bytes, int size)
{
    struct session *session = BIO_get_data(bio);
    ssize_t         n;

    BIO_clear_retry_flags(bio);
    do
        n = send(session->fd, bytes, (size_t)size, MSG_NOSIGNAL | (session->more ? MSG_MORE : 0));
    while (n == -1 && errno == EINTR);
    if (n == -1 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    return (int)n;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return what == BIO_CTRL_FLUSH;      /* what was written has left already */
}

static BIO_METHOD    *bio_method;
static pthread_once_t bio_once = PTHREAD_ONCE_INIT;

static void make_bio_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");

    if (method && BIO_meth_set_read(method, bio_read) && BIO_meth_set_write(method, bio_write) &&
        BIO_meth_set_ctrl(method, bio_ctrl))
        bio_method = method;
    else
        BIO_meth_free(method);
}

/* ---- what became of a call ------------------------------------------------------------ */

/* OpenSSL's answer to a call that moved nothing, in our words.  Its list of complaints is empty
 * again. */
static enum io outcome(struct session *session, int result)
{
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return IO_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return IO_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:         /* close_notify */
        return IO_CLOSED;
    default:
        break;
    }
    ERR_clear_error();
    /* The end without a close_notify (RFC 8446 §6.1).  What it cuts off is known by its own length
     * or its last chunk (RFC 9112 §9.8), so it need not be told apart here. */
    if (session->has_ended)
        return IO_CLOSED;
    session->is_broken = true;
    return IO_FAILED;
}

/* ---- reading -------------------------------------------------------------------------- */

/* Called for each record that comes, also for those that OpenSSL deals with by itself. */
static void on_record(int is_sent, int version, int type, const void *head, size_t len, SSL *ssl,
                      void *data)
{
    struct session *session = data;

    (void)version;
    (void)head;
    (void)len;
    (void)ssl;
    if (!is_sent && type == SSL3_RT_HEADER)
        session->silent++;
}

static enum io tls_read(struct transport *t, char *room, size_t size, size_t *got)
{
    struct session *session = t->session;

    *got = 0;
    for (int i = 0; i < SILENT_MAX && session->silent <= SILENT_MAX; i++) {
        int     result;
        enum io io;

        /* What OpenSSL still holds says nothing of what has come into the socket since. */
        session->is_empty = session->is_drained = false;
        result = SSL_read_ex(session->ssl, room, size, got);
        t->is_drained = session->is_drained && !SSL_has_pending(session->ssl);
        if (result == 1) {
            session->silent = 0;
            return IO_DONE;
        }
        io = outcome(session, result);
        /* Else a message without data was taken in, and there may be more behind it. */
        if (io != IO_WANT_READ || session->is_empty)
            return io;
    }
    session->is_broken = true;          /* RFC 8446 §4.6.3: nobody needs that many new keys */
    return IO_FAILED;
}

/* ---- writing -------------------------------------------------------------------------- */

/* What is put together from pieces, or read from a file, before it is sealed. */
static _Thread_local char record[RECORD_MAX];

/* How much of `left` goes into the next record. */
static size_t record_size(const struct session *session, size_t left)
{
    size_t most = session->sent < SMALL_BYTES ? RECORD_SMALL : RECORD_MAX;

    return session->begun ? session->begun : MIN_OF(left, most);
}

/* Seals and sends a record.  One that was begun must be finished with the same bytes: OpenSSL may
 * have sealed only a part of them (RFC 6066 §4), or nothing yet, because new keys have to be told
 * first (RFC 8446 §4.6.3).  Meanwhile others have used the buffer. */
static enum io write_record(struct session *session, size_t len, size_t *sent)
{
    int     result;
    enum io io;

    assert(session->begun == 0 || session->begun == len);
    result = SSL_write_ex(session->ssl, record, len, sent);
    if (result == 1) {
        session->begun = 0;
        session->sent += *sent;
        return IO_DONE;
    }
    *sent = 0;
    io = outcome(session, result);
    session->begun = io == IO_WANT_WRITE || io == IO_WANT_READ ? len : 0;
    return io;
}

/* Copies up to `size` bytes of the pieces, from `from` on. */
static size_t gather(const struct iovec *pieces, int count, size_t from, size_t size)
{
    size_t len = 0;

    for (int i = 0; i < count && len < size; i++) {
        size_t skip = MIN_OF(from, pieces[i].iov_len);
        size_t rest = pieces[i].iov_len - skip, room = size - len;
        size_t n = MIN_OF(rest, room);

        memcpy(record + len, (const char *)pieces[i].iov_base + skip, n);
        from -= skip;
        len += n;
    }
    return len;
}

static enum io tls_write(struct transport *t, const struct iovec *pieces, int count, bool more,
                         size_t *sent)
{
    struct session *session = t->session;
    size_t          total = 0;
    enum io         io = IO_DONE;

    *sent = 0;
    for (int i = 0; i < count; i++)
        total += pieces[i].iov_len;
    while (*sent < total && io == IO_DONE) {
        size_t len = gather(pieces, count, *sent, record_size(session, total - *sent)), n;

        session->more = more || *sent + len < total;
        io = write_record(session, len, &n);
        *sent += n;
    }
    session->more = false;
    return *sent > 0 ? IO_DONE : io;
}

static enum io tls_send_file(struct transport *t, int file, uint64_t offset, size_t count,
                             size_t *sent)
{
    struct session *session = t->session;
    enum io         io = IO_DONE;

    *sent = 0;
    while (*sent < count && io == IO_DONE) {
        size_t  left = count - *sent, size = record_size(session, left), n;
        ssize_t len = pread(file, record, size, (off_t)(offset + *sent));

        if (len <= 0 || (size_t)len < session->begun)
            break;                      /* the file ends here, or cannot be read */
        session->more = (size_t)len < left;
        io = write_record(session, (size_t)len, &n);
        *sent += n;
    }
    session->more = false;
    return *sent > 0 ? IO_DONE : io;
}

/* ---- the end -------------------------------------------------------------------------- */

/* RFC 8446 §6.1: close_notify, once, when the last record has left. */
static void say_end(struct session *session)
{
    if (!session->is_broken && session->begun == 0 && SSL_is_init_finished(session->ssl) &&
        SSL_shutdown(session->ssl) < 0)
        ERR_clear_error();
    session->is_broken = true;
}

static void tls_shut(struct transport *t)
{
    say_end(t->session);
    shutdown(t->fd, SHUT_WR);
}

static void tls_rest(struct transport *t)
{
    struct session *session = t->session;

    session->sent = 0;
}

/* RFC 8446 §6.1: without close_notify nobody takes what came for all. */
static void tls_cut(struct transport *t)
{
    struct session *session = t->session;

    session->is_broken = true;
    transport_will_reset(t);
}

static void session_free(struct session *session)
{
    SSL_free(session->ssl);
    tls_context_release(session->context);
    OPENSSL_free(session->name);
    OPENSSL_free(session->client);
    free(session);
}

static void tls_close(struct transport *t)
{
    say_end(t->session);
    session_free(t->session);
    close(t->fd);
    t->session = NULL;
    t->fd = -1;
}

/* ---- the handshake -------------------------------------------------------------------- */

static const struct transport_ops tls_ops = {
    .read = tls_read,
    .write = tls_write,
    .send_file = tls_send_file,
    .shut = tls_shut,
    .rest = tls_rest,
    .cut = tls_cut,
    .close = tls_close,
};

static const struct transport_ops shaking_ops = {
    .rest = tls_rest,
    .cut = tls_cut,
    .shut = tls_shut,
    .close = tls_close,
};

/* ContentType, version, length; HandshakeType, length                 RFC 8446 §5.1, §4
 * OpenSSL takes the memory for as long a hello as is announced before any of it has come: 128 KiB
 * for nine bytes, from anybody. */
static bool is_too_long(const unsigned char *bytes, size_t len)
{
    enum { RECORD_HEAD = 5, MESSAGE_HEAD = 4, CLIENT_HELLO = 1 };
    const unsigned char *message = bytes + RECORD_HEAD;

    return len >= RECORD_HEAD + MESSAGE_HEAD && message[0] == CLIENT_HELLO &&
           ((size_t)message[1] << 16 | (size_t)message[2] << 8 | message[3]) > HELLO_MAX;
}

/* What the first bytes say; they are left where they are. */
static enum tls_step peek(const struct transport *t, const char **why)
{
    unsigned char bytes[9];
    ssize_t       n;

    do
        n = recv(t->fd, bytes, sizeof bytes, MSG_PEEK);
    while (n == -1 && errno == EINTR);
    if (n <= 0)
        return n == -1 && errno == EAGAIN ? TLS_WANT_READ : TLS_CLOSED;
    if (bytes[0] != HANDSHAKE)
        return TLS_PLAIN;
    if (!is_too_long(bytes, (size_t)n))
        return TLS_DONE;
    *why = "its hello is too long";
    return TLS_FAILED;
}

static struct session *session_new(int fd, struct tls_store *store, enum tls_fault fault)
{
    struct session *session = calloc(1, sizeof *session);
    BIO            *bio;

    pthread_once(&bio_once, make_bio_method);
    if (!session)
        return NULL;
    session->fd = fd;
    session->context = tls_store_context(store, fault);
    session->ssl = SSL_new(tls_context_default(session->context));
    bio = bio_method ? BIO_new(bio_method) : NULL;
    if (!session->ssl || !bio) {
        BIO_free(bio);
        session_free(session);
        ERR_clear_error();
        return NULL;
    }
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    SSL_set_msg_callback(session->ssl, on_record);
    SSL_set_msg_callback_arg(session->ssl, session);
    tls_context_keep_name(session->ssl, &session->name);
    SSL_set_accept_state(session->ssl);
    return session;
}

static char *subject_of(SSL *ssl)
{
    X509 *cert = SSL_get0_peer_certificate(ssl);
    BIO  *text = cert ? BIO_new(BIO_s_mem()) : NULL;
    char *subject = NULL, *bytes;

    if (text && X509_NAME_print_ex(text, X509_get_subject_name(cert), 0, XN_FLAG_RFC2253) >= 0) {
        long len = BIO_get_mem_data(text, &bytes);

        subject = len > 0 ? OPENSSL_strndup(bytes, (size_t)MIN_OF(len, SUBJECT_MAX)) : NULL;
    }
    BIO_free(text);
    ERR_clear_error();
    return subject;
}

/* Why the client's certificate was not taken. */
static const char *reason_of_verdict(const SSL *ssl)
{
    ERR_clear_error();
    return X509_verify_cert_error_string(SSL_get_verify_result(ssl));
}

static enum tls_step shake(struct transport *t, const char **why)
{
    struct session *session = t->session;
    int             result = SSL_do_handshake(session->ssl);

    if (result == 1) {
        session->client = subject_of(session->ssl);
        session->silent = 0;
        t->ops = &tls_ops;
        return TLS_DONE;
    }
    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    default:
        break;
    }
    session->is_broken = true;
    session->lacks_proof =
        ERR_GET_REASON(ERR_peek_error()) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
    if (SSL_get_verify_result(session->ssl) != X509_V_OK)
        *why = reason_of_verdict(session->ssl);
    else if (ERR_peek_error() == 0)
        *why = session->has_ended ? "the client went away" : "the connection was reset";
    else
        *why = tls_error_take();
    return TLS_FAILED;
}

enum tls_step tls_accept(struct transport *t, struct tls_store *store, enum tls_fault fault,
                         const char **why)
{
    enum tls_step step;

    if (!t->session) {
        step = peek(t, why);
        if (step != TLS_DONE)
            return step;
        t->session = session_new(t->fd, store, fault);
        if (!t->session) {
            *why = "there is no memory";
            return TLS_FAILED;
        }
        t->ops = &shaking_ops;
    }
    return shake(t, why);
}

const char *tls_client(const struct transport *t)
{
    const struct session *session = t->session;

    return session ? session->client : NULL;
}

/* OpenSSL's has no NUL behind it; these are what tls_context agrees to. */
static const char *alpn_of(const SSL *ssl)
{
    static const char *const spoken[] = {"http/1.1", "http/1.0"};
    const unsigned char     *bytes;
    unsigned                 len;

    SSL_get0_alpn_selected(ssl, &bytes, &len);
    for (size_t i = 0; i < COUNTOF(spoken); i++)
        if (str_equal(str_of((const char *)bytes, len), str_view(spoken[i])))
            return spoken[i];
    return NULL;
}

bool tls_facts(const struct transport *t, struct tls_facts *facts)
{
    const struct session *session = t->session;

    if (!session)
        return false;
    *facts = (struct tls_facts){
        .version = SSL_get_version(session->ssl),
        .cipher = SSL_CIPHER_standard_name(SSL_get_current_cipher(session->ssl)),
        .alpn = alpn_of(session->ssl),
        .server_name = session->name,
        .client = session->client,
        .is_resumed = SSL_session_reused(session->ssl) == 1,
    };
    return true;
}

const char *tls_unproved_name(const struct transport *t)
{
    const struct session *session = t->session;

    return session && session->lacks_proof
               ? SSL_get_servername(session->ssl, TLSEXT_NAMETYPE_host_name)
               : NULL;
}
