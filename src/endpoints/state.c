#include "endpoints/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "endpoints/base64.h"
#include "endpoints/json.h"
#include "endpoints/mirror.h"
#include "http/cookie.h"
#include "http/date.h"
#include "http/etag.h"
#include "http/status.h"

enum {
    COOKIES_BYTES_MAX = 8 * 1024,       /* of those that are set at once: half of what there is room for */
    CREDENTIALS_MAX   = 1024 * 1024,    /* bytes; as long as a head can be */
    TAG_MAX           = 1024 * 1024,
};

/* ---- /cookies ------------------------------------------------------------------------------ */

static bool add_cookies(json_t *cookies, struct str field)
{
    struct str name, value;

    while (cookie_next(&field, &name, &value))
        if (json_object_getn(cookies, name.ptr, name.len) == NULL &&
            !json_add(cookies, endpoint_slice(name), endpoint_slice(value), NULL))
            return false;
    return true;
}

/* RFC 6265 §5.4: the first of a name is the one of the longest path. */
static json_t *cookies_of(struct wherry_exchange *exchange)
{
    json_t             *cookies = json_object();
    struct wherry_slice name, value;

    for (size_t at = 0; cookies && wherry_next_field(exchange, &at, &name, &value);) {
        if (str_equal_nocase(endpoint_str(name), STR("Cookie")) &&
            !add_cookies(cookies, endpoint_str(value))) {
            json_decref(cookies);
            cookies = NULL;
        }
    }
    return cookies;
}

static enum wherry_next show_cookies(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    endpoint_forbid_storing(exchange);
    return json_answer(exchange, HTTP_OK, json_pack("{s:o}", "cookies", cookies_of(exchange)));
}

/* ---- /cookies/set, /cookies/delete --------------------------------------------------------- */

/* Those of other paths are not ours to set: they may be the site's. */
static struct wherry_new_cookie cookie_of(const struct endpoints_settings *settings,
                                          struct wherry_slice name, struct wherry_slice value)
{
    return (struct wherry_new_cookie){
        .name = name.ptr,
        .value = value.ptr,
        .path = *settings->prefix ? settings->prefix : "/",
    };
}

/* How much room its field takes; 0: it can be none. */
static size_t field_bytes(struct wherry_slice name, struct wherry_slice value, const char *path)
{
    struct buf          field = BUF_UP_TO(COOKIES_BYTES_MAX);
    const struct cookie cookie = {.name = endpoint_str(name), .value = endpoint_str(value),
                                  .path = str_view(path), .max_age_s = -1};
    size_t              bytes = 0;

    if (cookie_write(&field, &cookie))
        bytes = field.len + strlen("Set-Cookie: ; Secure\r\n");
    buf_fini(&field);
    return bytes;
}

static bool may_be_set(struct wherry_exchange *exchange, const struct endpoints_settings *settings,
                       bool with_values)
{
    struct wherry_slice name, value;
    size_t              bytes = 0;

    for (size_t at = 0; wherry_next_query_value(exchange, &at, &name, &value);) {
        struct wherry_new_cookie cookie = cookie_of(settings, name, value);
        size_t more = field_bytes(name, with_values ? value : wherry_text(""), cookie.path);

        bytes += more;
        if (more == 0 || bytes > COOKIES_BYTES_MAX)
            return false;
    }
    return true;
}

static enum wherry_next refuse_cookie(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "a cookie has a token for its name, and a value of visible ASCII without "
                         "quotes, commas, semicolons and backslashes; all of them 8 KiB at most");
}

/* Another origin's page could put a cookie of its choice into a browser by this (Fetch Metadata, §2.3);
 * cookies know no ports, so whatever else is served by that host would be given it, too. */
static bool is_sent_by_others(struct wherry_exchange *exchange)
{
    return str_equal(endpoint_str(wherry_field(exchange, "Sec-Fetch-Site")), STR("cross-site"));
}

static enum wherry_next refuse_others(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_FORBIDDEN,
                         "a page of another site may not have cookies set here");
}

static enum wherry_next send_to_cookies(struct wherry_exchange *exchange,
                                        const struct endpoints_settings *settings)
{
    char location[ENDPOINTS_PREFIX_MAX + sizeof "/cookies"];

    snprintf(location, sizeof location, "%s/cookies", settings->prefix);
    return endpoint_redirect(exchange, HTTP_FOUND, wherry_text(location));
}

/* Each pair of the query, with its value, or to be forgotten. */
static enum wherry_next change_cookies(struct wherry_exchange *exchange,
                                       const struct endpoints_settings *settings, bool deletes)
{
    struct wherry_slice name, value;

    if (is_sent_by_others(exchange))
        return refuse_others(exchange);
    if (!may_be_set(exchange, settings, !deletes))
        return refuse_cookie(exchange);
    for (size_t at = 0; wherry_next_query_value(exchange, &at, &name, &value);) {
        struct wherry_new_cookie cookie =
            cookie_of(settings, name, deletes ? wherry_text("") : value);

        cookie.max_age_s = deletes ? -1 : 0;
        wherry_set_cookie(exchange, &cookie);
    }
    return send_to_cookies(exchange, settings);
}

static enum wherry_next set_cookies(struct wherry_exchange *exchange, void *data)
{
    return change_cookies(exchange, data, false);
}

static enum wherry_next delete_cookies(struct wherry_exchange *exchange, void *data)
{
    return change_cookies(exchange, data, true);
}

static enum wherry_next set_cookie(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice      name = wherry_part(exchange, "name");
    struct wherry_slice      value = wherry_part(exchange, "value");
    struct wherry_new_cookie cookie = cookie_of(data, name, value);

    if (is_sent_by_others(exchange))
        return refuse_others(exchange);
    if (field_bytes(name, value, cookie.path) == 0)
        return refuse_cookie(exchange);
    wherry_set_cookie(exchange, &cookie);
    return send_to_cookies(exchange, data);
}

/* ---- /basic-auth/{user}/{password} --------------------------------------------------------- */

/* Every byte of what was sent is looked at, whatever the others are; its length is no secret.  `wanted`
 * is not empty. */
static bool is_same_in_constant_time(struct str sent, struct str wanted)
{
    unsigned char different = sent.len != wanted.len;

    for (size_t i = 0; i < sent.len; i++)
        different |= (unsigned char)(sent.ptr[i] ^ wanted.ptr[i % wanted.len]);
    return different == 0;
}

/* user-pass = user-id ":" password                                 RFC 7617 §2 */
static bool says(struct str credentials, struct str user, struct str password)
{
    struct buf said = BUF_UP_TO(CREDENTIALS_MAX), wanted = BUF_UP_TO(CREDENTIALS_MAX);
    bool       is_right;

    buf_append(&wanted, user);
    buf_append_byte(&wanted, ':');
    buf_append(&wanted, password);
    is_right = base64_decode(credentials, &said) && !said.failed && !wanted.failed &&
               is_same_in_constant_time(buf_view(&said), buf_view(&wanted));
    buf_fini(&said);
    buf_fini(&wanted);
    return is_right;
}

/* credentials = "Basic" 1*SP token68; the scheme has no case (RFC 7617 §2) */
bool state_knows(struct str authorization, struct str user, struct str password)
{
    struct str scheme = STR("Basic ");

    if (authorization.len < scheme.len ||
        !str_equal_nocase(str_of(authorization.ptr, scheme.len), scheme))
        return false;
    return says(str_trim(str_from(authorization, scheme.len)), user, password);
}

/* RFC 9110 §15.5.2: a 401 has a challenge. */
static enum wherry_next ask_for_password(struct wherry_exchange *exchange)
{
    wherry_set_status(exchange, HTTP_UNAUTHORIZED);
    endpoint_forbid_storing(exchange);
    wherry_add_field(exchange, "WWW-Authenticate", wherry_text("Basic realm=\"Fake Realm\""));
    return WHERRY_ANSWER;
}

static enum wherry_next basic_auth(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice user = wherry_part(exchange, "user");
    struct wherry_slice password = wherry_part(exchange, "password");
    struct wherry_slice authorization = wherry_field(exchange, "Authorization");

    (void)data;
    if (!state_knows(endpoint_str(authorization), endpoint_str(user), endpoint_str(password)))
        return ask_for_password(exchange);
    endpoint_forbid_storing(exchange);
    return json_answer(exchange, HTTP_OK, json_pack("{s:b, s:o}", "authenticated", 1, "user",
                                                    json_of_bytes(user)));
}

/* ---- /etag/{etag} -------------------------------------------------------------------------- */

bool state_write_etag(struct str meant, struct buf *etag)
{
    bool is_written = str_starts(meant, STR("\"")) || str_starts(meant, STR("W/\""));

    if (!is_written)
        buf_append_byte(etag, '"');
    buf_append(etag, meant);
    if (!is_written)
        buf_append_byte(etag, '"');
    return !etag->failed && etag_is_valid(buf_view(etag));
}

/* Conditions are judged by the server (RFC 9110 §13.2.2).  In a coding the tag would be another one,
 * and who asks for a tag wants that. */
static enum wherry_next etag(struct wherry_exchange *exchange, void *data)
{
    struct buf       tag = BUF_UP_TO(TAG_MAX);
    enum wherry_next next;

    (void)data;
    if (state_write_etag(endpoint_str(wherry_part(exchange, "etag")), &tag)) {
        wherry_add_field(exchange, "ETag", endpoint_slice(buf_view(&tag)));
        wherry_add_field(exchange, "Cache-Control", wherry_text("no-cache, no-transform"));
        next = mirror_answer_to_keep(exchange);
    } else {
        next = wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "an entity tag has visible bytes without quotes, as in v1, \"v1\" or "
                             "W/\"v1\"");
    }
    buf_fini(&tag);
    return next;
}

/* ---- /cache, /cache/{seconds} -------------------------------------------------------------- */

/* RFC 9110 §15.4.5: with the tag that a 200 would have had, which is the one that the client has. */
static enum wherry_next answer_not_modified(struct wherry_exchange *exchange,
                                            struct wherry_slice tags)
{
    struct str list = endpoint_str(tags), tag = STR_NONE;

    if (tags.ptr && str_split(&list, ',', &tag) && etag_is_valid(str_trim(tag)))
        wherry_add_field(exchange, "ETag", endpoint_slice(str_trim(tag)));
    wherry_set_status(exchange, HTTP_NOT_MODIFIED);
    return WHERRY_ANSWER;
}

/* Each answer is a version of its own. */
static enum wherry_next answer_new(struct wherry_exchange *exchange)
{
    char     tag[24], date[DATE_BYTES];
    uint64_t chance;

    if (getrandom(&chance, sizeof chance, 0) != (ssize_t)sizeof chance)
        return WHERRY_FAIL;
    snprintf(tag, sizeof tag, "\"%016" PRIx64 "\"", chance);
    date_format(time(NULL), date);
    wherry_add_field(exchange, "ETag", wherry_text(tag));
    wherry_add_field(exchange, "Last-Modified", (struct wherry_slice){date, sizeof date});
    return mirror_answer_to_keep(exchange);
}

/* Whatever version the client has, it is the right one. */
static enum wherry_next cache(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice tags = wherry_field(exchange, "If-None-Match");

    (void)data;
    if (tags.ptr || wherry_field(exchange, "If-Modified-Since").ptr)
        return answer_not_modified(exchange, tags);
    return answer_new(exchange);
}

/* RFC 9111 §1.2.2: a cache takes 2^31 for the longest of all. */
static enum wherry_next cache_for(struct wherry_exchange *exchange, void *data)
{
    enum { AGE_MAX = INT32_MAX };
    uint64_t seconds;
    char     control[64];

    (void)data;
    if (!str_to_u64(endpoint_str(wherry_part(exchange, "seconds")), &seconds) || seconds > AGE_MAX)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the age must be a whole number of seconds, as in 60, up to 2147483647");
    snprintf(control, sizeof control, "public, max-age=%" PRIu64, seconds);
    wherry_add_field(exchange, "Cache-Control", wherry_text(control));
    return mirror_answer_to_keep(exchange);
}

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/cookies", .methods = WHERRY_GET, .look = show_cookies},
     "/cookies", "The cookies that the client sends."},
    {{.pattern = "/cookies/set", .methods = WHERRY_GET, .look = set_cookies},
     "/cookies/set?flavour=oat", "Sets the cookies that the query names, and leads to /cookies."},
    {{.pattern = "/cookies/set/{name}/{value}", .methods = WHERRY_GET, .look = set_cookie},
     "/cookies/set/flavour/oat", "Sets one, and leads to /cookies."},
    {{.pattern = "/cookies/delete", .methods = WHERRY_GET, .look = delete_cookies},
     "/cookies/delete?flavour", "Has the client forget those that the query names, and leads to /cookies."},
    {{.pattern = "/basic-auth/{user}/{password}", .methods = WHERRY_GET, .look = basic_auth},
     "/basic-auth/ann/secret", "Asks for that name and that password."},
    {{.pattern = "/etag/{etag}", .methods = WHERRY_GET, .look = etag},
     "/etag/v1", "The answer of /get with that entity tag: 304 or 412 where the request's conditions say so."},
    {{.pattern = "/cache", .methods = WHERRY_GET, .look = cache},
     "/cache", "The answer of /get with ETag and Last-Modified; and 304 to any If-None-Match or If-Modified-Since."},
    {{.pattern = "/cache/{seconds}", .methods = WHERRY_GET, .look = cache_for},
     "/cache/60", "The answer of /get, which may be kept for so long."},
};
/* clang-format on */

const struct endpoint_group state_group = ENDPOINT_GROUP("What a client keeps", table);
