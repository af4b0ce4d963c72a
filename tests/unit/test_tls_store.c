/* What net/tls_store promises: whoever replaces a certificate has it in use a second later, and
 * whoever breaks one is told and served with the one before. */
#include "net/tls_store.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "net/tls.h"
#include "tests/support/caller.h"
#include "tests/support/folder.h"
#include "tests/support/promise.h"

enum { ROUNDS_MAX = 20, DAY_S = 24 * 3600 };

/* ---- a store, its files, its time, and what it says ----------------------------------- */

static struct {
    struct folder     folder;
    struct tls_store *store;
    int64_t           now_s;
    int               stderr_before;
} scene;

static const struct tls_pair_files files[] = {{.cert_path = "cert.pem", .key_path = "key.pem"}};

/* A certificate with its key, under names that begin like that. */
static void issue(const char *prefix, uint64_t serial)
{
    struct minted made = minted_make(&(struct minted_wish){.serial = serial});
    char          cert[64], key[64];

    snprintf(cert, sizeof cert, "%scert.pem", prefix);
    snprintf(key, sizeof key, "%skey.pem", prefix);
    minted_write(&made, NULL, cert, key);
    minted_fini(&made);
}

static int enter(void **state)
{
    int said;

    (void)state;
    folder_enter(&scene.folder);
    scene.now_s = clock_now().wall_s;
    issue("", 1);
    said = open("said", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    scene.stderr_before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    assert_true(said != -1 && scene.stderr_before != -1);
    assert_int_not_equal(dup2(said, STDERR_FILENO), -1);
    close(said);
    return 0;
}

/* cmocka, too, says to stderr what was not kept. */
static void pass_on(void)
{
    char    bytes[16384];
    ssize_t n = pread(STDERR_FILENO, bytes, sizeof bytes, 0);

    if (n > 0 && memmem(bytes, (size_t)n, "ERROR", 5))
        n = write(scene.stderr_before, bytes, (size_t)n);
}

static int leave(void **state)
{
    (void)state;
    tls_store_close(scene.store);
    scene.store = NULL;
    pass_on();
    dup2(scene.stderr_before, STDERR_FILENO);
    close(scene.stderr_before);
    folder_leave(&scene.folder);
    return 0;
}

static void open_store_with(const struct tls_store_settings *settings)
{
    char problem[512] = "";

    scene.store = tls_store_open(settings, scene.now_s, problem, sizeof problem);
    if (!scene.store)
        fail_msg("%s", problem);
}

static void open_store(void)
{
    open_store_with(&(struct tls_store_settings){.files = files, .files_count = COUNTOF(files)});
}

static void check_after(int64_t seconds)
{
    scene.now_s += seconds;
    tls_store_check(scene.store, scene.now_s, false);
}

/* Messages since they were last forgotten, that begin with these words behind their time. */
static size_t count_said(const char *words)
{
    char       bytes[8192];
    ssize_t    n = pread(STDERR_FILENO, bytes, sizeof bytes, 0);
    struct str text = str_of(bytes, n > 0 ? (size_t)n : 0), line;
    size_t     count = 0;

    while (str_split(&text, '\n', &line))
        count += line.len && str_starts(str_from(line, sizeof "2026-11-21T08:30:00Z"), str_view(words));
    return count;
}

static void forget_said(void)
{
    assert_int_equal(ftruncate(STDERR_FILENO, 0), 0);
}

/* ---- handshakes ----------------------------------------------------------------------- */

struct call {
    struct transport server;
    struct caller    caller;
    enum tls_step    step;
};

static void call_begins(struct call *call, const struct caller_wish *wish)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    *call = (struct call){.server = transport_plain(ends[0]), .step = TLS_WANT_READ};
    caller_open(&call->caller, ends[1], wish);
}

static void call_goes_on(struct call *call)
{
    const char *why;

    caller_shakes(&call->caller);
    caller_post(&call->caller, SIZE_MAX);
    call->step = tls_accept(&call->server, scene.store, TLS_FAULT_NONE, &why);
    caller_fetch(&call->caller);
}

static void call_is_made(struct call *call, const struct caller_wish *wish)
{
    call_begins(call, wish);
    for (int i = 0; i < ROUNDS_MAX && call->step == TLS_WANT_READ; i++)
        call_goes_on(call);
    caller_listens(&call->caller);
}

static void call_ends(struct call *call)
{
    transport_close(&call->server);
    caller_listens(&call->caller);
    SSL_shutdown(call->caller.ssl);
    caller_close(&call->caller);
}

static const struct caller_wish anything;

/* The number on the certificate that a newcomer sees. */
static uint64_t serial_now(void)
{
    struct call call;
    uint64_t    serial;

    call_is_made(&call, &anything);
    assert_int_equal(call.step, TLS_DONE);
    serial = caller_saw_serial(&call.caller);
    call_ends(&call);
    return serial;
}

/* ---- a good replacement --------------------------------------------------------------- */

static struct buf content_of(const char *name)
{
    struct buf content = BUF_UP_TO(65536);
    int        fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t    n;

    assert_true(fd != -1 && buf_reserve(&content, 65536));
    n = read(fd, content.ptr, 65535);
    assert_true(n >= 0);
    content.ptr[content.len = (size_t)n] = '\0';
    close(fd);
    return content;
}

static void replace_in_place(void)
{
    issue("", 2);
}

static void replace_by_rename(void)
{
    issue("new-", 2);
    assert_int_equal(rename("new-cert.pem", "cert.pem"), 0);
    assert_int_equal(rename("new-key.pem", "key.pem"), 0);
}

static void replace_as_an_editor_does(void)
{
    struct buf text;

    issue("new-", 2);
    text = content_of("new-cert.pem");
    folder_replace("cert.pem", text.ptr);
    buf_fini(&text);
    text = content_of("new-key.pem");
    folder_replace("key.pem", text.ptr);
    buf_fini(&text);
}

/* As Kubernetes and certbot do. */
static void lead_by_links(void)
{
    folder_folder("old");
    issue("old/", 1);
    folder_link("current", "old");
    folder_remove("cert.pem");
    folder_remove("key.pem");
    folder_link("cert.pem", "current/cert.pem");
    folder_link("key.pem", "current/key.pem");
}

static void swap_the_link(void)
{
    folder_folder("new");
    issue("new/", 2);
    folder_link("next", "new");
    assert_int_equal(rename("next", "current"), 0);
}

static void replace_one_with_the_age_of_the_other(void)
{
    folder_age("cert.pem", 1000000000);
    folder_age("key.pem", 1000000000);
    tls_store_check(scene.store, scene.now_s, true);
    forget_said();
    issue("", 2);
    folder_age("cert.pem", 1000000000);
    folder_age("key.pem", 1000000000);
}

static const struct way {
    const char *promise;
    void (*prepare)(void);
    void (*replace)(void);
} ways[] = {
    {"written anew in its place",           NULL,           replace_in_place},
    {"moved to its place",                  NULL,           replace_by_rename},
    {"as an editor does it",                NULL,           replace_as_an_editor_does},
    {"by a link that leads somewhere else", lead_by_links,  swap_the_link},
    {"with the times of the one before",    NULL,           replace_one_with_the_age_of_the_other},
};

static void a_new_certificate_is_in_use_a_second_later(void **state)
{
    for (size_t i = 0; i < COUNTOF(ways); i++) {
        leave(state);
        enter(state);
        if (ways[i].prepare)
            ways[i].prepare();
        open_store();
        PROMISED_NUMBER(ways[i].promise, serial_now(), 1);
        ways[i].replace();
        check_after(0);
        PROMISED_NUMBER("no look before a second is over", serial_now(), 1);
        check_after(1);
        PROMISED_NUMBER(ways[i].promise, serial_now(), 2);
        PROMISED_NUMBER("it says so", count_said("info certificates were read anew"), 1);
        check_after(1);
        check_after(100);
        PROMISED_NUMBER("once", count_said(""), 1);
        issue("", 3);
        check_after(0);
        PROMISED("nor before the next one is", serial_now() != 3);
    }
}

static void what_has_not_changed_is_not_read_again(void **state)
{
    struct tls_context *before, *after;

    (void)state;
    open_store();
    before = tls_store_context(scene.store, TLS_FAULT_NONE);
    for (int i = 0; i < 10; i++)
        check_after(1);
    after = tls_store_context(scene.store, TLS_FAULT_NONE);
    assert_ptr_equal(before, after);
    assert_int_equal(count_said(""), 0);
    tls_context_release(before);
    tls_context_release(after);
}

static void who_has_begun_ends_with_the_one_he_began_with(void **state)
{
    struct call begun, done;

    (void)state;
    open_store();
    call_is_made(&done, &anything);
    call_begins(&begun, &anything);
    call_goes_on(&begun);                   /* the certificate is on its way */
    issue("", 2);
    check_after(1);
    assert_int_equal(serial_now(), 2);
    for (int i = 0; i < ROUNDS_MAX && begun.step == TLS_WANT_READ; i++)
        call_goes_on(&begun);
    assert_int_equal(begun.step, TLS_DONE);
    assert_int_equal(caller_saw_serial(&begun.caller), 1);
    call_ends(&begun);

    caller_says(&done.caller, STR("x"));
    caller_post(&done.caller, 100);
    {
        char   byte;
        size_t got;

        assert_int_equal(transport_read(&done.server, &byte, 1, &got), IO_DONE);
    }
    call_ends(&done);
}

static void a_context_of_before_still_works(void **state)
{
    struct tls_context *before;
    struct caller       caller;
    SSL                *server;

    (void)state;
    open_store();
    before = tls_store_context(scene.store, TLS_FAULT_NONE);
    issue("", 2);
    check_after(1);
    server = SSL_new(tls_context_default(before));
    caller_open(&caller, -1, &anything);
    BIO_up_ref(caller.mouth);
    BIO_up_ref(caller.ear);
    SSL_set_bio(server, caller.mouth, caller.ear);
    SSL_set_accept_state(server);
    for (int i = 0; i < ROUNDS_MAX && !SSL_is_init_finished(server); i++) {
        caller_shakes(&caller);
        SSL_do_handshake(server);
    }
    assert_int_equal(caller_saw_serial(&caller), 1);
    SSL_free(server);
    caller_close(&caller);
    tls_context_release(before);
}

/* The second pair is for another name. */
static void each_of_several_pairs_is_looked_at(void **state)
{
    static const struct tls_pair_files both[] = {
        {.cert_path = "cert.pem", .key_path = "key.pem"},
        {.cert_path = "b-cert.pem", .key_path = "b-key.pem"},
    };
    struct minted made = minted_make(&(struct minted_wish){.alternatives = "DNS:b.test", .serial = 10});
    struct call   call;

    (void)state;
    minted_write(&made, NULL, "b-cert.pem", "b-key.pem");
    minted_fini(&made);
    open_store_with(&(struct tls_store_settings){.files = both, .files_count = 2});
    made = minted_make(&(struct minted_wish){.alternatives = "DNS:b.test", .serial = 11});
    minted_write(&made, NULL, "b-cert.pem", "b-key.pem");
    minted_fini(&made);
    check_after(1);
    call_is_made(&call, &(struct caller_wish){.name = "b.test"});
    assert_int_equal(caller_saw_serial(&call.caller), 11);
    call_ends(&call);
    assert_int_equal(serial_now(), 1);
}

/* One that nobody looks after any more must not keep the others from being renewed. */
static void one_that_has_expired_does_not_take_the_others_along(void **state)
{
    static const struct tls_pair_files both[] = {
        {.cert_path = "cert.pem", .key_path = "key.pem"},
        {.cert_path = "b-cert.pem", .key_path = "b-key.pem"},
    };
    struct minted made = minted_make(&(struct minted_wish){.alternatives = "DNS:b.test",
                                                           .serial = 10,
                                                           .not_before_s = scene.now_s - 60,
                                                           .not_after_s = scene.now_s + 60});
    struct call   call;

    (void)state;
    minted_write(&made, NULL, "b-cert.pem", "b-key.pem");
    minted_fini(&made);
    open_store_with(&(struct tls_store_settings){.files = both, .files_count = 2});
    check_after(120);
    forget_said();
    issue("", 2);
    check_after(1);
    assert_int_equal(serial_now(), 2);
    call_is_made(&call, &(struct caller_wish){.name = "b.test"});
    assert_int_equal(caller_saw_serial(&call.caller), 10);
    call_ends(&call);
    assert_int_equal(count_said("error the certificates before stay in use why=\""), 1);
}

static void the_end_of_a_certificate_is_told_ahead_once_a_day(void **state)
{
    enum { DAY = 24 * 3600 };
    struct minted made = minted_make(&(struct minted_wish){.not_before_s = scene.now_s - 60,
                                                           .not_after_s = scene.now_s + 70 * DAY});

    (void)state;
    minted_write(&made, NULL, "cert.pem", "key.pem");
    minted_fini(&made);
    open_store();
    for (int day = 0; day < 55; day++)
        check_after(DAY);
    assert_int_equal(count_said(""), 0);
    check_after(DAY + 1);
    assert_int_equal(count_said("warn a certificate is about to expire days=13 "), 1);
    check_after(3600);
    assert_int_equal(count_said(""), 1);
    check_after(DAY);
    assert_int_equal(count_said("warn a certificate is about to expire days=12 "), 1);
    forget_said();
    check_after(20 * DAY);
    assert_int_equal(count_said("error a certificate has expired "), 1);
}

/* Not every reason to fail is one that a change of the file takes away. */
static void what_failed_is_tried_again(void **state)
{
    struct minted made = minted_make(&(struct minted_wish){.serial = 2,
                                                           .not_before_s = scene.now_s + 90,
                                                           .not_after_s = scene.now_s + 90 * 24 * 3600});

    (void)state;
    open_store();
    minted_write(&made, NULL, "cert.pem", "key.pem");
    minted_fini(&made);
    check_after(1);
    assert_int_equal(serial_now(), 1);
    check_after(60);
    assert_int_equal(serial_now(), 1);
    assert_int_equal(count_said(""), 1);
    check_after(60);
    assert_int_equal(serial_now(), 2);
}

static enum tls_step step_of(const struct minted *client)
{
    struct call   call;
    enum tls_step step;

    call_is_made(&call, &(struct caller_wish){.shows = client});
    step = call.step;
    call_ends(&call);
    return step;
}

static void so_are_the_authorities_of_clients(void **state)
{
    static const struct minted_wish wish = {.common_name = "authority", .is_authority = true};
    struct minted first = minted_make(&wish), second = minted_make(&wish);
    struct minted ann = minted_make(&(struct minted_wish){.issuer = &first});
    struct minted bob = minted_make(&(struct minted_wish){.issuer = &second});

    (void)state;
    minted_write(&first, NULL, "ca.pem", "ca-key.pem");
    open_store_with(&(struct tls_store_settings){.files = files, .files_count = 1,
                                                 .client_ca_path = "ca.pem",
                                                 .client = TLS_CLIENT_REQUIRED});
    assert_int_equal(step_of(&ann), TLS_DONE);
    assert_int_equal(step_of(&bob), TLS_FAILED);
    minted_write(&second, NULL, "ca.pem", "ca-key.pem");
    check_after(1);
    assert_int_equal(step_of(&ann), TLS_FAILED);
    assert_int_equal(step_of(&bob), TLS_DONE);
    minted_fini(&first);
    minted_fini(&second);
    minted_fini(&ann);
    minted_fini(&bob);
}

/* ---- a bad one ------------------------------------------------------------------------ */

static void write_noise(void)
{
    folder_file("cert.pem", "this is no certificate\n");
}

static void write_nothing(void)
{
    folder_file("cert.pem", "");
}

static void write_half(void)
{
    struct buf text = content_of("cert.pem");

    folder_bytes("cert.pem", str_of(text.ptr, text.len / 2));
    buf_fini(&text);
}

static void take_the_key_of_another(void)
{
    issue("other-", 2);
    assert_int_equal(rename("other-key.pem", "key.pem"), 0);
}

static void take_the_certificate_of_another(void)
{
    issue("other-", 2);
    assert_int_equal(rename("other-cert.pem", "cert.pem"), 0);
}

static void remove_the_certificate(void)
{
    folder_remove("cert.pem");
}

static void remove_the_key(void)
{
    folder_remove("key.pem");
}

static void take_a_folder(void)
{
    folder_remove("key.pem");
    folder_folder("key.pem");
}

static void take_one_that_has_expired(void)
{
    struct minted made = minted_make(&(struct minted_wish){.not_before_s = 1000000000,
                                                           .not_after_s = 1000086400});

    minted_write(&made, NULL, "cert.pem", "key.pem");
    minted_fini(&made);
}

static const struct mistake {
    const char *promise;
    void (*make)(void);
} mistakes[] = {
    {"noise for a certificate",         write_noise},
    {"an empty file",                   write_nothing},
    {"half a certificate",              write_half},
    {"a key that belongs to another",   take_the_key_of_another},
    {"a certificate without its key",   take_the_certificate_of_another},
    {"the certificate is gone",         remove_the_certificate},
    {"the key is gone",                 remove_the_key},
    {"a folder for a key",              take_a_folder},
    {"one that has expired",            take_one_that_has_expired},
};

static void what_cannot_be_used_is_said_once_and_changes_nothing(void **state)
{
    for (size_t i = 0; i < COUNTOF(mistakes); i++) {
        const char *promise = mistakes[i].promise;

        leave(state);
        enter(state);
        open_store();
        mistakes[i].make();
        check_after(1);
        PROMISED_NUMBER(promise, serial_now(), 1);
        PROMISED_NUMBER(promise, count_said("error the certificates before stay in use why=\""), 1);
        for (int again = 0; again < 5; again++)
            check_after(1);
        PROMISED_NUMBER("nothing is said again", count_said(""), 1);
        PROMISED_NUMBER(promise, serial_now(), 1);
        PROMISED(promise, ERR_peek_error() == 0);

        forget_said();
        remove("key.pem");
        issue("", 3);
        check_after(1);
        PROMISED_NUMBER("what is repaired is taken", serial_now(), 3);
        PROMISED_NUMBER("and said", count_said("info certificates were read anew"), 1);
    }
}

/* Two files cannot be replaced at once. */
static void halfway_through_a_replacement_nothing_breaks(void **state)
{
    (void)state;
    open_store();
    issue("new-", 2);
    assert_int_equal(rename("new-cert.pem", "cert.pem"), 0);
    check_after(1);
    assert_int_equal(serial_now(), 1);
    assert_int_equal(rename("new-key.pem", "key.pem"), 0);
    check_after(1);
    assert_int_equal(serial_now(), 2);
}

/* ---- time ----------------------------------------------------------------------------- */

static void who_asks_need_not_wait_for_a_change(void **state)
{
    struct tls_context *before, *after;

    (void)state;
    open_store();
    before = tls_store_context(scene.store, TLS_FAULT_NONE);
    tls_store_check(scene.store, scene.now_s, true);
    after = tls_store_context(scene.store, TLS_FAULT_NONE);
    assert_ptr_not_equal(before, after);
    assert_int_equal(count_said("info certificates were read anew"), 1);
    tls_context_release(before);
    tls_context_release(after);
    issue("", 2);
    tls_store_check(scene.store, scene.now_s, true);        /* within the same second */
    assert_int_equal(serial_now(), 2);
    folder_remove("key.pem");
    for (int i = 1; i <= 3; i++) {
        tls_store_check(scene.store, scene.now_s, true);
        assert_int_equal(count_said("error the certificates before"), i);   /* an answer each time */
    }
    assert_int_equal(serial_now(), 2);
}

static void a_clock_that_jumps_does_not_blind_us(void **state)
{
    static const int64_t jumps_s[] = {-1, -2, -3600, 3600, -7200, 0};
    uint64_t             serial = 1;

    (void)state;
    open_store();
    check_after(3600);
    for (size_t i = 0; i < COUNTOF(jumps_s) - 1; i++) {
        issue("", ++serial);
        check_after(jumps_s[i]);
        check_after(1);
        PROMISED_NUMBER("it is seen a second after the jump at the latest", serial_now(), serial);
    }
}

/* ---- sessions ------------------------------------------------------------------------- */

static SSL_SESSION *session_of(const struct caller_wish *wish)
{
    struct call  call;
    SSL_SESSION *session;

    call_is_made(&call, wish);
    session = SSL_get1_session(call.caller.ssl);
    assert_true(session && SSL_SESSION_is_resumable(session));
    call_ends(&call);
    return session;
}

static bool is_resumed(SSL_SESSION *session, const struct caller_wish *wish)
{
    struct caller_wish again = *wish;
    struct call        call;
    bool               is_reused;

    again.resumes = session;
    call_is_made(&call, &again);
    assert_int_equal(call.step, TLS_DONE);
    is_reused = SSL_session_reused(call.caller.ssl);
    call_ends(&call);
    return is_reused;
}

static const struct caller_wish versions[] = {{.max = TLS1_2_VERSION}, {.min = TLS1_3_VERSION}};

static void a_reload_forgets_no_session(void **state)
{
    for (size_t v = 0; v < COUNTOF(versions); v++) {
        SSL_SESSION *session;

        leave(state);
        enter(state);
        open_store();
        session = session_of(&versions[v]);
        tls_store_check(scene.store, scene.now_s, true);
        assert_true(is_resumed(session, &versions[v]));
        issue("", 2);
        check_after(1);
        assert_true(is_resumed(session, &versions[v]));
        assert_int_equal(serial_now(), 2);
        SSL_SESSION_free(session);
    }
}

static void a_session_ends_with_its_keys(void **state)
{
    SSL_SESSION *session;

    (void)state;
    open_store();
    session = session_of(&versions[0]);
    for (int i = 1; i < TLS_TICKETS_KEYS; i++) {
        check_after(TLS_TICKETS_ROTATE_S);
        assert_true(is_resumed(session, &versions[0]));
    }
    check_after(TLS_TICKETS_ROTATE_S);
    assert_false(is_resumed(session, &versions[0]));
    SSL_SESSION_free(session);
}

/* ---- one that we make ----------------------------------------------------------------- */

static void a_certificate_of_our_own_is_renewed_in_time(void **state)
{
    enum { LEFT_S = TLS_SELF_RENEW_DAYS * DAY_S };
    const struct tls_self *self;
    uint64_t               first;
    int64_t                end_s;

    (void)state;
    open_store_with(&(struct tls_store_settings){.self = {.dir = "self"}});
    self = tls_store_self(scene.store);
    assert_non_null(self);
    assert_string_equal(self->warning, "");
    first = serial_now();
    end_s = tls_pair_not_after(self->pair);

    check_after(600);
    check_after(end_s - LEFT_S - DAY_S - scene.now_s);
    assert_int_equal(serial_now(), first);
    assert_int_equal(count_said(""), 0);
    check_after(2 * DAY_S);
    assert_true(serial_now() != first);
    assert_true(tls_pair_not_after(self->pair) > end_s);
    assert_int_equal(count_said("error"), 0);
    assert_int_equal(count_said("info certificates were read anew"), 1);
}

/* Whoever comes second takes what the first has made, at the start and when it was renewed. */
static void two_servers_show_the_same_one(void **state)
{
    const struct tls_store_settings settings = {.self = {.dir = "self"}};
    char                            problem[512] = "";
    struct tls_store               *first, *second;
    uint64_t                        serial;

    (void)state;
    open_store_with(&settings);
    first = scene.store;
    serial = serial_now();
    second = tls_store_open(&settings, scene.now_s, problem, sizeof problem);
    assert_non_null(second);
    scene.store = second;
    assert_int_equal(serial_now(), serial);
    check_after(TLS_SELF_DAYS * DAY_S);
    assert_true(serial_now() != serial);
    serial = serial_now();
    scene.store = first;
    check_after(0);
    assert_int_equal(serial_now(), serial);
    tls_store_close(second);
}

static void who_was_given_one_makes_none(void **state)
{
    (void)state;
    open_store();
    assert_null(tls_store_self(scene.store));
}

/* ---- its life ------------------------------------------------------------------------- */

static void what_is_wrong_at_the_start_is_one_sentence(void **state)
{
    static const struct tls_pair_files keyless = {.cert_path = "cert.pem", .key_path = "none.pem"};
    static const struct {
        const char               *promise;
        struct tls_store_settings settings;
        const char               *names;
    } cases[] = {
        {"a key that is not there",
         {.files = &keyless, .files_count = 1}, "none.pem"},
        {"authorities that are not there",
         {.files = files, .files_count = 1, .client_ca_path = "no-ca.pem"}, "no-ca.pem"},
        {"a key log that cannot be written",
         {.files = files, .files_count = 1, .key_log_path = "nowhere/keys.log"}, "nowhere/keys.log"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        char problem[512] = "";

        PROMISED(cases[i].promise, !tls_store_open(&cases[i].settings, scene.now_s, problem,
                                                   sizeof problem));
        PROMISED(cases[i].promise, strstr(problem, cases[i].names));
        PROMISED(cases[i].promise, !strchr(problem, '\n'));
        PROMISED_NUMBER("the rest is up to the caller", count_said(""), 0);
    }
    tls_store_close(NULL);
}

/* ---- threads -------------------------------------------------------------------------- */

static atomic_bool is_over;

static void *take_and_give_back(void *data)
{
    (void)data;
    while (!atomic_load(&is_over)) {
        struct tls_context *context = tls_store_context(scene.store, TLS_FAULT_NONE);

        assert_non_null(tls_context_default(context));
        tls_context_release(context);
    }
    return NULL;
}

static void any_thread_may_take_the_present_one(void **state)
{
    pthread_t others[3];

    (void)state;
    open_store();
    atomic_store(&is_over, false);
    for (size_t i = 0; i < COUNTOF(others); i++)
        assert_int_equal(pthread_create(&others[i], NULL, take_and_give_back, NULL), 0);
    for (int i = 0; i < 50; i++)
        tls_store_check(scene.store, scene.now_s, true);
    atomic_store(&is_over, true);
    for (size_t i = 0; i < COUNTOF(others); i++)
        pthread_join(others[i], NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_certificate_is_in_use_a_second_later),
        TEST(what_has_not_changed_is_not_read_again),
        TEST(who_has_begun_ends_with_the_one_he_began_with),
        TEST(a_context_of_before_still_works),
        TEST(each_of_several_pairs_is_looked_at),
        TEST(one_that_has_expired_does_not_take_the_others_along),
        TEST(the_end_of_a_certificate_is_told_ahead_once_a_day),
        TEST(what_failed_is_tried_again),
        TEST(so_are_the_authorities_of_clients),
        TEST(what_cannot_be_used_is_said_once_and_changes_nothing),
        TEST(halfway_through_a_replacement_nothing_breaks),
        TEST(who_asks_need_not_wait_for_a_change),
        TEST(a_clock_that_jumps_does_not_blind_us),
        TEST(a_reload_forgets_no_session),
        TEST(a_session_ends_with_its_keys),
        TEST(a_certificate_of_our_own_is_renewed_in_time),
        TEST(two_servers_show_the_same_one),
        TEST(who_was_given_one_makes_none),
        TEST(what_is_wrong_at_the_start_is_one_sentence),
        TEST(any_thread_may_take_the_present_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
