/* tls_pair: what it reads, what it refuses and in which words, and which names it answers to. */
#include "net/tls_pair.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/alloc_fail.h"
#include "tests/support/fault.h"
#include "tests/support/folder.h"
#include "tests/support/minted.h"
#include "tests/support/promise.h"

enum { DAY = 24 * 3600, PROBLEM = 1024 };

static const int64_t now = 1800000000;      /* 2027-01-15 08:00:00 */

static struct minted mint(enum minted_kind kind, const char *common_name, const char *alternatives)
{
    const struct minted_wish wish = {
        .kind = kind,
        .common_name = common_name,
        .alternatives = alternatives,
        .not_before_s = now - DAY,
        .not_after_s = now + DAY,
    };

    return minted_make(&wish);
}

/* Writes out what was put together. */
static void save(const char *name, struct buf *pem)
{
    assert_false(pem->failed);
    folder_bytes(name, buf_view(pem));
    buf_reset(pem);
}

static struct tls_pair *load(const char *cert, const char *key, const char *password, int64_t at,
                             char problem[static PROBLEM])
{
    const struct tls_pair_files files = {cert, key, password};
    struct tls_pair *pair;

    problem[0] = '\0';
    pair = tls_pair_load(&files, at, problem, PROBLEM);
    assert_int_equal(ERR_peek_error(), 0);
    return pair;
}

/* ---- keys in every form --------------------------------------------------------------- */

static const struct form_case {
    const char      *promise;
    enum minted_kind kind;
    enum minted_form form;
    const char      *password;
} forms[] = {
    {"RSA as PKCS#8",             MINTED_RSA_2048, MINTED_PKCS8,       NULL},
    {"RSA as PKCS#1",             MINTED_RSA_2048, MINTED_TRADITIONAL, NULL},
    {"RSA as encrypted PKCS#8",   MINTED_RSA_2048, MINTED_PKCS8,       "open sesame"},
    {"RSA as encrypted PKCS#1",   MINTED_RSA_2048, MINTED_TRADITIONAL, "open sesame"},
    {"P-256 as PKCS#8",           MINTED_P256,     MINTED_PKCS8,       NULL},
    {"P-256 as SEC1",             MINTED_P256,     MINTED_TRADITIONAL, NULL},
    {"P-256 as encrypted PKCS#8", MINTED_P256,     MINTED_PKCS8,       "open sesame"},
    {"P-256 as encrypted SEC1",   MINTED_P256,     MINTED_TRADITIONAL, "open sesame"},
    {"P-384",                     MINTED_P384,     MINTED_PKCS8,       NULL},
    {"P-521",                     MINTED_P521,     MINTED_TRADITIONAL, NULL},
    {"Ed25519",                   MINTED_ED25519,  MINTED_PKCS8,       NULL},
    {"Ed25519, encrypted",        MINTED_ED25519,  MINTED_PKCS8,       "open sesame"},
};

static void a_key_is_read_in_each_of_its_forms(void **state)
{
    struct folder folder;
    struct buf pem = MINTED_PEM;
    char problem[PROBLEM];

    (void)state;
    folder_enter(&folder);
    folder_file("password", "open sesame\nand what it is for\n");
    folder_file("password-crlf", "open sesame\r\n");
    for (size_t i = 0; i < COUNTOF(forms); i++) {
        const struct form_case *c = &forms[i];
        const char *password = i % 2 ? "password" : "password-crlf";
        struct minted minted = mint(c->kind, "a.test", NULL);
        struct tls_pair *pair;

        minted_add_certificate(&pem, &minted);
        save("cert.pem", &pem);
        minted_add_key(&pem, &minted, c->form, c->password);
        save("key.pem", &pem);
        pair = load("cert.pem", "key.pem", c->password ? password : NULL, now, problem);
        PROMISED_STR(c->promise, str_view(problem), "");
        PROMISED(c->promise, pair && EVP_PKEY_eq(tls_pair_key(pair), minted.key) == 1);
        PROMISED(c->promise, X509_cmp(tls_pair_leaf(pair), minted.certificate) == 0);
        tls_pair_release(pair);
        minted_fini(&minted);
    }
    buf_fini(&pem);
    folder_leave(&folder);
}

/* ---- files as people have them -------------------------------------------------------- */

static void replace_line_ends(struct buf *to, const struct buf *from)
{
    for (size_t i = 0; i < from->len; i++) {
        if (from->ptr[i] == '\n')
            buf_append_byte(to, '\r');
        buf_append_byte(to, from->ptr[i]);
    }
}

static void expect_loads(const char *promise, const char *cert, const char *key, int chain)
{
    char problem[PROBLEM];
    struct tls_pair *pair = load(cert, key, NULL, now, problem);

    PROMISED_STR(promise, str_view(problem), "");
    PROMISED(promise, pair != NULL);
    PROMISED_NUMBER(promise, sk_X509_num(tls_pair_chain(pair)), chain);
    tls_pair_release(pair);
}

static void files_are_taken_as_people_have_them(void **state)
{
    struct minted authority = mint(MINTED_P256, "authority", NULL), one = mint(MINTED_P256, "a", NULL);
    struct buf pem = MINTED_PEM, crlf = MINTED_PEM;
    struct folder folder;

    (void)state;
    folder_enter(&folder);
    minted_write(&one, &authority, "cert.pem", "key.pem");
    expect_loads("what follows the first certificate is its chain", "cert.pem", "key.pem", 1);

    minted_add_key(&pem, &one, MINTED_PKCS8, NULL);
    minted_add_certificate(&pem, &one);
    save("one.pem", &pem);
    expect_loads("one file may hold both, the key first", "one.pem", "one.pem", 0);

    minted_add_certificate(&pem, &one);
    minted_add_ec_parameters(&pem);
    minted_add_key(&pem, &one, MINTED_TRADITIONAL, NULL);
    minted_add_certificate(&pem, &authority);
    replace_line_ends(&crlf, &pem);
    save("all.pem", &pem);
    expect_loads("parameters of a curve and what else there is are skipped", "all.pem", "all.pem", 1);
    save("crlf.pem", &crlf);
    expect_loads("lines may end as on Windows", "crlf.pem", "crlf.pem", 1);

    buf_append(&pem, STR("\xef\xbb\xbf"));
    minted_add_certificate(&pem, &one);
    save("mark.pem", &pem);
    expect_loads("a byte order mark does not hide the first line", "mark.pem", "key.pem", 0);

    buf_append(&pem, STR("Bag Attributes\n    friendlyName: a\nsubject=CN = a\n"));
    minted_add_certificate(&pem, &one);
    save("prose.pem", &pem);
    expect_loads("text around the blocks is skipped", "prose.pem", "key.pem", 0);

    folder_link("link.pem", "cert.pem");
    expect_loads("a link is followed", "link.pem", "key.pem", 1);

    buf_fini(&pem);
    buf_fini(&crlf);
    minted_fini(&one);
    minted_fini(&authority);
    folder_leave(&folder);
}

/* ---- what is refused, and in which words ---------------------------------------------- */

static const char old_cipher[] =        /* single DES, which OpenSSL 3 has put away */
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "Proc-Type: 4,ENCRYPTED\nDEK-Info: DES-CBC,0102030405060708\n\n"
    "AAAAAAAAAAA=\n-----END RSA PRIVATE KEY-----\n";

/* PBE-MD5-DES as PKCS#8 has it: SEQUENCE { SEQUENCE { OID, { salt, 2048 } }, 8 bytes } */
static const char old_cipher_pkcs8[] =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MCcwGwYJKoZIhvcNAQUDMA4ECAECAwQFBgcIAgIIAAQIAAAAAAAAAAA=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";

static const char damaged[] =
    "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";

static void fill_desk_with_pairs(void)
{
    static const struct {
        enum minted_kind kind;
        const char      *cert;
        const char      *key;
    } wanted[] = {
        {MINTED_P256,      "cert.pem",  "key.pem"},
        {MINTED_P256,      "other.pem", "other-key.pem"},
        {MINTED_RSA_1024,  "rsa.pem",   "rsa-key.pem"},
        {MINTED_SECP256K1, "k1.pem",    "k1-key.pem"},
        {MINTED_ED448,     "ed448.pem", "ed448-key.pem"},
    };

    for (size_t i = 0; i < COUNTOF(wanted); i++) {
        struct minted minted = mint(wanted[i].kind, "a.test", NULL);

        minted_write(&minted, NULL, wanted[i].cert, wanted[i].key);
        minted_fini(&minted);
    }
}

static void fill_desk_with_secrets(void)
{
    struct minted first = mint(MINTED_P256, "a", NULL), second = mint(MINTED_P256, "b", NULL);
    struct buf pem = MINTED_PEM;

    minted_write(&first, &second, "turned.pem", "first-key.pem");
    minted_add_key(&pem, &second, MINTED_PKCS8, NULL);
    save("second-key.pem", &pem);
    minted_add_key(&pem, &first, MINTED_PKCS8, "open sesame");
    save("locked.pem", &pem);
    minted_add_key(&pem, &first, MINTED_TRADITIONAL, "open sesame");
    save("locked-sec1.pem", &pem);
    folder_file("wrong", "open barley\n");
    folder_file("empty", "");
    folder_file("late", "\r\nopen sesame\n");
    for (int i = 0; i < PEM_BUFSIZE + 1; i++)
        buf_append_byte(&pem, 'x');
    save("long", &pem);
    buf_fini(&pem);
    minted_fini(&first);
    minted_fini(&second);
}

static void fill_desk(void)
{
    fill_desk_with_pairs();
    fill_desk_with_secrets();
    folder_file("des.pem", old_cipher);
    folder_file("ssh", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk=\n"
                       "-----END OPENSSH PRIVATE KEY-----\n");
    folder_file("des-pkcs8.pem", old_cipher_pkcs8);
    folder_file("damaged.pem", damaged);
    folder_file("\x1b[2J\".pem", "nothing");
    folder_hole("vast.pem", TLS_PAIR_BYTES_MAX + 1);
    folder_folder("folder");
    assert_int_equal(mkfifo("fifo", 0600), 0);
}

/* clang-format off */
static const struct refused_case {
    const char *promise;
    const char *cert;
    const char *key;
    const char *password;
    int64_t     at;
    const char *problem;
} refused[] = {
    {"a file that is not there",
     "none.pem", "key.pem", NULL, now,
     "cannot read the certificate \"none.pem\": No such file or directory"},
    {"a key that is not there",
     "cert.pem", "none.pem", NULL, now,
     "cannot read the key \"none.pem\": No such file or directory"},
    {"a folder",
     "folder", "key.pem", NULL, now,
     "the certificate \"folder\" is not a regular file"},
    {"a FIFO, without waiting for who writes into it",
     "cert.pem", "fifo", NULL, now,
     "the key \"fifo\" is not a regular file"},
    {"a file without bounds",
     "vast.pem", "key.pem", NULL, now,
     "the certificate \"vast.pem\" has more than 1048576 bytes"},
    {"no certificate in it",
     "key.pem", "key.pem", NULL, now,
     "\"key.pem\" holds no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\")"},
    {"a path that would turn the terminal upside down",
     "\x1b[2J\".pem", "key.pem", NULL, now,
     "\"\\x1b[2J\\\".pem\" holds no certificate in PEM form (\"-----BEGIN CERTIFICATE-----\")"},
    {"no key in it",
     "cert.pem", "cert.pem", NULL, now,
     "\"cert.pem\" holds no private key in PEM form (\"-----BEGIN PRIVATE KEY-----\")"},
    {"an empty file",
     "cert.pem", "empty", NULL, now,
     "\"empty\" holds no private key in PEM form (\"-----BEGIN PRIVATE KEY-----\")"},
    {"a key of ssh's, which is no PEM",
     "cert.pem", "ssh", NULL, now,
     "\"ssh\" holds no private key in PEM form (\"-----BEGIN PRIVATE KEY-----\")"},
    {"bytes that are no base64",
     "damaged.pem", "key.pem", NULL, now,
     "the certificate \"damaged.pem\" is damaged: a block between -----BEGIN and -----END cannot be read"},
    {"a key that is none",
     "cert.pem", "damaged-key.pem", NULL, now,
     "the key \"damaged-key.pem\" is damaged: a block between -----BEGIN and -----END cannot be read"},
    {"a password that is missing",
     "turned.pem", "locked.pem", NULL, now,
     "the key \"locked.pem\" is encrypted: name a file with its password (--tls-key-password-file)"},
    {"one that is missing for a key in the older form",
     "turned.pem", "locked-sec1.pem", NULL, now,
     "the key \"locked-sec1.pem\" is encrypted: name a file with its password (--tls-key-password-file)"},
    {"a password that is wrong",
     "turned.pem", "locked.pem", "wrong", now,
     "the password in \"wrong\" does not open the key \"locked.pem\""},
    {"one that is wrong for a key in the older form",
     "turned.pem", "locked-sec1.pem", "wrong", now,
     "the password in \"wrong\" does not open the key \"locked-sec1.pem\""},
    {"a password file that is not there",
     "turned.pem", "locked.pem", "none", now,
     "cannot read the password \"none\": No such file or directory"},
    {"a password file with nothing in it",
     "turned.pem", "locked.pem", "empty", now,
     "the first line of \"empty\" is empty: the key's password belongs there"},
    {"a password that is not on the first line",
     "turned.pem", "locked.pem", "late", now,
     "the first line of \"late\" is empty: the key's password belongs there"},
    {"a password that is longer than any key takes",
     "turned.pem", "locked.pem", "long", now,
     "the password in \"long\" has more than 1024 bytes"},
    {"a cipher that nobody should trust",
     "turned.pem", "des.pem", "wrong", now,
     "the key \"des.pem\" is encrypted in a way that OpenSSL no longer opens: encrypt it anew (openssl pkcs8 -topk8)"},
    {"the same in PKCS#8",
     "turned.pem", "des-pkcs8.pem", "wrong", now,
     "the key \"des-pkcs8.pem\" is encrypted in a way that OpenSSL no longer opens: encrypt it anew (openssl pkcs8 -topk8)"},
    {"the key of another certificate",
     "cert.pem", "other-key.pem", NULL, now,
     "the key \"other-key.pem\" does not belong to the certificate \"cert.pem\""},
    {"a key of another kind",
     "rsa.pem", "key.pem", NULL, now,
     "the key \"key.pem\" does not belong to the certificate \"rsa.pem\""},
    {"a chain in the wrong order",
     "turned.pem", "second-key.pem", NULL, now,
     "the key \"second-key.pem\" belongs to certificate number 2 in \"turned.pem\": the server's certificate must come first"},
    {"RSA that is too short",
     "rsa.pem", "rsa-key.pem", NULL, now,
     "the key \"rsa-key.pem\" has 1024 bits: RSA needs 2048 or more"},
    {"a curve that browsers do not know",
     "k1.pem", "k1-key.pem", NULL, now,
     "the key \"k1-key.pem\" is on the curve secp256k1: P-256, P-384 and P-521 are taken"},
    {"a kind of key that browsers do not know",
     "ed448.pem", "ed448-key.pem", NULL, now,
     "the key \"ed448-key.pem\" is of the kind ED448: RSA, EC and Ed25519 are taken"},
    {"a certificate of yesterday",
     "cert.pem", "key.pem", NULL, now + DAY + 1,
     "the certificate \"cert.pem\" expired on 2027-01-16"},
    {"a certificate of tomorrow",
     "cert.pem", "key.pem", NULL, now - DAY - 1,
     "the certificate \"cert.pem\" is not valid before 2027-01-14"},
};
/* clang-format on */

static void what_is_refused_is_said_in_one_sentence(void **state)
{
    struct folder folder;
    char problem[PROBLEM];

    (void)state;
    folder_enter(&folder);
    fill_desk();
    folder_file("damaged-key.pem", strstr(damaged, "-----BEGIN PRIVATE"));
    for (size_t i = 0; i < COUNTOF(refused); i++) {
        const struct refused_case *c = &refused[i];
        struct tls_pair *pair = load(c->cert, c->key, c->password, c->at, problem);

        PROMISED(c->promise, pair == NULL);
        PROMISED_STR(c->promise, str_view(problem), c->problem);
    }
    folder_leave(&folder);
}

/* RFC 5280 §4.1.2.5: both dates are inside. */
static void a_certificate_is_good_from_its_first_second_to_its_last(void **state)
{
    struct minted minted = mint(MINTED_P256, "a", NULL);
    struct folder folder;
    char problem[PROBLEM];

    (void)state;
    folder_enter(&folder);
    minted_write(&minted, NULL, "cert.pem", "key.pem");
    for (int64_t at = now - DAY; at <= now + DAY; at += 2 * DAY) {
        struct tls_pair *pair = load("cert.pem", "key.pem", NULL, at, problem);

        assert_non_null(pair);
        assert_int_equal(tls_pair_not_before(pair), now - DAY);
        assert_int_equal(tls_pair_not_after(pair), now + DAY);
        tls_pair_release(pair);
    }
    minted_fini(&minted);
    folder_leave(&folder);
}

/* Padding that is right by chance, once in 256 times, is not taken for a password that is. */
static void no_wrong_password_is_ever_taken(void **state)
{
    struct minted minted = mint(MINTED_P256, "a", NULL);
    struct buf pem = MINTED_PEM;
    struct folder folder;
    char problem[PROBLEM], guess[32];

    (void)state;
    folder_enter(&folder);
    minted_write(&minted, NULL, "cert.pem", "key.pem");
    minted_add_key(&pem, &minted, MINTED_TRADITIONAL, "open sesame");
    save("key.pem", &pem);
    for (int i = 0; i < 2000; i++) {
        snprintf(guess, sizeof guess, "guess %d", i);
        folder_file("guess", guess);
        assert_null(load("cert.pem", "key.pem", "guess", now, problem));
        assert_string_equal(problem, "the password in \"guess\" does not open the key \"key.pem\"");
    }
    buf_fini(&pem);
    minted_fini(&minted);
    folder_leave(&folder);
}

/* Root may read everything, so the kernel's refusal is played. */
static void a_file_of_somebody_else_is_named_with_its_owner(void **state)
{
    struct minted minted = mint(MINTED_P256, "a", NULL);
    struct folder folder;
    char problem[PROBLEM], wanted[PROBLEM];

    (void)state;
    folder_enter(&folder);
    minted_write(&minted, NULL, "cert.pem", "key.pem");
    assert_int_equal(chmod("key.pem", 0), 0);
    snprintf(wanted, sizeof wanted, "cannot read the key \"key.pem\": Permission denied; it belongs "
             "to uid %u, as which wherry runs, but its mode is 0000: let its owner do that "
             "(chmod u+rwX)", geteuid());
    fault_at(2, FAULT_OPEN, EACCES);
    assert_null(load("cert.pem", "key.pem", NULL, now, problem));
    assert_true(fault_off());
    assert_string_equal(problem, wanted);
    minted_fini(&minted);
    folder_leave(&folder);
}

static void a_call_that_fails_is_a_sentence(void **state)
{
    static const enum fault_call calls[] = {FAULT_OPEN, FAULT_FSTAT, FAULT_READ};
    struct minted minted = mint(MINTED_P256, "a", NULL);
    struct folder folder;
    char problem[PROBLEM];

    (void)state;
    folder_enter(&folder);
    minted_write(&minted, NULL, "cert.pem", "key.pem");
    for (size_t i = 0; i < COUNTOF(calls); i++)
        for (size_t n = 1; fault_next(n, calls[i], EIO); n++) {
            struct tls_pair *pair = load("cert.pem", "key.pem", NULL, now, problem);

            if (pair)
                assert_string_equal(problem, "");
            else
                assert_non_null(strstr(problem, "Input/output error"));
            tls_pair_release(pair);
        }
    minted_fini(&minted);
    folder_leave(&folder);
}

static void a_sentence_is_cut_where_there_is_no_room(void **state)
{
    const struct tls_pair_files files = {"nowhere", "nowhere", NULL};
    char problem[16];

    (void)state;
    assert_null(tls_pair_load(&files, now, problem, sizeof problem));
    assert_string_equal(problem, "cannot read the");
}

/* ---- names ---------------------------------------------------------------------------- */

static const struct name_case {
    const char  *promise;
    const char  *common_name;
    const char  *alternatives;
    const char  *asked;
    enum tls_fit fit;
} names[] = {
    {"a name is itself",             NULL, "DNS:a.test",            "a.test",     TLS_FIT_EXACT},
    {"in any case",                  NULL, "DNS:A.Test",            "a.tEST",     TLS_FIT_EXACT},
    {"with the root's dot",          NULL, "DNS:a.test",            "a.test.",    TLS_FIT_EXACT},
    {"each of several",              NULL, "DNS:a.test, DNS:b.test", "b.test",    TLS_FIT_EXACT},
    {"another is not",               NULL, "DNS:a.test",            "b.test",     TLS_FIT_NONE},
    {"nor one beneath",              NULL, "DNS:a.test",            "b.a.test",   TLS_FIT_NONE},
    {"nor one above",                NULL, "DNS:b.a.test",          "a.test",     TLS_FIT_NONE},
    {"nor none",                     NULL, "DNS:a.test",            "",           TLS_FIT_NONE},
    {"nor the root",                 NULL, "DNS:a.test",            ".",          TLS_FIT_NONE},
    /* RFC 6125 §6.4.3 */
    {"* is a label",                 NULL, "DNS:*.a.test",          "b.a.test",   TLS_FIT_WILDCARD},
    {"in any case, too",             NULL, "DNS:*.A.test",          "B.a.TEST.",  TLS_FIT_WILDCARD},
    {"* is not two labels",          NULL, "DNS:*.a.test",          "c.b.a.test", TLS_FIT_NONE},
    {"* is not none",                NULL, "DNS:*.a.test",          "a.test",     TLS_FIT_NONE},
    {"* is not an empty one",        NULL, "DNS:*.a.test",          ".a.test",    TLS_FIT_NONE},
    {"* is the whole label",         NULL, "DNS:b*.a.test",         "bb.a.test",  TLS_FIT_NONE},
    {"* is the left-most label",     NULL, "DNS:b.*.test",          "b.a.test",   TLS_FIT_NONE},
    {"* alone is nobody",            NULL, "DNS:*",                 "test",       TLS_FIT_NONE},
    {"a name is better than *",      NULL, "DNS:*.a.test, DNS:b.a.test", "b.a.test", TLS_FIT_EXACT},
    /* RFC 6125 §6.4.4 */
    {"the common name, if need be",  "a.test", NULL,                "A.test",     TLS_FIT_EXACT},
    {"with a * in it",               "*.a.test", NULL,              "b.a.test",   TLS_FIT_WILDCARD},
    {"beside a mail address",        "a.test", "email:a@a.test",    "a.test",     TLS_FIT_EXACT},
    {"not beside a better name",     "a.test", "DNS:b.test",        "a.test",     TLS_FIT_NONE},
    {"not beside an address",        "a.test", "IP:127.0.0.1",      "a.test",     TLS_FIT_NONE},
    {"nor does an address fit",      NULL, "IP:127.0.0.1",          "127.0.0.1",  TLS_FIT_NONE},
    {"no name at all fits nobody",   NULL, NULL,                    "a.test",     TLS_FIT_NONE},
};

/* Takes over what was minted. */
static struct tls_pair *pair_of(struct minted minted)
{
    struct tls_pair *pair = tls_pair_new(minted.key, minted.certificate, NULL);

    assert_non_null(pair);
    return pair;
}

static void a_pair_answers_to_its_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(names); i++) {
        const struct name_case *c = &names[i];
        struct tls_pair *pair = pair_of(mint(MINTED_P256, c->common_name, c->alternatives));
        struct tight_str asked = tight_str(c->asked);

        PROMISED_NUMBER(c->promise, tls_pair_fits(pair, asked.view), c->fit);
        tight_str_free(&asked);
        tls_pair_release(pair);
    }
}

/* The mark becomes a NUL in the certificate, whose signature nobody looks at here. */
static void put_nul(X509 *certificate, char mark)
{
    int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    const ASN1_STRING *value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
    unsigned char *bytes = (unsigned char *)(uintptr_t)ASN1_STRING_get0_data(value);
    unsigned char *place = memchr(bytes, mark, (size_t)ASN1_STRING_length(value));

    assert_non_null(place);
    *place = '\0';
}

static void a_name_with_a_nul_in_it_is_nobodys(void **state)
{
    static const char whole[] = "bank.test\0.evil.test";
    struct minted minted = mint(MINTED_P256, "bank.test", "DNS:bank.test#.evil.test, DNS:b.test");
    struct tls_pair *pair;

    (void)state;
    put_nul(minted.certificate, '#');
    pair = pair_of(minted);
    assert_int_equal(tls_pair_fits(pair, STR("bank.test")), TLS_FIT_NONE);
    assert_int_equal(tls_pair_fits(pair, str_of(whole, sizeof whole - 1)), TLS_FIT_NONE);
    assert_int_equal(tls_pair_fits(pair, STR("b.test")), TLS_FIT_EXACT);
    tls_pair_release(pair);
}

static void more_names_than_there_is_room_for_are_left_out(void **state)
{
    struct buf list = MINTED_PEM;
    struct tls_pair *pair;

    (void)state;
    for (int i = 0; i < TLS_PAIR_NAMES_MAX + 10; i++)
        buf_printf(&list, "%sDNS:n%d.test", i ? "," : "", i);
    buf_append_byte(&list, '\0');
    pair = pair_of(mint(MINTED_P256, NULL, list.ptr));
    assert_int_equal(tls_pair_fits(pair, STR("n127.test")), TLS_FIT_EXACT);
    assert_int_equal(tls_pair_fits(pair, STR("n128.test")), TLS_FIT_NONE);
    tls_pair_release(pair);
    buf_fini(&list);
}

/* ---- for the log ---------------------------------------------------------------------- */

static const struct told_case {
    const char *promise;
    const char *common_name;
    const char *alternatives;
    uint64_t    serial;
    const char *told;
} told[] = {
    {"name, serial number and last day", "a.test", NULL, 0x3fa0, "CN=a.test, serial 3f:a0, until 2027-01-16"},
    {"without a common name",  NULL, "DNS:b.test", 1, "DNS:b.test, serial 01, until 2027-01-16"},
    {"without any name",       NULL, "IP:::1",     1, "no name, serial 01, until 2027-01-16"},
    {"what would be a line of its own", "a\nb\"",  NULL, 1, "CN=a\\x0ab\\\", serial 01, until 2027-01-16"},
};

static void a_pair_is_told_in_a_few_words(void **state)
{
    char room[200];

    (void)state;
    for (size_t i = 0; i < COUNTOF(told); i++) {
        const struct told_case *c = &told[i];
        const struct minted_wish wish = {
            .common_name = c->common_name, .alternatives = c->alternatives, .serial = c->serial,
            .not_before_s = now, .not_after_s = now + DAY};
        struct tls_pair *pair = pair_of(minted_make(&wish));

        PROMISED_STR(c->promise, str_view(tls_pair_describe(pair, room, sizeof room)), c->told);
        PROMISED_STR("cut where there is no room", str_view(tls_pair_describe(pair, room, 3)),
                     str_starts(str_view(c->told), STR("CN")) ? "CN"
                     : str_starts(str_view(c->told), STR("DNS")) ? "DN" : "no");
        tls_pair_release(pair);
    }
}

/* ---- who owns what -------------------------------------------------------------------- */

static void the_last_release_frees(void **state)
{
    struct tls_pair *pair = pair_of(mint(MINTED_P256, "a", NULL));

    (void)state;
    assert_ptr_equal(tls_pair_acquire(pair), pair);
    tls_pair_release(pair);
    assert_int_equal(tls_pair_fits(pair, STR("a")), TLS_FIT_EXACT);
    tls_pair_release(pair);
    tls_pair_release(NULL);
}

static void what_does_not_belong_together_is_no_pair_and_freed(void **state)
{
    struct minted one = mint(MINTED_P256, "a", NULL), other = mint(MINTED_P256, "b", NULL);
    STACK_OF(X509) *chain = sk_X509_new_null();

    (void)state;
    assert_true(sk_X509_push(chain, other.certificate) > 0);
    assert_null(tls_pair_new(other.key, one.certificate, chain));
    assert_int_equal(ERR_peek_error(), 0);
    EVP_PKEY_free(one.key);
}

static void a_pair_for_which_there_is_no_memory_is_freed(void **state)
{
    struct minted minted = mint(MINTED_P256, "a", NULL);
    STACK_OF(X509) *chain = sk_X509_new_null();

    (void)state;
    alloc_fail_at(1);
    assert_null(tls_pair_new(minted.key, minted.certificate, chain));
    assert_true(alloc_fail_off());
}

/* OpenSSL's allocations fail, too: main has put them into our hands.  There are thousands of them, and
 * one in seven is walked. */
static void out_of_memory_is_a_sentence(void **state)
{
    struct minted minted = mint(MINTED_P256, "a", "DNS:a.test"), other = mint(MINTED_P256, "b", NULL);
    struct buf pem = MINTED_PEM;
    struct folder folder;
    char problem[PROBLEM];
    size_t refusals = 0;

    (void)state;
    folder_enter(&folder);
    minted_write(&minted, &other, "cert.pem", "key.pem");
    minted_add_key(&pem, &minted, MINTED_TRADITIONAL, "open sesame");     /* quicker to open */
    save("locked.pem", &pem);
    folder_file("password", "open sesame");
    for (size_t n = 1; alloc_fail_next(n); n += 7) {
        struct tls_pair *pair = load("cert.pem", "locked.pem", "password", now, problem);

        if (pair)
            assert_int_equal(tls_pair_fits(pair, STR("a.test")), TLS_FIT_EXACT);
        else
            assert_string_not_equal(problem, "");
        refusals += !pair;
        tls_pair_release(pair);
    }
    assert_true(refusals > 30);
    buf_fini(&pem);
    minted_fini(&minted);
    minted_fini(&other);
    folder_leave(&folder);
}

static void *make(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
}

static void *remake(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return realloc(old, size);
}

static void unmake(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_read_in_each_of_its_forms),
        cmocka_unit_test(files_are_taken_as_people_have_them),
        cmocka_unit_test(what_is_refused_is_said_in_one_sentence),
        cmocka_unit_test(a_certificate_is_good_from_its_first_second_to_its_last),
        cmocka_unit_test(no_wrong_password_is_ever_taken),
        cmocka_unit_test(a_file_of_somebody_else_is_named_with_its_owner),
        cmocka_unit_test(a_call_that_fails_is_a_sentence),
        cmocka_unit_test(a_sentence_is_cut_where_there_is_no_room),
        cmocka_unit_test(a_pair_answers_to_its_names),
        cmocka_unit_test(a_name_with_a_nul_in_it_is_nobodys),
        cmocka_unit_test(more_names_than_there_is_room_for_are_left_out),
        cmocka_unit_test(a_pair_is_told_in_a_few_words),
        cmocka_unit_test(the_last_release_frees),
        cmocka_unit_test(what_does_not_belong_together_is_no_pair_and_freed),
        cmocka_unit_test(a_pair_for_which_there_is_no_memory_is_freed),
        cmocka_unit_test(out_of_memory_is_a_sentence),
    };

    if (!CRYPTO_set_mem_functions(make, remake, unmake))
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
