/* What net/address promises about where to listen and who called. */
#include "net/address.h"

#include <arpa/inet.h>

#include "tests/support/promise.h"

static const struct resolve_case {
    const char *promise;
    const char *text;
    size_t      count;
    const char *first, *second;
} resolves[] = {
    {"localhost is both loopbacks, IPv4 first", "localhost", 2, "127.0.0.1", "::1"},
    {"a star is everything, IPv6 first",        "*",         2, "::", "0.0.0.0"},
    {"an IPv4 address is itself",               "192.0.2.1", 1, "192.0.2.1", NULL},
    {"an IPv6 address is itself",               "2001:db8::1", 1, "2001:db8::1", NULL},
    {"numbers of one, two and three digits",    "9.10.99.100", 1, "9.10.99.100", NULL},
    {"brackets around IPv6 are fine",           "[2001:db8::1]", 1, "2001:db8::1", NULL},
    {"the longest IPv6 text fits", "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 1,
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {"all of IPv4 may be asked for alone",      "0.0.0.0",   1, "0.0.0.0", NULL},
    {"nothing is no address",                   "",          0, NULL, NULL},
    {"empty brackets are none",                 "[]",        0, NULL, NULL},
    {"half a bracket is none",                  "[::1",      0, NULL, NULL},
    {"a name is not looked up",                 "example.test", 0, NULL, NULL},
    {"localhost is written small",              "LOCALHOST", 0, NULL, NULL},
    {"a port does not belong here",             "127.0.0.1:80", 0, NULL, NULL},
    {"three numbers are no address",            "127.0.1",   0, NULL, NULL},
    {"no number over 255",                      "256.0.0.1", 0, NULL, NULL},
    {"no space",                                " 127.0.0.1", 0, NULL, NULL},
    {"a text that is far too long is none",
     "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", 0, NULL, NULL},
};

static void has_text(const char *promise, const struct address *address, const char *wanted)
{
    struct peer peer = peer_of(address);
    char        text[ADDRESS_TEXT_MAX];
    size_t      len = peer_text(&peer, text);

    PROMISED_STR(promise, str_of(text, len), wanted);
    PROMISED(promise, text[len] == '\0');
    PROMISED(promise, peer.port == 8080 && address_port(address) == 8080);
}

static void what_a_person_wrote_is_resolved(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(resolves); i++) {
        const struct resolve_case *c = &resolves[i];
        struct tight_str           text = tight_str(c->text);
        struct address             out[ADDRESSES_MAX];

        PROMISED(c->promise, address_resolve(text.view, 8080, out) == c->count);
        if (c->first)
            has_text(c->promise, &out[0], c->first);
        if (c->second)
            has_text(c->promise, &out[1], c->second);
        tight_str_free(&text);
    }
}

static void an_address_can_be_bound(void **state)
{
    struct address out[ADDRESSES_MAX];

    (void)state;
    assert_int_equal(address_resolve(STR("localhost"), 1, out), 2);
    assert_int_equal(out[0].len, sizeof(struct sockaddr_in));
    assert_int_equal(out[0].v4.sin_port, htons(1));
    assert_int_equal(out[1].len, sizeof(struct sockaddr_in6));
    assert_int_equal(out[1].v6.sin6_port, htons(1));
}

static void a_port_can_be_changed(void **state)
{
    struct address out[ADDRESSES_MAX], local;

    (void)state;
    assert_int_equal(address_resolve(STR("localhost"), 0, out), 2);
    for (size_t i = 0; i < 2; i++) {
        address_set_port(&out[i], 65535);
        assert_int_equal(address_port(&out[i]), 65535);
    }
    assert_true(address_local("/a", &local));
    address_set_port(&local, 80);
    assert_int_equal(address_port(&local), 0);
    assert_string_equal(local.local.sun_path, "/a");
}

static void a_socket_in_the_file_system_has_1_to_107_bytes(void **state)
{
    char           path[110];
    struct address out;

    (void)state;
    for (size_t len = 0; len < sizeof path; len++) {
        struct tight_str name;

        memset(path, 'x', len);
        path[len] = '\0';
        name = tight_bytes(path, len + 1);
        assert_int_equal(address_local(name.bytes, &out), len >= 1 && len <= 107);
        if (len >= 1 && len <= 107) {
            assert_int_equal(out.local.sun_family, AF_UNIX);
            assert_string_equal(out.local.sun_path, path);
        }
        tight_str_free(&name);
    }
}

/* clang-format off */
static const struct split_case {
    const char *promise;
    const char *text;
    const char *host;           /* NULL: it has not that form */
    uint16_t    port;
} splits[] = {
    {"a name and a port",                       "localhost:9090",   "localhost",    9090},
    {"an address and a port",                   "192.0.2.1:1",      "192.0.2.1",    1},
    {"every address",                           "*:65535",          "*",            65535},
    {"an IPv6 address keeps its brackets",      "[::1]:9090",       "[::1]",        9090},
    {"any port",                                "localhost:0",      "localhost",    0},
    {"an IPv6 address without them has no end", "::1:9090",         NULL,           0},
    {"brackets have to close",                  "[::1:9090",        NULL,           0},
    {"right before the port",                   "[::1]x:9090",      NULL,           0},
    {"a port has to be there",                  "localhost",        NULL,           0},
    {"and to be a number",                      "localhost:",       NULL,           0},
    {"without a sign",                          "localhost:-1",     NULL,           0},
    {"of sixteen bits",                         "localhost:65536",  NULL,           0},
    {"a host has to be there too",              ":9090",            NULL,           0},
    {"nothing is neither",                      "",                 NULL,           0},
};
/* clang-format on */

static void a_host_and_its_port_are_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(splits); i++) {
        struct tight_str text = tight_str(splits[i].text);
        struct str       host;
        uint16_t         port;
        bool             ok = address_split(text.view, &host, &port);

        PROMISED(splits[i].promise, ok == (splits[i].host != NULL));
        if (ok) {
            PROMISED_STR(splits[i].promise, host, splits[i].host);
            PROMISED_NUMBER(splits[i].promise, port, splits[i].port);
        }
        tight_str_free(&text);
    }
}

static void an_ipv4_caller_is_told_as_ipv4(void **state)
{
    struct address mapped = {.len = sizeof(struct sockaddr_in6)};
    struct peer    peer;
    char           text[ADDRESS_TEXT_MAX];

    (void)state;
    mapped.v6.sin6_family = AF_INET6;
    mapped.v6.sin6_port = htons(4711);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.7", &mapped.v6.sin6_addr), 1);
    peer = peer_of(&mapped);
    assert_int_equal(peer.family, AF_INET);
    assert_int_equal(peer.port, 4711);
    assert_int_equal(peer_text(&peer, text), 9);
    assert_string_equal(text, "192.0.2.7");
}

static void a_local_caller_has_no_address(void **state)
{
    struct address from = {.len = sizeof(sa_family_t)};
    struct peer    peer;
    char           text[ADDRESS_TEXT_MAX];

    (void)state;
    from.any.sa_family = AF_UNIX;
    peer = peer_of(&from);
    assert_int_equal(peer_text(&peer, text), 4);
    assert_string_equal(text, "unix");
}

static void a_peer_is_small(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct peer), 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_person_wrote_is_resolved),
        cmocka_unit_test(an_address_can_be_bound),
        cmocka_unit_test(a_port_can_be_changed),
        cmocka_unit_test(a_socket_in_the_file_system_has_1_to_107_bytes),
        cmocka_unit_test(a_host_and_its_port_are_told_apart),
        cmocka_unit_test(an_ipv4_caller_is_told_as_ipv4),
        cmocka_unit_test(a_local_caller_has_no_address),
        cmocka_unit_test(a_peer_is_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
