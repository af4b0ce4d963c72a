/* What server/asked promises to handlers: fields, values of the query and the form, cookies, and
 * who calls. */
#include "server/connection.h"
#include "tests/support/alloc_fail.h"
#include "tests/support/promise.h"

#include <stdlib.h>

static const struct request_limits limits = {8192, 4096};

/* A request as a handler sees it. */
struct asking {
    struct conn             conn;
    struct work            *work;
    struct wherry_exchange *exchange;
    struct tight_str        head;
};

static void give_body(struct body *body, struct str bytes)
{
    struct spool spool = {.folder = -1, .memory_max = bytes.len};

    assert_false(is_refused(body_begin(body, &spool, bytes.len, bytes.len, true)));
    assert_false(is_refused(body_take(body, &spool, bytes)));
}

/* `fields` end in a line end each; `body` NULL: none. */
static void ask(struct asking *asking, const char *target, const char *fields, const char *body)
{
    struct wherry_settings settings;
    struct buf             head = BUF_UP_TO(8192);
    struct refusal         refusal;

    wherry_settings_init(&settings);
    *asking = (struct asking){.work = malloc(work_size(&settings))};
    assert_non_null(asking->work);
    work_init(asking->work, &settings);
    asking->work->conn = &asking->conn;
    asking->exchange = &asking->work->exchange;
    buf_printf(&head, "POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, fields);
    asking->head = tight_bytes(head.ptr, head.len);
    buf_fini(&head);
    assert_int_equal(request_parse(asking->head.view, &limits, asking->work->path_room,
                                   &asking->exchange->request, &refusal),
                     PARSE_DONE);
    if (body)
        give_body(&asking->exchange->body, str_view(body));
}

static void asking_fini(struct asking *asking)
{
    work_fini(asking->work);
    free(asking->work);
    tight_str_free(&asking->head);
}

static bool has_failed(const struct asking *asking)
{
    return asking->exchange->response.lines.failed;
}

static void all_fields_in_their_order(void **state)
{
    struct asking       asking;
    struct wherry_slice name, value;
    size_t              at = 0;

    (void)state;
    ask(&asking, "/", "X-A: 1\r\nx-a:  2 \r\n", NULL);
    assert_true(wherry_next_field(asking.exchange, &at, &name, &value));
    PROMISED_STR("the first", str_of_slice(name), "Host");
    assert_true(wherry_next_field(asking.exchange, &at, &name, &value));
    assert_true(wherry_next_field(asking.exchange, &at, &name, &value));
    PROMISED_STR("a name as it came", str_of_slice(name), "x-a");
    PROMISED_STR("a value without its blanks", str_of_slice(value), "2");
    assert_false(wherry_next_field(asking.exchange, &at, &name, &value));
    assert_false(wherry_next_field(asking.exchange, &at, &name, &value));
    asking_fini(&asking);
}

static void values_of_the_query(void **state)
{
    struct asking       asking;
    struct wherry_slice name, value;
    size_t              at = 0;

    (void)state;
    ask(&asking, "/a?q=x+y%21&&q=2&r", "", NULL);
    PROMISED_STR("the first of that name", str_of_slice(wherry_query_value(asking.exchange, "q")),
                 "x y!");
    assert_ptr_equal(wherry_query_value(asking.exchange, "q").ptr,
                     wherry_query_value(asking.exchange, "q").ptr);
    assert_int_equal(wherry_query_value(asking.exchange, "q").ptr[4], '\0');
    PROMISED_STR("one without \"=\"", str_of_slice(wherry_query_value(asking.exchange, "r")), "");
    PROMISED_STR("none", str_of_slice(wherry_query_value(asking.exchange, "Q")), NULL);
    for (size_t i = 0; i < 3; i++)
        assert_true(wherry_next_query_value(asking.exchange, &at, &name, &value));
    PROMISED_STR("the last", str_of_slice(name), "r");
    assert_false(wherry_next_query_value(asking.exchange, &at, &name, &value));
    PROMISED_STR("the query as sent", str_of_slice(wherry_query(asking.exchange)),
                 "q=x+y%21&&q=2&r");
    assert_false(has_failed(&asking));
    asking_fini(&asking);
}

/* RFC 9112 §3.2.2: the target's authority counts, whatever Host says. */
static void what_was_asked_as_it_was_sent(void **state)
{
    struct asking asking;

    (void)state;
    ask(&asking, "/a//%7eb/../c?q", "", NULL);
    PROMISED_STR("the path", str_of_slice(wherry_raw_path(asking.exchange)), "/a//%7eb/../c");
    PROMISED_STR("the Host field", str_of_slice(wherry_host(asking.exchange)), "x");
    asking_fini(&asking);
    ask(&asking, "http://other.example:81?q", "", NULL);
    PROMISED_STR("the root of a target without a path",
                 str_of_slice(wherry_raw_path(asking.exchange)), "/");
    PROMISED_STR("the host of the target", str_of_slice(wherry_host(asking.exchange)),
                 "other.example:81");
    asking_fini(&asking);
}

static void a_request_without_a_query(void **state)
{
    struct asking       asking;
    struct wherry_slice name, value;
    size_t              at = 0;

    (void)state;
    ask(&asking, "/a", "", NULL);
    assert_null(wherry_query_value(asking.exchange, "").ptr);
    assert_false(wherry_next_query_value(asking.exchange, &at, &name, &value));
    assert_false(has_failed(&asking));
    asking_fini(&asking);
}

/* As many as a target can hold. */
static void a_long_query(void **state)
{
    struct asking asking;
    char          target[4001] = "/?";

    (void)state;
    for (size_t i = 2; i < sizeof target - 1; i++)
        target[i] = i % 2 ? '&' : 'a';
    ask(&asking, target, "", NULL);
    PROMISED_STR("it is read", str_of_slice(wherry_query_value(asking.exchange, "a")), "");
    assert_false(has_failed(&asking));
    asking_fini(&asking);
}

static void a_query_without_memory_makes_the_answer_fail(void **state)
{
    (void)state;
    for (size_t n = 1, strikes = 1; strikes; n++) {
        struct asking asking;
        bool          is_there;

        ask(&asking, "/?a=1", "", NULL);
        alloc_fail_at(n);
        is_there = wherry_query_value(asking.exchange, "a").ptr != NULL;
        strikes = alloc_fail_off();
        assert_int_equal(is_there, !strikes);
        assert_int_equal(has_failed(&asking), strikes);
        asking_fini(&asking);
    }
}

/* RFC 6265 §5.4 */
static void cookies_that_came(void **state)
{
    struct asking asking;

    (void)state;
    ask(&asking, "/", "Cookie: a=1; b=\"x\"; a=2\r\ncookie: c=3; b=4\r\n", NULL);
    PROMISED_STR("the first of that name", str_of_slice(wherry_cookie(asking.exchange, "a")), "1");
    PROMISED_STR("without its quotes", str_of_slice(wherry_cookie(asking.exchange, "b")), "x");
    PROMISED_STR("in another field", str_of_slice(wherry_cookie(asking.exchange, "c")), "3");
    PROMISED_STR("names have their case", str_of_slice(wherry_cookie(asking.exchange, "A")), NULL);
    asking_fini(&asking);
}

/* What wherry_set_cookie adds; NULL: the answer has failed. */
static void set(const char *promise, bool is_secure, const struct wherry_new_cookie *cookie,
                const char *line)
{
    struct asking asking;

    ask(&asking, "/", "", NULL);
    asking.conn.transport.session = is_secure ? &asking : NULL;
    wherry_set_cookie(asking.exchange, cookie);
    PROMISED_NUMBER(promise, has_failed(&asking), line == NULL);
    PROMISED_STR(promise, buf_view(&asking.exchange->response.lines), line ? line : "");
    asking_fini(&asking);
}

/* RFC 6265 §4.1 */
static void cookies_that_are_set(void **state)
{
    (void)state;
    set("defaults", false, &(struct wherry_new_cookie){.name = "a", .value = "1"},
        "Set-Cookie: a=1; Path=/; HttpOnly; SameSite=Lax\r\n");
    set("over TLS", true, &(struct wherry_new_cookie){.name = "a", .value = "1"},
        "Set-Cookie: a=1; Path=/; Secure; HttpOnly; SameSite=Lax\r\n");
    set("everything", false,
        &(struct wherry_new_cookie){.name = "a",
                                    .value = "1",
                                    .path = "/x",
                                    .max_age_s = 60,
                                    .is_for_scripts = true,
                                    .is_cross_site = true},
        "Set-Cookie: a=1; Path=/x; Max-Age=60; Secure; SameSite=None\r\n");
    set("forgotten", false, &(struct wherry_new_cookie){.name = "a", .value = "", .max_age_s = -1},
        "Set-Cookie: a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; "
        "SameSite=Lax\r\n");
    set("no good value", false, &(struct wherry_new_cookie){.name = "a", .value = "1; Domain=x"},
        NULL);
    set("no good path", false, &(struct wherry_new_cookie){.name = "a", .value = "1", .path = "x"},
        NULL);
}

/* RFC 6265 §3 */
static void several_cookies_are_several_fields(void **state)
{
    struct asking asking;

    (void)state;
    ask(&asking, "/", "", NULL);
    wherry_set_cookie(asking.exchange, &(struct wherry_new_cookie){.name = "a", .value = "1"});
    wherry_set_cookie(asking.exchange, &(struct wherry_new_cookie){.name = "b", .value = "2"});
    PROMISED_STR("two", buf_view(&asking.exchange->response.lines),
                 "Set-Cookie: a=1; Path=/; HttpOnly; SameSite=Lax\r\n"
                 "Set-Cookie: b=2; Path=/; HttpOnly; SameSite=Lax\r\n");
    asking_fini(&asking);
}

static void who_calls(void **state)
{
    struct asking asking;
    int           port = -1;

    (void)state;
    ask(&asking, "/", "", NULL);
    asking.conn.peer = (struct peer){.bytes = {192, 0, 2, 1}, .port = 1234, .family = AF_INET};
    assert_string_equal(wherry_peer(asking.exchange, &port), "192.0.2.1");
    assert_int_equal(port, 1234);
    asking.conn.peer = (struct peer){.bytes = {[15] = 1}, .port = 80, .family = AF_INET6};
    assert_string_equal(wherry_peer(asking.exchange, NULL), "::1");
    asking.conn.peer = (struct peer){.family = AF_UNIX};
    assert_string_equal(wherry_peer(asking.exchange, &port), "unix");
    assert_int_equal(port, 0);
    asking_fini(&asking);
}

static void nothing_is_known_of_tls_without_it(void **state)
{
    struct wherry_tls_facts facts;
    struct asking           asking;

    (void)state;
    ask(&asking, "/", "", NULL);
    assert_false(wherry_tls(asking.exchange, &facts));
    asking_fini(&asking);
}

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static void values_of_a_form(void **state)
{
    struct asking       asking;
    struct wherry_slice name, value;
    size_t              at = 0;

    (void)state;
    ask(&asking, "/?a=query", FORM, "a=x+y&b=2");
    PROMISED_STR("one of the body", str_of_slice(wherry_form_value(asking.exchange, "a")), "x y");
    PROMISED_STR("none", str_of_slice(wherry_form_value(asking.exchange, "c")), NULL);
    assert_true(wherry_next_form_value(asking.exchange, &at, &name, &value));
    assert_true(wherry_next_form_value(asking.exchange, &at, &name, &value));
    PROMISED_STR("the second", str_of_slice(name), "b");
    assert_false(wherry_next_form_value(asking.exchange, &at, &name, &value));
    assert_null(wherry_form_problem(asking.exchange));
    PROMISED_STR("the body as sent", str_of_slice(wherry_body(asking.exchange)), "a=x+y&b=2");
    asking_fini(&asking);
}

static void files_of_a_form(void **state)
{
    struct asking        asking;
    struct wherry_upload upload;
    size_t               at = 0;

    (void)state;
    ask(&asking, "/", "Content-Type: multipart/form-data; boundary=B\r\n",
        "--B\r\nContent-Disposition: form-data; name=f; filename=\"../a\"\r\n\r\nhello\r\n"
        "--B\r\nContent-Disposition: form-data; name=g; filename=\"b\"\r\nContent-Type: "
        "c/d\r\n\r\n\r\n--B--");
    assert_true(wherry_next_upload(asking.exchange, &at, &upload));
    PROMISED_STR("its name", str_of_slice(upload.name), "f");
    PROMISED_STR("as the client says", str_of_slice(upload.file_name), "../a");
    PROMISED_STR("no type", str_of_slice(upload.type), NULL);
    PROMISED_STR("its bytes", str_of_slice(upload.bytes), "hello");
    assert_true(wherry_next_upload(asking.exchange, &at, &upload));
    PROMISED_STR("a type", str_of_slice(upload.type), "c/d");
    assert_false(wherry_next_upload(asking.exchange, &at, &upload));
    assert_null(wherry_form_problem(asking.exchange));
    asking_fini(&asking);
}

static void problems_of_a_form(void **state)
{
    static const struct {
        const char *promise, *fields, *body, *problem;
    } forms[] = {
        {"another type is none", "Content-Type: text/plain\r\n", "a=1", NULL},
        {"no type is none", "", "a=1", NULL},
        {"nothing at all is none", "", NULL, NULL},
        {"RFC 9110 §8.3: two types", FORM FORM, "a=1", "there is more than one Content-Type"},
        {"a broken form", "Content-Type: multipart/form-data; boundary=B\r\n", "--B\r\n",
         "the form ends before its last boundary"},
    };

    (void)state;
    for (size_t i = 0; i < COUNTOF(forms); i++) {
        struct asking        asking;
        struct wherry_upload upload;
        const char          *problem;
        size_t               at = 0;

        ask(&asking, "/", forms[i].fields, forms[i].body);
        problem = wherry_form_problem(asking.exchange);
        PROMISED_STR(forms[i].promise, problem ? str_view(problem) : str_of(NULL, 0),
                     forms[i].problem);
        PROMISED(forms[i].promise, !wherry_form_value(asking.exchange, "a").ptr);
        PROMISED(forms[i].promise, !wherry_next_upload(asking.exchange, &at, &upload));
        asking_fini(&asking);
    }
}

static void a_form_without_memory_is_a_problem(void **state)
{
    (void)state;
    for (size_t n = 1, strikes = 1; strikes; n++) {
        struct asking asking;

        ask(&asking, "/", FORM, "a=1");
        alloc_fail_at(n);
        assert_int_equal(wherry_form_value(asking.exchange, "a").ptr == NULL,
                         wherry_form_problem(asking.exchange) != NULL);
        strikes = alloc_fail_off();
        assert_int_equal(wherry_form_problem(asking.exchange) != NULL, strikes);
        asking_fini(&asking);
    }
}

/* A connection goes on with another request. */
static void the_next_request_has_its_own(void **state)
{
    struct asking asking;

    (void)state;
    ask(&asking, "/?a=1", FORM, "a=2");
    assert_non_null(wherry_query_value(asking.exchange, "a").ptr);
    assert_non_null(wherry_form_value(asking.exchange, "a").ptr);
    exchange_reset(asking.exchange);
    asking.exchange->request.target.query = str_view("b=3");
    assert_null(wherry_query_value(asking.exchange, "a").ptr);
    PROMISED_STR("its own query", str_of_slice(wherry_query_value(asking.exchange, "b")), "3");
    assert_null(wherry_form_value(asking.exchange, "a").ptr);
    asking_fini(&asking);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_in_their_order),
        cmocka_unit_test(values_of_the_query),
        cmocka_unit_test(what_was_asked_as_it_was_sent),
        cmocka_unit_test(a_request_without_a_query),
        cmocka_unit_test(a_long_query),
        cmocka_unit_test(a_query_without_memory_makes_the_answer_fail),
        cmocka_unit_test(cookies_that_came),
        cmocka_unit_test(cookies_that_are_set),
        cmocka_unit_test(several_cookies_are_several_fields),
        cmocka_unit_test(who_calls),
        cmocka_unit_test(nothing_is_known_of_tls_without_it),
        cmocka_unit_test(values_of_a_form),
        cmocka_unit_test(files_of_a_form),
        cmocka_unit_test(problems_of_a_form),
        cmocka_unit_test(a_form_without_memory_is_a_problem),
        cmocka_unit_test(the_next_request_has_its_own),
    };

    return cmocka_run_group_tests_name("asked", tests, NULL, NULL);
}
