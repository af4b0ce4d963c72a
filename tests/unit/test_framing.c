/* What http/framing promises: one reading of a body's length, or none (RFC 9112 §6). */
#include "http/framing.h"
#include "tests/support/promise.h"

static const struct framing_case {
    const char       *promise;
    const char       *lines[3];
    enum body_framing kind;
    uint64_t          length;
    enum http_status  status;
    unsigned          minor;
} cases[] = {
    {"RFC 9112 §6.3: neither field, no body", {NULL}, BODY_NONE, 0, 0, 1},
    {"a length",                  {"Content-Length: 5"}, BODY_LENGTH, 5, 0, 1},
    {"a length in HTTP/1.0",      {"Content-Length: 5"}, BODY_LENGTH, 5, 0, 0},
    {"no length is no body",      {"Content-Length: 0"}, BODY_NONE, 0, 0, 1},
    {"zeros in front count for nothing",
                                  {"Content-Length: 0000000000000000000000005"}, BODY_LENGTH, 5, 0, 1},
    {"the largest length",        {"Content-Length: 9223372036854775807"}, BODY_LENGTH, INT64_MAX, 0, 1},
    {"one more",                  {"Content-Length: 9223372036854775808"}, BODY_NONE, 0, 400, 1},
    {"one that wraps around",     {"Content-Length: 18446744073709551621"}, BODY_NONE, 0, 400, 1},
    {"a sign",                    {"Content-Length: +5"}, BODY_NONE, 0, 400, 1},
    {"the other sign",            {"Content-Length: -5"}, BODY_NONE, 0, 400, 1},
    {"not even of zero",          {"Content-Length: -0"}, BODY_NONE, 0, 400, 1},
    {"hexadecimal",               {"Content-Length: 0x5"}, BODY_NONE, 0, 400, 1},
    {"no digits",                 {"Content-Length:"}, BODY_NONE, 0, 400, 1},
    {"a space inside",            {"Content-Length: 5 5"}, BODY_NONE, 0, 400, 1},
    {"a fraction",                {"Content-Length: 5.0"}, BODY_NONE, 0, 400, 1},
    {"RFC 9112 §6.3: a list of the same", {"Content-Length: 5,5"}, BODY_NONE, 0, 400, 1},
    {"a list of one",             {"Content-Length: 5,"}, BODY_NONE, 0, 400, 1},
    {"two lines that differ",     {"Content-Length: 5", "Content-Length: 6"}, BODY_NONE, 0, 400, 1},
    {"two lines of the same",     {"Content-Length: 5", "Content-Length: 5"}, BODY_NONE, 0, 400, 1},

    {"RFC 9112 §7.1: chunks",     {"Transfer-Encoding: chunked"}, BODY_CHUNKED, 0, 0, 1},
    {"RFC 9112 §7: a coding has no case", {"Transfer-Encoding: CHUNKED"}, BODY_CHUNKED, 0, 0, 1},
    {"RFC 9112 §6.1: both fields",
     {"Content-Length: 5", "Transfer-Encoding: chunked"}, BODY_NONE, 0, 400, 1},
    {"both, the other way round",
     {"Transfer-Encoding: chunked", "Content-Length: 5"}, BODY_NONE, 0, 400, 1},
    {"both, and neither is good",
     {"Transfer-Encoding: gzip", "Content-Length: x"}, BODY_NONE, 0, 400, 1},
    {"RFC 9112 §6.1: chunks in HTTP/1.0", {"Transfer-Encoding: chunked"}, BODY_NONE, 0, 400, 0},
    {"any coding in HTTP/1.0",    {"Transfer-Encoding: gzip"}, BODY_NONE, 0, 400, 0},
    {"RFC 9112 §7.1: chunked twice", {"Transfer-Encoding: chunked, chunked"}, BODY_NONE, 0, 400, 1},
    {"chunked twice, in two lines",
     {"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"}, BODY_NONE, 0, 400, 1},
    {"chunked is not the last",   {"Transfer-Encoding: chunked, gzip"}, BODY_NONE, 0, 400, 1},
    {"chunked is not in the last line",
     {"Transfer-Encoding: chunked", "Transfer-Encoding: gzip"}, BODY_NONE, 0, 400, 1},
    {"chunked with a parameter",  {"Transfer-Encoding: chunked;a=b"}, BODY_NONE, 0, 400, 1},
    {"a coding before",           {"Transfer-Encoding: gzip, chunked"}, BODY_NONE, 0, 501, 1},
    {"a coding in the line before",
     {"Transfer-Encoding: gzip", "Transfer-Encoding: chunked"}, BODY_NONE, 0, 501, 1},
    {"another coding alone",      {"Transfer-Encoding: gzip"}, BODY_NONE, 0, 400, 1},
    {"with a parameter",          {"Transfer-Encoding: gzip;a=b"}, BODY_NONE, 0, 400, 1},
    {"identity is none since RFC 7230", {"Transfer-Encoding: identity"}, BODY_NONE, 0, 400, 1},
    {"nearly chunked",            {"Transfer-Encoding: xchunked"}, BODY_NONE, 0, 400, 1},
    {"chunked in quotes",         {"Transfer-Encoding: \"chunked\""}, BODY_NONE, 0, 400, 1},
    {"something behind chunked",  {"Transfer-Encoding: chunked x"}, BODY_NONE, 0, 400, 1},
    {"a byte no coding has",      {"Transfer-Encoding: \xC3\xBC"}, BODY_NONE, 0, 400, 1},
    {"no coding",                 {"Transfer-Encoding:"}, BODY_NONE, 0, 400, 1},
    {"no coding before chunked",  {"Transfer-Encoding: , chunked"}, BODY_NONE, 0, 400, 1},
    {"no coding behind chunked",  {"Transfer-Encoding: chunked,"}, BODY_NONE, 0, 400, 1},
    {"no coding in the line before",
     {"Transfer-Encoding:", "Transfer-Encoding: chunked"}, BODY_NONE, 0, 400, 1},
};

static void a_body_has_one_length_or_is_refused(void **state)
{
    static struct request request;

    (void)state;
    for (size_t i = 0; i < COUNTOF(cases); i++) {
        const struct framing_case *c = &cases[i];
        struct tight_str lines[COUNTOF(c->lines)] = {0};
        struct framing framing;
        struct refusal refusal;

        fields_reset(&request.fields);
        request.minor = c->minor;
        for (size_t k = 0; k < COUNTOF(lines) && c->lines[k]; k++) {
            lines[k] = tight_str(c->lines[k]);
            PROMISED(c->promise, !is_refused(fields_add_line(&request.fields, lines[k].view)));
        }
        refusal = framing_decide(&request, &framing);
        PROMISED_NUMBER(c->promise, refusal.status, c->status);
        if (!is_refused(refusal)) {
            PROMISED_NUMBER(c->promise, framing.kind, c->kind);
            PROMISED_NUMBER(c->promise, framing.length, c->length);
        }
        for (size_t k = 0; k < COUNTOF(lines); k++)
            tight_str_free(&lines[k]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_has_one_length_or_is_refused),
    };

    return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
