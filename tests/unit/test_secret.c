/* What site/secret promises about files that nobody means to publish (RFC 7468 §2, §10, §11). */
#include "site/secret.h"

#include "tests/support/promise.h"
#include "tests/support/tight.h"

#define CERT "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
#define KEY  "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n"

static const struct secret_case {
    const char *promise;
    const char *bytes;
    bool        is_key;
} cases[] = {
    {"a key",                               KEY, true},
    {"an old one of RSA",                   "-----BEGIN RSA PRIVATE KEY-----\n", true},
    {"an encrypted one",                    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n", true},
    {"one for SSH",                         "-----BEGIN OPENSSH PRIVATE KEY-----\n", true},
    {"one behind its parameters",           "-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n"
                                            "-----BEGIN EC PRIVATE KEY-----\n", true},
    {"one behind its certificate",          CERT KEY, true},
    {"one out of a PKCS#12 file",           "Bag Attributes\n    friendlyName: a\n" KEY, true},
    {"one with lines of Windows",           "-----BEGIN PRIVATE KEY-----\r\nMIIE\r\n", true},
    {"one behind a mark and empty lines",   "\xef\xbb\xbf\n \n" KEY, true},
    {"one that was cut off",                "-----BEGIN PRIVATE KEY-----", true},
    {"a certificate is none",               CERT, false},
    {"nor is a public key",                 "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----\n", false},
    {"a page that shows one is a page",     "<pre>\n" KEY "</pre>\n", false},
    {"so is a text about one",              "This is a key:\n" KEY, false},
    {"nothing is nothing",                  "", false},
    {"nor is half a beginning",             "-----BEGIN", false},
};

static void each_promise_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        struct tight_str bytes = tight_str(cases[i].bytes);

        PROMISED(cases[i].promise, secret_is_key(bytes.view) == cases[i].is_key);
        tight_str_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_promise_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
