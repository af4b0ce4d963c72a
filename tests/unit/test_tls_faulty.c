/* What net/tls_faulty promises: whoever trusts our authority sees one fault and no other; and what
 * net/tls_store does with them. */
#include "net/tls_faulty.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/tls.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/caller.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum { HOUR = 3600, DAY = 24 * HOUR, ERRORS_MAX = 16, ROUNDS_MAX = 20, STRONG = 2 };

static const int64_t now = 1800000000;      /* 2027-01-15 08:00:00 */

static const char *const names[] = {"www.a.test", "192.0.2.7"};

static struct tls_self self;

static int make_self(void **state)
{
    const struct tls_self_settings settings = {
        .names = names, .names_count = COUNTOF(names), .host = "box", .keeps_authority = true};
    char problem[TLS_SELF_PROBLEM] = "";

    (void)state;
    assert_true(tls_self_refresh(&self, &settings, now, problem, sizeof problem));
    return 0;
}

static int forget_self(void **state)
{
    (void)state;
    tls_self_fini(&self);
    return 0;
}

static struct tls_pair *make(enum tls_fault fault)
{
    char             problem[TLS_SELF_PROBLEM] = "";
    struct tls_pair *pair = tls_faulty_make(fault, &self, now, problem, sizeof problem);

    if (!pair)
        fail_msg("%s: %s", tls_fault_name(fault), problem);
    assert_string_equal(problem, "");
    return pair;
}

/* ---- what a client sees --------------------------------------------------------------- */

/* All that is wrong, each once, in the order in which it was found. */
struct verdict {
    int    errors[ERRORS_MAX];
    size_t count;
};

static int go_on(int ok, X509_STORE_CTX *context)
{
    struct verdict *verdict = X509_STORE_CTX_get_app_data(context);
    int             error = X509_STORE_CTX_get_error(context);

    for (size_t i = 0; i < verdict->count; i++)
        ok |= verdict->errors[i] == error;
    if (!ok && verdict->count < ERRORS_MAX)
        verdict->errors[verdict->count++] = error;
    return 1;
}

/* Of a client that trusts the authority, takes strong keys only, and has asked for `host`. */
static struct verdict judge(const struct tls_pair *pair, const char *host, int64_t at_s)
{
    X509_STORE        *store = X509_STORE_new();
    X509_STORE_CTX    *context = X509_STORE_CTX_new();
    X509_VERIFY_PARAM *rules;
    struct verdict     verdict = {.count = 0};

    assert_true(store && context && X509_STORE_add_cert(store, self.authority.certificate) == 1);
    assert_int_equal(X509_STORE_CTX_init(context, store, tls_pair_leaf(pair), tls_pair_chain(pair)), 1);
    rules = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(rules, at_s);
    X509_VERIFY_PARAM_set_auth_level(rules, STRONG);
    X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT);
    assert_true(X509_VERIFY_PARAM_set1_ip_asc(rules, host) == 1 ||
                X509_VERIFY_PARAM_set1_host(rules, host, 0) == 1);
    assert_int_equal(X509_STORE_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER), 1);
    X509_STORE_CTX_set_app_data(context, &verdict);
    X509_STORE_CTX_set_verify_cb(context, go_on);
    (void)X509_verify_cert(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    ERR_clear_error();
    return verdict;
}

static const struct fault_case {
    enum tls_fault fault;
    const char    *name;
    int            error, error_of_address;
} faults[] = {
    {TLS_FAULT_EXPIRED, "expired", X509_V_ERR_CERT_HAS_EXPIRED, X509_V_ERR_CERT_HAS_EXPIRED},
    {TLS_FAULT_NOT_YET_VALID, "not-yet-valid", X509_V_ERR_CERT_NOT_YET_VALID,
     X509_V_ERR_CERT_NOT_YET_VALID},
    {TLS_FAULT_WRONG_NAME, "wrong-name", X509_V_ERR_HOSTNAME_MISMATCH,
     X509_V_ERR_IP_ADDRESS_MISMATCH},
    {TLS_FAULT_UNKNOWN_AUTHORITY, "unknown-authority", X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN,
     X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN},
    {TLS_FAULT_WEAK_KEY, "weak-key", X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_EE_KEY_TOO_SMALL},
};

static_assert(COUNTOF(faults) == TLS_FAULTS - 1, "all of them are here");

static const struct host {
    const char *name;
    bool        is_address;
} hosts[] = {
    {"localhost", false}, {"www.a.test", false}, {"box", false},
    {"127.0.0.1", true},  {"::1", true},         {"192.0.2.7", true},
};

static void each_has_its_fault_and_no_other(void **state)
{
    (void)state;
    for (size_t h = 0; h < COUNTOF(hosts); h++)
        PROMISED_NUMBER("the good one has none", judge(self.pair, hosts[h].name, now).count, 0);
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        const struct fault_case *c = &faults[i];
        struct tls_pair         *pair = make(c->fault);

        for (size_t h = 0; h < COUNTOF(hosts); h++) {
            struct verdict verdict = judge(pair, hosts[h].name, now);

            PROMISED_NUMBER(c->name, verdict.count, 1);
            PROMISED_NUMBER(c->name, verdict.errors[0],
                            hosts[h].is_address ? c->error_of_address : c->error);
        }
        tls_pair_release(pair);
    }
}

/* It is made anew when the good one is. */
static void a_fault_lasts_until_the_good_one_is_renewed(void **state)
{
    const int64_t late_s = now + (int64_t)(TLS_SELF_DAYS - TLS_SELF_RENEW_DAYS) * DAY;

    (void)state;
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        struct tls_pair *pair = make(faults[i].fault);
        struct verdict   verdict = judge(pair, "localhost", late_s);

        PROMISED_NUMBER(faults[i].name, verdict.count, 1);
        PROMISED_NUMBER(faults[i].name, verdict.errors[0], faults[i].error);
        tls_pair_release(pair);
    }
}

/* Clocks of clients are not ours. */
static void what_is_over_is_over_for_slow_clocks_too(void **state)
{
    struct tls_pair *pair = make(TLS_FAULT_EXPIRED);

    (void)state;
    assert_true(tls_pair_not_after(pair) < now - 23 * HOUR);
    assert_true(tls_pair_not_before(pair) < tls_pair_not_after(pair));
    tls_pair_release(pair);
}

static void they_have_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(faults); i++)
        PROMISED_STR("as they are told", str_view(tls_fault_name(faults[i].fault)), faults[i].name);
    assert_string_equal(tls_fault_name(TLS_FAULT_NONE), "none");
}

static void the_unknown_authority_is_another_one_each_time(void **state)
{
    struct tls_pair *one = make(TLS_FAULT_UNKNOWN_AUTHORITY), *two = make(TLS_FAULT_UNKNOWN_AUTHORITY);

    (void)state;
    assert_int_not_equal(X509_cmp(sk_X509_value(tls_pair_chain(one), 0),
                                  sk_X509_value(tls_pair_chain(two), 0)), 0);
    tls_pair_release(one);
    tls_pair_release(two);
}

static void the_weak_key_is_weak_for_everyone(void **state)
{
    struct tls_pair *pair = make(TLS_FAULT_WEAK_KEY);

    (void)state;
    assert_true(EVP_PKEY_is_a(tls_pair_key(pair), "RSA"));
    assert_int_equal(EVP_PKEY_get_bits(tls_pair_key(pair)), 768);
    tls_pair_release(pair);
}

/* ---- when things fail ----------------------------------------------------------------- */

static void without_the_key_of_the_authority_there_are_none(void **state)
{
    struct tls_self keyless = self;

    (void)state;
    keyless.authority.key = NULL;
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        char problem[TLS_SELF_PROBLEM] = "", said[TLS_SELF_PROBLEM];

        snprintf(said, sizeof said, "cannot make the certificate for \"%s\": the key of the authority "
                 "that has to sign it (ca-key.pem) cannot be read", faults[i].name);
        assert_null(tls_faulty_make(faults[i].fault, &keyless, now, problem, sizeof problem));
        assert_string_equal(problem, said);
    }
}

static void without_memory_there_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(faults); i++) {
        bool failed = false;

        for (size_t n = 1; alloc_fail_next(n); n++) {
            char             problem[TLS_SELF_PROBLEM] = "";
            struct tls_pair *pair = tls_faulty_make(faults[i].fault, &self, now, problem,
                                                    sizeof problem);

            PROMISED("a failure is told", (pair == NULL) == (*problem != '\0'));
            failed |= !pair;
            tls_pair_release(pair);
        }
        PROMISED(faults[i].name, failed);
    }
    assert_int_equal(ERR_peek_error(), 0);
}

/* ---- in a store ----------------------------------------------------------------------- */

static struct scene {
    struct folder     folder;
    struct tls_store *store;
    int64_t           now_s;
} scene;

static int enter(void **state)
{
    (void)state;
    folder_enter(&scene.folder);
    scene.now_s = clock_now().wall_s;
    return 0;
}

static int leave(void **state)
{
    (void)state;
    tls_store_close(scene.store);
    scene.store = NULL;
    folder_leave(&scene.folder);
    return 0;
}

static void open_store(struct tls_store_settings settings)
{
    char problem[512] = "";

    settings.has_faulty = true;
    settings.self.host = "box";
    scene.store = tls_store_open(&settings, scene.now_s, problem, sizeof problem);
    if (!scene.store)
        fail_msg("%s", problem);
}

struct call {
    struct transport server;
    struct caller    caller;
    enum tls_step    step;
    const char      *why;
};

static void call_is_made(struct call *call, enum tls_fault fault, const struct caller_wish *wish)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    *call = (struct call){.server = transport_plain(ends[0]), .step = TLS_WANT_READ};
    caller_open(&call->caller, ends[1], wish);
    for (int i = 0; i < ROUNDS_MAX && call->step == TLS_WANT_READ; i++) {
        caller_shakes(&call->caller);
        caller_post(&call->caller, SIZE_MAX);
        call->step = tls_accept(&call->server, scene.store, fault, &call->why);
        caller_fetch(&call->caller);
    }
    caller_listens(&call->caller);
}

static void call_ends(struct call *call)
{
    transport_close(&call->server);
    caller_listens(&call->caller);
    SSL_shutdown(call->caller.ssl);
    caller_close(&call->caller);
}

static uint64_t serial_of(enum tls_fault fault)
{
    struct call call;
    uint64_t    serial;

    call_is_made(&call, fault, &(struct caller_wish){0});
    PROMISED(tls_fault_name(fault), call.step == TLS_DONE);
    serial = caller_saw_serial(&call.caller);
    call_ends(&call);
    return serial;
}

static const struct version {
    const char *name;
    int         min, max;
} versions[] = {
    {"TLS 1.2", 0, TLS1_2_VERSION},
    {"TLS 1.3", TLS1_3_VERSION, 0},
};

static void who_does_not_mind_is_served_in_each_version(void **state)
{
    (void)state;
    open_store((struct tls_store_settings){.self = {.dir = "self"}});
    for (size_t v = 0; v < COUNTOF(versions); v++)
        for (enum tls_fault fault = TLS_FAULT_NONE; fault < TLS_FAULTS; fault++) {
            struct call call;

            call_is_made(&call, fault, &(struct caller_wish){.min = versions[v].min,
                                                             .max = versions[v].max});
            PROMISED(versions[v].name, call.step == TLS_DONE);
            PROMISED(tls_fault_name(fault), caller_saw_serial(&call.caller) != 0);
            call_ends(&call);
        }
}

/* RFC 8446 §4.6.1: a session that is resumed shows no certificate, and so hides a fault. */
static void no_session_hides_a_fault(void **state)
{
    (void)state;
    open_store((struct tls_store_settings){.self = {.dir = "self"}});
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        struct caller_wish wish = {.min = versions[v].min, .max = versions[v].max,
                                   .name = "localhost"};
        struct call        call;

        call_is_made(&call, TLS_FAULT_NONE, &wish);
        wish.resumes = SSL_get1_session(call.caller.ssl);
        assert_true(SSL_SESSION_is_resumable(wish.resumes));
        call_ends(&call);
        for (enum tls_fault fault = TLS_FAULT_NONE; fault < TLS_FAULTS; fault++) {
            call_is_made(&call, fault, &wish);
            PROMISED(tls_fault_name(fault), call.step == TLS_DONE);
            PROMISED_NUMBER(tls_fault_name(fault), SSL_session_reused(call.caller.ssl),
                            fault == TLS_FAULT_NONE);
            if (fault != TLS_FAULT_NONE)
                PROMISED("there is nothing to come back with",
                         !SSL_SESSION_is_resumable(SSL_get0_session(call.caller.ssl)));
            call_ends(&call);
        }
        SSL_SESSION_free(wish.resumes);
    }
}

/* The listener whose own key is weak takes no weak keys: who has to prove himself has to there, too. */
static void clients_prove_themselves_as_everywhere(void **state)
{
    static const struct minted_wish root = {.common_name = "authority", .is_authority = true};
    struct minted authority = minted_make(&root);
    struct minted good = minted_make(&(struct minted_wish){.issuer = &authority});
    struct minted weak = minted_make(&(struct minted_wish){.issuer = &authority,
                                                           .kind = MINTED_RSA_1024});

    (void)state;
    minted_write(&authority, NULL, "ca.pem", "ca-key.pem");
    open_store((struct tls_store_settings){.self = {.dir = "self"}, .client_ca_path = "ca.pem"});
    for (enum tls_fault fault = TLS_FAULT_NONE; fault < TLS_FAULTS; fault++) {
        const struct minted *shown[] = {&good, NULL, &weak};

        for (size_t i = 0; i < COUNTOF(shown); i++) {
            struct caller_wish wish = {.shows = shown[i], .ciphers = "ALL:@SECLEVEL=0"};
            struct call        call;

            call_is_made(&call, fault, &wish);
            PROMISED_NUMBER(tls_fault_name(fault), call.step,
                            shown[i] == &good ? TLS_DONE : TLS_FAILED);
            if (shown[i] == &weak)
                PROMISED_STR("its key is looked at", str_view(call.why), "EE certificate key too weak");
            call_ends(&call);
        }
    }
    minted_fini(&authority);
    minted_fini(&good);
    minted_fini(&weak);
}

/* Beside certificates that were given, too, which show what they showed. */
static void they_are_renewed_with_the_good_one(void **state)
{
    static const struct tls_pair_files files[] = {{.cert_path = "cert.pem", .key_path = "key.pem"}};
    const struct tls_store_settings    settings[] = {
        {.self = {.dir = "self"}},
        {.self = {.dir = "other"}, .files = files, .files_count = COUNTOF(files)},
    };
    struct minted given = minted_make(&(struct minted_wish){
        .serial = 7, .not_before_s = scene.now_s - DAY, .not_after_s = scene.now_s + 2000LL * DAY});

    (void)state;
    minted_write(&given, NULL, "cert.pem", "key.pem");
    for (size_t i = 0; i < COUNTOF(settings); i++) {
        uint64_t before[TLS_FAULTS];

        open_store(settings[i]);
        assert_non_null(tls_store_self(scene.store));
        for (enum tls_fault fault = TLS_FAULT_NONE; fault < TLS_FAULTS; fault++)
            before[fault] = serial_of(fault);
        tls_store_check(scene.store, scene.now_s + HOUR, false);
        for (enum tls_fault fault = TLS_FAULT_NONE; fault < TLS_FAULTS; fault++)
            PROMISED("not sooner", serial_of(fault) == before[fault]);
        tls_store_check(scene.store, scene.now_s + (int64_t)TLS_SELF_DAYS * DAY, false);
        for (enum tls_fault fault = TLS_FAULT_NONE + 1; fault < TLS_FAULTS; fault++)
            PROMISED(tls_fault_name(fault), serial_of(fault) != before[fault]);
        PROMISED_NUMBER("what was given stays", serial_of(TLS_FAULT_NONE) == before[TLS_FAULT_NONE],
                        settings[i].files_count == 1);
        tls_store_close(scene.store);
    }
    scene.store = NULL;
    minted_fini(&given);
}

/* A folder that holds what is right, but not the key of the authority. */
static void who_cannot_sign_does_not_start(void **state)
{
    struct tls_store_settings settings = {.self = {.dir = "self", .host = "box"}};
    char                      problem[512] = "";

    (void)state;
    open_store(settings);
    tls_store_close(scene.store);
    scene.store = NULL;
    assert_int_equal(unlink("self/ca-key.pem"), 0);
    folder_folder("self/ca-key.pem");           /* what is no file can't be read, by anybody */
    settings.has_faulty = true;
    assert_null(tls_store_open(&settings, scene.now_s, problem, sizeof problem));
    assert_string_equal(problem, "cannot make the certificate for \"expired\": the key of the authority "
                                 "that has to sign it (ca-key.pem) cannot be read");
    settings.has_faulty = false;
    scene.store = tls_store_open(&settings, scene.now_s, problem, sizeof problem);
    assert_non_null(scene.store);
}

static void a_store_without_memory_says_so(void **state)
{
    const struct tls_store_settings settings = {.self = {.dir = "self", .host = "box"},
                                                .has_faulty = true};
    size_t failures = 0;

    (void)state;
    for (size_t n = 1; alloc_fail_next(n); n++) {
        char              problem[512] = "";
        struct tls_store *store = tls_store_open(&settings, scene.now_s, problem, sizeof problem);

        PROMISED("a failure is told", (store == NULL) == (*problem != '\0'));
        failures += !store;
        tls_store_close(store);
    }
    PROMISED("a pair and a context for each of them", failures > 2 * TLS_FAULTS);
}

#define IN_FOLDER(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    const struct CMUnitTest certificates[] = {
        cmocka_unit_test(each_has_its_fault_and_no_other),
        cmocka_unit_test(a_fault_lasts_until_the_good_one_is_renewed),
        cmocka_unit_test(what_is_over_is_over_for_slow_clocks_too),
        cmocka_unit_test(they_have_names),
        cmocka_unit_test(the_unknown_authority_is_another_one_each_time),
        cmocka_unit_test(the_weak_key_is_weak_for_everyone),
        cmocka_unit_test(without_the_key_of_the_authority_there_are_none),
        cmocka_unit_test(without_memory_there_is_none),
    };
    const struct CMUnitTest stores[] = {
        IN_FOLDER(who_does_not_mind_is_served_in_each_version),
        IN_FOLDER(no_session_hides_a_fault),
        IN_FOLDER(clients_prove_themselves_as_everywhere),
        IN_FOLDER(they_are_renewed_with_the_good_one),
        IN_FOLDER(who_cannot_sign_does_not_start),
        IN_FOLDER(a_store_without_memory_says_so),
    };

    return cmocka_run_group_tests_name("tls_faulty", certificates, make_self, forget_self) +
           cmocka_run_group_tests_name("tls_faulty in a store", stores, NULL, NULL);
}
