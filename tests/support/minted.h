/* minted - keys and certificates made for a test, and the PEM they are written as.
 *
 * Everything is made anew with OpenSSL and is good for nothing outside the test.  Whatever fails ends
 * the program. */
#ifndef TESTS_MINTED_H
#define TESTS_MINTED_H

#include <openssl/x509.h>

#include "base/buf.h"

enum minted_kind {
    MINTED_P256,            /* the cheapest to make, so the one to take when it does not matter */
    MINTED_P384,
    MINTED_P521,
    MINTED_SECP256K1,
    MINTED_RSA_2048,        /* a tenth of a second */
    MINTED_RSA_1024,
    MINTED_ED25519,
    MINTED_ED448,
};

/* What is wanted; all zeros: P-256, no names, self-signed, from an hour ago until tomorrow. */
struct minted_wish {
    enum minted_kind     kind;
    const char          *common_name;   /* NULL: none */
    const char          *alternatives;  /* "DNS:a.test, IP:127.0.0.1" (x509v3_config(5)); NULL: none */
    int64_t              not_before_s;  /* seconds since 1970; 0 in both: see above */
    int64_t              not_after_s;
    uint64_t             serial;        /* 0: a random one */
    const struct minted *issuer;        /* who signs; NULL: itself */
    bool                 is_authority;  /* it may sign others */
};

struct minted {
    EVP_PKEY *key;
    X509     *certificate;
};

struct minted minted_make(const struct minted_wish *wish);
void          minted_fini(struct minted *minted);

/* ---- as PEM, at the end of what `pem` holds; a buffer of MINTED_PEM takes a good many ---- */

#define MINTED_PEM BUF_UP_TO(256 * 1024)

enum minted_form {
    MINTED_PKCS8,           /* PRIVATE KEY, or ENCRYPTED PRIVATE KEY */
    MINTED_TRADITIONAL,     /* RSA PRIVATE KEY (PKCS#1) or EC PRIVATE KEY (SEC1) */
};

void minted_add_certificate(struct buf *pem, const struct minted *minted);
void minted_add_ec_parameters(struct buf *pem);         /* as `openssl ecparam` writes them first */

/* Encrypted (AES-256) when there is a password, which may be NULL. */
void minted_add_key(struct buf *pem, const struct minted *minted, enum minted_form form,
                    const char *password);

/* The usual two files (tests/support/folder.h): the certificate with its issuer's, unless that is
 * NULL, behind it; and the key as PKCS#8. */
void minted_write(const struct minted *minted, const struct minted *issuer, const char *cert_name,
                  const char *key_name);

#endif
