#include "endpoints/fields.h"

#include <stdlib.h>

#include "endpoints/json.h"
#include "http/etag.h"
#include "http/status.h"
#include "http/token.h"

enum { BYTES_MAX = 8 * 1024 };      /* of all of them together: half of what an answer has room for */

/* ---- what may not go ----------------------------------------------------------------------- */

/* Names in lower case; one that ends in "*" is all that begin so. */
struct rule {
    const char        *why;
    const char *const *names;
};

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct rule rules[] = {
    {"a field that says how the answer is sent is the server's own",
     NAMES("connection", "content-encoding", "content-length", "content-range", "date", "http2-settings",
           "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade")},
    {"a field that sends a browser elsewhere, or makes it load something, is not set here",
     NAMES("link", "location", "refresh", "sourcemap", "speculation-rules", "x-sourcemap")},
    /* RFC 6797, RFC 7469, RFC 7838: these last beyond the answer, for all of the host. */
    {"a field that a browser keeps is not set here",
     NAMES("accept-ch*", "activate-storage-access", "alt-svc", "clear-site-data", "critical-ch",
           "delegate-ch", "expect-ct", "idp-signin-status", "nel", "observe-browsing-topics",
           "origin-agent-cluster", "permissions-policy*", "public-key-pins*", "report-to", "reporting-endpoints", "sec-*",
           "secure-session-*", "set-cookie*", "set-login", "shared-storage-write",
           "strict-transport-security", "use-as-dictionary", "x-permitted-cross-domain-policies")},
    {"a field that permits something to pages or scripts is not set here",
     NAMES("access-control-*", "ad-auction-*", "attribution-reporting-*", "content-security-policy*",
           "cross-origin-*", "document-*", "feature-policy", "no-vary-search", "origin-trial",
           "service-worker-*", "supports-loading-mode", "x-allow-fledge", "x-content-*",
           "x-webkit-csp*", "x-xss-protection")},
    /* What is saved under a name of somebody's choice, with words of his choice in it, may be a program. */
    {"a field that gives the answer a file's name is not set here", NAMES("content-disposition")},
    {"a field that is an order to a proxy in front of the server is not set here",
     NAMES("edge-*", "surrogate-*", "x-accel-*", "x-envoy-*", "x-esi*", "x-lighttpd-*", "x-litespeed-*",
           "x-reproxy-*", "x-sendfile*")},
};

static bool is_named(struct str name, const char *rule)
{
    struct str whole = str_view(rule);

    if (!str_ends(whole, STR("*")))
        return str_equal_nocase(name, whole);
    whole.len--;
    return name.len >= whole.len && str_equal_nocase(str_of(name.ptr, whole.len), whole);
}

static const char *find_rule(struct str name)
{
    for (size_t i = 0; i < COUNTOF(rules); i++)
        for (const char *const *rule = rules[i].names; *rule; rule++)
            if (is_named(name, *rule))
                return rules[i].why;
    return NULL;
}

/* media-type = type "/" subtype [ OWS ";" OWS "charset=" token ]: of RFC 9110 §8.3.1 what cannot be read
 * in two ways.  None of these is shown by running it. */
static bool is_harmless_type(struct str value)
{
    static const char *const types[] = {
        "text/plain", "text/csv", "application/json", "application/ld+json",
        "application/problem+json", "application/octet-stream", "image/png", "image/jpeg",
        "image/gif", "image/webp",
    };
    struct str type = str_trim(str_of(value.ptr, str_find(value, ';')));
    struct str parameter = str_trim(str_from(value, str_find(value, ';') + 1));
    struct str charset = STR("charset=");

    if (str_find(value, ';') < value.len &&
        (parameter.len < charset.len ||
         !str_equal_nocase(str_of(parameter.ptr, charset.len), charset) ||
         !token_all(str_from(parameter, charset.len), CHAR_TOKEN)))
        return false;
    for (size_t i = 0; i < COUNTOF(types); i++)
        if (str_equal_nocase(type, str_view(types[i])))
            return true;
    return false;
}

const char *fields_problem(struct str name, struct str value)
{
    if (!token_all(name, CHAR_TOKEN))
        return "the name of a field has letters, digits and hyphens only";
    if (value.len > 0 && !token_all(value, CHAR_FIELD))
        return "the value of a field has no control bytes";
    if (str_equal_nocase(name, STR("ETag")) && !etag_is_valid(value))
        return "an ETag has its quotes, as in \"v1\"";
    if (str_equal_nocase(name, STR("Content-Type")) && !is_harmless_type(value))
        return "a Content-Type that a browser would run or might guess about is not set here; "
               "text/plain and application/json are";
    return find_rule(name);
}

/* ---- the answer ---------------------------------------------------------------------------- */

static size_t count_named(struct wherry_exchange *exchange, struct str wanted)
{
    struct wherry_slice name, value;
    size_t              count = 0;

    for (size_t at = 0; wherry_next_query_value(exchange, &at, &name, &value);)
        count += str_equal_nocase(endpoint_str(name), wanted);
    return count;
}

/* RFC 9110 §5.3: those whose value is no list. */
static bool is_one_twice(struct wherry_exchange *exchange)
{
    return count_named(exchange, STR("Content-Type")) > 1 ||
           count_named(exchange, STR("ETag")) > 1 || count_named(exchange, STR("Last-Modified")) > 1;
}

/* NULL: all of them may go. */
static const char *problem_of(struct wherry_exchange *exchange)
{
    struct wherry_slice name, value;
    size_t              bytes = 0;
    const char         *problem = NULL;

    for (size_t at = 0; !problem && wherry_next_query_value(exchange, &at, &name, &value);) {
        problem = fields_problem(endpoint_str(name), str_trim(endpoint_str(value)));
        bytes += name.len + value.len + strlen(": \r\n");
    }
    if (!problem && is_one_twice(exchange))
        return "there is one Content-Type, one ETag and one Last-Modified at most";
    if (!problem && bytes > BYTES_MAX)
        return "the fields have 8 KiB at most";
    return problem;
}

/* Adds them, and shows each. */
static bool add_fields(struct wherry_exchange *exchange, json_t *shown)
{
    struct wherry_slice name, value;

    for (size_t at = 0; wherry_next_query_value(exchange, &at, &name, &value);) {
        value = endpoint_slice(str_trim(endpoint_str(value)));
        wherry_add_field(exchange, name.ptr, value);
        if (!json_add(shown, name, value, NULL))
            return false;
    }
    return true;
}

/* Where the query names none. */
static bool add_type(struct wherry_exchange *exchange, json_t *shown)
{
    wherry_add_field(exchange, "Content-Type", wherry_text("application/json"));
    return json_object_set_new(shown, "Content-Type", json_string("application/json")) == 0;
}

enum wherry_next fields_answer(struct wherry_exchange *exchange, void *data)
{
    const char *problem = problem_of(exchange);
    json_t     *shown;
    char       *text = NULL;

    (void)data;
    if (problem)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST, problem);
    shown = json_object();
    if (count_named(exchange, STR("Cache-Control")) == 0)
        endpoint_forbid_storing(exchange);
    if ((count_named(exchange, STR("Content-Type")) > 0 || add_type(exchange, shown)) &&
        add_fields(exchange, shown))
        text = json_to_text(shown);
    if (text)
        wherry_copy_body(exchange, wherry_text(text));
    free(text);
    json_decref(shown);
    return text ? WHERRY_ANSWER : WHERRY_FAIL;
}
