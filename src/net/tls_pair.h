/* tls_pair - a certificate with its chain, and the key that belongs to it.
 *
 * Read from PEM files or made of what is already in memory; checked, so that what stands here works
 * together; never changed from then on; shared, counted by references.
 *
 * Of net/'s headers this one and its neighbours tls_*.h may name OpenSSL's types, and only net/tls*.c
 * includes its headers. */
#ifndef NET_TLS_PAIR_H
#define NET_TLS_PAIR_H

#include "base/str.h"

struct evp_pkey_st;             /* EVP_PKEY */
struct x509_st;                 /* X509 */
struct stack_st_X509;           /* STACK_OF(X509) */

enum { TLS_PAIR_NAMES_MAX = 128, TLS_PAIR_BYTES_MAX = 1024 * 1024 };

/* Where a pair comes from.  Borrowed texts. */
struct tls_pair_files {
    const char *cert_path;      /* PEM: the certificate, then those that lead to its authority */
    const char *key_path;       /* PEM: RSA, EC or Ed25519, as PKCS#1, PKCS#8 or SEC1 */
    const char *password_path;  /* the password of the key on its first line; NULL: none */
};

struct tls_pair;

/* Reads and checks.  NULL with one sentence in `problem` (size bytes, no line end) that names the
 * file, what is wrong and what would be right: unreadable (owner and mode), no PEM, a password that
 * is missing or wrong, RSA of less than 2048 bits, a curve but P-256, P-384 and P-521, a key that does
 * not belong to the certificate, or to one that does not come first, a certificate that has expired or
 * is not valid yet at `now_s` (seconds since 1970).  Never asks on the terminal; a FIFO is refused and
 * not waited for; whether the chain leads anywhere is not looked at. */
struct tls_pair *tls_pair_load(const struct tls_pair_files *files, int64_t now_s, char *problem,
                               size_t size) MUST_USE;

/* Of what is in memory; takes over one reference to each, also when it fails.  `chain` may be NULL.
 * NULL when there is no memory, key and certificate do not belong together, or its dates or names
 * cannot be read. */
struct tls_pair *tls_pair_new(struct evp_pkey_st *key, struct x509_st *leaf,
                              struct stack_st_X509 *chain) MUST_USE;

/* The same of a certificate with the authority that has signed it behind it; takes references of its
 * own. */
struct tls_pair *tls_pair_under(struct evp_pkey_st *key, struct x509_st *leaf,
                                struct x509_st *authority) MUST_USE;

/* Threads may share it.  Release does nothing to NULL. */
struct tls_pair *tls_pair_acquire(struct tls_pair *pair);
void             tls_pair_release(struct tls_pair *pair);

/* Borrowed, with the pair. */
struct evp_pkey_st   *tls_pair_key(const struct tls_pair *pair) MUST_USE;
struct x509_st       *tls_pair_leaf(const struct tls_pair *pair) MUST_USE;
struct stack_st_X509 *tls_pair_chain(const struct tls_pair *pair) MUST_USE;     /* may be NULL */

/* Seconds since 1970. */
int64_t tls_pair_not_before(const struct tls_pair *pair) MUST_USE;
int64_t tls_pair_not_after(const struct tls_pair *pair) MUST_USE;

/* "CN=localhost, serial 3f:a0..., until 2027-12-23": for the log; terminated; returns `room`. */
const char *tls_pair_describe(const struct tls_pair *pair, char *room, size_t size);

/* How well the certificate fits the name a client asked for (SNI: no port, no trailing dot needed):
 * the DNS names of its subjectAltName, or the common name where that names neither host nor address;
 * in any case of letters; "*" stands for one whole left-most label (RFC 6125 §6.4.3).  Names behind
 * the first TLS_PAIR_NAMES_MAX, or with a NUL in them, do not count. */
enum tls_fit { TLS_FIT_NONE, TLS_FIT_WILDCARD, TLS_FIT_EXACT };
enum tls_fit tls_pair_fits(const struct tls_pair *pair, struct str name) MUST_USE;

#endif
