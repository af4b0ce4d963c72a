#include "net/tls_probe.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <unistd.h>

/* What stands behind the transport. */
struct session {
    SSL_CTX *ctx;
    SSL     *ssl;
    bool     was_asked;         /* for a certificate */
};

static void session_free(struct session *session)
{
    if (!session)
        return;
    SSL_free(session->ssl);
    SSL_CTX_free(session->ctx);
    free(session);
}

/* It has none to show; the handshake goes on without. */
static int on_certificate_wanted(SSL *ssl, X509 **cert, EVP_PKEY **key)
{
    struct session *session = SSL_get_app_data(ssl);

    (void)cert;
    (void)key;
    session->was_asked = true;
    return 0;
}

/* OpenSSL's answer to a call that moved nothing. */
static enum io outcome(const struct session *session, int result)
{
    unsigned long complaint;

    switch (SSL_get_error(session->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return IO_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return IO_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return IO_CLOSED;
    default:
        break;
    }
    /* The end without a close_notify (RFC 8446 §6.1), or a reset: no complaint of OpenSSL's own.  Nor is
     * there one where it had no memory for it, which is no word of the other side's. */
    complaint = ERR_peek_error();
    if (complaint == 0)
        return errno == ENOMEM ? IO_FAILED : IO_CLOSED;
    return ERR_GET_REASON(complaint) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? IO_CLOSED : IO_FAILED;
}

static void forget_complaints(void)
{
    ERR_clear_error();
    errno = 0;
}

static enum io probe_read(struct transport *t, char *room, size_t size, size_t *got)
{
    struct session *session = t->session;
    int             result;

    forget_complaints();
    result = SSL_read_ex(session->ssl, room, size, got);
    return result == 1 ? IO_DONE : outcome(session, result);
}

static enum io probe_write(struct transport *t, const struct iovec *pieces, int count, bool more,
                           size_t *sent)
{
    struct session *session = t->session;
    int             result;

    (void)count;                /* the first piece is some of them */
    (void)more;
    forget_complaints();
    result = SSL_write_ex(session->ssl, pieces->iov_base, pieces->iov_len, sent);
    return result == 1 ? IO_DONE : outcome(session, result);
}

static void probe_close(struct transport *t)
{
    session_free(t->session);
    close(t->fd);
    *t = (struct transport){.fd = -1};
}

static const struct transport_ops ops = {
    .read = probe_read,
    .write = probe_write,
    .close = probe_close,
};

/* Whatever the server has, we can talk to: a key that others think too short is not our business. */
static bool take_anything(SSL_CTX *ctx)
{
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    SSL_CTX_set_client_cert_cb(ctx, on_certificate_wanted);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) == 1;
}

bool tls_probe_wrap(struct transport *t, const char *name)
{
    struct session *session = calloc(1, sizeof *session);

    if (!session)
        return false;
    session->ctx = SSL_CTX_new(TLS_client_method());
    if (session->ctx && take_anything(session->ctx))
        session->ssl = SSL_new(session->ctx);
    if (!session->ssl || SSL_set_app_data(session->ssl, session) != 1 ||
        (*name && SSL_set_tlsext_host_name(session->ssl, name) != 1) ||
        SSL_set_fd(session->ssl, t->fd) != 1) {
        session_free(session);
        ERR_clear_error();
        return false;
    }
    SSL_set_connect_state(session->ssl);
    t->session = session;
    t->ops = &ops;
    return true;
}

enum io tls_probe_shake(struct transport *t)
{
    struct session *session = t->session;
    int             result;

    forget_complaints();
    result = SSL_do_handshake(session->ssl);
    return result == 1 ? IO_DONE : outcome(session, result);
}

bool tls_probe_was_asked(const struct transport *t)
{
    const struct session *session = t->session;

    return session && session->was_asked;
}

bool tls_probe_has_heard(const struct transport *t)
{
    const struct session *session = t->session;

    return session && BIO_number_read(SSL_get_rbio(session->ssl)) > 0;
}
