/* What net/tls_context promises about a handshake: whose certificate is shown, who has to show one,
 * what is agreed on, and which sessions may be taken up again. */
#include "net/tls_context.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/caller.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum { ROUNDS_MAX = 20, FIRST = 1, SECOND, THIRD, WITH_RSA };

/* ---- made once ------------------------------------------------------------------------ */

static struct {
    struct folder       folder;
    struct tls_tickets *tickets;
    struct tls_pair    *pairs[3];
    struct tls_pair    *rsa;
    struct minted       authority, stranger;        /* ca.pem, other-ca.pem */
} shop;

static struct tls_pair *pair_of(const struct minted_wish *wish)
{
    struct minted    made = minted_make(wish);
    struct tls_pair *pair = tls_pair_new(made.key, made.certificate, NULL);

    assert_non_null(pair);
    return pair;
}

static int open_shop(void **state)
{
    static const struct minted_wish authority = {.common_name = "authority", .is_authority = true};
    static const struct minted_wish stranger = {.common_name = "stranger", .is_authority = true};

    (void)state;
    folder_enter(&shop.folder);
    shop.tickets = tls_tickets_new(clock_now().wall_s);
    assert_non_null(shop.tickets);
    shop.pairs[0] = pair_of(&(struct minted_wish){.serial = FIRST, .alternatives = "DNS:first.test"});
    shop.pairs[1] = pair_of(&(struct minted_wish){
        .serial = SECOND, .alternatives = "DNS:a.test, DNS:c.test, DNS:*.b.test"});
    shop.pairs[2] = pair_of(&(struct minted_wish){.serial = THIRD, .alternatives = "DNS:x.b.test"});
    shop.rsa = pair_of(&(struct minted_wish){.serial = WITH_RSA, .kind = MINTED_RSA_2048});
    shop.authority = minted_make(&authority);
    shop.stranger = minted_make(&stranger);
    minted_write(&shop.authority, NULL, "ca.pem", "ca-key.pem");
    minted_write(&shop.stranger, NULL, "other-ca.pem", "other-ca-key.pem");
    return 0;
}

static int close_shop(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(shop.pairs); i++)
        tls_pair_release(shop.pairs[i]);
    tls_pair_release(shop.rsa);
    tls_tickets_free(shop.tickets);
    minted_fini(&shop.authority);
    minted_fini(&shop.stranger);
    folder_leave(&shop.folder);
    return 0;
}

static const struct tls_rules lenient;
static const struct caller_wish anything;

static struct tls_context *context_of(const struct tls_rules *rules)
{
    char                problem[512] = "";
    struct tls_context *context = tls_context_new(shop.pairs, COUNTOF(shop.pairs), rules,
                                                  shop.tickets, problem, sizeof problem);

    if (!context)
        fail_msg("%s", problem);
    return context;
}

static struct tls_context *context_of_rsa(void)
{
    char                problem[512] = "";
    struct tls_context *context = tls_context_new(&shop.rsa, 1, &lenient, shop.tickets, problem,
                                                  sizeof problem);

    assert_non_null(context);
    return context;
}

/* ---- a handshake in memory ------------------------------------------------------------ */

struct talk {
    SSL          *server;
    struct caller caller;
    bool          is_agreed;        /* the server is satisfied */
    const char   *why;              /* it is not */
};

/* The server's end hears what the caller says, and the other way round. */
static void face_each_other(struct talk *talk, const struct tls_context *context,
                            const struct caller_wish *wish)
{
    *talk = (struct talk){.server = SSL_new(tls_context_default(context))};
    caller_open(&talk->caller, -1, wish);
    BIO_up_ref(talk->caller.mouth);
    BIO_up_ref(talk->caller.ear);
    SSL_set_bio(talk->server, talk->caller.mouth, talk->caller.ear);
    SSL_set_accept_state(talk->server);
}

static void server_shakes(struct talk *talk)
{
    int result = SSL_do_handshake(talk->server);

    talk->is_agreed = result == 1;
    if (result != 1 && SSL_get_error(talk->server, result) == SSL_ERROR_SSL)
        talk->why = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
}

static void shake(struct talk *talk)
{
    for (int i = 0; i < ROUNDS_MAX && !talk->is_agreed && !talk->why; i++) {
        caller_shakes(&talk->caller);
        server_shakes(talk);
    }
    if (talk->is_agreed)
        caller_listens(&talk->caller);          /* the tickets */
}

static void begin(struct talk *talk, const struct tls_context *context,
                  const struct caller_wish *wish)
{
    face_each_other(talk, context, wish);
    shake(talk);
}

/* As after a close_notify, so that the session is still good. */
static void end(struct talk *talk)
{
    SSL_set_shutdown(talk->server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_shutdown(talk->caller.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(talk->server);
    caller_close(&talk->caller);
}

static const struct version {
    const char *name;
    int         min, max;
} versions[] = {
    {"TLS 1.2", 0, TLS1_2_VERSION},
    {"TLS 1.3", TLS1_3_VERSION, 0},
};

/* ---- whose certificate ---------------------------------------------------------------- */

/* RFC 6066 §3, RFC 6125 §6.4 */
static const struct name_case {
    const char *promise;
    const char *name;
    uint64_t    serial;
} names[] = {
    {"its name",                            "a.test",       SECOND},
    {"another of its names",                "c.test",       SECOND},
    {"the first one's name",                "first.test",   FIRST},
    {"a wildcard",                          "y.b.test",     SECOND},
    {"who says it exactly is meant",        "x.b.test",     THIRD},
    {"a wildcard is one label",             "y.y.b.test",   FIRST},
    {"and not none",                        "b.test",       FIRST},
    {"somebody else",                       "nobody.test",  FIRST},
    {"nobody",                              NULL,           FIRST},
    {"the root of all names may be said",   "a.test.",      SECOND},
    {"in any case of letters",              "A.TeSt",       SECOND},
    {"with a wildcard, too",                "Y.B.TEST.",    SECOND},
    {"the end of a name is not the name",   "aa.test",      FIRST},
    {"nor is its beginning",                "a.test.x",     FIRST},
};

static void a_client_gets_the_certificate_of_the_name_it_asks_for(void **state)
{
    struct tls_context *context = context_of(&lenient);

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t i = 0; i < COUNTOF(names); i++) {
            struct talk talk;

            begin(&talk, context, &(struct caller_wish){.min = versions[v].min,
                                                        .max = versions[v].max,
                                                        .name = names[i].name});
            PROMISED(names[i].promise, talk.is_agreed);
            PROMISED_NUMBER(names[i].promise, caller_saw_serial(&talk.caller), names[i].serial);
            end(&talk);
        }
    tls_context_release(context);
}

/* The extension around the name "a.test": what stands at `at`, counted from the name, is changed. */
static const struct damage {
    const char *promise;
    int         at;
    char        becomes;
    const char *why;
} damages[] = {
    {"a name longer than its list",     -1, 7,      "bad extension"},
    {"a name that never ends",          -2, 0x7f,   "bad extension"},
    {"a name shorter than its list",    -1, 5,      "bad extension"},
    {"an empty name",                   -1, 0,      "bad extension"},
    {"another type of name",            -3, 1,      "bad extension"},
    {"a list longer than the extension", -4, 10,    "bad extension"},
    {"a list shorter than that",        -4, 8,      "bad extension"},
    {"an empty list",                   -4, 0,      "bad extension"},
    {"NUL in the name",                 +1, 0,      "bad extension"},
};

static void a_name_that_cannot_be_read_is_refused(void **state)
{
    struct tls_context *context = context_of(&lenient);

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t i = 0; i < COUNTOF(damages); i++) {
            const struct damage *d = &damages[i];
            struct talk          talk;
            char                *hello, *at;
            size_t               len;

            face_each_other(&talk, context, &(struct caller_wish){.min = versions[v].min,
                                                                  .max = versions[v].max,
                                                                  .name = "a.test"});
            caller_shakes(&talk.caller);
            len = (size_t)BIO_get_mem_data(talk.caller.mouth, &hello);
            at = memmem(hello, len, "a.test", 6);
            assert_non_null(at);
            at[d->at] = d->becomes;
            server_shakes(&talk);
            PROMISED(d->promise, !talk.is_agreed && talk.why);
            PROMISED_STR(d->promise, str_view(talk.why), d->why);
            end(&talk);
        }
    tls_context_release(context);
}

/* ---- sessions ------------------------------------------------------------------------- */

/* Whether what was begun with one context is taken up again with another. */
static bool is_resumed(struct tls_context *before, const struct caller_wish *first,
                       struct tls_context *after, const struct caller_wish *second)
{
    struct caller_wish again = *second;
    struct talk        talk;
    SSL_SESSION       *session;
    bool               is_reused;

    begin(&talk, before, first);
    assert_true(talk.is_agreed);
    assert_false(SSL_session_reused(talk.server));
    session = SSL_get1_session(talk.caller.ssl);
    assert_true(session && SSL_SESSION_is_resumable(session));
    assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
    end(&talk);
    again.resumes = session;
    begin(&talk, after, &again);
    is_reused = talk.is_agreed && SSL_session_reused(talk.server);
    end(&talk);
    SSL_SESSION_free(session);
    return is_reused;
}

static const struct session_case {
    const char *promise;
    const char *first, *second;
    bool        is_resumed;
} sessions[] = {
    {"under the same name",                     "a.test",       "a.test",       true},
    {"in any case of letters",                  "a.test",       "A.TEST",       true},
    {"of the first one",                        "first.test",   "first.test",   true},
    {"by a wildcard",                           "y.b.test",     "y.b.test",     true},
    {"without a name",                          NULL,           NULL,           true},
    {"under names that are nobody's",           "nobody.test",  "noone.test",   true},
    {"not under another name of another one",   "a.test",       "x.b.test",     false},
    {"not under another name of the same",      "a.test",       "c.test",       false},
    {"not under another of a wildcard",         "y.b.test",     "z.b.test",     false},
    {"not under the first one's",               "a.test",       "first.test",   false},
    {"not without one",                         "a.test",       NULL,           false},
    {"nor with one at last",                    NULL,           "a.test",       false},
    {"not even the one that was shown",         NULL,           "first.test",   false},
};

/* RFC 8446 §4.6.1, RFC 5077 */
static void a_session_is_taken_up_under_its_own_name(void **state)
{
    struct tls_context *context = context_of(&lenient);

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t i = 0; i < COUNTOF(sessions); i++) {
            const struct session_case *c = &sessions[i];
            struct caller_wish first = {.min = versions[v].min, .max = versions[v].max,
                                        .name = c->first};
            struct caller_wish second = {.min = versions[v].min, .max = versions[v].max,
                                         .name = c->second};

            PROMISED_NUMBER(c->promise, is_resumed(context, &first, context, &second),
                            c->is_resumed);
        }
    tls_context_release(context);
}

/* What is asked of clients, and whether who was let in by one rule is known to another. */
static const struct tls_rules policies[] = {
    {.min = TLS_VERSION_1_2},
    {.client_ca_path = "ca.pem", .client = TLS_CLIENT_OPTIONAL},
    {.client_ca_path = "ca.pem", .client = TLS_CLIENT_REQUIRED},
    {.client_ca_path = "other-ca.pem", .client = TLS_CLIENT_OPTIONAL},
};

static void a_session_is_taken_up_where_clients_are_asked_for_the_same(void **state)
{
    struct minted       client = minted_make(&(struct minted_wish){.issuer = &shop.authority});
    struct tls_context *contexts[COUNTOF(policies)], *again[COUNTOF(policies)];

    (void)state;
    for (size_t i = 0; i < COUNTOF(policies); i++) {
        contexts[i] = context_of(&policies[i]);
        again[i] = context_of(&policies[i]);
    }
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t i = 0; i < COUNTOF(policies); i++)
            for (size_t j = 0; j < COUNTOF(policies); j++) {
                struct caller_wish wish = {.min = versions[v].min, .max = versions[v].max,
                                           .shows = &client};

                if (i == 3)
                    wish.shows = NULL;      /* or it would not be let in at all */
                PROMISED_NUMBER("by the same rules only",
                                is_resumed(contexts[i], &wish, again[j], &wish), i == j);
            }
    for (size_t i = 0; i < COUNTOF(policies); i++) {
        tls_context_release(contexts[i]);
        tls_context_release(again[i]);
    }
    minted_fini(&client);
}

/* ---- who the client is ---------------------------------------------------------------- */

enum shown { NOTHING, OURS, OF_ANOTHER, OF_ITSELF, TOO_OLD, SHOWN };

static const struct client_case {
    const char     *promise;
    enum tls_client rule;
    enum shown      shown;
    const char     *why;            /* NULL: it is let in */
} clients[] = {
    {"one of ours is required",             TLS_CLIENT_REQUIRED, OURS,       NULL},
    {"nothing is not enough",               TLS_CLIENT_REQUIRED, NOTHING,    "peer did not return a certificate"},
    {"another authority's is not",          TLS_CLIENT_REQUIRED, OF_ANOTHER, "certificate verify failed"},
    {"what it signed itself is not",        TLS_CLIENT_REQUIRED, OF_ITSELF,  "certificate verify failed"},
    {"what has expired is not",             TLS_CLIENT_REQUIRED, TOO_OLD,    "certificate verify failed"},
    {"one of ours is welcome",              TLS_CLIENT_OPTIONAL, OURS,       NULL},
    {"who shows nothing is, too",           TLS_CLIENT_OPTIONAL, NOTHING,    NULL},
    {"another authority's is worse",        TLS_CLIENT_OPTIONAL, OF_ANOTHER, "certificate verify failed"},
    {"so is what it signed itself",         TLS_CLIENT_OPTIONAL, OF_ITSELF,  "certificate verify failed"},
    {"so is what has expired",              TLS_CLIENT_OPTIONAL, TOO_OLD,    "certificate verify failed"},
};

static void clients_are_asked_who_they_are(void **state)
{
    struct minted made[SHOWN] = {
        [OURS] = minted_make(&(struct minted_wish){.issuer = &shop.authority}),
        [OF_ANOTHER] = minted_make(&(struct minted_wish){.issuer = &shop.stranger}),
        [OF_ITSELF] = minted_make(&(struct minted_wish){.common_name = "authority"}),
        [TOO_OLD] = minted_make(&(struct minted_wish){.issuer = &shop.authority,
                                                      .not_before_s = 1000000000,
                                                      .not_after_s = 1000086400}),
    };

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (size_t i = 0; i < COUNTOF(clients); i++) {
            const struct client_case *c = &clients[i];
            struct tls_context *context = context_of(&(struct tls_rules){
                .client_ca_path = "ca.pem", .client = c->rule});
            /* The rule holds for each name. */
            struct caller_wish wish = {.min = versions[v].min, .max = versions[v].max,
                                       .name = i % 2 ? "a.test" : NULL,
                                       .shows = c->shown == NOTHING ? NULL : &made[c->shown]};
            struct talk talk;

            begin(&talk, context, &wish);
            PROMISED_NUMBER(c->promise, talk.is_agreed, c->why == NULL);
            if (c->why)
                PROMISED_STR(c->promise, str_view(talk.why), c->why);
            PROMISED_NUMBER(c->promise, SSL_get0_peer_certificate(talk.server) != NULL,
                            !c->why && c->shown != NOTHING);
            end(&talk);
            tls_context_release(context);
        }
    for (size_t i = OURS; i < SHOWN; i++)
        minted_fini(&made[i]);
}

/* RFC 8446 §4.2.4: a client with several certificates finds the right one. */
static void clients_are_told_whom_we_trust(void **state)
{
    struct tls_context *context = context_of(&policies[1]);
    const STACK_OF(X509_NAME) *named;
    struct talk talk;

    (void)state;
    begin(&talk, context, &anything);
    named = SSL_get0_peer_CA_list(talk.caller.ssl);
    assert_int_equal(sk_X509_NAME_num(named), 1);
    assert_int_equal(X509_NAME_cmp(sk_X509_NAME_value(named, 0),
                                   X509_get_subject_name(shop.authority.certificate)), 0);
    end(&talk);
    tls_context_release(context);
}

/* ---- what is agreed on ---------------------------------------------------------------- */

/* The client offers nothing else, and nothing that his OpenSSL, the image's, has not.
 * RFC 9325 §3.1, §4 */
static const struct offer {
    const char        *promise;
    struct caller_wish wish;
    const char        *why;         /* NULL: taken */
} offers[] = {
    {"TLS 1.0", {.max = TLS1_VERSION, .ciphers = "ALL:@SECLEVEL=0"}, "unsupported protocol"},
    {"TLS 1.1", {.max = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0"}, "unsupported protocol"},
    {"TLS 1.2", {.max = TLS1_2_VERSION}, NULL},
    {"TLS 1.3", {.min = TLS1_3_VERSION}, NULL},

#define OFFERS_1_2(cipher, why) {cipher, {.max = TLS1_2_VERSION, .ciphers = cipher}, why}
    OFFERS_1_2("ECDHE-ECDSA-AES128-GCM-SHA256", NULL),
    OFFERS_1_2("ECDHE-ECDSA-AES256-GCM-SHA384", NULL),
    OFFERS_1_2("ECDHE-ECDSA-CHACHA20-POLY1305", NULL),
    OFFERS_1_2("ECDHE-ECDSA-AES128-SHA256", "no shared cipher"),
    OFFERS_1_2("ECDHE-ECDSA-AES128-SHA", "no shared cipher"),
    OFFERS_1_2("ECDHE-ECDSA-AES256-SHA384", "no shared cipher"),
    OFFERS_1_2("ECDHE-ECDSA-AES128-CCM", "no shared cipher"),
    OFFERS_1_2("ECDHE-ECDSA-AES128-CCM8", "no shared cipher"),
#ifndef OPENSSL_NO_INTEGRITY_ONLY_CIPHERS
    OFFERS_1_2("ECDHE-ECDSA-NULL-SHA:@SECLEVEL=0", "no shared cipher"),
#endif
    OFFERS_1_2("AECDH-AES128-SHA:@SECLEVEL=0", "no shared cipher"),

#define OFFERS_1_3(suite, why) {suite, {.min = TLS1_3_VERSION, .suites = suite}, why}
    OFFERS_1_3("TLS_AES_128_GCM_SHA256", NULL),
    OFFERS_1_3("TLS_AES_256_GCM_SHA384", NULL),
    OFFERS_1_3("TLS_CHACHA20_POLY1305_SHA256", NULL),
    OFFERS_1_3("TLS_AES_128_CCM_SHA256", "no shared cipher"),
    OFFERS_1_3("TLS_AES_128_CCM_8_SHA256", "no shared cipher"),

#define OFFERS_GROUP(group, why) {group, {.min = TLS1_3_VERSION, .groups = group}, why}
    OFFERS_GROUP("X25519", NULL),
    OFFERS_GROUP("P-256", NULL),
    OFFERS_GROUP("P-384", "no suitable key share"),
    OFFERS_GROUP("P-521", "no suitable key share"),
    OFFERS_GROUP("X448", "no suitable key share"),
#ifndef OPENSSL_NO_DH
    OFFERS_GROUP("ffdhe2048", "no suitable key share"),
#endif

    {"no protocol named", {.alpn = {NULL, 0}}, NULL},
    {"HTTP/1.1", {.alpn = {"\x08http/1.1", 9}}, NULL},
    {"or HTTP/2", {.alpn = {"\x02h2\x08http/1.1", 12}}, NULL},
    {"HTTP/2 only", {.alpn = {"\x02h2", 3}}, "no application protocol"},
    {"HTTP/1.0 only, as old clients are made to speak", {.alpn = {"\x08http/1.0", 9}}, NULL},
    {"what only begins alike", {.alpn = {"\x04http", 5}}, "no application protocol"},
};

/* With RSA, because a client of TLS 1.2 names the curve of an ECDSA key among its groups, too. */
static const struct offer rsa_offers[] = {
    OFFERS_1_2("ECDHE-RSA-AES128-GCM-SHA256", NULL),
    OFFERS_1_2("ECDHE-RSA-AES256-GCM-SHA384", NULL),
    OFFERS_1_2("ECDHE-RSA-CHACHA20-POLY1305", NULL),
    OFFERS_1_2("ECDHE-RSA-AES128-SHA256", "no shared cipher"),
    OFFERS_1_2("ECDHE-RSA-AES128-SHA", "no shared cipher"),
#ifndef OPENSSL_NO_DH
    OFFERS_1_2("DHE-RSA-AES128-GCM-SHA256", "no shared cipher"),
    OFFERS_1_2("DHE-RSA-CHACHA20-POLY1305", "no shared cipher"),
#endif
    OFFERS_1_2("AES128-GCM-SHA256", "no shared cipher"),
    OFFERS_1_2("AES256-GCM-SHA384", "no shared cipher"),
    OFFERS_1_2("AES128-SHA", "no shared cipher"),
    OFFERS_1_2("AES256-SHA256", "no shared cipher"),
#ifndef OPENSSL_NO_INTEGRITY_ONLY_CIPHERS
    OFFERS_1_2("NULL-SHA256:@SECLEVEL=0", "no shared cipher"),
#endif

#define OFFERS_GROUP_1_2(group, why) {group, {.max = TLS1_2_VERSION, .groups = group}, why}
    OFFERS_GROUP_1_2("X25519", NULL),
    OFFERS_GROUP_1_2("P-256", NULL),
    OFFERS_GROUP_1_2("P-384", "no shared cipher"),
    OFFERS_GROUP_1_2("X448", "no shared cipher"),
    {"TLS 1.3 with RSA", {.min = TLS1_3_VERSION}, NULL},
};

/* Whatever it is called, what was agreed on is sealed with its data and forgotten with its keys. */
static void check_agreement(const char *promise, const struct talk *talk)
{
    const SSL_CIPHER *cipher = SSL_get_current_cipher(talk->server);
    int               exchange = SSL_CIPHER_get_kx_nid(cipher);

    PROMISED(promise, SSL_CIPHER_is_aead(cipher));
    PROMISED(promise, exchange == NID_kx_ecdhe || exchange == NID_kx_any);
    PROMISED(promise, SSL_version(talk->server) >= TLS1_2_VERSION);
    PROMISED(promise, !SSL_get_current_compression(talk->server));
}

static void make_offers(const struct offer *table, size_t count, struct tls_context *context)
{
    for (size_t i = 0; i < count; i++) {
        struct talk talk;

        begin(&talk, context, &table[i].wish);
        PROMISED_NUMBER(table[i].promise, talk.is_agreed, table[i].why == NULL);
        if (talk.is_agreed)
            check_agreement(table[i].promise, &talk);
        else
            PROMISED_STR(table[i].promise, str_view(talk.why), table[i].why);
        end(&talk);
    }
    tls_context_release(context);
}

static void only_what_is_strong_is_agreed_on(void **state)
{
    (void)state;
    make_offers(offers, COUNTOF(offers), context_of(&lenient));
    make_offers(rsa_offers, COUNTOF(rsa_offers), context_of_rsa());
}

static void a_client_that_only_knows_SHA_1_is_refused(void **state)
{
    struct tls_context *context = context_of(&lenient);

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        struct talk talk;

        face_each_other(&talk, context, &(struct caller_wish){.min = versions[v].min,
                                                              .max = versions[v].max});
        assert_true(SSL_set1_sigalgs_list(talk.caller.ssl, "ECDSA+SHA1:RSA+SHA1"));
        shake(&talk);
        PROMISED(versions[v].name, !talk.is_agreed);
        end(&talk);
    }
    tls_context_release(context);
}

/* We take what is cheap for both: AES where there is hardware for it. */
static const struct preference {
    const char *promise;
    const char *ciphers, *suites;
    const char *taken;
} preferences[] = {
    {"the cheapest of what is strong", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256",
     NULL, "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"ChaCha20 is no one's last wish", "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305",
     NULL, "ECDHE-ECDSA-AES256-GCM-SHA384"},
    {"but some phones' first", "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
     NULL, "ECDHE-ECDSA-CHACHA20-POLY1305"},
    {"so in TLS 1.3", NULL, "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
     "TLS_AES_128_GCM_SHA256"},
    {"and there", NULL, "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256",
     "TLS_CHACHA20_POLY1305_SHA256"},
};

static void of_several_ciphers_we_choose(void **state)
{
    struct tls_context *context = context_of(&lenient);

    (void)state;
    for (size_t i = 0; i < COUNTOF(preferences); i++) {
        const struct preference *p = &preferences[i];
        struct talk              talk;

        begin(&talk, context, &(struct caller_wish){.max = p->ciphers ? TLS1_2_VERSION : 0,
                                                    .ciphers = p->ciphers,
                                                    .suites = p->suites});
        PROMISED(p->promise, talk.is_agreed);
        PROMISED_STR(p->promise, str_view(SSL_get_cipher_name(talk.server)), p->taken);
        end(&talk);
    }
    tls_context_release(context);
}

static void a_server_may_ask_for_1_3(void **state)
{
    struct tls_context *context = context_of(&(struct tls_rules){.min = TLS_VERSION_1_3});

    (void)state;
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (int named = 0; named <= 1; named++) {
            struct talk talk;

            begin(&talk, context, &(struct caller_wish){.min = versions[v].min,
                                                        .max = versions[v].max,
                                                        .name = named ? "a.test" : NULL});
            PROMISED_NUMBER(versions[v].name, talk.is_agreed, versions[v].min == TLS1_3_VERSION);
            end(&talk);
        }
    tls_context_release(context);
}

static void the_protocol_is_named(void **state)
{
    struct tls_context *context = context_of(&lenient);

    (void)state;
    for (size_t i = 0; i < COUNTOF(offers); i++) {
        const unsigned char *chosen;
        unsigned             len;
        struct talk          talk;

        if (offers[i].why)
            continue;
        begin(&talk, context, &offers[i].wish);
        SSL_get0_alpn_selected(talk.caller.ssl, &chosen, &len);
        /* The last one offered is the one we speak in all of these. */
        PROMISED(offers[i].promise,
                 offers[i].wish.alpn.len
                     ? str_ends(offers[i].wish.alpn, str_of((const char *)chosen, len)) && len == 8
                     : chosen == NULL);
        end(&talk);
    }
    tls_context_release(context);
}

/* RFC 5246 §7.2.2, no_renegotiation; RFC 9325 §3.5 */
static void a_handshake_is_not_done_again(void **state)
{
    struct tls_context *context = context_of(&lenient);
    struct talk         talk;
    char                byte;
    size_t              n;

    (void)state;
    begin(&talk, context, &(struct caller_wish){.max = TLS1_2_VERSION});
    assert_true(SSL_renegotiate(talk.caller.ssl));
    caller_shakes(&talk.caller);
    assert_false(SSL_read_ex(talk.server, &byte, 1, &n));
    assert_int_equal(SSL_get_error(talk.server, 0), SSL_ERROR_WANT_READ);
    assert_int_equal(SSL_num_renegotiations(talk.server), 0);
    assert_true(SSL_is_init_finished(talk.server));
    assert_true(SSL_write_ex(talk.server, "x", 1, &n));
    caller_shakes(&talk.caller);
    assert_true(talk.caller.has_failed);        /* OpenSSL's client takes it badly */
    end(&talk);
    tls_context_release(context);
}

/* RFC 8446 §8: what is sent early can be sent again by others. */
static void nothing_may_be_sent_early(void **state)
{
    struct tls_context *context = context_of(&lenient);
    struct caller_wish  again = {.min = TLS1_3_VERSION};
    struct talk         talk;
    size_t              n;

    (void)state;
    begin(&talk, context, &again);
    again.resumes = SSL_get1_session(talk.caller.ssl);
    assert_int_equal(SSL_SESSION_get_max_early_data(again.resumes), 0);
    end(&talk);
    face_each_other(&talk, context, &again);
    assert_false(SSL_write_early_data(talk.caller.ssl, "GET /", 5, &n));
    end(&talk);
    SSL_SESSION_free(again.resumes);
    tls_context_release(context);
}

/* ---- its life ------------------------------------------------------------------------- */

/* Its pairs may go, and whoever shares it may go first. */
static void a_context_lives_while_somebody_needs_it(void **state)
{
    char                problem[512];
    struct tls_pair    *pair = pair_of(&(struct minted_wish){.serial = 77});
    struct tls_context *context = tls_context_new(&pair, 1, &lenient, shop.tickets, problem,
                                                  sizeof problem);
    struct talk         talk;

    (void)state;
    assert_non_null(context);
    tls_pair_release(pair);
    assert_ptr_equal(tls_context_acquire(context), context);
    tls_context_release(context);
    begin(&talk, context, &anything);
    assert_int_equal(caller_saw_serial(&talk.caller), 77);
    end(&talk);
    tls_context_release(context);
    tls_context_release(NULL);
}

/* The next call on this thread may ask OpenSSL whether something went wrong. */
static void making_one_leaves_no_complaints_behind(void **state)
{
    struct tls_context *context = context_of(&policies[1]);

    (void)state;
    assert_int_equal(ERR_peek_error(), 0);
    tls_context_release(context);
}

static const struct problem_case {
    const char *promise;
    const char *path;
    const char *said;
} problems[] = {
    {"authorities that are not there", "none.pem",
     "cannot read the authorities of clients from \"none.pem\": "},
    {"a file that is none", "noise.pem",
     "cannot read the authorities of clients from \"noise.pem\": "},
    {"an empty one", "empty.pem",
     "cannot read the authorities of clients from \"empty.pem\": "},
    {"a name that is not printable", "a\nb",
     "cannot read the authorities of clients from \"a\\x0ab\": "},
};

static void authorities_that_cannot_be_read_are_a_problem(void **state)
{
    (void)state;
    folder_file("noise.pem", "-----BEGIN CERTIFICATE-----\nnoise\n-----END CERTIFICATE-----\n");
    folder_file("empty.pem", "");
    for (size_t i = 0; i < COUNTOF(problems); i++) {
        char             problem[512] = "";
        struct tls_rules rules = {.client_ca_path = problems[i].path};

        PROMISED(problems[i].promise, !tls_context_new(shop.pairs, COUNTOF(shop.pairs), &rules,
                                                       shop.tickets, problem, sizeof problem));
        PROMISED_STR(problems[i].promise,
                     str_of(problem, MIN_OF(strlen(problem), strlen(problems[i].said))),
                     problems[i].said);
        PROMISED(problems[i].promise, strlen(problem) > strlen(problems[i].said));
        PROMISED(problems[i].promise, !strchr(problem, '\n'));
        PROMISED(problems[i].promise, ERR_peek_error() == 0);
    }
}

/* ---- the key log ---------------------------------------------------------------------- */

static struct str read_log(char *room, size_t size)
{
    int     fd = open("keys.log", O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, room, size);

    assert_true(fd != -1 && n >= 0);
    close(fd);
    return str_of(room, (size_t)n);
}

/* Lines that begin with that word. */
static size_t count_lines(struct str text, const char *word)
{
    size_t     count = 0;
    struct str line;

    while (str_split(&text, '\n', &line))
        count += str_starts(line, str_view(word));
    return count;
}

static void log_a_handshake(const struct version *version, const char *name)
{
    struct tls_key_log *log = tls_key_log_open("keys.log");
    struct tls_context *context;
    struct talk         talk;

    assert_non_null(log);
    context = context_of(&(struct tls_rules){.key_log = log});
    begin(&talk, context, &(struct caller_wish){.min = version->min, .max = version->max,
                                                .name = name});
    assert_true(talk.is_agreed);
    end(&talk);
    tls_context_release(context);
    tls_key_log_close(log);
}

static void secrets_are_written_for_who_asked_for_it_only(void **state)
{
    char        room[8192];
    struct stat status;
    struct str  text;

    (void)state;
    log_a_handshake(&versions[0], NULL);
    assert_int_equal(stat("keys.log", &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    text = read_log(room, sizeof room);
    assert_int_equal(count_lines(text, "CLIENT_RANDOM "), 1);

    log_a_handshake(&versions[1], "x.b.test");          /* another certificate, and behind it */
    text = read_log(room, sizeof room);
    assert_int_equal(count_lines(text, "CLIENT_RANDOM "), 1);
    assert_int_equal(count_lines(text, "CLIENT_HANDSHAKE_TRAFFIC_SECRET "), 1);
    assert_int_equal(count_lines(text, "SERVER_HANDSHAKE_TRAFFIC_SECRET "), 1);
    assert_int_equal(count_lines(text, "CLIENT_TRAFFIC_SECRET_0 "), 1);
    assert_int_equal(count_lines(text, "SERVER_TRAFFIC_SECRET_0 "), 1);
    assert_true(str_ends(text, STR("\n")));
}

static void a_key_log_that_cannot_be_opened_is_told(void **state)
{
    (void)state;
    assert_null(tls_key_log_open("nowhere/keys.log"));
    assert_int_equal(errno, ENOENT);
    assert_null(tls_key_log_open("."));
    assert_int_equal(errno, EISDIR);
    tls_key_log_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_gets_the_certificate_of_the_name_it_asks_for),
        cmocka_unit_test(a_name_that_cannot_be_read_is_refused),
        cmocka_unit_test(a_session_is_taken_up_under_its_own_name),
        cmocka_unit_test(a_session_is_taken_up_where_clients_are_asked_for_the_same),
        cmocka_unit_test(clients_are_asked_who_they_are),
        cmocka_unit_test(clients_are_told_whom_we_trust),
        cmocka_unit_test(only_what_is_strong_is_agreed_on),
        cmocka_unit_test(a_client_that_only_knows_SHA_1_is_refused),
        cmocka_unit_test(of_several_ciphers_we_choose),
        cmocka_unit_test(a_server_may_ask_for_1_3),
        cmocka_unit_test(the_protocol_is_named),
        cmocka_unit_test(a_handshake_is_not_done_again),
        cmocka_unit_test(nothing_may_be_sent_early),
        cmocka_unit_test(a_context_lives_while_somebody_needs_it),
        cmocka_unit_test(making_one_leaves_no_complaints_behind),
        cmocka_unit_test(authorities_that_cannot_be_read_are_a_problem),
        cmocka_unit_test(secrets_are_written_for_who_asked_for_it_only),
        cmocka_unit_test(a_key_log_that_cannot_be_opened_is_told),
    };

    return cmocka_run_group_tests(tests, open_shop, close_shop);
}
