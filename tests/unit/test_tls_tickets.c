/* tls_tickets: which sessions are taken up again, shown by handshakes with OpenSSL's own client. */
#include "net/tls_tickets.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/support/alloc_fail.h"
#include "tests/support/minted.h"
#include "tests/support/promise.h"

static const int64_t start = 1800000000;

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* ---- two ends ------------------------------------------------------------------------- */

static struct minted identity;

static SSL_CTX *context_new(const SSL_METHOD *method, int version)
{
    SSL_CTX *context = SSL_CTX_new(method);

    assert_non_null(context);
    assert_true(SSL_CTX_set_min_proto_version(context, version));
    assert_true(SSL_CTX_set_max_proto_version(context, version));
    return context;
}

static SSL_CTX *server_new(struct tls_tickets *tickets, int version)
{
    SSL_CTX *server = context_new(TLS_server_method(), version);

    assert_true(SSL_CTX_use_certificate(server, identity.certificate));
    assert_true(SSL_CTX_use_PrivateKey(server, identity.key));
    assert_true(tls_tickets_serve(tickets, server));
    return server;
}

/* In TLS 1.3 tickets come when they like; the last one counts. */
static int keep(SSL *ssl, SSL_SESSION *session)
{
    SSL_SESSION **kept = SSL_get_app_data(ssl);

    SSL_SESSION_free(*kept);
    *kept = session;
    return 1;
}

static SSL_CTX *client_new(int version)
{
    SSL_CTX *client = context_new(TLS_client_method(), version);

    SSL_CTX_set_session_cache_mode(client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client, keep);
    return client;
}

static SSL *end_new(SSL_CTX *context, BIO *bio)
{
    SSL *ssl = SSL_new(context);

    assert_non_null(ssl);
    SSL_set_bio(ssl, bio, bio);
    return ssl;
}

/* By turns, until neither is moved by what the other sent. */
static bool shake_hands(SSL *client, SSL *server)
{
    char nothing;

    for (int i = 0; i < 8; i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    SSL_read(client, &nothing, 1);      /* tickets that come behind */
    ERR_clear_error();
    return SSL_is_init_finished(client) && SSL_is_init_finished(server);
}

struct meeting {
    bool         succeeded;
    bool         resumed;       /* as both ends see it */
    bool         has_new_ticket;
    SSL_SESSION *session;       /* to come back with */
};

static void meeting_fini(struct meeting *meeting)
{
    SSL_SESSION_free(meeting->session);
    *meeting = (struct meeting){0};
}

static struct str ticket_of(const SSL_SESSION *session)
{
    const unsigned char *bytes;
    size_t len;

    SSL_SESSION_get0_ticket(session, &bytes, &len);
    return str_of((const char *)bytes, len);
}

/* The client offers `offered`, which may be NULL. */
static struct meeting meet_with(SSL_CTX *server_context, int version, uint64_t options,
                                SSL_SESSION *offered)
{
    SSL_CTX *client_context = client_new(version);
    struct meeting meeting = {0};
    BIO *near, *far;
    SSL *client, *server;

    assert_true(BIO_new_bio_pair(&near, 0, &far, 0));
    client = end_new(client_context, near);
    server = end_new(server_context, far);
    SSL_set_connect_state(client);
    SSL_set_accept_state(server);
    SSL_set_app_data(client, &meeting.session);
    SSL_set_options(client, options);
    SSL_set_tlsext_host_name(client, "a.test");
    assert_true(!offered || SSL_set_session(client, offered));
    meeting.succeeded = shake_hands(client, server);
    meeting.resumed = SSL_session_reused(client) && SSL_session_reused(server);
    if (!meeting.session)
        meeting.session = SSL_get1_session(client);
    meeting.has_new_ticket =
        !offered || !str_equal(ticket_of(meeting.session), ticket_of(offered));
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN);    /* else they think ill of the session */
    SSL_set_shutdown(server, SSL_SENT_SHUTDOWN);
    SSL_free(client);
    SSL_free(server);
    SSL_CTX_free(client_context);
    return meeting;
}

static struct meeting meet(SSL_CTX *server, int version, SSL_SESSION *offered)
{
    return meet_with(server, version, 0, offered);
}

/* A first visit, which leaves a session behind. */
static SSL_SESSION *visit(SSL_CTX *server, int version)
{
    struct meeting meeting = meet(server, version, NULL);

    assert_true(meeting.succeeded);
    assert_false(meeting.resumed);
    assert_true(SSL_SESSION_has_ticket(meeting.session));
    return meeting.session;
}

static void rotate(struct tls_tickets *tickets, int64_t *now_s)
{
    *now_s += TLS_TICKETS_ROTATE_S;
    tls_tickets_rotate(tickets, *now_s);
}

/* ---- how long a ticket is good for ---------------------------------------------------- */

static const struct rotation_case {
    const char *promise;
    int         version;
    int         rotations;
    bool        resumed;
    bool        has_new_ticket;
} rotations[] = {
    {"1.2: the present key opens",                 TLS1_2_VERSION, 0, true,  false},
    {"1.2: the one before it, too, and is renewed", TLS1_2_VERSION, 1, true,  true},
    {"1.2: and the one before that",               TLS1_2_VERSION, 2, true,  true},
    {"1.2: no older one",                          TLS1_2_VERSION, 3, false, true},
    /* RFC 8446 §C.4: a ticket is for one use */
    {"1.3: the present key opens, and renews",     TLS1_3_VERSION, 0, true,  true},
    {"1.3: the one before it, too",                TLS1_3_VERSION, 1, true,  true},
    {"1.3: and the one before that",               TLS1_3_VERSION, 2, true,  true},
    {"1.3: no older one",                          TLS1_3_VERSION, 3, false, true},
};

static void a_ticket_is_good_while_its_key_is_kept(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(rotations); i++) {
        const struct rotation_case *c = &rotations[i];
        struct tls_tickets *tickets = tls_tickets_new(start);
        SSL_CTX *server = server_new(tickets, c->version);
        SSL_SESSION *session = visit(server, c->version);
        int64_t now_s = start;
        struct meeting again;

        for (int n = 0; n < c->rotations; n++)
            rotate(tickets, &now_s);
        again = meet(server, c->version, session);
        PROMISED(c->promise, again.succeeded);
        PROMISED_NUMBER(c->promise, again.resumed, c->resumed);
        PROMISED_NUMBER(c->promise, again.has_new_ticket, c->has_new_ticket);
        meeting_fini(&again);
        SSL_SESSION_free(session);
        SSL_CTX_free(server);
        tls_tickets_free(tickets);
    }
}

/* Else a client that comes back every hour would be a stranger three rotations later. */
static void a_renewed_ticket_is_sealed_with_the_newest_key(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(versions); i++) {
        struct tls_tickets *tickets = tls_tickets_new(start);
        SSL_CTX *server = server_new(tickets, versions[i]);
        SSL_SESSION *session = visit(server, versions[i]);
        int64_t now_s = start;

        for (int n = 0; n < 2 * TLS_TICKETS_KEYS; n++) {
            struct meeting again;

            rotate(tickets, &now_s);
            rotate(tickets, &now_s);
            again = meet(server, versions[i], session);
            assert_true(again.succeeded && again.resumed);
            SSL_SESSION_free(session);
            session = again.session;
        }
        SSL_SESSION_free(session);
        SSL_CTX_free(server);
        tls_tickets_free(tickets);
    }
}

static void a_client_is_told_how_long_its_ticket_is_good_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(versions); i++) {
        struct tls_tickets *tickets = tls_tickets_new(start);
        SSL_CTX *server = server_new(tickets, versions[i]);
        SSL_SESSION *session = visit(server, versions[i]);

        assert_int_equal(SSL_SESSION_get_ticket_lifetime_hint(session), TLS_TICKETS_LIFE_S);
        SSL_SESSION_free(session);
        SSL_CTX_free(server);
        tls_tickets_free(tickets);
    }
}

/* Memory that clients fill would need a bound of its own. */
static void who_takes_no_tickets_is_not_remembered(void **state)
{
    struct tls_tickets *tickets = tls_tickets_new(start);
    SSL_CTX *server = server_new(tickets, TLS1_2_VERSION);
    struct meeting first = meet_with(server, TLS1_2_VERSION, SSL_OP_NO_TICKET, NULL);
    struct meeting again = meet_with(server, TLS1_2_VERSION, SSL_OP_NO_TICKET, first.session);

    (void)state;
    assert_true(first.succeeded && again.succeeded);
    assert_false(again.resumed);
    assert_int_equal(SSL_CTX_sess_number(server), 0);
    meeting_fini(&first);
    meeting_fini(&again);
    SSL_CTX_free(server);
    tls_tickets_free(tickets);
}

/* ---- when it is time for a new key ---------------------------------------------------- */

/* Named times at which the key is looked after, and whether it is another one then, and whether
 * what the first key has sealed is still opened. */
static const struct moment_case {
    const char *promise;
    int64_t     after_s;
    bool        is_new_key;
    bool        opens_old;
} moments[] = {
    {"at once, nothing happens",           0,                        false, true},
    {"nor a second before its time",       TLS_TICKETS_ROTATE_S - 1, false, true},
    {"when it is time there is a new one", TLS_TICKETS_ROTATE_S,     true,  true},
    {"late, and the old one still opens",
     TLS_TICKETS_ROTATE_S + TLS_TICKETS_LIFE_S - 1,                  true,  true},
    {"too late, and it is gone at once",
     TLS_TICKETS_ROTATE_S + TLS_TICKETS_LIFE_S,                      true,  false},
    {"a clock set back makes no key older", -1,                      true,  true},
};

/* RFC 5077 §4: a ticket begins with the name of its key. */
static bool are_of_one_key(const SSL_SESSION *a, const SSL_SESSION *b)
{
    return str_equal(str_of(ticket_of(a).ptr, 16), str_of(ticket_of(b).ptr, 16));
}

static void a_key_is_followed_by_another_when_it_is_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(moments); i++) {
        const struct moment_case *c = &moments[i];
        struct tls_tickets *tickets = tls_tickets_new(start);
        SSL_CTX *server = server_new(tickets, TLS1_3_VERSION);
        SSL_SESSION *before = visit(server, TLS1_3_VERSION), *after;
        struct meeting again;

        tls_tickets_rotate(tickets, start + c->after_s);
        after = visit(server, TLS1_3_VERSION);
        again = meet(server, TLS1_3_VERSION, before);
        PROMISED_NUMBER(c->promise, !are_of_one_key(before, after), c->is_new_key);
        PROMISED_NUMBER(c->promise, again.resumed, c->opens_old);
        PROMISED(c->promise, again.succeeded);
        meeting_fini(&again);
        SSL_SESSION_free(before);
        SSL_SESSION_free(after);
        SSL_CTX_free(server);
        tls_tickets_free(tickets);
    }
}

/* ---- other contexts ------------------------------------------------------------------- */

static void a_reload_forgets_no_session(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(versions); i++) {
        struct tls_tickets *tickets = tls_tickets_new(start);
        SSL_CTX *before = server_new(tickets, versions[i]), *after;
        SSL_SESSION *session = visit(before, versions[i]);
        struct meeting again;

        SSL_CTX_free(before);
        after = server_new(tickets, versions[i]);
        again = meet(after, versions[i], session);
        assert_true(again.succeeded && again.resumed);
        meeting_fini(&again);
        SSL_SESSION_free(session);
        SSL_CTX_free(after);
        tls_tickets_free(tickets);
    }
}

static int lead_elsewhere(SSL *ssl, int *alert, void *elsewhere)
{
    (void)alert;
    return SSL_set_SSL_CTX(ssl, elsewhere) ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

static void a_name_may_lead_to_another_context(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(versions); i++) {
        struct tls_tickets *tickets = tls_tickets_new(start);
        SSL_CTX *door = server_new(tickets, versions[i]), *room = server_new(tickets, versions[i]);
        SSL_SESSION *session;
        struct meeting again;

        SSL_CTX_set_client_hello_cb(door, lead_elsewhere, room);
        session = visit(door, versions[i]);
        again = meet(door, versions[i], session);
        assert_true(again.succeeded && again.resumed);
        meeting_fini(&again);
        SSL_SESSION_free(session);
        SSL_CTX_free(door);
        SSL_CTX_free(room);
        tls_tickets_free(tickets);
    }
}

/* ---- tickets that are no good --------------------------------------------------------- */

enum { FROM_END = -1 };

static const struct spoilt_case {
    const char *promise;
    int         at;             /* the byte that is changed */
} spoilt[] = {
    {"the name of no key of ours",      0},
    {"another initial vector",          16},
    {"another content",                 40},
    {"another seal",                    FROM_END},
};

static void spoil(SSL_SESSION *session, int at)
{
    struct str ticket = ticket_of(session);
    char *bytes = (char *)(uintptr_t)ticket.ptr;

    bytes[at == FROM_END ? ticket.len - 1 : (size_t)at] ^= 1;
}

static void a_ticket_that_is_no_good_costs_a_whole_handshake_and_no_more(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(spoilt) * COUNTOF(versions); i++) {
        const struct spoilt_case *c = &spoilt[i / COUNTOF(versions)];
        int version = versions[i % COUNTOF(versions)];
        struct tls_tickets *tickets = tls_tickets_new(start);
        SSL_CTX *server = server_new(tickets, version);
        SSL_SESSION *session = visit(server, version);
        struct meeting again;

        spoil(session, c->at);
        again = meet(server, version, session);
        PROMISED(c->promise, again.succeeded);
        PROMISED(c->promise, !again.resumed);
        PROMISED(c->promise, again.has_new_ticket);
        meeting_fini(&again);
        SSL_SESSION_free(session);
        SSL_CTX_free(server);
        tls_tickets_free(tickets);
    }
}

static void tickets_of_another_server_are_no_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(versions); i++) {
        struct tls_tickets *ours = tls_tickets_new(start), *theirs = tls_tickets_new(start);
        SSL_CTX *here = server_new(ours, versions[i]), *there = server_new(theirs, versions[i]);
        SSL_SESSION *session = visit(there, versions[i]);
        struct meeting meeting = meet(here, versions[i], session);

        assert_true(meeting.succeeded && !meeting.resumed);
        meeting_fini(&meeting);
        SSL_SESSION_free(session);
        SSL_CTX_free(here);
        SSL_CTX_free(there);
        tls_tickets_free(ours);
        tls_tickets_free(theirs);
    }
}

/* ---- threads, memory ------------------------------------------------------------------ */

static atomic_bool has_enough;

static void *rotate_all_the_time(void *tickets)
{
    int64_t now_s = start;

    while (!atomic_load(&has_enough))
        rotate(tickets, &now_s);
    return NULL;
}

static void keys_may_change_while_others_use_them(void **state)
{
    struct tls_tickets *tickets = tls_tickets_new(start);
    SSL_CTX *server = server_new(tickets, TLS1_3_VERSION);
    pthread_t keeper;

    (void)state;
    assert_int_equal(pthread_create(&keeper, NULL, rotate_all_the_time, tickets), 0);
    for (int i = 0; i < 50; i++) {
        SSL_SESSION *session = visit(server, TLS1_3_VERSION);
        struct meeting again = meet(server, TLS1_3_VERSION, session);

        assert_true(again.succeeded);
        meeting_fini(&again);
        SSL_SESSION_free(session);
    }
    atomic_store(&has_enough, true);
    pthread_join(keeper, NULL);
    SSL_CTX_free(server);
    tls_tickets_free(tickets);
}

static void without_memory_there_are_none(void **state)
{
    (void)state;
    alloc_fail_at(1);
    assert_null(tls_tickets_new(start));
    assert_true(alloc_fail_off());
    tls_tickets_free(NULL);
}

static int mint_identity(void **state)
{
    (void)state;
    identity = minted_make(&(struct minted_wish){.alternatives = "DNS:a.test"});
    return 0;
}

static int melt_identity(void **state)
{
    (void)state;
    minted_fini(&identity);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ticket_is_good_while_its_key_is_kept),
        cmocka_unit_test(a_renewed_ticket_is_sealed_with_the_newest_key),
        cmocka_unit_test(a_client_is_told_how_long_its_ticket_is_good_for),
        cmocka_unit_test(who_takes_no_tickets_is_not_remembered),
        cmocka_unit_test(a_key_is_followed_by_another_when_it_is_time),
        cmocka_unit_test(a_reload_forgets_no_session),
        cmocka_unit_test(a_name_may_lead_to_another_context),
        cmocka_unit_test(a_ticket_that_is_no_good_costs_a_whole_handshake_and_no_more),
        cmocka_unit_test(tickets_of_another_server_are_no_good),
        cmocka_unit_test(keys_may_change_while_others_use_them),
        cmocka_unit_test(without_memory_there_are_none),
    };

    return cmocka_run_group_tests(tests, mint_identity, melt_identity);
}
