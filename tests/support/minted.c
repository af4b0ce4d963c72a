#include "tests/support/minted.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/support/folder.h"

static void must(bool succeeded, const char *what)
{
    if (succeeded)
        return;
    fprintf(stderr, "minted: %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

/* ---- making --------------------------------------------------------------------------- */

static EVP_PKEY *make_key(enum minted_kind kind)
{
    EVP_PKEY *key = NULL;

    switch (kind) {
    case MINTED_P256:      key = EVP_EC_gen("P-256"); break;
    case MINTED_P384:      key = EVP_EC_gen("P-384"); break;
    case MINTED_P521:      key = EVP_EC_gen("P-521"); break;
    case MINTED_SECP256K1: key = EVP_EC_gen("secp256k1"); break;
    case MINTED_RSA_2048:  key = EVP_RSA_gen(2048); break;
    case MINTED_RSA_1024:  key = EVP_RSA_gen(1024); break;
    case MINTED_ED25519:   key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); break;
    case MINTED_ED448:     key = EVP_PKEY_Q_keygen(NULL, NULL, "ED448"); break;
    }
    must(key != NULL, "a key");
    return key;
}

static void set_serial(X509 *certificate, uint64_t serial)
{
    if (serial == 0)
        must(RAND_bytes((unsigned char *)&serial, sizeof serial) == 1, "randomness");
    must(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial), "a serial number");
}

static void set_dates(X509 *certificate, const struct minted_wish *wish)
{
    bool is_now = !wish->not_before_s && !wish->not_after_s;
    int64_t from_s = is_now ? time(NULL) - 3600 : wish->not_before_s;
    int64_t until_s = is_now ? time(NULL) + 60 * 24 * 3600 : wish->not_after_s;

    must(ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from_s) != NULL, "a date");
    must(ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)until_s) != NULL, "a date");
}

static void add_to_name(X509_NAME *name, const char *field, const char *value)
{
    must(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, (const unsigned char *)value, -1,
                                    -1, 0),
         "a name");
}

static void set_names(X509 *certificate, const struct minted_wish *wish)
{
    X509_NAME *subject = X509_get_subject_name(certificate);

    add_to_name(subject, "O", "minted for a test");
    if (wish->common_name)
        add_to_name(subject, "CN", wish->common_name);
    must(X509_set_issuer_name(certificate, wish->issuer
                                               ? X509_get_subject_name(wish->issuer->certificate)
                                               : subject),
         "an issuer");
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX context;

    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension && X509_add_ext(certificate, extension, -1), value);
    X509_EXTENSION_free(extension);
}

static void add_extensions(X509 *certificate, const struct minted_wish *wish)
{
    add_extension(certificate, NID_subject_key_identifier, "hash");
    add_extension(certificate, NID_basic_constraints,
                  wish->is_authority ? "critical, CA:TRUE" : "critical, CA:FALSE");
    add_extension(certificate, NID_key_usage,
                  wish->is_authority ? "critical, keyCertSign" : "critical, digitalSignature");
    if (wish->alternatives)
        add_extension(certificate, NID_subject_alt_name, wish->alternatives);
}

/* The two Edwards curves bring their own digest. */
static void sign(X509 *certificate, EVP_PKEY *key)
{
    bool brings_digest = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448");

    must(X509_sign(certificate, key, brings_digest ? NULL : EVP_sha256()) > 0, "a signature");
}

struct minted minted_make(const struct minted_wish *wish)
{
    struct minted made = {make_key(wish->kind), X509_new()};

    must(made.certificate && X509_set_version(made.certificate, X509_VERSION_3) &&
             X509_set_pubkey(made.certificate, made.key),
         "a certificate");
    set_serial(made.certificate, wish->serial);
    set_dates(made.certificate, wish);
    set_names(made.certificate, wish);
    add_extensions(made.certificate, wish);
    sign(made.certificate, wish->issuer ? wish->issuer->key : made.key);
    return made;
}

void minted_fini(struct minted *minted)
{
    EVP_PKEY_free(minted->key);
    X509_free(minted->certificate);
    *minted = (struct minted){0};
}

/* ---- writing -------------------------------------------------------------------------- */

/* Moves what OpenSSL has written. */
static void take(struct buf *pem, BIO *bio, bool succeeded)
{
    char *text;
    long len = BIO_get_mem_data(bio, &text);

    must(succeeded && len > 0, "PEM");
    buf_append(pem, str_of(text, (size_t)len));
    must(!pem->failed, "room for PEM");
    BIO_free(bio);
}

static BIO *paper(void)
{
    BIO *bio = BIO_new(BIO_s_mem());

    must(bio != NULL, "memory");
    return bio;
}

void minted_add_certificate(struct buf *pem, const struct minted *minted)
{
    BIO *bio = paper();

    take(pem, bio, PEM_write_bio_X509(bio, minted->certificate));
}

void minted_add_ec_parameters(struct buf *pem)
{
    unsigned char *bytes = NULL;
    int len = i2d_ASN1_OBJECT(OBJ_nid2obj(NID_X9_62_prime256v1), &bytes);
    BIO *bio = paper();

    take(pem, bio, len > 0 && PEM_write_bio(bio, PEM_STRING_ECPARAMETERS, "", bytes, len));
    OPENSSL_free(bytes);
}

void minted_add_key(struct buf *pem, const struct minted *minted, enum minted_form form,
                    const char *password)
{
    const EVP_CIPHER *cipher = password ? EVP_aes_256_cbc() : NULL;
    int len = password ? (int)strlen(password) : 0;
    BIO *bio = paper();

    if (form == MINTED_PKCS8)
        take(pem, bio, PEM_write_bio_PKCS8PrivateKey(bio, minted->key, cipher, password, len, NULL,
                                                     NULL));
    else
        take(pem, bio,
             PEM_write_bio_PrivateKey_traditional(bio, minted->key, cipher,
                                                  (const unsigned char *)password, len, NULL, NULL));
}

static void write_and_empty(const char *name, struct buf *pem)
{
    folder_bytes(name, buf_view(pem));
    buf_reset(pem);
}

void minted_write(const struct minted *minted, const struct minted *issuer, const char *cert_name,
                  const char *key_name)
{
    struct buf pem = MINTED_PEM;

    minted_add_certificate(&pem, minted);
    if (issuer)
        minted_add_certificate(&pem, issuer);
    write_and_empty(cert_name, &pem);
    minted_add_key(&pem, minted, MINTED_PKCS8, NULL);
    write_and_empty(key_name, &pem);
    buf_fini(&pem);
}
