#include "net/tls_pair.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/owner.h"

struct tls_pair {
    atomic_uint     references;
    EVP_PKEY       *key;
    X509           *leaf;
    STACK_OF(X509) *chain;
    int64_t         not_before;     /* seconds since 1970 */
    int64_t         not_after;
    GENERAL_NAMES  *alternatives;   /* subjectAltName; NULL: it has none */
    struct str      names[TLS_PAIR_NAMES_MAX];  /* in `alternatives`, or in the leaf's subject */
    size_t          names_count;
};

enum { RSA_BITS_MIN = 2048 };

static struct str str_of_asn1(const ASN1_STRING *string)
{
    return str_of((const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

/* ---- what stands in the certificate --------------------------------------------------- */

static bool seconds_of(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm utc;

    if (!ASN1_TIME_to_tm(time, &utc))
        return false;
    *seconds = timegm(&utc);
    return true;
}

static struct str without_root(struct str name)
{
    return str_ends(name, STR(".")) ? str_of(name.ptr, name.len - 1) : name;
}

/* A NUL once made verifiers see "bank.test" in "bank.test\0.evil.test". */
static void add_name(struct tls_pair *pair, struct str name)
{
    name = without_root(name);
    if (name.len && str_find(name, '\0') == name.len && pair->names_count < TLS_PAIR_NAMES_MAX)
        pair->names[pair->names_count++] = name;
}

static void add_common_names(struct tls_pair *pair)
{
    const X509_NAME *subject = X509_get_subject_name(pair->leaf);
    int at = -1;

    while ((at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0)
        add_name(pair, str_of_asn1(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
}

/* RFC 6125 §6.4.4: the common name counts only where nothing better names the server. */
static bool learn_names(struct tls_pair *pair)
{
    bool has_better = false;
    int found;

    pair->alternatives = X509_get_ext_d2i(pair->leaf, NID_subject_alt_name, &found, NULL);
    if (!pair->alternatives && found != -1)
        return false;
    for (int i = 0; i < sk_GENERAL_NAME_num(pair->alternatives); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(pair->alternatives, i);

        has_better |= name->type == GEN_DNS || name->type == GEN_IPADD;
        if (name->type == GEN_DNS)
            add_name(pair, str_of_asn1(name->d.dNSName));
    }
    if (!has_better)
        add_common_names(pair);
    return true;
}

/* ---- a pair --------------------------------------------------------------------------- */

struct tls_pair *tls_pair_new(EVP_PKEY *key, X509 *leaf, STACK_OF(X509) *chain)
{
    struct tls_pair *pair = calloc(1, sizeof *pair);

    if (!pair) {
        EVP_PKEY_free(key);
        X509_free(leaf);
        sk_X509_pop_free(chain, X509_free);
        return NULL;
    }
    atomic_init(&pair->references, 1);
    pair->key = key;
    pair->leaf = leaf;
    pair->chain = chain;
    if (X509_check_private_key(leaf, key) != 1 ||
        !seconds_of(X509_get0_notBefore(leaf), &pair->not_before) ||
        !seconds_of(X509_get0_notAfter(leaf), &pair->not_after) || !learn_names(pair)) {
        tls_pair_release(pair);
        pair = NULL;
    }
    ERR_clear_error();
    return pair;
}

struct tls_pair *tls_pair_under(EVP_PKEY *key, X509 *leaf, X509 *authority)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    if (!chain || sk_X509_push(chain, authority) <= 0) {
        sk_X509_free(chain);
        return NULL;
    }
    X509_up_ref(authority);
    X509_up_ref(leaf);
    EVP_PKEY_up_ref(key);
    return tls_pair_new(key, leaf, chain);
}

struct tls_pair *tls_pair_acquire(struct tls_pair *pair)
{
    atomic_fetch_add_explicit(&pair->references, 1, memory_order_relaxed);
    return pair;
}

void tls_pair_release(struct tls_pair *pair)
{
    if (!pair || atomic_fetch_sub_explicit(&pair->references, 1, memory_order_acq_rel) != 1)
        return;
    EVP_PKEY_free(pair->key);
    X509_free(pair->leaf);
    sk_X509_pop_free(pair->chain, X509_free);
    GENERAL_NAMES_free(pair->alternatives);
    free(pair);
}

EVP_PKEY *tls_pair_key(const struct tls_pair *pair)
{
    return pair->key;
}

X509 *tls_pair_leaf(const struct tls_pair *pair)
{
    return pair->leaf;
}

STACK_OF(X509) *tls_pair_chain(const struct tls_pair *pair)
{
    return pair->chain;
}

int64_t tls_pair_not_before(const struct tls_pair *pair)
{
    return pair->not_before;
}

int64_t tls_pair_not_after(const struct tls_pair *pair)
{
    return pair->not_after;
}

/* ---- the name a client asks for ------------------------------------------------------- */

/* RFC 6125 §6.4.3: "*" stands for one label, the left-most, and for the whole of it. */
static bool fits_wildcard(struct str pattern, struct str name)
{
    size_t first_label = str_find(name, '.');

    return str_starts(pattern, STR("*.")) && first_label > 0 &&
           str_equal_nocase(str_from(pattern, 1), str_from(name, first_label));
}

enum tls_fit tls_pair_fits(const struct tls_pair *pair, struct str name)
{
    enum tls_fit fit = TLS_FIT_NONE;

    name = without_root(name);
    for (size_t i = 0; i < pair->names_count; i++) {
        if (str_equal_nocase(pair->names[i], name))
            return TLS_FIT_EXACT;
        if (fits_wildcard(pair->names[i], name))
            fit = TLS_FIT_WILDCARD;
    }
    return fit;
}

/* ---- for the log ---------------------------------------------------------------------- */

struct day {
    char text[sizeof "2027-12-23" + 8];
};

static struct day day_of(int64_t seconds)
{
    time_t time = (time_t)seconds;
    struct day day = {""};
    struct tm utc;

    if (gmtime_r(&time, &utc))
        strftime(day.text, sizeof day.text, "%Y-%m-%d", &utc);
    return day;
}

/* RFC 5280 §4.1.2.2: at most 20 bytes; who has more is cut short. */
struct serial {
    char text[20 * 3 + sizeof "..."];
};

static struct serial serial_of(X509 *leaf)
{
    struct str bytes = str_of_asn1(X509_get0_serialNumber(leaf));
    struct serial serial = {""};
    char *end = serial.text;

    for (size_t i = 0; i < bytes.len && i < 20; i++)
        end += sprintf(end, i ? ":%02x" : "%02x", (unsigned char)bytes.ptr[i]);
    if (bytes.len > 20)
        memcpy(end, "...", sizeof "...");
    return serial;
}

/* The common name, or what else it goes by. */
static struct str title_of(const struct tls_pair *pair, const char **kind)
{
    const X509_NAME *subject = X509_get_subject_name(pair->leaf);
    int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

    *kind = at >= 0 ? "CN=" : pair->names_count ? "DNS:" : "no name";
    if (at >= 0)
        return str_of_asn1(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
    return pair->names_count ? pair->names[0] : STR_NONE;
}

const char *tls_pair_describe(const struct tls_pair *pair, char *room, size_t size)
{
    const char *kind;
    struct str title = title_of(pair, &kind);

    snprintf(room, size, "%s%s, serial %s, until %s", kind, LOG_QUOTE(title),
             serial_of(pair->leaf).text, day_of(pair->not_after).text);
    return room;
}

/* ---- reading files -------------------------------------------------------------------- */

struct loading {
    const struct tls_pair_files *files;
    char                        *problem;
    size_t                       size;
};

static bool complain(const struct loading *loading, const char *format, ...) PRINTF_LIKE(2, 3);

/* Says what is wrong, and is false, so that it can be returned. */
static bool complain(const struct loading *loading, const char *format, ...)
{
    va_list values;

    va_start(values, format);
    vsnprintf(loading->problem, loading->size, format, values);
    va_end(values);
    return false;
}

static bool complain_of_memory(const struct loading *loading)
{
    return complain(loading, "there is no memory for the certificate \"%s\" and its key",
                    LOG_QUOTE(str_view(loading->files->cert_path)));
}

/* The usual reason is that the file is somebody else's. */
static bool complain_of_errno(const struct loading *loading, const char *what, const char *path)
{
    int error = errno;

    return complain(loading, "cannot read the %s \"%s\": %s%s", what, LOG_QUOTE(str_view(path)),
                    strerror(error), OWNER_ADVISE(path, OWNER_READ_SECRET, error));
}

/* What a file says; it may be secret. */
struct content {
    char  *bytes;
    size_t len;
};

static void content_fini(struct content *content)
{
    if (content->bytes)
        OPENSSL_cleanse(content->bytes, content->len);
    free(content->bytes);
    *content = (struct content){0};
}

static bool read_open_file(const struct loading *loading, const char *what, const char *path,
                           int fd, struct content *content)
{
    struct stat status;
    ssize_t got;

    if (fstat(fd, &status) == -1)
        return complain_of_errno(loading, what, path);
    if (!S_ISREG(status.st_mode))
        return complain(loading, "the %s \"%s\" is not a regular file", what,
                        LOG_QUOTE(str_view(path)));
    if (status.st_size > TLS_PAIR_BYTES_MAX)
        return complain(loading, "the %s \"%s\" has more than %d bytes", what,
                        LOG_QUOTE(str_view(path)), TLS_PAIR_BYTES_MAX);
    content->bytes = malloc((size_t)status.st_size + 1);
    if (!content->bytes)
        return complain_of_memory(loading);
    do {
        got = read(fd, content->bytes + content->len, (size_t)status.st_size - content->len);
        content->len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    return got == 0 || complain_of_errno(loading, what, path);
}

/* O_NONBLOCK, so that a FIFO can be looked at without waiting for who writes into it. */
static bool read_file(const struct loading *loading, const char *what, const char *path,
                      struct content *content)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool ok;

    if (fd == -1)
        return complain_of_errno(loading, what, path);
    ok = read_open_file(loading, what, path, fd, content);
    close(fd);
    return ok;
}

/* ---- PEM ------------------------------------------------------------------------------ */

struct block {
    char          *name;        /* "CERTIFICATE" */
    char          *header;      /* how it is encrypted (RFC 1421 §4.6), else "" */
    unsigned char *bytes;
    long           len;
};

static void block_fini(struct block *block)
{
    OPENSSL_free(block->name);
    OPENSSL_free(block->header);
    OPENSSL_clear_free(block->bytes, (size_t)block->len);
    *block = (struct block){0};
}

static bool complain_of_damage(const struct loading *loading, const char *what, const char *path)
{
    if (ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE)
        return complain_of_memory(loading);
    return complain(loading, "the %s \"%s\" is damaged: a block between -----BEGIN and -----END "
                    "cannot be read", what, LOG_QUOTE(str_view(path)));
}

/* Into an empty *block; true with an empty one when there is none left. */
static bool next_block(const struct loading *loading, const char *what, const char *path, BIO *bio,
                       struct block *block)
{
    ERR_clear_error();
    if (PEM_read_bio(bio, &block->name, &block->header, &block->bytes, &block->len))
        return true;
    *block = (struct block){0};
    return ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ||
           complain_of_damage(loading, what, path);
}

/* ---- the certificates ----------------------------------------------------------------- */

static bool is_certificate(const struct block *block)
{
    return strcmp(block->name, PEM_STRING_X509) == 0 ||
           strcmp(block->name, PEM_STRING_X509_OLD) == 0 ||
           strcmp(block->name, PEM_STRING_X509_TRUSTED) == 0;
}

static bool add_certificate(const struct loading *loading, const struct block *block,
                            STACK_OF(X509) *certificates)
{
    const unsigned char *at = block->bytes;
    X509 *certificate = d2i_X509_AUX(NULL, &at, block->len);

    if (!certificate)
        return complain_of_damage(loading, "certificate", loading->files->cert_path);
    if (sk_X509_push(certificates, certificate) > 0)
        return true;
    X509_free(certificate);
    return complain_of_memory(loading);
}

static bool collect_certificates(const struct loading *loading, BIO *bio,
                                 STACK_OF(X509) *certificates)
{
    const char *path = loading->files->cert_path;
    struct block block = {0};
    bool ok;

    while ((ok = next_block(loading, "certificate", path, bio, &block)) && block.name) {
        ok = !is_certificate(&block) || add_certificate(loading, &block, certificates);
        block_fini(&block);
        if (!ok)
            return false;
    }
    if (ok && sk_X509_num(certificates) == 0)
        return complain(loading, "\"%s\" holds no certificate in PEM form "
                        "(\"-----BEGIN CERTIFICATE-----\")", LOG_QUOTE(str_view(path)));
    return ok;
}

static bool read_certificates(const struct loading *loading, STACK_OF(X509) **certificates)
{
    struct content content = {0};
    BIO *bio = NULL;
    bool ok = false;

    if (!read_file(loading, "certificate", loading->files->cert_path, &content))
        goto out;
    bio = BIO_new_mem_buf(content.bytes, (int)content.len);
    *certificates = sk_X509_new_null();
    ok = bio && *certificates ? collect_certificates(loading, bio, *certificates)
                              : complain_of_memory(loading);
out:
    BIO_free(bio);
    content_fini(&content);
    return ok;
}

/* ---- the password --------------------------------------------------------------------- */

struct password {
    char   bytes[PEM_BUFSIZE];
    size_t len;
};

static bool take_first_line(const struct loading *loading, struct str text,
                            struct password *password)
{
    const char *path = loading->files->password_path;
    struct str line = str_of(text.ptr, str_find(text, '\n'));

    assert(line.ptr);           /* an empty file is some bytes, too: none of them */
    if (str_ends(line, STR("\r")))
        line.len--;
    if (line.len == 0)
        return complain(loading, "the first line of \"%s\" is empty: the key's password belongs "
                        "there", LOG_QUOTE(str_view(path)));
    if (line.len > sizeof password->bytes)
        return complain(loading, "the password in \"%s\" has more than %zu bytes",
                        LOG_QUOTE(str_view(path)), sizeof password->bytes);
    memcpy(password->bytes, line.ptr, line.len);
    password->len = line.len;
    return true;
}

static bool read_password(const struct loading *loading, struct password *password)
{
    struct content content = {0};
    bool ok;

    if (!loading->files->password_path)
        return complain(loading, "the key \"%s\" is encrypted: name a file with its password "
                        "(--tls-key-password-file)", LOG_QUOTE(str_view(loading->files->key_path)));
    ok = read_file(loading, "password", loading->files->password_path, &content) &&
         take_first_line(loading, str_of(content.bytes, content.len), password);
    content_fini(&content);
    return ok;
}

/* For OpenSSL, which would ask on the terminal if it had no such function. */
static int give_password(char *room, int size, int is_for_writing, void *data)
{
    const struct password *password = data;

    (void)is_for_writing;
    if ((size_t)size < password->len)
        return -1;
    memcpy(room, password->bytes, password->len);
    return (int)password->len;
}

/* A cipher that OpenSSL has put away (DES, RC2) is known by what it complains of. */
static bool is_cipher_unknown(void)
{
    unsigned long error;
    bool unknown = false;

    while ((error = ERR_get_error()))
        unknown |= ERR_GET_REASON(error) == ERR_R_UNSUPPORTED ||
                   (ERR_GET_LIB(error) == ERR_LIB_EVP &&
                    (ERR_GET_REASON(error) == EVP_R_UNSUPPORTED_ALGORITHM ||
                     ERR_GET_REASON(error) == EVP_R_UNKNOWN_PBE_ALGORITHM)) ||
                   (ERR_GET_LIB(error) == ERR_LIB_PEM &&
                    ERR_GET_REASON(error) == PEM_R_UNSUPPORTED_ENCRYPTION);
    return unknown;
}

static bool complain_of_password(const struct loading *loading)
{
    const char *key = LOG_QUOTE(str_view(loading->files->key_path));

    if (is_cipher_unknown())
        return complain(loading, "the key \"%s\" is encrypted in a way that OpenSSL no longer "
                        "opens: encrypt it anew (openssl pkcs8 -topk8)", key);
    return complain(loading, "the password in \"%s\" does not open the key \"%s\"",
                    LOG_QUOTE(str_view(loading->files->password_path)), key);
}

/* ---- the key -------------------------------------------------------------------------- */

/* As PKCS#1, PKCS#8 or SEC1. */
static EVP_PKEY *key_of_bytes(const unsigned char *bytes, long len)
{
    return d2i_AutoPrivateKey(NULL, &bytes, len);
}

/* A wrong password leaves wrong padding, but once in 256 times: then it leaves noise, and what OpenSSL
 * has to say about that noise is nothing about the cipher. */
static EVP_PKEY *key_or_noise(EVP_PKEY *key)
{
    if (!key)
        ERR_clear_error();
    return key;
}

/* PKCS#8's own encryption: RFC 5958 §3. */
static EVP_PKEY *open_pkcs8(const struct block *block, const struct password *password)
{
    const unsigned char *at = block->bytes;
    X509_SIG *sealed = d2i_X509_SIG(NULL, &at, block->len);
    PKCS8_PRIV_KEY_INFO *opened = NULL;
    EVP_PKEY *key = NULL;

    if (sealed)
        opened = PKCS8_decrypt(sealed, password->bytes, (int)password->len);
    if (opened)
        key = key_or_noise(EVP_PKCS82PKEY(opened));
    PKCS8_PRIV_KEY_INFO_free(opened);
    X509_SIG_free(sealed);
    return key;
}

/* The older way, by a header in front of what is PKCS#1 or SEC1 once it is opened. */
static EVP_PKEY *open_by_header(struct block *block, struct password *password)
{
    EVP_CIPHER_INFO cipher;

    if (!PEM_get_EVP_CIPHER_INFO(block->header, &cipher) ||
        !PEM_do_header(&cipher, block->bytes, &block->len, give_password, password))
        return NULL;
    return key_or_noise(key_of_bytes(block->bytes, block->len));
}

static bool is_pkcs8_encrypted(const struct block *block)
{
    return strcmp(block->name, PEM_STRING_PKCS8) == 0;
}

static bool open_block(const struct loading *loading, struct block *block, EVP_PKEY **key)
{
    struct password password;
    long whole = block->len;

    if (!read_password(loading, &password))
        return false;
    *key = is_pkcs8_encrypted(block) ? open_pkcs8(block, &password)
                                     : open_by_header(block, &password);
    block->len = whole;         /* all of it is cleansed, also what was padding */
    OPENSSL_cleanse(&password, sizeof password);
    return *key || complain_of_password(loading);
}

static bool key_of_block(const struct loading *loading, struct block *block, EVP_PKEY **key)
{
    if (is_pkcs8_encrypted(block) || block->header[0])
        return open_block(loading, block, key);
    *key = key_of_bytes(block->bytes, block->len);
    return *key || complain_of_damage(loading, "key", loading->files->key_path);
}

/* What ssh-keygen writes looks like PEM from outside, and is something else within. */
static bool is_key(const struct block *block)
{
    return str_ends(str_view(block->name), STR("PRIVATE KEY")) &&
           strcmp(block->name, "OPENSSH PRIVATE KEY") != 0;
}

/* The first key counts; certificates and "EC PARAMETERS" may stand before it. */
static bool find_key(const struct loading *loading, BIO *bio, EVP_PKEY **key)
{
    const char *path = loading->files->key_path;
    struct block block = {0};
    bool ok;

    while ((ok = next_block(loading, "key", path, bio, &block)) && block.name && !is_key(&block))
        block_fini(&block);
    if (ok && !block.name)
        return complain(loading, "\"%s\" holds no private key in PEM form "
                        "(\"-----BEGIN PRIVATE KEY-----\")", LOG_QUOTE(str_view(path)));
    ok = ok && key_of_block(loading, &block, key);
    block_fini(&block);
    return ok;
}

static bool read_key(const struct loading *loading, EVP_PKEY **key)
{
    struct content content = {0};
    BIO *bio = NULL;
    bool ok = false;

    if (!read_file(loading, "key", loading->files->key_path, &content))
        goto out;
    bio = BIO_new_mem_buf(content.bytes, (int)content.len);
    ok = bio ? find_key(loading, bio, key) : complain_of_memory(loading);
out:
    BIO_free(bio);
    content_fini(&content);
    return ok;
}

/* ---- what is taken -------------------------------------------------------------------- */

static bool is_curve_taken(const struct loading *loading, const EVP_PKEY *key)
{
    static const char *const taken[] = {"prime256v1", "secp384r1", "secp521r1"};
    char curve[64] = "unknown to us";

    EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL);
    for (size_t i = 0; i < COUNTOF(taken); i++)
        if (strcmp(curve, taken[i]) == 0)
            return true;
    return complain(loading, "the key \"%s\" is on the curve %s: P-256, P-384 and P-521 are taken",
                    LOG_QUOTE(str_view(loading->files->key_path)), curve);
}

static bool is_key_taken(const struct loading *loading, const EVP_PKEY *key)
{
    const char *path = LOG_QUOTE(str_view(loading->files->key_path));
    const char *kind = EVP_PKEY_get0_type_name(key);

    if (EVP_PKEY_is_a(key, "RSA"))
        return EVP_PKEY_get_bits(key) >= RSA_BITS_MIN ||
               complain(loading, "the key \"%s\" has %d bits: RSA needs %d or more", path,
                        EVP_PKEY_get_bits(key), RSA_BITS_MIN);
    if (EVP_PKEY_is_a(key, "EC"))
        return is_curve_taken(loading, key);
    return EVP_PKEY_is_a(key, "ED25519") ||
           complain(loading, "the key \"%s\" is of the kind %s: RSA, EC and Ed25519 are taken",
                    path, kind ? kind : "unknown to us");
}

/* A chain in the wrong order is the usual reason why the two do not belong together. */
static bool do_belong_together(const struct loading *loading, EVP_PKEY *key,
                               STACK_OF(X509) *certificates)
{
    const char *key_path = LOG_QUOTE(str_view(loading->files->key_path));
    const char *cert_path = LOG_QUOTE(str_view(loading->files->cert_path));

    for (int i = 0; i < sk_X509_num(certificates); i++) {
        if (X509_check_private_key(sk_X509_value(certificates, i), key) != 1)
            continue;
        return i == 0 || complain(loading, "the key \"%s\" belongs to certificate number %d in "
                                  "\"%s\": the server's certificate must come first", key_path,
                                  i + 1, cert_path);
    }
    return complain(loading, "the key \"%s\" does not belong to the certificate \"%s\"", key_path,
                    cert_path);
}

static bool is_current(const struct loading *loading, const struct tls_pair *pair, int64_t now_s)
{
    const char *path = LOG_QUOTE(str_view(loading->files->cert_path));

    if (now_s < pair->not_before)
        return complain(loading, "the certificate \"%s\" is not valid before %s", path,
                        day_of(pair->not_before).text);
    return now_s <= pair->not_after || complain(loading, "the certificate \"%s\" expired on %s",
                                                path, day_of(pair->not_after).text);
}

/* Takes over both. */
static struct tls_pair *pair_up(const struct loading *loading, EVP_PKEY *key,
                                STACK_OF(X509) *certificates)
{
    X509 *leaf = sk_X509_shift(certificates);
    struct tls_pair *pair = tls_pair_new(key, leaf, certificates);

    if (!pair)
        complain(loading, "the certificate \"%s\" has names or dates that cannot be read, or there "
                 "is no memory", LOG_QUOTE(str_view(loading->files->cert_path)));
    return pair;
}

struct tls_pair *tls_pair_load(const struct tls_pair_files *files, int64_t now_s, char *problem,
                               size_t size)
{
    const struct loading loading = {files, problem, size};
    STACK_OF(X509) *certificates = NULL;
    struct tls_pair *pair = NULL;
    EVP_PKEY *key = NULL;

    if (!read_certificates(&loading, &certificates) || !read_key(&loading, &key) ||
        !is_key_taken(&loading, key) || !do_belong_together(&loading, key, certificates))
        goto out;
    pair = pair_up(&loading, key, certificates);
    key = NULL;                 /* they are the pair's now */
    certificates = NULL;
    if (pair && !is_current(&loading, pair, now_s)) {
        tls_pair_release(pair);
        pair = NULL;
    }
out:
    EVP_PKEY_free(key);
    sk_X509_pop_free(certificates, X509_free);
    ERR_clear_error();
    return pair;
}
