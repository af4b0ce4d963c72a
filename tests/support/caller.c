#include "tests/support/caller.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEARD_MAX = 64 * 1024 * 1024, RECORD_HEAD = 5 };

static void must(bool succeeded, const char *what)
{
    if (succeeded)
        return;
    fprintf(stderr, "caller: %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

/* ---- its life ------------------------------------------------------------------------- */

/* It trusts everybody and offers what it is told to, also what nobody should take. */
static SSL_CTX *context(void)
{
    static SSL_CTX *made;

    if (made)
        return made;
    made = SSL_CTX_new(TLS_client_method());
    must(made && SSL_CTX_set_min_proto_version(made, TLS1_VERSION), "a context");
    SSL_CTX_set_security_level(made, 0);
    SSL_CTX_set_verify(made, SSL_VERIFY_NONE, NULL);
    return made;
}

static void set_wish(SSL *ssl, const struct caller_wish *wish)
{
    const unsigned char *alpn = (const unsigned char *)wish->alpn.ptr;

    must(!wish->min || SSL_set_min_proto_version(ssl, wish->min), "the least version");
    must(!wish->max || SSL_set_max_proto_version(ssl, wish->max), "the last version");
    must(!wish->name || SSL_set_tlsext_host_name(ssl, wish->name), "a name");
    must(!alpn || SSL_set_alpn_protos(ssl, alpn, (unsigned)wish->alpn.len) == 0, "ALPN");
    must(!wish->ciphers || SSL_set_cipher_list(ssl, wish->ciphers), "ciphers");
    must(!wish->suites || SSL_set_ciphersuites(ssl, wish->suites), "suites");
    must(!wish->groups || SSL_set1_groups_list(ssl, wish->groups), "groups");
    must(!wish->resumes || SSL_set_session(ssl, wish->resumes), "a session");
    must(!wish->fragment || SSL_set_tlsext_max_fragment_length(ssl, wish->fragment), "fragments");
    if (wish->shows)
        must(SSL_use_certificate(ssl, wish->shows->certificate) &&
                 SSL_use_PrivateKey(ssl, wish->shows->key),
             "something to show");
}

void caller_open(struct caller *caller, int fd, const struct caller_wish *wish)
{
    *caller = (struct caller){.ssl = SSL_new(context()),
                              .mouth = BIO_new(BIO_s_mem()),
                              .ear = BIO_new(BIO_s_mem()),
                              .fd = fd,
                              .raw = BUF_UP_TO(HEARD_MAX),
                              .heard = BUF_UP_TO(HEARD_MAX)};
    must(caller->ssl && caller->mouth && caller->ear, "memory");
    BIO_set_mem_eof_return(caller->ear, -1);        /* nothing yet is not the end */
    SSL_set_bio(caller->ssl, caller->ear, caller->mouth);
    set_wish(caller->ssl, wish);
    SSL_set_connect_state(caller->ssl);
}

void caller_hang_up(struct caller *caller)
{
    if (caller->fd != -1)
        close(caller->fd);
    caller->fd = -1;
}

void caller_close(struct caller *caller)
{
    caller_hang_up(caller);
    SSL_free(caller->ssl);
    buf_fini(&caller->raw);
    buf_fini(&caller->heard);
    *caller = (struct caller){.fd = -1};
    ERR_clear_error();          /* the server, on this thread, must not take them for its own */
}

/* ---- the socket ----------------------------------------------------------------------- */

size_t caller_unposted(const struct caller *caller)
{
    return BIO_ctrl_pending(caller->mouth);
}

/* Sent first and then dropped from the buffer, so that what the socket does not take stays. */
size_t caller_post(struct caller *caller, size_t most)
{
    size_t posted = 0;

    while (posted < most && caller_unposted(caller)) {
        char    bytes[16384];
        char   *text;
        size_t  len = (size_t)BIO_get_mem_data(caller->mouth, &text);
        size_t  left = most - posted, wanted = MIN_OF(len, left);
        ssize_t n = send(caller->fd, text, MIN_OF(wanted, sizeof bytes), MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n <= 0)
            break;
        must(BIO_read(caller->mouth, bytes, (int)n) == n, "a buffer");
        posted += (size_t)n;
    }
    return posted;
}

size_t caller_fetch(struct caller *caller)
{
    char    bytes[16384];
    size_t  fetched = 0;
    ssize_t n;

    if (caller->fd == -1)
        return 0;
    while ((n = recv(caller->fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
        must(BIO_write(caller->ear, bytes, (int)n) == n, "a buffer");
        buf_append(&caller->raw, str_of(bytes, (size_t)n));
        fetched += (size_t)n;
    }
    caller->has_ended |= n == 0 || (n == -1 && errno != EAGAIN);
    must(!caller->raw.failed, "room");
    return fetched;
}

/* ---- what it says and hears ----------------------------------------------------------- */

/* Notes whether the ssl has failed; leaves no complaints behind. */
static bool succeeds(struct caller *caller, int result)
{
    if (result <= 0) {
        int error = SSL_get_error(caller->ssl, result);

        caller->has_failed |= error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL;
    }
    ERR_clear_error();
    return result > 0;
}

bool caller_shakes(struct caller *caller)
{
    ERR_clear_error();
    return succeeds(caller, SSL_do_handshake(caller->ssl));
}

void caller_says(struct caller *caller, struct str bytes)
{
    size_t n;

    ERR_clear_error();
    must(SSL_write_ex(caller->ssl, bytes.ptr, bytes.len, &n) && n == bytes.len, "a record");
}

void caller_says_end(struct caller *caller)
{
    ERR_clear_error();
    must(SSL_shutdown(caller->ssl) >= 0, "an end");
}

void caller_changes_keys(struct caller *caller, bool asks_for_the_same)
{
    ERR_clear_error();
    must(SSL_key_update(caller->ssl, asks_for_the_same ? SSL_KEY_UPDATE_REQUESTED
                                                       : SSL_KEY_UPDATE_NOT_REQUESTED) &&
             SSL_do_handshake(caller->ssl) == 1,
         "new keys");
}

struct str caller_listens(struct caller *caller)
{
    char   bytes[16384];
    size_t n;

    caller_fetch(caller);
    ERR_clear_error();
    while (succeeds(caller, SSL_read_ex(caller->ssl, bytes, sizeof bytes, &n)))
        buf_append(&caller->heard, str_of(bytes, n));
    must(!caller->heard.failed, "room");
    return buf_view(&caller->heard);
}

bool caller_heard_end(const struct caller *caller)
{
    return (SSL_get_shutdown(caller->ssl) & SSL_RECEIVED_SHUTDOWN) != 0;
}

/* ---- what a test looks at ------------------------------------------------------------- */

uint64_t caller_saw_serial(const struct caller *caller)
{
    X509               *shown = SSL_get0_peer_certificate(caller->ssl);
    const ASN1_INTEGER *number = shown ? X509_get0_serialNumber(shown) : NULL;
    uint64_t            serial = 0;

    for (int i = 0; number && i < ASN1_STRING_length(number); i++)
        serial = serial << 8 | ASN1_STRING_get0_data(number)[i];
    return serial;
}

size_t caller_records(const struct caller *caller, size_t from, struct caller_record *records,
                      size_t most)
{
    struct str rest = str_from(buf_view(&caller->raw), from);
    size_t     count = 0;

    while (rest.len >= RECORD_HEAD && count < most) {
        const unsigned char *head = (const unsigned char *)rest.ptr;

        records[count] = (struct caller_record){head[0], (size_t)head[3] << 8 | head[4]};
        rest = str_from(rest, RECORD_HEAD + records[count++].len);
    }
    return count;
}
