#include "net/tls_context.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/owner.h"
#include "net/tls_error.h"

/* Forward secrecy and authenticated encryption only; the cheapest of what is strong first, but for
 * clients that put ChaCha20 first because they lack AES in hardware (SSL_OP_PRIORITIZE_CHACHA). */
static const char ciphers_1_2[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
static const char ciphers_1_3[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/* The first that this OpenSSL knows: the post-quantum one came with 3.5. */
static const char *const groups[] = {"X25519MLKEM768:X25519:P-256", "X25519:P-256"};

enum { SECURITY_LEVEL = 2, TICKETS = 2, CLIENT_CHAIN_MAX = 32 * 1024 };

/* What OpenSSL asks whether something is strong enough (SSL_CTX_set_security_callback). */
typedef int security_judge(const SSL *ssl, const SSL_CTX *ctx, int what, int bits, int id,
                           void *other, void *data);

struct tls_context {
    atomic_uint         refs;
    size_t              count;
    struct tls_pair    *pairs[TLS_PAIRS_MAX];
    SSL_CTX            *contexts[TLS_PAIRS_MAX];    /* one for each pair */
    struct tls_key_log *key_log;
    security_judge     *judge;                      /* OpenSSL's own, where ours stands before it */
    unsigned char       policy[EVP_MAX_MD_SIZE];    /* a digest of what is asked of clients */
};

/* ---- the name a client asks for ------------------------------------------------------- */

/* struct { NameType name_type; HostName host_name; } in a list            RFC 6066 §3
 * OpenSSL reads it again, strictly, when the handshake goes on. */
static struct str server_name(SSL *ssl)
{
    enum { LIST = 2, TYPE = 1, LENGTH = 2, HEAD = LIST + TYPE + LENGTH };
    const unsigned char *bytes;
    size_t               len, name_len;

    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &len) || len < HEAD ||
        bytes[LIST] != TLSEXT_NAMETYPE_host_name)
        return STR_NONE;
    name_len = (size_t)bytes[LIST + TYPE] << 8 | bytes[LIST + TYPE + 1];
    if (name_len > len - HEAD || name_len > TLSEXT_MAXLEN_host_name)
        return STR_NONE;
    return str_of((const char *)bytes + HEAD, name_len);
}

/* The place of the certificate that fits best; the first where none does. */
static size_t choose(const struct tls_context *context, struct str name, enum tls_fit *fit)
{
    size_t best = 0;

    *fit = TLS_FIT_NONE;
    for (size_t i = 0; name.len && i < context->count && *fit != TLS_FIT_EXACT; i++) {
        enum tls_fit this = tls_pair_fits(context->pairs[i], name);

        if (this > *fit) {
            *fit = this;
            best = i;
        }
    }
    return best;
}

/* A session may be resumed under the name it was made for, and where clients are asked for the same:
 * else a certificate that is good for one name would open another. */
static bool bind_sessions(const struct tls_context *context, SSL *ssl, struct str name)
{
    EVP_MD_CTX   *digest = EVP_MD_CTX_new();
    unsigned char id[EVP_MAX_MD_SIZE];
    unsigned      len = 0;
    bool          ok;

    ok = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
         EVP_DigestUpdate(digest, context->policy, sizeof context->policy);
    for (size_t i = 0; ok && i < name.len; i++) {
        char c = name.ptr[i];
        char small = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;

        ok = EVP_DigestUpdate(digest, &small, 1);
    }
    ok = ok && EVP_DigestFinal_ex(digest, id, &len) &&
         SSL_set_session_id_context(ssl, id, MIN_OF(len, SSL_MAX_SSL_SESSION_ID_LENGTH));
    EVP_MD_CTX_free(digest);
    return ok;
}

void tls_context_keep_name(SSL *ssl, char **name)
{
    SSL_set_app_data(ssl, name);
}

/* A hello may be said twice.  False: there is no memory. */
static bool keep_name(SSL *ssl, struct str name)
{
    char **kept = SSL_get_app_data(ssl);

    if (!kept)
        return true;
    OPENSSL_free(*kept);
    *kept = name.len ? OPENSSL_strndup(name.ptr, name.len) : NULL;
    return *kept || name.len == 0;
}

/* Called before anything is decided, a resumption included. */
static int on_hello(SSL *ssl, int *alert, void *data)
{
    struct tls_context *context = data;
    struct str          name = server_name(ssl);
    enum tls_fit        fit;
    size_t              at = choose(context, name, &fit);

    /* Also the first one: a hello may be said twice, with two names (RFC 8446 §4.1.2). */
    if (!SSL_set_SSL_CTX(ssl, context->contexts[at]))
        goto failed;
    if (keep_name(ssl, name) && bind_sessions(context, ssl, fit == TLS_FIT_NONE ? STR_NONE : name))
        return SSL_CLIENT_HELLO_SUCCESS;
failed:
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

/* RFC 7301 §3.2: without a protocol in common the handshake ends. */
static int on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                   const unsigned char *offered, unsigned len, void *data)
{
    static const unsigned char spoken[] = "\x08http/1.1\x08http/1.0";
    unsigned char             *chosen;

    (void)ssl;
    (void)data;
    if (SSL_select_next_proto(&chosen, out_len, spoken, sizeof spoken - 1, offered, len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* ---- the key log ---------------------------------------------------------------------- */

struct tls_key_log {
    int fd;
};

/* A FIFO without a reader would hold up the start. */
static int open_log(const char *path)
{
    int         fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
    struct stat status;

    if (fd == -1 || (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)))
        return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

struct tls_key_log *tls_key_log_open(const char *path)
{
    struct tls_key_log *log = malloc(sizeof *log);

    if (!log)
        return NULL;
    log->fd = open_log(path);
    if (log->fd == -1) {
        int error = errno;

        free(log);
        errno = error;
        return NULL;
    }
    return log;
}

void tls_key_log_close(struct tls_key_log *log)
{
    if (!log)
        return;
    close(log->fd);
    free(log);
}

/* One call a line, so that lines of several threads do not mix. */
static void on_secret(const SSL *ssl, const char *line)
{
    const struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    struct iovec              pieces[] = {{(void *)(uintptr_t)line, strlen(line)}, {"\n", 1}};

    if (writev(context->key_log->fd, pieces, COUNTOF(pieces)) == -1)
        log_debug("cannot write to the key log", "errno=\"%m\"");
}

/* ---- making one ----------------------------------------------------------------------- */

static bool set_groups(SSL_CTX *ctx)
{
    for (size_t i = 0; i < COUNTOF(groups); i++) {
        if (SSL_CTX_set1_groups_list(ctx, groups[i]))
            return true;
        ERR_clear_error();      /* or it would be taken for the reason of what fails later */
    }
    return false;
}

static bool set_rules(SSL_CTX *ctx, const struct tls_rules *rules)
{
    SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    /* A write that was cut short is taken up from wherever its bytes lie by then.  A read comes back
     * after each message that carries no data, so that a flood of those can be counted. */
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(ctx, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(ctx, 1); /* one call for the head of a record and its rest */
    return SSL_CTX_set_min_proto_version(
               ctx, rules->min == TLS_VERSION_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION) &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) &&
           SSL_CTX_set_cipher_list(ctx, ciphers_1_2) &&
           SSL_CTX_set_ciphersuites(ctx, ciphers_1_3) && set_groups(ctx) &&
           SSL_CTX_set_max_early_data(ctx, 0) && SSL_CTX_set_num_tickets(ctx, TICKETS);
}

/* RFC 8446 §4.6.1: whoever resumes a session is shown no certificate. */
static bool forget_sessions(SSL_CTX *ctx)
{
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return SSL_CTX_set_num_tickets(ctx, 0);
}

/* A lower level of security would be one for the certificates of clients, too. */
static int let_our_key_pass(const SSL *ssl, const SSL_CTX *ctx, int what, int bits, int id,
                            void *other, void *data)
{
    const struct tls_context *context = data;

    return what == SSL_SECOP_EE_KEY || context->judge(ssl, ctx, what, bits, id, other, NULL);
}

static void allow_weak_key(struct tls_context *context, SSL_CTX *ctx)
{
    context->judge = SSL_CTX_get_security_callback(ctx);
    SSL_CTX_set0_security_ex_data(ctx, context);
    SSL_CTX_set_security_callback(ctx, let_our_key_pass);
}

static bool set_pair(SSL_CTX *ctx, const struct tls_pair *pair)
{
    STACK_OF(X509) *chain = tls_pair_chain(pair);

    return SSL_CTX_use_certificate(ctx, tls_pair_leaf(pair)) &&
           SSL_CTX_use_PrivateKey(ctx, tls_pair_key(pair)) &&
           (!chain || SSL_CTX_set1_chain(ctx, chain));
}

bool tls_context_takes(const struct tls_pair *pair, const char **why)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    bool     ok = ctx != NULL;

    if (ok) {
        SSL_CTX_set_security_level(ctx, SECURITY_LEVEL);
        ok = set_pair(ctx, pair);
    }
    SSL_CTX_free(ctx);
    if (!ok)
        *why = tls_error_take();
    return ok;
}

static bool set_client(SSL_CTX *ctx, const struct tls_rules *rules)
{
    STACK_OF(X509_NAME) *names;

    if (!rules->client_ca_path) {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);     /* whatever openssl.cnf says */
        return true;
    }
    names = SSL_load_client_CA_file(rules->client_ca_path);
    if (!names || !SSL_CTX_load_verify_file(ctx, rules->client_ca_path)) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return false;
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_max_cert_list(ctx, CLIENT_CHAIN_MAX);
    /* What is named is trusted, also when it is no root. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(ctx,
                       rules->client == TLS_CLIENT_REQUIRED
                           ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT
                           : SSL_VERIFY_PEER,
                       NULL);
    return true;
}

/* OpenSSL tells of a file that is not there in words of its own. */
static bool can_be_read(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd != -1)
        close(fd);
    return fd != -1;
}

static bool fail(char *problem, size_t size, const char *what, const char *path)
{
    const char *why = tls_error_take();

    if (path)
        snprintf(problem, size, "%s \"%s\": %s", what, LOG_QUOTE(str_view(path)), why);
    else
        snprintf(problem, size, "%s: %s", what, why);
    return false;
}

static bool add(struct tls_context *context, struct tls_pair *pair, const struct tls_rules *rules,
                struct tls_tickets *tickets, char *problem, size_t size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx)
        return fail(problem, size, "cannot set up TLS", NULL);
    context->contexts[context->count] = ctx;
    context->pairs[context->count++] = tls_pair_acquire(pair);
    if (!set_rules(ctx, rules) ||
        !(tickets ? tls_tickets_serve(tickets, ctx) : forget_sessions(ctx)) ||
        !SSL_CTX_set_app_data(ctx, context))
        return fail(problem, size, "cannot set up TLS", NULL);
    if (rules->shows_weak_key)
        allow_weak_key(context, ctx);
    if (!set_pair(ctx, pair))
        return fail(problem, size, "cannot use the certificate", NULL);
    if (rules->client_ca_path && !can_be_read(rules->client_ca_path)) {
        int error = errno;

        snprintf(problem, size, "cannot read the authorities of clients from \"%s\": %s%s",
                 LOG_QUOTE(str_view(rules->client_ca_path)), strerror(error),
                 OWNER_ADVISE(rules->client_ca_path, OWNER_READ, error));
        return false;
    }
    if (!set_client(ctx, rules))
        return fail(problem, size, "cannot read the authorities of clients from",
                    rules->client_ca_path);
    SSL_CTX_set_client_hello_cb(ctx, on_hello, context);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
    if (context->key_log)
        SSL_CTX_set_keylog_callback(ctx, on_secret);
    return true;
}

/* Who may sign for clients, and whether they have to show a certificate. */
static bool digest_policy(struct tls_context *context, const struct tls_rules *rules)
{
    EVP_MD_CTX            *digest = EVP_MD_CTX_new();
    X509_STORE            *store = SSL_CTX_get_cert_store(context->contexts[0]);
    STACK_OF(X509_OBJECT) *authorities = X509_STORE_get0_objects(store);
    unsigned char          kind = rules->client_ca_path ? (unsigned char)(1 + rules->client) : 0;
    bool                   ok;

    ok = digest && EVP_DigestInit_ex(digest, EVP_sha256(), NULL) &&
         EVP_DigestUpdate(digest, &kind, 1);
    /* Their certificates and not their names: an authority may get another key. */
    for (int i = 0; ok && i < sk_X509_OBJECT_num(authorities); i++) {
        X509         *cert = X509_OBJECT_get0_X509(sk_X509_OBJECT_value(authorities, i));
        unsigned char id[EVP_MAX_MD_SIZE];
        unsigned      len;

        ok = !cert || (X509_digest(cert, EVP_sha256(), id, &len) && EVP_DigestUpdate(digest, id, len));
    }
    ok = ok && EVP_DigestFinal_ex(digest, context->policy, NULL);
    EVP_MD_CTX_free(digest);
    return ok;
}

struct tls_context *tls_context_new(struct tls_pair *const pairs[], size_t count,
                                    const struct tls_rules *rules, struct tls_tickets *tickets,
                                    char *problem, size_t size)
{
    struct tls_context *context = calloc(1, sizeof *context);
    bool                ok = context != NULL;

    assert(count >= 1 && count <= TLS_PAIRS_MAX);
    if (!context) {
        snprintf(problem, size, "there is no memory for TLS");
        return NULL;
    }
    atomic_init(&context->refs, 1);
    context->key_log = rules->key_log;
    for (size_t i = 0; ok && i < count; i++)
        ok = add(context, pairs[i], rules, tickets, problem, size);
    if (ok && !digest_policy(context, rules))
        ok = fail(problem, size, "cannot set up TLS", NULL);
    if (!ok) {
        tls_context_release(context);
        return NULL;
    }
    return context;
}

struct tls_context *tls_context_acquire(struct tls_context *context)
{
    atomic_fetch_add_explicit(&context->refs, 1, memory_order_relaxed);
    return context;
}

void tls_context_release(struct tls_context *context)
{
    if (!context || atomic_fetch_sub_explicit(&context->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < context->count; i++) {
        SSL_CTX_free(context->contexts[i]);
        tls_pair_release(context->pairs[i]);
    }
    free(context);
}

struct ssl_ctx_st *tls_context_default(const struct tls_context *context)
{
    return context->contexts[0];
}
