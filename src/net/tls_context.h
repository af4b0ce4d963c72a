/* tls_context - what a handshake needs: certificates, and the rules.
 *
 * Immutable and counted by references.  A reload makes a new one; handshakes that have begun finish
 * with the one they began with. */
#ifndef NET_TLS_CONTEXT_H
#define NET_TLS_CONTEXT_H

#include "net/tls_pair.h"
#include "net/tls_tickets.h"

enum { TLS_PAIRS_MAX = 16 };

enum tls_version { TLS_VERSION_1_2, TLS_VERSION_1_3 };
enum tls_client { TLS_CLIENT_REQUIRED, TLS_CLIENT_OPTIONAL };

/* Borrowed texts. */
struct tls_rules {
    enum tls_version min;
    const char      *client_ca_path;    /* PEM: who may sign certificates of clients; NULL: none asked */
    enum tls_client  client;            /* with client_ca_path */
    struct tls_key_log *key_log;        /* NULL: none */
    bool             shows_weak_key;    /* our own may be weaker than any that we would take */
};

struct ssl_st;
struct tls_context;

/* Of one to TLS_PAIRS_MAX pairs, each of which it acquires; the first is for clients that name
 * nobody, or somebody we are not.  Without `tickets` no session is resumed, so that every handshake shows
 * a certificate.  NULL with one sentence in `problem`. */
struct tls_context *tls_context_new(struct tls_pair *const pairs[], size_t count,
                                    const struct tls_rules *rules, struct tls_tickets *tickets,
                                    char *problem, size_t size) MUST_USE;

/* A pair may be right in itself and yet be refused, for a signature that is too weak, say.  False with
 * the reason in `why`, a few words. */
bool tls_context_takes(const struct tls_pair *pair, const char **why) MUST_USE;

struct tls_context *tls_context_acquire(struct tls_context *context);
void                tls_context_release(struct tls_context *context);   /* NULL is fine */

/* What a handshake begins with; the client's first words decide which certificate it goes on with. */
struct ssl_ctx_st *tls_context_default(const struct tls_context *context) MUST_USE;

/* Before the handshake: the name that the client will ask for goes to *name, which is NULL or OpenSSL's
 * to free.  OpenSSL itself forgets it when a session of TLS 1.2 is resumed. */
void tls_context_keep_name(struct ssl_st *ssl, char **name);

/* Secrets of sessions, in the form that Wireshark reads (NSS key log), appended to a file that is
 * made with mode 0600.  NULL with errno. */
struct tls_key_log *tls_key_log_open(const char *path) MUST_USE;
void                tls_key_log_close(struct tls_key_log *log);

#endif
