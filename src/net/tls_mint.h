/* tls_mint - makes an authority, and certificates that it signs.
 *
 * Keys on P-256, or weak ones for those who ask for that, certificates of X.509 v3 signed with SHA-256,
 * and the names they are for: made here, and here it is asked of those that were kept whether they are
 * as we would make them.  Touches no file and reads no clock; randomness comes from OpenSSL.  What
 * OpenSSL has to say when something fails stays in its queue of errors, for the caller to read and
 * clear. */
#ifndef NET_TLS_MINT_H
#define NET_TLS_MINT_H

#include "base/str.h"

struct evp_pkey_st;             /* EVP_PKEY */
struct x509_st;                 /* X509 */

/* ---- names ---------------------------------------------------------------------------- */

enum { TLS_NAME_BYTES_MAX = 253, TLS_NAMES_MAX = 40 };

/* A DNS name in lower case, or the bytes of an address in the network's order. */
struct tls_name {
    bool   is_address;
    size_t len;
    char   bytes[TLS_NAME_BYTES_MAX];
};

/* A set: nobody is in it twice. */
struct tls_names {
    struct tls_name list[TLS_NAMES_MAX];
    size_t          count;
};

/* False when the text is neither a DNS name nor an address (tls_self_is_name). */
bool tls_name_read(struct tls_name *name, struct str text) MUST_USE;

/* False when the set is full. */
bool tls_names_add(struct tls_names *names, const struct tls_name *name) MUST_USE;

bool tls_names_hold(const struct tls_names *names, const struct tls_name *name) MUST_USE;
bool tls_names_hold_all(const struct tls_names *names, const struct tls_names *others) MUST_USE;

/* ---- certificates --------------------------------------------------------------------- */

/* A certificate and its key; of one that was read back, either may be missing. */
struct tls_minted {
    struct evp_pkey_st *key;
    struct x509_st     *certificate;
};

#define TLS_MINTED_NONE ((struct tls_minted){0})

/* From one second to another, both included, since 1970. */
struct tls_span {
    int64_t from_s;
    int64_t until_s;
};

/* Does nothing to TLS_MINTED_NONE. */
void tls_minted_fini(struct tls_minted *minted);

/* An authority that may sign for `names` and what lies below them, and for nothing else: critical
 * name constraints, for servers only.  `host` is a word for people to know it by.  False, *out
 * untouched, when there is no memory or no randomness. */
bool tls_mint_authority(struct tls_minted *out, const struct tls_names *names, struct str host,
                        struct tls_span span) MUST_USE;

enum tls_mint_key {
    TLS_MINT_P256,
    TLS_MINT_RSA_768,       /* that nobody should take */
};

/* A server's certificate for `names`, of which the first is its common name, signed by `authority`,
 * which is known to permit them.  False, *out untouched, as above, or when the two do not work
 * together in the end (a damaged key). */
bool tls_mint_leaf(struct tls_minted *out, const struct tls_minted *authority,
                   const struct tls_names *names, enum tls_mint_key key,
                   struct tls_span span) MUST_USE;

/* ---- those that were kept ------------------------------------------------------------- */

/* It names us as its subject: everything else is somebody's and not ours to write over. */
bool tls_mint_is_ours(const struct x509_st *certificate) MUST_USE;

/* The key is whole and belongs to the certificate; both are there. */
bool tls_minted_belongs(const struct tls_minted *minted) MUST_USE;

/* It may sign, and has signed itself. */
bool tls_mint_is_authority(struct x509_st *certificate) MUST_USE;

/* The authority has signed it as a server's, and was allowed to.  Dates are not looked at. */
bool tls_mint_is_signed(struct x509_st *leaf, struct x509_st *authority) MUST_USE;

bool tls_mint_permits(const struct x509_st *authority, const struct tls_name *name) MUST_USE;

/* Those in its subjectAltName that are of our kind, as many as fit. */
void tls_mint_names(const struct x509_st *certificate, struct tls_names *names);

/* All zero when they can't be read, so that it is over. */
struct tls_span tls_mint_span(const struct x509_st *certificate) MUST_USE;

#endif
