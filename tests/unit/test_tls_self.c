/* tls_self: what it makes, how long it keeps it, and that it gets along with any folder.  The time is
 * turned by hand. */
#include "net/tls_self.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/alloc_fail.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/minted.h"
#include "tests/support/promise.h"

enum { HOUR = 3600, DAY = 24 * HOUR, NOBODY = 65534, TEXT = 64 * 1024 };

static const int64_t now = 1800000000;      /* 2027-01-15 08:00:00 */

/* The last second of what is made now. */
static const int64_t until = 1800000000 - HOUR + (int64_t)TLS_SELF_DAYS * DAY - 1;

static const char *const names[] = {"www.a.test", "*.wild.test", "192.0.2.7", "2001:db8::7"};

static const struct tls_self_settings plain = {.dir = "certs", .host = "box"};
static const struct tls_self_settings named = {
    .dir = "certs", .names = names, .names_count = COUNTOF(names), .host = "box"};

static struct folder base;

static int enter(void **state)
{
    (void)state;
    folder_enter(&base);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    folder_leave(&base);
    return 0;
}

/* ---- help ----------------------------------------------------------------------------- */

static void refresh(struct tls_self *self, const struct tls_self_settings *settings, int64_t at)
{
    char problem[TLS_SELF_PROBLEM] = "";
    bool ok = tls_self_refresh(self, settings, at, problem, sizeof problem);

    assert_string_equal(problem, "");
    assert_true(ok);
    assert_non_null(self->pair);
    assert_non_null(self->authority_pem);
    assert_int_equal(strlen(self->fingerprint), TLS_SELF_FINGERPRINT - 1);
    assert_int_equal(ERR_peek_error(), 0);
}

/* As a server that starts. */
static struct tls_self start(const struct tls_self_settings *settings, int64_t at)
{
    struct tls_self self = TLS_SELF_NONE;

    refresh(&self, settings, at);
    return self;
}

/* The authority that a server that starts finds or makes, for a look at its fingerprint. */
static struct tls_self start_and_stop(const struct tls_self_settings *settings, int64_t at)
{
    struct tls_self self = start(settings, at), told = self;

    tls_self_fini(&self);
    told.pair = NULL;
    told.authority_pem = told.authority_path = NULL;
    return told;
}

static X509 *authority_of(const struct tls_self *self)
{
    BIO  *bio = BIO_new_mem_buf(self->authority_pem, -1);
    X509 *authority = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    assert_non_null(authority);
    BIO_free(bio);
    return authority;
}

static size_t slurp(const char *path, char text[TEXT])
{
    FILE  *file = fopen(path, "re");
    size_t len = file ? fread(text, 1, TEXT - 1, file) : 0;

    if (file)
        fclose(file);
    text[len] = '\0';
    return len;
}

/* What the four files say, to see whether any has changed. */
struct snapshot {
    char text[4][TEXT];
};

static const char *const kept[] = {"certs/ca-key.pem", "certs/ca.pem", "certs/key.pem",
                                   "certs/cert.pem"};

static void snap(struct snapshot *snapshot)
{
    memset(snapshot, 0, sizeof *snapshot);
    for (size_t i = 0; i < COUNTOF(kept); i++)
        slurp(kept[i], snapshot->text[i]);
}

static struct snapshot one, other;

static void expect_unchanged(const char *promise)
{
    snap(&other);
    PROMISED(promise, memcmp(&one, &other, sizeof one) == 0);
}

/* The folder is in order: who starts finds everything right, and changes nothing. */
static void expect_in_order(const char *promise, const struct tls_self_settings *settings,
                            int64_t at, const char *fingerprint)
{
    struct tls_self self;
    X509           *authority;

    snap(&one);
    self = start(settings, at);
    authority = authority_of(&self);
    PROMISED(promise, X509_verify(tls_pair_leaf(self.pair), X509_get0_pubkey(authority)) == 1);
    X509_free(authority);
    PROMISED(promise, !self.is_new_authority);
    PROMISED_STR(promise, str_view(self.warning), "");
    PROMISED_STR(promise, str_view(self.fingerprint), fingerprint);
    expect_unchanged(promise);
    for (size_t i = 0; i < COUNTOF(kept); i++)
        PROMISED(promise, one.text[i][0] != '\0');
    tls_self_fini(&self);
}

static mode_t mode_of(const char *path)
{
    struct stat status;

    assert_int_equal(lstat(path, &status), 0);
    return status.st_mode;
}

static void run(const char *command)
{
    assert_int_equal(system(command), 0);
}

/* ---- names ---------------------------------------------------------------------------- */

#define LABEL_63 "a23456789012345678901234567890123456789012345678901234567890123"
#define NAME_253 LABEL_63 "." LABEL_63 "." LABEL_63 \
                 ".a234567890123456789012345678901234567890123456789012345678901"

static const struct name_case {
    const char *promise;
    const char *name;
    bool        is_name;
} name_cases[] = {
    {"a host has a name",                  "localhost",       true},
    {"with labels, digits, hyphens",       "a-1.2b.test",     true},
    {"in any case of letters",             "WWW.Test",        true},
    {"also with an underscore",            "my_box.test",     true},
    {"a * is the first label",             "*.a.test",        true},
    {"with two behind it",                 "*.test",          false},
    {"and is not alone",                   "*",               false},
    {"and not in another place",           "a.*.test",        false},
    {"and not a part of one",              "a*.b.test",       false},
    {"IPv4",                               "192.0.2.7",       true},
    {"IPv6",                               "2001:DB8::7",     true},
    {"without brackets",                   "[::1]",           false},
    {"without an interface",               "fe80::1%eth0",    false},
    {"without a port",                     "a.test:443",      false},
    {"a slip in an address is no name",    "192.0.2.300",     false},
    {"nor is half of one",                 "192.0",           false},
    {"nothing is no name",                 "",                false},
    {"nor is a dot",                       ".",               false},
    {"nor are two in a row",               "a..test",         false},
    {"nor one at the end",                 "a.test.",         false},
    {"nor a hyphen at an end",             "-a.test",         false},
    {"nor at the other",                   "a-.test",         false},
    {"nor a space",                        "a b",             false},
    {"nor what would be other extensions", "a,IP:10.0.0.1",   false},
    {"nor a letter beyond ASCII",          "caf\xc3\xa9.test", false},
    {"63 bytes make a label",              LABEL_63,          true},
    {"64 do not",                          LABEL_63 "4",      false},
    {"253 bytes make a name",              NAME_253,          true},
    {"254 do not",                         NAME_253 "2",      false},
};

static void a_name_is_what_a_certificate_can_be_made_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(name_cases); i++)
        PROMISED_NUMBER(name_cases[i].promise, tls_self_is_name(name_cases[i].name),
                        name_cases[i].is_name);
}

static void who_asks_for_no_name_is_told(void **state)
{
    const char *const              no_names[] = {"a.test", "a b"};
    const char                    *many[TLS_SELF_NAMES_MAX + 1];
    const struct tls_self_settings wrong = {.dir = "certs", .names = no_names, .names_count = 2};
    const struct tls_self_settings too_many = {.dir = "certs", .names = many,
                                               .names_count = COUNTOF(many)};
    struct tls_self                self = TLS_SELF_NONE;
    char                           problem[TLS_SELF_PROBLEM];

    (void)state;
    for (size_t i = 0; i < COUNTOF(many); i++)
        many[i] = "a.test";
    assert_false(tls_self_refresh(&self, &wrong, now, problem, sizeof problem));
    assert_non_null(strstr(problem, "\"a b\""));
    assert_false(tls_self_refresh(&self, &too_many, now, problem, sizeof problem));
    assert_non_null(strstr(problem, "32"));
    assert_null(self.pair);
    assert_int_equal(access("certs", F_OK), -1);
}

static void as_many_names_as_are_allowed_are_all_in_it(void **state)
{
    static char              texts[TLS_SELF_NAMES_MAX][TLS_SELF_NAMES_MAX + sizeof NAME_253];
    const char              *many[TLS_SELF_NAMES_MAX];
    struct tls_self_settings settings = {.dir = "certs", .names = many,
                                         .names_count = COUNTOF(many), .host = "box"};
    struct tls_self          self;

    (void)state;
    for (size_t i = 0; i < COUNTOF(many); i++) {
        snprintf(texts[i], sizeof texts[i], "%s", NAME_253);
        texts[i][0] = (char)('a' + (int)i % 26);
        texts[i][1] = (char)('a' + (int)i / 26);
        many[i] = texts[i];
    }
    self = start(&settings, now);
    assert_string_equal(self.warning, "");
    for (size_t i = 0; i < COUNTOF(many); i++)
        assert_int_equal(tls_pair_fits(self.pair, str_view(many[i])), TLS_FIT_EXACT);
    assert_int_equal(tls_pair_fits(self.pair, STR("box")), TLS_FIT_EXACT);
    expect_in_order("all of them", &settings, now, self.fingerprint);
    tls_self_fini(&self);
}

/* ---- what is made --------------------------------------------------------------------- */

static void files_are_ours_alone_from_the_start(void **state)
{
    static const mode_t umasks[] = {0, 077, 0277};
    struct tls_self_settings settings = {.dir = "deep/er/certs/", .host = "box"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(umasks) - (geteuid() != 0); i++) {
        mode_t          before = umask(umasks[i]);
        struct tls_self self = start(&settings, now);

        umask(before);
        assert_string_equal(self.warning, "");
        assert_int_equal(mode_of("deep") & 0077, 0);
        assert_int_equal(mode_of("deep/er") & 0077, 0);
        assert_int_equal(mode_of("deep/er/certs") & 0077, 0);
        assert_int_equal(mode_of("deep/er/certs/ca.pem"), S_IFREG | 0644);
        assert_int_equal(mode_of("deep/er/certs/ca-key.pem"), S_IFREG | 0600);
        assert_int_equal(mode_of("deep/er/certs/cert.pem"), S_IFREG | 0644);
        assert_int_equal(mode_of("deep/er/certs/key.pem"), S_IFREG | 0600);
        run("test \"$(ls -A deep/er/certs | tr '\\n' ' ')\" = "
            "\".lock ca-key.pem ca.pem cert.pem key.pem \"");
        run("rm -r deep");
        tls_self_fini(&self);
    }
}

static void the_first_start_makes_and_the_second_finds(void **state)
{
    struct tls_self  self = start(&named, now), again;
    struct tls_pair *pair = self.pair;
    char             path[128], text[TEXT];

    (void)state;
    snprintf(path, sizeof path, "%s/certs/ca.pem", base.path);
    assert_string_equal(self.authority_path, path);
    assert_true(self.is_new_authority);
    assert_false(self.has_replaced);
    slurp(path, text);
    assert_string_equal(self.authority_pem, text);

    snap(&one);
    refresh(&self, &named, now + DAY);
    assert_ptr_equal(self.pair, pair);
    assert_false(self.is_new_authority);
    assert_string_equal(self.authority_path, path);
    expect_unchanged("a refresh writes nothing when nothing is to be made");

    again = start(&named, now + DAY);
    assert_string_equal(again.fingerprint, self.fingerprint);
    assert_string_equal(again.warning, "");
    assert_false(again.is_new_authority);
    assert_int_equal(X509_cmp(tls_pair_leaf(again.pair), tls_pair_leaf(self.pair)), 0);
    expect_unchanged("nor does a second start");
    tls_self_fini(&again);
    tls_self_fini(&self);
    assert_null(self.pair);
}

/* As the command `openssl x509 -fingerprint -sha256` prints it. */
static void the_fingerprint_is_the_authoritys(void **state)
{
    struct tls_self self = start(&plain, now);
    X509           *authority = authority_of(&self);
    unsigned char   digest[32];
    unsigned        byte;

    (void)state;
    X509_digest(authority, EVP_sha256(), digest, NULL);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(sscanf(self.fingerprint + 3 * i, "%2X", &byte), 1);
        assert_int_equal(byte, digest[i]);
        assert_int_equal(self.fingerprint[3 * i + 2], i < 31 ? ':' : '\0');
    }
    X509_free(authority);
    tls_self_fini(&self);
}

/* "BC: critical CA:FALSE", as OpenSSL prints an extension. */
static void expect_extension(const X509 *certificate, int nid, bool critical, const char *value)
{
    int             at = X509_get_ext_by_NID(certificate, nid, -1);
    X509_EXTENSION *extension = at < 0 ? NULL : X509_get_ext(certificate, at);
    BIO            *bio = BIO_new(BIO_s_mem());
    char           *text;
    long            len;

    PROMISED(OBJ_nid2sn(nid), extension != NULL);
    PROMISED_NUMBER(OBJ_nid2sn(nid), X509_EXTENSION_get_critical(extension), critical);
    assert_int_equal(X509V3_EXT_print(bio, extension, 0, 0), 1);
    len = BIO_get_mem_data(bio, &text);
    if (value)
        PROMISED_STR(OBJ_nid2sn(nid), str_of(text, (size_t)len), value);
    BIO_free(bio);
}

static int64_t seconds_of(const ASN1_TIME *time)
{
    struct tm utc;

    assert_int_equal(ASN1_TIME_to_tm(time, &utc), 1);
    return timegm(&utc);
}

static void expect_common(X509 *certificate)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    char      curve[32];
    const ASN1_INTEGER *serial = X509_get0_serialNumber(certificate);

    assert_int_equal(EVP_PKEY_get_group_name(key, curve, sizeof curve, NULL), 1);
    assert_string_equal(curve, "prime256v1");
    assert_int_equal(X509_get_signature_nid(certificate), NID_ecdsa_with_SHA256);
    assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
    assert_int_equal(ASN1_STRING_length(serial), 16);
    assert_int_equal(ASN1_STRING_type(serial), V_ASN1_INTEGER);     /* and not a negative one */
    assert_int_equal(seconds_of(X509_get0_notBefore(certificate)), now - HOUR);
}

static void expect_subject(const X509 *certificate, const char *subject)
{
    char text[256];

    X509_NAME_oneline(X509_get_subject_name(certificate), text, sizeof text);
    assert_string_equal(text, subject);
}

/* RFC 5280 §4.2.1; browsers take no more than 398 days. */
static void the_certificate_says_what_it_is_for(void **state)
{
    struct tls_self self = start(&named, now);
    X509           *leaf = tls_pair_leaf(self.pair);

    (void)state;
    expect_common(leaf);
    expect_subject(leaf, "/O=wherry/CN=localhost");
    assert_int_equal(tls_pair_not_after(self.pair), until);
    expect_extension(leaf, NID_basic_constraints, true, "CA:FALSE");
    expect_extension(leaf, NID_key_usage, true, "Digital Signature");
    expect_extension(leaf, NID_ext_key_usage, false, "TLS Web Server Authentication");
    expect_extension(leaf, NID_subject_key_identifier, false, NULL);
    expect_extension(leaf, NID_authority_key_identifier, false, NULL);
    expect_extension(leaf, NID_subject_alt_name, false,
                     "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, "
                     "DNS:www.a.test, DNS:*.wild.test, IP Address:192.0.2.7, "
                     "IP Address:2001:DB8:0:0:0:0:0:7, DNS:box");
    assert_int_equal(sk_X509_num(tls_pair_chain(self.pair)), 1);
    tls_self_fini(&self);
}

static void the_authority_says_what_it_may(void **state)
{
    struct tls_self self = start(&named, now);
    X509           *authority = authority_of(&self);
    char            subject[256];

    (void)state;
    expect_common(authority);
    X509_NAME_oneline(X509_get_subject_name(authority), subject, sizeof subject);
    assert_non_null(strstr(subject, "/CN=wherry authority of box "));
    assert_int_equal(seconds_of(X509_get0_notAfter(authority)),
                     now - HOUR + (int64_t)3650 * DAY - 1);
    expect_extension(authority, NID_basic_constraints, true, "CA:TRUE, pathlen:0");
    expect_extension(authority, NID_key_usage, true, "Certificate Sign, CRL Sign");
    expect_extension(authority, NID_ext_key_usage, false, "TLS Web Server Authentication");
    expect_extension(authority, NID_subject_key_identifier, false, NULL);
    expect_extension(authority, NID_name_constraints, true,
                     "Permitted:\n  DNS:localhost\n  IP:127.0.0.1/255.255.255.255\n"
                     "  IP:0:0:0:0:0:0:0:1/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF\n"
                     "  DNS:www.a.test\n  DNS:wild.test\n  IP:192.0.2.7/255.255.255.255\n"
                     "  IP:2001:DB8:0:0:0:0:0:7/FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF\n"
                     "  DNS:box");
    X509_free(authority);
    tls_self_fini(&self);
}

static void names_come_in_lower_case_and_once(void **state)
{
    const char *const        twice[] = {"A.test", "a.TEST", "LocalHost", "127.0.0.1", "0:0::1",
                                        "BOX"};
    struct tls_self_settings settings = {.dir = "certs", .names = twice,
                                         .names_count = COUNTOF(twice), .host = "Box"};
    struct tls_self          self = start(&settings, now);

    (void)state;
    expect_extension(tls_pair_leaf(self.pair), NID_subject_alt_name, false,
                     "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:a.test, "
                     "DNS:box");
    tls_self_fini(&self);
}

static void a_host_without_a_decent_name_is_left_out(void **state)
{
    static const char *const hosts[] = {"", "(none)", "10.0.0.1", "123456", "*.a.test", "-"};

    (void)state;
    for (size_t i = 0; i < COUNTOF(hosts); i++) {
        struct tls_self_settings settings = {.host = hosts[i]};
        struct tls_self          self = start(&settings, now);

        expect_extension(tls_pair_leaf(self.pair), NID_subject_alt_name, false,
                         "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1");
        tls_self_fini(&self);
    }
}

static void the_system_is_asked_for_the_hosts_name(void **state)
{
    struct tls_self_settings settings = {.dir = NULL};
    struct tls_self          self = start(&settings, now);
    char                     host[256];

    (void)state;
    assert_int_equal(gethostname(host, sizeof host), 0);
    if (tls_self_is_name(host))
        assert_int_equal(tls_pair_fits(self.pair, str_view(host)), TLS_FIT_EXACT);
    tls_self_fini(&self);
}

/* ---- who believes it ------------------------------------------------------------------ */

/* As a strict client that trusts the authority and asked for this name. */
static int verify(X509 *leaf, X509 *authority, const char *name)
{
    X509_STORE        *store = X509_STORE_new();
    X509_STORE_CTX    *context = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *param;
    int                error;

    assert_int_equal(X509_STORE_add_cert(store, authority), 1);
    assert_int_equal(X509_STORE_CTX_init(context, store, leaf, NULL), 1);
    param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, (time_t)now);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CHECK_SS_SIGNATURE);
    if (name && X509_VERIFY_PARAM_set1_ip_asc(param, name) != 1)
        assert_int_equal(X509_VERIFY_PARAM_set1_host(param, name, 0), 1);
    ERR_clear_error();
    if (X509_get_ext_by_NID(leaf, NID_authority_key_identifier, -1) >= 0)
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
    error = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    return error;
}

static const struct client_case {
    const char *promise;
    const char *name;
    int         error;
} clients[] = {
    {"localhost",                          "localhost",     X509_V_OK},
    {"the loopback of IPv4",               "127.0.0.1",     X509_V_OK},
    {"the loopback of IPv6",               "::1",           X509_V_OK},
    {"the host's name",                    "box",           X509_V_OK},
    {"a name that was asked for",          "WWW.a.test",    X509_V_OK},
    {"one that a * stands for",            "any.wild.test", X509_V_OK},
    {"an IPv4 address that was asked for", "192.0.2.7",     X509_V_OK},
    {"an IPv6 address that was asked for", "2001:db8::7",   X509_V_OK},
    {"a * is not for two labels",          "a.b.wild.test", X509_V_ERR_HOSTNAME_MISMATCH},
    {"nor for none",                       "wild.test",     X509_V_ERR_HOSTNAME_MISMATCH},
    {"another name",                       "a.test",        X509_V_ERR_HOSTNAME_MISMATCH},
    {"another address",                    "127.0.0.2",     X509_V_ERR_IP_ADDRESS_MISMATCH},
};

/* RFC 6125 §6.4 */
static void a_client_that_trusts_the_authority_believes_it(void **state)
{
    struct tls_self self = start(&named, now);
    X509           *authority = authority_of(&self);

    (void)state;
    for (size_t i = 0; i < COUNTOF(clients); i++)
        PROMISED_NUMBER(clients[i].promise,
                        verify(tls_pair_leaf(self.pair), authority, clients[i].name),
                        clients[i].error);
    X509_free(authority);
    tls_self_fini(&self);
}

static const struct forged_case {
    const char *promise;
    const char *alternatives;
    int         error;
} forgeries[] = {
    {"a name that was asked for",     "DNS:www.a.test",     X509_V_OK},
    {"what lies below it",            "DNS:x.www.a.test",   X509_V_OK},
    {"what lies below a *",           "DNS:a.b.wild.test",  X509_V_OK},
    {"an address that was asked for", "IP:192.0.2.7",       X509_V_OK},
    {"another name",                  "DNS:bank.test",      X509_V_ERR_PERMITTED_VIOLATION},
    {"a name that ends like one",     "DNS:evilwww.a.test", X509_V_ERR_PERMITTED_VIOLATION},
    {"what lies above one",           "DNS:a.test",         X509_V_ERR_PERMITTED_VIOLATION},
    {"a right one and a wrong one",   "DNS:localhost,DNS:bank.test",
                                                            X509_V_ERR_PERMITTED_VIOLATION},
    {"the address next door",         "IP:192.0.2.8",       X509_V_ERR_PERMITTED_VIOLATION},
    {"another loopback",              "IP:127.0.0.2",       X509_V_ERR_PERMITTED_VIOLATION},
    {"another IPv6 address",          "IP:2001:db8::8",     X509_V_ERR_PERMITTED_VIOLATION},
};

/* Whoever steals its key.  RFC 5280 §4.2.1.10 */
static void the_authority_is_believed_for_its_names_only(void **state)
{
    struct tls_self self = start(&named, now);
    BIO            *bio = BIO_new_file("certs/ca-key.pem", "r");
    struct minted   thief = {PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL), authority_of(&self)};

    (void)state;
    BIO_free(bio);
    for (size_t i = 0; i < COUNTOF(forgeries); i++) {
        const struct minted_wish wish = {.alternatives = forgeries[i].alternatives,
                                         .issuer = &thief,
                                         .not_before_s = now - HOUR,
                                         .not_after_s = now + DAY};
        struct minted            forged = minted_make(&wish);

        PROMISED_NUMBER(forgeries[i].promise, verify(forged.certificate, thief.certificate, NULL),
                        forgeries[i].error);
        minted_fini(&forged);
    }
    minted_fini(&thief);
    tls_self_fini(&self);
}

/* ---- when it is made anew ------------------------------------------------------------- */

static const struct time_case {
    const char *promise;
    int64_t     at;
    bool        new_leaf, new_authority;
} times[] = {
    {"a moment later nothing has changed", 1800000001, false, false},
    {"a day earlier it is not valid yet", 1800000000 - DAY, false, true},
    {"a minute earlier it is", 1800000000 - 60, false, false},
    {"it is good while more than 30 days are left",
     1800000000 - HOUR + (int64_t)367 * DAY - 2, false, false},
    {"then it is renewed", 1800000000 - HOUR + (int64_t)367 * DAY - 1, true, false},
    {"also when it has long expired", 1800000000 + (int64_t)2000 * DAY, true, false},
    {"while the authority outlives it", 1800000000 - HOUR + (int64_t)(3650 - 397) * DAY - 1, true,
     false},
    {"then there is a new authority", 1800000000 - HOUR + (int64_t)(3650 - 397) * DAY, true, true},
    {"also when it has long expired", 1800000000 + (int64_t)9000 * DAY, true, true},
};

static void time_passes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(times); i++) {
        const struct time_case *c = &times[i];
        struct tls_self         self = start(&plain, now), before = self;
        X509                   *leaf = X509_dup(tls_pair_leaf(self.pair));
        bool                    is_early = c->at < now - HOUR;

        refresh(&self, &plain, c->at);
        PROMISED_NUMBER(c->promise, self.is_new_authority, c->new_authority);
        PROMISED_NUMBER(c->promise, self.has_replaced, c->new_authority);
        PROMISED_NUMBER(c->promise, strcmp(self.fingerprint, before.fingerprint) != 0,
                        c->new_authority);
        if (!is_early) {
            PROMISED_NUMBER(c->promise, X509_cmp(leaf, tls_pair_leaf(self.pair)) != 0,
                            c->new_leaf);
            expect_in_order(c->promise, &plain, c->at, self.fingerprint);
        }
        X509_free(leaf);
        tls_self_fini(&self);
        run("rm -r certs");
    }
}

/* A machine without a battery starts in 1970, and learns the time a moment later. */
static void an_authority_of_the_future_is_left_alone(void **state)
{
    struct tls_self before = start_and_stop(&plain, now), self;

    (void)state;
    snap(&one);
    self = start(&plain, 0);
    assert_true(self.is_new_authority);
    assert_null(self.authority_path);
    assert_non_null(strstr(self.warning, "clock"));
    expect_unchanged("what may be right is not written over");

    refresh(&self, &plain, now + 60);
    assert_string_equal(self.warning, "");
    assert_string_equal(self.fingerprint, before.fingerprint);
    tls_self_fini(&self);
}

static void a_certificate_of_the_future_is_signed_anew(void **state)
{
    struct tls_self before = start_and_stop(&plain, now), self;

    (void)state;
    run("rm certs/cert.pem");
    (void)start_and_stop(&plain, now + 30 * (int64_t)DAY);
    self = start(&plain, now + DAY);
    assert_string_equal(self.fingerprint, before.fingerprint);
    assert_true(tls_pair_not_before(self.pair) < now + DAY);
    tls_self_fini(&self);
}

/* ---- when the names change ------------------------------------------------------------ */

static const char *const one_name[] = {"a.test"};
static const char *const two_names[] = {"a.test", "b.test"};
static const char *const name_below[] = {"x.a.test"};
static const char *const star_below[] = {"*.a.test"};
static const char *const name_beside[] = {"xa.test"};
static const char *const one_address[] = {"192.0.2.7"};
static const char *const next_address[] = {"192.0.2.8"};
static const char *const box_name[] = {"box"};

#define NAMES(list) .dir = "certs", .names = (list), .names_count = COUNTOF(list)

static const struct change_case {
    const char              *promise;
    struct tls_self_settings before, after;
    bool                     new_leaf, new_authority;
} changes[] = {
    {"a new name makes a new authority", {NAMES(one_name), .host = "box"},
     {NAMES(two_names), .host = "box"}, true, true},
    {"one name less changes nothing", {NAMES(two_names), .host = "box"},
     {NAMES(one_name), .host = "box"}, false, false},
    {"one below another is within the authority's power", {NAMES(one_name), .host = "box"},
     {NAMES(name_below), .host = "box"}, true, false},
    {"so is a *", {NAMES(one_name), .host = "box"}, {NAMES(star_below), .host = "box"}, true, false},
    {"one that only ends like it is not", {NAMES(one_name), .host = "box"},
     {NAMES(name_beside), .host = "box"}, true, true},
    {"nor is the address next door", {NAMES(one_address), .host = "box"},
     {NAMES(next_address), .host = "box"}, true, true},
    {"a container's next name changes nothing", {NAMES(one_name), .host = "box"},
     {NAMES(one_name), .host = "c4f3"}, false, false},
    {"nor does having none", {NAMES(one_name), .host = "box"}, {NAMES(one_name), .host = ""},
     false, false},
    {"a host's name that is asked for is a name", {NAMES(one_name), .host = "c4f3"},
     {NAMES(box_name), .host = "box"}, true, true},
    {"one that the authority permits comes in", {NAMES(one_name), .host = ""},
     {NAMES(one_name), .host = "x.a.test"}, true, false},
};

static bool is_for(const struct tls_pair *pair, const char *name)
{
    return tls_pair_fits(pair, str_view(name)) == TLS_FIT_EXACT ||
           X509_check_ip_asc(tls_pair_leaf(pair), name, 0) == 1;
}

static void names_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(changes); i++) {
        const struct change_case *c = &changes[i];
        struct tls_self           before = start(&c->before, now), after = start(&c->after, now);
        bool new_leaf = X509_cmp(tls_pair_leaf(before.pair), tls_pair_leaf(after.pair)) != 0;

        PROMISED_NUMBER(c->promise, new_leaf, c->new_leaf);
        PROMISED_NUMBER(c->promise, after.is_new_authority, c->new_authority);
        PROMISED_NUMBER(c->promise, after.has_replaced, c->new_authority);
        PROMISED_NUMBER(c->promise, strcmp(before.fingerprint, after.fingerprint) != 0,
                        c->new_authority);
        for (size_t n = 0; n < c->after.names_count; n++)
            PROMISED(c->promise, is_for(after.pair, c->after.names[n]));
        expect_in_order(c->promise, &c->after, now, after.fingerprint);
        tls_self_fini(&before);
        tls_self_fini(&after);
        run("rm -r certs");
    }
}

static void a_host_that_is_not_permitted_is_left_out_of_the_next_one(void **state)
{
    const struct tls_self_settings next = {.dir = "certs", .host = "c4f3"};
    struct tls_self                before = start_and_stop(&plain, now);
    struct tls_self                self = start(&next, until);

    (void)state;
    assert_string_equal(self.fingerprint, before.fingerprint);
    assert_int_equal(tls_pair_fits(self.pair, STR("c4f3")), TLS_FIT_NONE);
    assert_int_equal(tls_pair_fits(self.pair, STR("localhost")), TLS_FIT_EXACT);
    tls_self_fini(&self);
}

/* At one folder; they do not take turns in making new authorities. */
static void two_servers_with_other_names_leave_each_other_alone(void **state)
{
    const struct tls_self_settings a = {NAMES(one_name)}, b = {NAMES(box_name)};
    struct tls_self                first = start(&a, now), second = start(&b, now);
    struct tls_pair               *pair = first.pair;

    (void)state;
    assert_true(second.has_replaced);
    snap(&one);
    for (int i = 0; i < 3; i++) {
        refresh(&first, &a, now + i);
        refresh(&second, &b, now + i);
    }
    expect_unchanged("the first does not take the folder back");
    assert_ptr_equal(first.pair, pair);
    assert_false(first.is_new_authority);
    assert_null(first.authority_path);
    assert_non_null(strstr(first.warning, "other names"));
    assert_string_equal(second.warning, "");
    tls_self_fini(&first);
    tls_self_fini(&second);
}

/* ---- files that are not as they should be --------------------------------------------- */

enum damage { REMOVED, EMPTIED, GARBLED, CUT, TURNED, SWAPPED };

static const char *const damages[] = {"removed", "emptied", "garbled", "cut", "turned", "swapped"};

/* Another byte in the middle: still PEM, but not what was signed. */
static void turn_byte(const char *path)
{
    char   text[TEXT];
    size_t len = slurp(path, text);
    char  *byte = strchr(strchr(text, '\n') + 1, '\n') + 8;      /* of a key: in its secret half */

    *byte = *byte == 'A' ? 'B' : 'A';
    folder_bytes(path, str_of(text, len));
}

static void damage_file(const char *path, enum damage how)
{
    char text[TEXT], command[256];

    slurp(path, text);
    switch (how) {
    case REMOVED:
        folder_remove(path);
        break;
    case EMPTIED:
        folder_file(path, "");
        break;
    case GARBLED:
        folder_file(path, "-----BEGIN CERTIFICATE-----\nMII\n");
        break;
    case CUT:
        text[strlen(text) / 3] = '\0';
        folder_file(path, text);
        break;
    case TURNED:
        turn_byte(path);
        break;
    case SWAPPED:
        snprintf(command, sizeof command, "cp other/%s certs/", strrchr(path, '/') + 1);
        run(command);
        break;
    }
}

static void damaged_files_are_made_anew(void **state)
{
    const struct tls_self_settings elsewhere = {.dir = "other", .host = "box"};
    char                           promise[128];

    (void)state;
    (void)start_and_stop(&elsewhere, now);
    for (size_t i = 0; i < COUNTOF(kept); i++) {
        for (size_t how = 0; how < COUNTOF(damages); how++) {
            bool            is_authority = strstr(kept[i], "/ca") != NULL;
            struct tls_self before = start_and_stop(&plain, now), self;

            snprintf(promise, sizeof promise, "%s, %s", kept[i], damages[how]);
            damage_file(kept[i], (enum damage)how);
            self = start(&plain, now + 1);
            PROMISED_STR(promise, str_view(self.warning), "");
            PROMISED_NUMBER(promise, self.is_new_authority, is_authority);
            PROMISED_NUMBER(promise, strcmp(self.fingerprint, before.fingerprint) != 0,
                            is_authority);
            /* Where no authority is left nobody can tell that there was one. */
            PROMISED_NUMBER(promise, self.has_replaced,
                            is_authority && !(how == REMOVED && strstr(kept[i], "/ca.pem")));
            expect_in_order(promise, &plain, now + 1, self.fingerprint);
            tls_self_fini(&self);
            run("rm -r certs");
        }
    }
}

/* The new files take their names one after the other, `done` of them before the crash. */
static void crash(const struct tls_self_settings *settings, size_t done)
{
    struct tls_self_settings elsewhere = *settings;
    struct tls_self          next, self;
    char                     promise[128], command[256];

    elsewhere.dir = "other";
    next = start_and_stop(&elsewhere, now);
    (void)start_and_stop(&plain, now);
    for (size_t i = 0; i < done; i++) {
        snprintf(command, sizeof command, "cp other/%s certs/", strrchr(kept[i], '/') + 1);
        run(command);
    }
    snprintf(promise, sizeof promise, "a crash after %zu files", done);
    self = start(settings, now);
    PROMISED_STR(promise, str_view(self.warning), "");
    /* Once both files of the authority are there, it is the one. */
    if (done >= 2)
        PROMISED_STR(promise, str_view(self.fingerprint), next.fingerprint);
    expect_in_order(promise, settings, now, self.fingerprint);
    tls_self_fini(&self);
    run("rm -r certs other");
}

static void a_crash_in_between_is_healed(void **state)
{
    const struct tls_self_settings other_names = {NAMES(one_name)};

    (void)state;
    for (size_t done = 0; done <= COUNTOF(kept); done++) {
        crash(&plain, done);
        crash(&other_names, done);
    }
}

static void what_a_crash_has_left_is_not_in_the_way(void **state)
{
    struct tls_self self;

    (void)state;
    folder_folder("certs");
    folder_file("certs/.ca-key.pem.new", "half");
    folder_file("certs/.cert.pem.new", "half");
    folder_file("certs/.lock", "");
    self = start(&plain, now);
    assert_string_equal(self.warning, "");
    assert_int_equal(access("certs/.ca-key.pem.new", F_OK), -1);
    assert_int_equal(access("certs/.cert.pem.new", F_OK), -1);
    tls_self_fini(&self);
}

static void links_are_replaced_and_not_followed(void **state)
{
    struct tls_self self;
    char            text[TEXT];

    (void)state;
    folder_folder("certs");
    folder_file("victim", "precious");
    folder_link("certs/key.pem", "../victim");
    folder_link("certs/.ca-key.pem.new", "../victim");
    folder_link("certs/ca.pem", "nowhere");
    self = start(&plain, now);
    assert_string_equal(self.warning, "");
    slurp("victim", text);
    assert_string_equal(text, "precious");
    assert_int_equal(mode_of("certs/key.pem"), S_IFREG | 0600);
    assert_int_equal(access("nowhere", F_OK), -1);
    tls_self_fini(&self);
}

static void a_lock_that_is_a_link_is_not_followed(void **state)
{
    struct tls_self self;

    (void)state;
    folder_folder("certs");
    folder_link("certs/.lock", "../victim");
    self = start(&plain, now);
    assert_string_not_equal(self.warning, "");
    assert_int_equal(access("victim", F_OK), -1);
    tls_self_fini(&self);
}

/* As a secret is mounted. */
static void links_to_right_files_are_read(void **state)
{
    struct tls_self before = start_and_stop(&plain, now), self;

    (void)state;
    run("mkdir certs/..data && mv certs/*.pem certs/..data");
    run("cd certs && for f in ca ca-key cert key; do ln -s ..data/$f.pem $f.pem; done");
    self = start(&plain, now);
    assert_string_equal(self.fingerprint, before.fingerprint);
    tls_self_fini(&self);
}

static const struct odd_case {
    const char *promise;
    const char *make;
} odds[] = {
    {"a folder in its place",  "rm certs/key.pem; mkdir certs/key.pem"},
    {"a FIFO in its place",    "rm certs/key.pem; mkfifo certs/key.pem"},
    {"a link that goes round", "rm certs/key.pem; ln -s key.pem certs/key.pem"},
    {"a file without end",     "truncate -s 1G certs/key.pem"},
};

static void what_is_no_file_of_ours_is_left_alone(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(odds); i++) {
        struct tls_self self;

        (void)start_and_stop(&plain, now);
        run(odds[i].make);
        self = start(&plain, now);
        PROMISED(odds[i].promise, strstr(self.warning, "certs/key.pem") != NULL);
        PROMISED(odds[i].promise, !self.authority_path);
        run("test -e certs/ca.pem");
        tls_self_fini(&self);
        run("rm -r certs");
    }
}

static void certificates_of_others_are_not_written_over(void **state)
{
    struct minted   theirs = minted_make(&(struct minted_wish){.common_name = "a.test"});
    struct tls_self self;

    (void)state;
    folder_folder("certs");
    minted_write(&theirs, NULL, "certs/cert.pem", "certs/key.pem");
    snap(&one);
    self = start(&plain, now);
    expect_unchanged("a certificate and its key");
    assert_non_null(strstr(self.warning, "certs/cert.pem"));
    tls_self_fini(&self);

    minted_write(&theirs, NULL, "certs/ca.pem", "certs/ca-key.pem");
    folder_remove("certs/cert.pem");
    folder_remove("certs/key.pem");
    snap(&one);
    self = start(&plain, now);
    expect_unchanged("an authority and its key");
    assert_non_null(strstr(self.warning, "certs/ca.pem"));
    tls_self_fini(&self);
    minted_fini(&theirs);
}

/* ---- folders that are of no use ------------------------------------------------------- */

static const struct useless_case {
    const char *promise;
    const char *dir;
    const char *named;          /* in the warning */
} useless[] = {
    {"none",                  NULL,             "no folder"},
    {"an empty one",          "",               "no folder"},
    {"one below a file",      "file/certs/x",   "\"file/certs/x\": Not a directory"},
    {"a file",                "file",           "\"file\": Not a directory"},
    {"one that nobody makes", "/proc/no/certs", "\"/proc/no/certs\": No such file or directory"},
};

static void without_a_folder_it_lives_in_memory(void **state)
{
    (void)state;
    folder_file("file", "");
    for (size_t i = 0; i < COUNTOF(useless); i++) {
        const struct useless_case     *c = &useless[i];
        const struct tls_self_settings settings = {.dir = c->dir, .host = "box"};
        struct tls_self                self = start(&settings, now);
        struct tls_pair               *pair = self.pair;
        X509                          *authority = authority_of(&self);

        PROMISED(c->promise, strstr(self.warning, c->named) != NULL);
        PROMISED(c->promise, self.is_new_authority && !self.has_replaced && !self.authority_path);
        PROMISED_NUMBER(c->promise, verify(tls_pair_leaf(self.pair), authority, "localhost"),
                        X509_V_OK);

        refresh(&self, &settings, now + DAY);
        PROMISED(c->promise, self.pair == pair && !self.is_new_authority && *self.warning);
        refresh(&self, &settings, until);
        PROMISED(c->promise, self.pair != pair && self.is_new_authority && self.has_replaced);
        X509_free(authority);
        tls_self_fini(&self);
    }
}

static void a_folder_that_comes_later_is_used_then(void **state)
{
    const struct tls_self_settings settings = {.dir = "file/certs", .host = "box"};
    struct tls_self                self;

    (void)state;
    folder_file("file", "");
    self = start(&settings, now);
    folder_remove("file");
    refresh(&self, &settings, now);
    assert_string_equal(self.warning, "");
    assert_non_null(self.authority_path);
    assert_true(self.has_replaced);
    tls_self_fini(&self);
}

static void what_is_in_memory_stays_when_the_folder_goes(void **state)
{
    struct tls_self  self = start(&plain, now);
    struct tls_pair *pair = self.pair;

    (void)state;
    run("rm -r certs");
    folder_file("certs", "a file now");
    refresh(&self, &plain, now + 1);
    assert_ptr_equal(self.pair, pair);
    assert_string_not_equal(self.warning, "");
    assert_null(self.authority_path);
    assert_false(self.is_new_authority);
    tls_self_fini(&self);
}

/* Nothing takes a name before everything is written. */
static void a_full_disk_changes_nothing(void **state)
{
    struct rlimit   before, none;
    struct tls_self self;

    (void)state;
    (void)start_and_stop(&plain, now);
    snap(&one);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    none = (struct rlimit){100, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
    self = start(&plain, until);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);

    expect_unchanged("the old ones are there");
    assert_non_null(strstr(self.warning, strerror(EFBIG)));
    assert_non_null(self.authority_path);       /* the authority has signed it all the same */
    assert_false(self.is_new_authority);
    run("test \"$(ls certs/.*.new 2>&1 | grep -c '^certs')\" = 0");
    tls_self_fini(&self);
}

/* ---- as somebody else ----------------------------------------------------------------- */

static bool become_nobody(void)
{
    return geteuid() == 0 && setegid(NOBODY) == 0 && seteuid(NOBODY) == 0;
}

static void become_root(void)
{
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(setegid(0), 0);
}

static struct tls_self start_as_nobody(const struct tls_self_settings *settings, int64_t at)
{
    struct tls_self self;

    assert_true(become_nobody());
    self = start(settings, at);
    become_root();
    return self;
}

#define NEEDS_ROOT()                                                                           \
    do {                                                                                       \
        if (geteuid() != 0)                                                                    \
            skip();                                                                            \
    } while (0)

static void files_that_we_may_not_read_are_left_alone(void **state)
{
    struct tls_self self;

    (void)state;
    NEEDS_ROOT();
    (void)start_and_stop(&plain, now);
    run("chmod 777 certs; chmod 644 certs/ca-key.pem");
    snap(&one);
    self = start_as_nobody(&plain, now);
    expect_unchanged("although the folder would let us");
    assert_non_null(strstr(self.warning, "certs/key.pem"));
    assert_non_null(strstr(self.warning, "; it belongs to uid 0 (mode 0600) and wherry runs as "
                                          "uid 65534: run it as the owner"));
    assert_null(self.authority_path);
    tls_self_fini(&self);
}

static void a_folder_of_somebody_else_is_named_with_its_owner(void **state)
{
    struct tls_self self;

    (void)state;
    NEEDS_ROOT();
    run("mkdir -m 755 certs && chown 12345:54321 certs");
    self = start_as_nobody(&plain, now);
    assert_non_null(strstr(self.warning, "\"certs\""));
    assert_non_null(strstr(self.warning, "; it belongs to uid 12345 (mode 0755) and wherry runs "
                                          "as uid 65534: run it as the owner (in a container: "
                                          "--user 12345:54321) or give it to uid 65534"));
    tls_self_fini(&self);
}

/* As a read-only mount is. */
static void a_folder_that_can_only_be_read_will_do(void **state)
{
    struct tls_self before, self;

    (void)state;
    NEEDS_ROOT();
    before = start_and_stop(&plain, now);
    run("chown 65534 certs/*.pem; chmod 755 certs; rm certs/.lock");
    self = start_as_nobody(&plain, now);
    assert_string_equal(self.warning, "");
    assert_string_equal(self.fingerprint, before.fingerprint);
    tls_self_fini(&self);

    self = start_as_nobody(&plain, until);
    assert_non_null(strstr(self.warning, "in memory only"));
    assert_string_equal(self.fingerprint, before.fingerprint);
    assert_non_null(self.authority_path);       /* for it has signed what is in memory */
    assert_true(tls_pair_not_after(self.pair) > until);
    tls_self_fini(&self);

    folder_remove("certs/ca-key.pem");
    self = start_as_nobody(&plain, now);
    assert_string_equal(self.warning, "");
    assert_string_equal(self.fingerprint, before.fingerprint);
    tls_self_fini(&self);
}

static void the_authoritys_key_may_be_closed_to_us(void **state)
{
    struct tls_self before, self;

    (void)state;
    NEEDS_ROOT();
    before = start_and_stop(&plain, now);
    run("chown 65534 certs certs/key.pem");
    self = start_as_nobody(&plain, now);
    assert_string_equal(self.warning, "");
    assert_string_equal(self.fingerprint, before.fingerprint);
    tls_self_fini(&self);

    snap(&one);
    self = start_as_nobody(&plain, until);
    expect_unchanged("it is not written over when it is needed");
    assert_non_null(strstr(self.warning, "certs/ca-key.pem"));
    assert_true(self.is_new_authority);
    tls_self_fini(&self);
}

/* ---- others at the same folder -------------------------------------------------------- */

struct told {
    char fingerprint[TLS_SELF_FINGERPRINT];
    char serial[64];
    bool is_new;
};

static void tell(const struct tls_self *self, int to)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(tls_pair_leaf(self->pair));
    struct told         told = {.is_new = self->is_new_authority};

    memcpy(told.fingerprint, self->fingerprint, sizeof told.fingerprint);
    for (int i = 0; i < ASN1_STRING_length(serial); i++)
        sprintf(told.serial + 2 * i, "%02x", ASN1_STRING_get0_data(serial)[i]);
    assert_int_equal(write(to, &told, sizeof told), sizeof told);
}

/* All begin when `gate` closes. */
static void be_a_server(int gate, int to)
{
    struct tls_self self = TLS_SELF_NONE;
    char            problem[TLS_SELF_PROBLEM], byte;

    if (read(gate, &byte, 1) != 0 ||
        !tls_self_refresh(&self, &plain, now, problem, sizeof problem) || *self.warning)
        _exit(1);
    tell(&self, to);
    tls_self_fini(&self);
    _exit(0);
}

static void servers_that_start_together_have_one_authority(void **state)
{
    enum { SERVERS = 8 };
    struct told first, next;
    int         gate[2], ears[2], made, status;

    (void)state;
    for (int round = 0; round < 5; round++) {
        assert_int_equal(pipe(gate), 0);
        assert_int_equal(pipe(ears), 0);
        for (int i = 0; i < SERVERS; i++) {
            if (fork() == 0) {
                close(gate[1]);
                be_a_server(gate[0], ears[1]);
            }
        }
        close(gate[0]);
        close(gate[1]);
        close(ears[1]);
        assert_int_equal(read(ears[0], &first, sizeof first), sizeof first);
        made = first.is_new;
        for (int i = 1; i < SERVERS; i++) {
            assert_int_equal(read(ears[0], &next, sizeof next), sizeof next);
            assert_string_equal(next.fingerprint, first.fingerprint);
            assert_string_equal(next.serial, first.serial);
            made += next.is_new;
        }
        assert_int_equal(made, 1);
        for (int i = 0; i < SERVERS; i++) {
            assert_true(wait(&status) > 0);
            assert_int_equal(status, 0);
        }
        close(ears[0]);
        expect_in_order("whoever comes later finds it", &plain, now, first.fingerprint);
        run("rm -r certs");
    }
}

static void a_server_takes_what_another_has_made(void **state)
{
    struct tls_self  self = start(&plain, now), next;
    struct tls_pair *pair = self.pair;

    (void)state;
    run("rm -r certs");
    next = start(&plain, now);
    refresh(&self, &plain, now);
    assert_ptr_not_equal(self.pair, pair);
    assert_string_equal(self.fingerprint, next.fingerprint);
    assert_false(self.is_new_authority);
    tls_self_fini(&next);
    tls_self_fini(&self);
}

static void a_lock_that_is_never_given_back_is_not_waited_for_forever(void **state)
{
    struct tls_self self;
    int             lock;

    (void)state;
    folder_folder("certs");
    lock = open("certs/.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(lock, LOCK_EX), 0);
    self = start(&plain, now);
    assert_non_null(strstr(self.warning, "does not let go"));
    assert_null(self.authority_path);
    close(lock);

    refresh(&self, &plain, now);
    assert_string_equal(self.warning, "");
    assert_non_null(self.authority_path);
    tls_self_fini(&self);
}

/* ---- when things fail ----------------------------------------------------------------- */

static void without_memory_nothing_changes(void **state)
{
    struct tls_self before = start_and_stop(&plain, now);
    struct tls_self self = TLS_SELF_NONE;
    bool            failed = false;

    (void)state;
    for (size_t n = 1; alloc_fail_next(n); n++) {
        char problem[TLS_SELF_PROBLEM] = "";
        bool ok = tls_self_refresh(&self, &plain, now, problem, sizeof problem);

        PROMISED("a failure is told", ok == !*problem);
        PROMISED("a failure leaves nothing behind", ok == (self.pair != NULL));
        failed |= !ok;
        tls_self_fini(&self);
    }
    assert_true(failed);
    expect_in_order("a folder that can't be judged is not written over", &plain, now,
                    before.fingerprint);
}

/* OpenSSL's own allocations: the n-th fails, and so do all that are made in the same place from then
 * on.  Not by malloc, which alloc_fail counts. */
static struct {
    size_t      left;           /* until one fails; SIZE_MAX: none does */
    const char *file;
    int         line;
} openssl_memory = {.left = SIZE_MAX};

/* Some places have no name, and from 3.2 on OpenSSL tells a lack of memory in one place as whatever it
 * could not do without: there only the n-th allocation fails. */
static bool fails_again(const char *place, int line)
{
    return openssl_memory.file && *place && OpenSSL_version_num() < 0x30200000L &&
           strcmp(place, openssl_memory.file) == 0 && line == openssl_memory.line;
}

static void *openssl_realloc(void *ptr, size_t size, const char *file, int line)
{
    const char *place = file ? file : "";
    bool        fails = openssl_memory.left == 0 && !openssl_memory.file;

    if (fails) {
        openssl_memory.file = place;
        openssl_memory.line = line;
    }
    openssl_memory.left -= openssl_memory.left > 0 && openssl_memory.left < SIZE_MAX;
    if (fails || fails_again(place, line))
        return NULL;
    return reallocarray(ptr, 1, size);
}

static void *openssl_malloc(size_t size, const char *file, int line)
{
    return openssl_realloc(NULL, size, file, line);
}

static void openssl_free(void *ptr, const char *file, int line)
{
    (void)file, (void)line;
    free(ptr);
}

/* What can't be read for want of memory must not pass for damaged. */
static void without_memory_for_openssl_nothing_changes(void **state)
{
    struct tls_self before = start_and_stop(&plain, now);
    bool            has_failed = true;

    (void)state;
    snap(&one);
    for (size_t n = 0; has_failed; n += 1 + n / 64) {
        struct tls_self self = TLS_SELF_NONE;
        char            problem[TLS_SELF_PROBLEM] = "";
        bool            ok;

        openssl_memory.left = n;
        ok = tls_self_refresh(&self, &plain, now, problem, sizeof problem);
        has_failed = openssl_memory.file != NULL;
        openssl_memory.left = SIZE_MAX;
        openssl_memory.file = NULL;
        PROMISED("a failure is told", ok == !*problem);
        PROMISED("a failure leaves nothing behind", ok == (self.pair != NULL));
        PROMISED("what was right is taken or nothing is",
                 !ok || strcmp(self.fingerprint, before.fingerprint) == 0);
        tls_self_fini(&self);
    }
    expect_unchanged("and the folder stays as it was");
}

static const struct fault_case {
    const char     *promise;
    enum fault_call call;
    int             error;
} faults[] = {
    {"files that can't be opened", FAULT_OPENAT, EIO},
    {"files that can't be looked at", FAULT_FSTAT, EIO},
    {"files that can't be read", FAULT_READ, EIO},
    {"a folder that can't be opened", FAULT_OPEN, EMFILE},
};

static void what_cannot_be_read_just_now_is_not_written_over(void **state)
{
    struct tls_self before = start_and_stop(&plain, now);

    (void)state;
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        bool has_warned = false;

        for (size_t n = 1; fault_next(n, faults[i].call, faults[i].error); n++) {
            struct tls_self self = start(&plain, now);

            has_warned |= *self.warning != '\0';
            tls_self_fini(&self);
        }
        PROMISED(faults[i].promise, has_warned);
        expect_in_order(faults[i].promise, &plain, now, before.fingerprint);
    }
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_what_a_certificate_can_be_made_for),
        IN_A_FOLDER(who_asks_for_no_name_is_told),
        IN_A_FOLDER(as_many_names_as_are_allowed_are_all_in_it),

        IN_A_FOLDER(files_are_ours_alone_from_the_start),
        IN_A_FOLDER(the_first_start_makes_and_the_second_finds),
        IN_A_FOLDER(the_fingerprint_is_the_authoritys),
        IN_A_FOLDER(the_certificate_says_what_it_is_for),
        IN_A_FOLDER(the_authority_says_what_it_may),
        IN_A_FOLDER(names_come_in_lower_case_and_once),
        IN_A_FOLDER(a_host_without_a_decent_name_is_left_out),
        IN_A_FOLDER(the_system_is_asked_for_the_hosts_name),

        IN_A_FOLDER(a_client_that_trusts_the_authority_believes_it),
        IN_A_FOLDER(the_authority_is_believed_for_its_names_only),

        IN_A_FOLDER(time_passes),
        IN_A_FOLDER(an_authority_of_the_future_is_left_alone),
        IN_A_FOLDER(a_certificate_of_the_future_is_signed_anew),

        IN_A_FOLDER(names_change),
        IN_A_FOLDER(a_host_that_is_not_permitted_is_left_out_of_the_next_one),
        IN_A_FOLDER(two_servers_with_other_names_leave_each_other_alone),

        IN_A_FOLDER(damaged_files_are_made_anew),
        IN_A_FOLDER(a_crash_in_between_is_healed),
        IN_A_FOLDER(what_a_crash_has_left_is_not_in_the_way),
        IN_A_FOLDER(links_are_replaced_and_not_followed),
        IN_A_FOLDER(a_lock_that_is_a_link_is_not_followed),
        IN_A_FOLDER(links_to_right_files_are_read),
        IN_A_FOLDER(what_is_no_file_of_ours_is_left_alone),
        IN_A_FOLDER(certificates_of_others_are_not_written_over),

        IN_A_FOLDER(without_a_folder_it_lives_in_memory),
        IN_A_FOLDER(a_folder_that_comes_later_is_used_then),
        IN_A_FOLDER(what_is_in_memory_stays_when_the_folder_goes),
        IN_A_FOLDER(a_full_disk_changes_nothing),
        IN_A_FOLDER(files_that_we_may_not_read_are_left_alone),
        IN_A_FOLDER(a_folder_of_somebody_else_is_named_with_its_owner),
        IN_A_FOLDER(a_folder_that_can_only_be_read_will_do),
        IN_A_FOLDER(the_authoritys_key_may_be_closed_to_us),

        IN_A_FOLDER(servers_that_start_together_have_one_authority),
        IN_A_FOLDER(a_server_takes_what_another_has_made),
        IN_A_FOLDER(a_lock_that_is_never_given_back_is_not_waited_for_forever),

        IN_A_FOLDER(without_memory_nothing_changes),
        IN_A_FOLDER(without_memory_for_openssl_nothing_changes),
        IN_A_FOLDER(what_cannot_be_read_just_now_is_not_written_over),
    };

    /* Before OpenSSL has allocated anything. */
    if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
