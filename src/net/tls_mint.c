#include "net/tls_mint.h"

#include <arpa/inet.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <time.h>

static const char organization[] = "wherry";

enum {
    SERIAL_BYTES = 16,          /* RFC 5280 §4.1.2.2: at most 20, positive */
    LABEL_MAX    = 63,
};

/* ---- names ---------------------------------------------------------------------------- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_label_byte(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '-' || byte == '_';
}

/* No hyphen at the ends (RFC 1123 §2.1).  The underscore is no letter of host names, but some have
 * it all the same. */
static bool is_label(struct str label)
{
    if (label.len == 0 || label.len > LABEL_MAX || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!is_label_byte(label.ptr[i]))
            return false;
    return true;
}

static bool is_number(struct str label)
{
    for (size_t i = 0; i < label.len; i++)
        if (!is_digit(label.ptr[i]))
            return false;
    return true;
}

/* name = [ "*." label "." ] label *( "." label )
 *
 * A "*" with a single label behind it is believed by no client, and what ends in a number is an
 * address to browsers, or a slip of the pen: 192.0.2.300. */
static bool is_dns_name(struct str text)
{
    struct str rest = text, label = STR_NONE;
    size_t     labels = 0, least = 1;

    if (text.len > TLS_NAME_BYTES_MAX)
        return false;
    for (; str_split(&rest, '.', &label); labels++) {
        if (labels == 0 && str_equal(label, STR("*")))
            least = 3;
        else if (!is_label(label))
            return false;
    }
    return labels >= least && !is_number(label);
}

static bool read_address(struct tls_name *name, struct str text)
{
    char terminated[INET6_ADDRSTRLEN];

    if (text.len >= sizeof terminated || str_find(text, '\0') != text.len)
        return false;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    *name = (struct tls_name){.is_address = true, .len = 4};
    if (inet_pton(AF_INET, terminated, name->bytes) == 1)
        return true;
    name->len = 16;
    return inet_pton(AF_INET6, terminated, name->bytes) == 1;
}

bool tls_name_read(struct tls_name *name, struct str text)
{
    if (read_address(name, text))
        return true;
    if (!is_dns_name(text))
        return false;
    *name = (struct tls_name){.len = text.len};
    for (size_t i = 0; i < text.len; i++) {
        bool is_upper = text.ptr[i] >= 'A' && text.ptr[i] <= 'Z';

        name->bytes[i] = (char)(text.ptr[i] + (is_upper ? 'a' - 'A' : 0));
    }
    return true;
}

static struct str name_view(const struct tls_name *name)
{
    return str_of(name->bytes, name->len);
}

bool tls_names_hold(const struct tls_names *names, const struct tls_name *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->list[i].is_address == name->is_address &&
            str_equal(name_view(&names->list[i]), name_view(name)))
            return true;
    return false;
}

bool tls_names_hold_all(const struct tls_names *names, const struct tls_names *others)
{
    for (size_t i = 0; i < others->count; i++)
        if (!tls_names_hold(names, &others->list[i]))
            return false;
    return true;
}

bool tls_names_add(struct tls_names *names, const struct tls_name *name)
{
    if (tls_names_hold(names, name))
        return true;
    if (names->count == TLS_NAMES_MAX)
        return false;
    names->list[names->count++] = *name;
    return true;
}

/* ---- names in certificates ------------------------------------------------------------ */

static GENERAL_NAME *general_name(bool is_address, struct str bytes)
{
    GENERAL_NAME *general = GENERAL_NAME_new();
    ASN1_STRING  *string = is_address ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

    if (!general || !string || !ASN1_STRING_set(string, bytes.ptr, (int)bytes.len)) {
        GENERAL_NAME_free(general);
        ASN1_STRING_free(string);
        return NULL;
    }
    GENERAL_NAME_set0_value(general, is_address ? GEN_IPADD : GEN_DNS, string);
    return general;
}

static bool add_alternatives(X509 *certificate, const struct tls_names *names)
{
    GENERAL_NAMES *list = GENERAL_NAMES_new();
    bool           ok = list != NULL;

    for (size_t i = 0; ok && i < names->count; i++) {
        const struct tls_name *name = &names->list[i];
        GENERAL_NAME          *general = general_name(name->is_address, name_view(name));

        ok = general && sk_GENERAL_NAME_push(list, general) > 0;
        if (!ok)
            GENERAL_NAME_free(general);
    }
    ok = ok && X509_add1_ext_i2d(certificate, NID_subject_alt_name, list, 0, 0) == 1;
    GENERAL_NAMES_free(list);
    return ok;
}

/* RFC 5280 §4.2.1.10: an address comes with its mask; a DNS name stands for itself and everything
 * below it, and knows no "*". */
static GENERAL_NAME *constraint(const struct tls_name *name)
{
    struct str text = name_view(name);
    char       masked[32];

    if (!name->is_address)
        return general_name(false, str_starts(text, STR("*.")) ? str_from(text, 2) : text);
    memcpy(masked, text.ptr, text.len);
    memset(masked + text.len, 0xff, text.len);
    return general_name(true, str_of(masked, 2 * text.len));
}

static bool push_constraint(NAME_CONSTRAINTS *constraints, const struct tls_name *name)
{
    GENERAL_SUBTREE *subtree = GENERAL_SUBTREE_new();

    if (subtree) {
        GENERAL_NAME_free(subtree->base);
        subtree->base = constraint(name);
    }
    if (!subtree || !subtree->base ||
        sk_GENERAL_SUBTREE_push(constraints->permittedSubtrees, subtree) <= 0) {
        GENERAL_SUBTREE_free(subtree);
        return false;
    }
    return true;
}

static bool add_constraints(X509 *certificate, const struct tls_names *names)
{
    NAME_CONSTRAINTS *constraints = NAME_CONSTRAINTS_new();
    bool              ok = constraints != NULL;

    if (ok)
        constraints->permittedSubtrees = sk_GENERAL_SUBTREE_new_null();
    ok = ok && constraints->permittedSubtrees;
    for (size_t i = 0; ok && i < names->count; i++)
        ok = push_constraint(constraints, &names->list[i]);
    ok = ok && X509_add1_ext_i2d(certificate, NID_name_constraints, constraints, 1, 0) == 1;
    NAME_CONSTRAINTS_free(constraints);
    return ok;
}

/* ---- making --------------------------------------------------------------------------- */

static bool draw_serial(unsigned char serial[SERIAL_BYTES])
{
    if (RAND_bytes(serial, SERIAL_BYTES) != 1)
        return false;
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);     /* positive, and as long as it is */
    return true;
}

static bool set_serial(X509 *certificate, const unsigned char serial[SERIAL_BYTES])
{
    BIGNUM *number = BN_bin2bn(serial, SERIAL_BYTES, NULL);
    bool    ok = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));

    BN_free(number);
    return ok;
}

static bool set_span(X509 *certificate, struct tls_span span)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)span.from_s) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)span.until_s);
}

static bool name_part(X509_NAME *name, int nid, struct str text)
{
    return X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, (const unsigned char *)text.ptr,
                                      (int)text.len, -1, 0) == 1;
}

static bool set_subject(X509 *certificate, struct str common_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);

    return name_part(name, NID_organizationName, str_view(organization)) &&
           name_part(name, NID_commonName, common_name);
}

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509_EXTENSION *extension;
    X509V3_CTX      context;
    bool            ok;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    ok = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

/* RFC 5280 §4.2.1.1.  Not as the others: OpenSSL's reader of their texts looks for the issuer's
 * identifier, and does not look whether there was memory for it. */
static bool add_authority_key_id(X509 *certificate, X509 *authority)
{
    const ASN1_OCTET_STRING *key_id = X509_get0_subject_key_id(authority);
    AUTHORITY_KEYID         *id = AUTHORITY_KEYID_new();
    bool                     ok = false;

    if (id && key_id)
        id->keyid = ASN1_OCTET_STRING_dup(key_id);
    if (id && id->keyid)
        ok = X509_add1_ext_i2d(certificate, NID_authority_key_identifier, id, 0, 0) == 1;
    AUTHORITY_KEYID_free(id);
    return ok;
}

static EVP_PKEY *draw_key(enum tls_mint_key kind)
{
    switch (kind) {
    case TLS_MINT_P256:
        return EVP_EC_gen("P-256");
    case TLS_MINT_RSA_768:
        return EVP_RSA_gen(768);
    }
    return NULL;
}

/* What all of them have: a key of its own, a number, a time. */
static bool begin(struct tls_minted *minted, enum tls_mint_key kind,
                  const unsigned char serial[SERIAL_BYTES], struct tls_span span)
{
    minted->key = draw_key(kind);
    minted->certificate = X509_new();
    return minted->key && minted->certificate &&
           X509_set_version(minted->certificate, X509_VERSION_3) == 1 &&
           set_serial(minted->certificate, serial) && set_span(minted->certificate, span) &&
           X509_set_pubkey(minted->certificate, minted->key) == 1;
}

static bool finish(struct tls_minted *out, struct tls_minted *minted, bool ok)
{
    if (ok) {
        *out = *minted;
        *minted = TLS_MINTED_NONE;
    }
    tls_minted_fini(minted);
    return ok;
}

/* "wherry authority of laptop 5f0a91c2": in the list of a browser one has to tell them apart.
 * RFC 5280 §A.1: at most 64 characters, of which 35 are left for the host. */
static bool name_authority(X509 *certificate, struct str host, const unsigned char serial[4])
{
    char text[65];
    int  len = snprintf(text, sizeof text, "wherry authority of %.*s %02x%02x%02x%02x",
                        (int)MIN_OF(host.len, (size_t)35), host.ptr, serial[0], serial[1],
                        serial[2], serial[3]);

    return set_subject(certificate, str_of(text, (size_t)len));
}

/* Constraints of DNS names and addresses say nothing of e-mail or of programs; that it is for
 * servers only does. */
static bool describe_authority(X509 *certificate, const struct tls_names *names)
{
    return X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) == 1 &&
           add_extension(certificate, certificate, NID_basic_constraints,
                         "critical,CA:TRUE,pathlen:0") &&
           add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign,cRLSign") &&
           add_extension(certificate, certificate, NID_ext_key_usage, "serverAuth") &&
           add_constraints(certificate, names) &&
           add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
}

bool tls_mint_authority(struct tls_minted *out, const struct tls_names *names, struct str host,
                        struct tls_span span)
{
    struct tls_minted minted = TLS_MINTED_NONE;
    unsigned char     serial[SERIAL_BYTES];

    return finish(out, &minted,
                  draw_serial(serial) && begin(&minted, TLS_MINT_P256, serial, span) &&
                      name_authority(minted.certificate, host, serial) &&
                      describe_authority(minted.certificate, names) &&
                      X509_sign(minted.certificate, minted.key, EVP_sha256()) > 0);
}

static bool describe_leaf(X509 *certificate, X509 *authority, const struct tls_names *names)
{
    return X509_set_issuer_name(certificate, X509_get_subject_name(authority)) == 1 &&
           add_extension(certificate, authority, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, authority, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, authority, NID_ext_key_usage, "serverAuth") &&
           add_alternatives(certificate, names) &&
           add_extension(certificate, authority, NID_subject_key_identifier, "hash") &&
           add_authority_key_id(certificate, authority);
}

bool tls_mint_leaf(struct tls_minted *out, const struct tls_minted *authority,
                   const struct tls_names *names, enum tls_mint_key key, struct tls_span span)
{
    struct tls_minted minted = TLS_MINTED_NONE;
    unsigned char     serial[SERIAL_BYTES];

    assert(names->count > 0 && !names->list[0].is_address && names->list[0].len <= 64);
    return finish(out, &minted,
                  draw_serial(serial) && begin(&minted, key, serial, span) &&
                      set_subject(minted.certificate, name_view(&names->list[0])) &&
                      describe_leaf(minted.certificate, authority->certificate, names) &&
                      X509_sign(minted.certificate, authority->key, EVP_sha256()) > 0 &&
                      tls_mint_is_signed(minted.certificate, authority->certificate));
}

void tls_minted_fini(struct tls_minted *minted)
{
    EVP_PKEY_free(minted->key);
    X509_free(minted->certificate);
    *minted = TLS_MINTED_NONE;
}

/* ---- those that were kept ------------------------------------------------------------- */

bool tls_mint_is_ours(const X509 *certificate)
{
    char text[sizeof organization + 1];
    int  len = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_organizationName,
                                         text, sizeof text);

    return len > 0 && str_equal(str_of(text, (size_t)len), str_view(organization));
}

/* A PEM file has no check sum: a key that lost a bit still reads as one, and would sign rubbish. */
bool tls_minted_belongs(const struct tls_minted *minted)
{
    EVP_PKEY_CTX *context;
    bool          ok;

    if (!minted->key || !minted->certificate ||
        X509_check_private_key(minted->certificate, minted->key) != 1)
        return false;
    context = EVP_PKEY_CTX_new(minted->key, NULL);
    ok = context && EVP_PKEY_pairwise_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    return ok;
}

bool tls_mint_is_authority(X509 *certificate)
{
    return X509_check_ca(certificate) == 1 &&
           X509_verify(certificate, X509_get0_pubkey(certificate)) == 1;
}

bool tls_mint_is_signed(X509 *leaf, X509 *authority)
{
    X509_STORE     *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    bool            ok = store && context && X509_STORE_add_cert(store, authority) == 1 &&
              X509_STORE_CTX_init(context, store, leaf, NULL) == 1 &&
              X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER) == 1;

    if (ok) {
        X509_STORE_CTX_set_flags(context, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_X509_STRICT);
        ok = X509_verify_cert(context) == 1;
    }
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return ok;
}

static struct str asn1_view(const ASN1_STRING *string)
{
    return str_of((const char *)ASN1_STRING_get0_data(string), (size_t)ASN1_STRING_length(string));
}

static bool dns_is_below(struct str name, struct str base)
{
    if (base.len == 0 || str_equal_nocase(name, base))
        return true;
    return name.len > base.len &&
           str_equal_nocase(str_from(name, name.len - base.len), base) &&
           (base.ptr[0] == '.' || name.ptr[name.len - base.len - 1] == '.');
}

static bool address_is_below(struct str address, struct str masked)
{
    if (masked.len != 2 * address.len)
        return false;
    for (size_t i = 0; i < address.len; i++)
        if ((address.ptr[i] ^ masked.ptr[i]) & masked.ptr[address.len + i])
            return false;
    return true;
}

/* Says in *speaks_of_it whether any of them is of the kind of the name. */
static bool is_below_any(STACK_OF(GENERAL_SUBTREE) *subtrees, const struct tls_name *name,
                         bool *speaks_of_it)
{
    bool is_below = false;

    *speaks_of_it = false;
    for (int i = 0; i < sk_GENERAL_SUBTREE_num(subtrees); i++) {
        const GENERAL_NAME *base = sk_GENERAL_SUBTREE_value(subtrees, i)->base;

        if (base->type != (name->is_address ? GEN_IPADD : GEN_DNS))
            continue;
        *speaks_of_it = true;
        is_below |= name->is_address ? address_is_below(name_view(name), asn1_view(base->d.ip))
                                     : dns_is_below(name_view(name), asn1_view(base->d.ia5));
    }
    return is_below;
}

/* RFC 5280 §4.2.1.10: what is excluded is out; where some of a kind are permitted, others of that
 * kind are not. */
bool tls_mint_permits(const X509 *authority, const struct tls_name *name)
{
    NAME_CONSTRAINTS *constraints;
    bool              is_permitted, speaks_of_it;
    int               found;

    constraints = X509_get_ext_d2i(authority, NID_name_constraints, &found, NULL);
    if (!constraints)
        return found == -1;
    is_permitted = is_below_any(constraints->permittedSubtrees, name, &speaks_of_it);
    is_permitted |= !speaks_of_it;
    is_permitted &= !is_below_any(constraints->excludedSubtrees, name, &speaks_of_it);
    NAME_CONSTRAINTS_free(constraints);
    return is_permitted;
}

void tls_mint_names(const X509 *certificate, struct tls_names *names)
{
    GENERAL_NAMES *list = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

    names->count = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(list); i++) {
        const GENERAL_NAME *general = sk_GENERAL_NAME_value(list, i);
        struct tls_name     name = {.is_address = general->type == GEN_IPADD};
        struct str          bytes;

        if (general->type != GEN_IPADD && general->type != GEN_DNS)
            continue;
        bytes = asn1_view(general->type == GEN_IPADD ? general->d.ip : general->d.ia5);
        if (bytes.len > sizeof name.bytes)
            continue;
        name.len = bytes.len;
        memcpy(name.bytes, bytes.ptr, bytes.len);
        if (!tls_names_add(names, &name))
            break;
    }
    GENERAL_NAMES_free(list);
}

static bool seconds_of(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm utc;

    if (!ASN1_TIME_to_tm(time, &utc))
        return false;
    *seconds = timegm(&utc);
    return true;
}

struct tls_span tls_mint_span(const X509 *certificate)
{
    struct tls_span span;

    if (!seconds_of(X509_get0_notBefore(certificate), &span.from_s) ||
        !seconds_of(X509_get0_notAfter(certificate), &span.until_s))
        return (struct tls_span){0};
    return span;
}
