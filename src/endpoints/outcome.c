#include "endpoints/outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "endpoints/noise.h"
#include "http/status.h"
#include "http/target.h"

enum {
    MILLION       = 1000 * 1000,
    REDIRECTS_MAX = 100,
    URL_MAX       = 8 * 1024,           /* bytes of a Location: half of what an answer has room for */
};

static bool draw(uint64_t *chance)
{
    return getrandom(chance, sizeof *chance, 0) == (ssize_t)sizeof *chance;
}

/* ---- /status/{codes} ----------------------------------------------------------------------- */

bool outcome_read_share(struct str text, uint64_t *millionths)
{
    struct str whole = str_of(text.ptr, str_find(text, '.'));
    struct str fraction = str_from(text, whole.len + 1);
    uint64_t   count, ignored;

    if (!str_to_u64(whole, &count) || count > MILLION ||
        (whole.len < text.len && !str_to_u64(fraction, &ignored)))
        return false;
    *millionths = count * MILLION;
    for (uint64_t i = 0, weight = MILLION / 10; i < fraction.len && weight > 0; i++, weight /= 10)
        *millionths += (uint64_t)(fraction.ptr[i] - '0') * weight;
    return true;
}

static bool read_code(struct str code, int *status, uint64_t *share)
{
    struct str digits = str_of(code.ptr, str_find(code, ':'));
    uint64_t   number;

    *share = MILLION;
    if (digits.len != 3 || !str_to_u64(digits, &number) || number < 200 || number > 599)
        return false;
    *status = (int)number;
    return digits.len == code.len || outcome_read_share(str_from(code, digits.len + 1), share);
}

/* The sum of all shares; 0: there is none, or something is not of that form. */
static uint64_t add_shares(struct str codes)
{
    uint64_t   sum = 0, share;
    struct str code;
    int        status;

    while (str_split(&codes, ',', &code)) {
        if (!read_code(code, &status, &share))
            return 0;
        sum += share;
    }
    return sum;
}

/* That 2^64 is no multiple of the sum makes a difference of less than one in a million. */
bool outcome_choose(struct str codes, uint64_t chance, int *status)
{
    uint64_t   sum = add_shares(codes), share;
    struct str code;

    if (sum == 0)
        return false;
    chance %= sum;
    for (; str_split(&codes, ',', &code) && read_code(code, status, &share); chance -= share)
        if (chance < share)
            return true;
    return false;
}

/* What RFC 9110 wants, or would have, beside a status. */
static const struct outcome_part {
    int         status;
    const char *name, *value;           /* a field; NULL: none */
    const char *type, *body;            /* NULL: none */
} parts[] = {
    /* §15.3.7.1: one range, of a representation of one byte. */
    {HTTP_PARTIAL_CONTENT, "Content-Range", "bytes 0-0/1", "text/plain", "*"},
    /* §15.5.2, §15.5.8: a challenge */
    {HTTP_UNAUTHORIZED, "WWW-Authenticate", "Basic realm=\"Fake Realm\"", NULL, NULL},
    {HTTP_PROXY_AUTH_REQUIRED, "Proxy-Authenticate", "Basic realm=\"Fake Realm\"", NULL, NULL},
    /* §15.5.6 */
    {HTTP_METHOD_NOT_ALLOWED, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS", NULL, NULL},
    /* §15.5.7: what there is to choose from */
    {HTTP_NOT_ACCEPTABLE, NULL, NULL, "application/json",
     "{\"message\":\"Client did not request a supported media type.\",\"accept\":[\"image/webp\","
     "\"image/svg+xml\",\"image/jpeg\",\"image/png\",\"image/*\"]}"},
    /* §15.5.17 */
    {HTTP_RANGE_NOT_SATISFIABLE, "Content-Range", "bytes */0", NULL, NULL},
    {HTTP_IM_A_TEAPOT, "X-More-Info", "https://www.rfc-editor.org/rfc/rfc2324", "text/plain",
     "A teapot brews no coffee.\n"},
};

static void add_part(struct wherry_exchange *exchange, const struct outcome_part *part)
{
    if (part->name)
        wherry_add_field(exchange, part->name, wherry_text(part->value));
    if (!part->body)
        return;
    wherry_add_field(exchange, "Content-Type", wherry_text(part->type));
    wherry_set_body(exchange, wherry_text(part->body));
}

/* RFC 9110 §15.4: those that lead somewhere.  Not 305, which sent clients to a proxy (§15.4.6). */
static bool leads_on(int status)
{
    return status == HTTP_MOVED_PERMANENTLY || status == HTTP_FOUND || status == HTTP_SEE_OTHER ||
           status == HTTP_TEMPORARY_REDIRECT || status == HTTP_PERMANENT_REDIRECT;
}

/* The path of another endpoint, behind the origin `text` has. */
static void append_path(const struct endpoints_settings *settings, struct buf *text,
                        const char *path, uint64_t left)
{
    buf_append(text, str_view(settings->prefix));
    buf_append(text, str_view(path));
    if (left > 0)
        buf_append_u64(text, left);
}

/* False: no memory. */
static bool add_location(struct wherry_exchange *exchange, const struct endpoints_settings *settings)
{
    struct buf location = BUF_UP_TO(URL_MAX);
    bool       ok;

    append_path(settings, &location, "/redirect/", 1);
    wherry_add_field(exchange, "Location", endpoint_slice(buf_view(&location)));
    ok = !location.failed;
    buf_fini(&location);
    return ok;
}

static enum wherry_next answer_status(struct wherry_exchange *exchange,
                                      const struct endpoints_settings *settings, int status)
{
    wherry_set_status(exchange, status);
    endpoint_forbid_storing(exchange);
    for (size_t i = 0; i < COUNTOF(parts); i++)
        if (parts[i].status == status)
            add_part(exchange, &parts[i]);
    return !leads_on(status) || add_location(exchange, settings) ? WHERRY_ANSWER : WHERRY_FAIL;
}

static enum wherry_next give_status(struct wherry_exchange *exchange, void *data)
{
    struct str codes = endpoint_str(wherry_part(exchange, "codes"));
    uint64_t   chance;
    int        chosen;

    if (!draw(&chance))
        return WHERRY_FAIL;
    if (outcome_choose(codes, chance, &chosen))
        return answer_status(exchange, data, chosen);
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "the status must be from 200 to 599, or a list of those with their shares, "
                         "as in 200:3,503:1");
}

/* ---- /redirect/{n} and the like ------------------------------------------------------------ */

static enum wherry_next refuse_count(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "the number of redirects must be from 1 to 100");
}

/* The last one leads to /get, all others to `path` with one less. */
static enum wherry_next redirect(struct wherry_exchange *exchange,
                                 const struct endpoints_settings *settings, bool is_absolute)
{
    struct buf       location = BUF_UP_TO(URL_MAX);
    const char      *path = is_absolute ? "/absolute-redirect/" : "/relative-redirect/";
    enum wherry_next next;
    uint64_t         count;

    if (!str_to_u64(endpoint_str(wherry_part(exchange, "n")), &count) || count == 0 ||
        count > REDIRECTS_MAX)
        return refuse_count(exchange);
    if (is_absolute)
        endpoint_append_origin(exchange, &location);
    append_path(settings, &location, count > 1 ? path : "/get", count - 1);
    next = location.failed ? wherry_refuse(exchange, HTTP_BAD_REQUEST, "the host's name is too long")
                           : endpoint_redirect(exchange, HTTP_FOUND,
                                               endpoint_slice(buf_view(&location)));
    buf_fini(&location);
    return next;
}

static enum wherry_next redirect_relative(struct wherry_exchange *exchange, void *data)
{
    return redirect(exchange, data, false);
}

static enum wherry_next redirect_absolute(struct wherry_exchange *exchange, void *data)
{
    return redirect(exchange, data, true);
}

static enum wherry_next redirect_either(struct wherry_exchange *exchange, void *data)
{
    struct str absolute = endpoint_str(wherry_query_value(exchange, "absolute"));

    return redirect(exchange, data, str_equal_nocase(absolute, STR("true")));
}

/* ---- /redirect-to -------------------------------------------------------------------------- */

/* Visible ASCII but a backslash, which browsers take for "/"; they drop tabs and line ends (WHATWG URL
 * §4.4), and other bytes are read in more than one way. */
static bool is_plain(struct str url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= 0x20 || url.ptr[i] >= 0x7f || url.ptr[i] == '\\')
            return false;
    return true;
}

/* Up to the first of "/", "?" and "#". */
static struct str beginning_of(struct str url)
{
    size_t len = MIN_OF(str_find(url, '/'), str_find(url, '?'));

    return str_of(url.ptr, MIN_OF(len, str_find(url, '#')));
}

/* scheme "://" authority, of http and https; empty where there is none. */
static struct str origin_of(struct str url)
{
    static const struct str schemes[] = {{"http://", 7}, {"https://", 8}};

    for (size_t i = 0; i < COUNTOF(schemes); i++) {
        size_t     len = schemes[i].len;
        struct str authority = beginning_of(str_from(url, len));

        if (url.len > len && str_equal_nocase(str_of(url.ptr, len), schemes[i]) &&
            authority.len > 0 && target_authority_is_valid(authority))
            return str_of(url.ptr, len + authority.len);
    }
    return STR_NONE;
}

/* RFC 9110 §4.2.3: the scheme's own port, and ":" without one, are the same as none. */
static struct str without_default_port(struct str origin)
{
    bool       is_https = origin.len > 4 && (origin.ptr[4] | 0x20) == 's';
    struct str port = is_https ? STR(":443") : STR(":80");

    if (str_ends(origin, STR(":")))
        return str_of(origin.ptr, origin.len - 1);
    return str_ends(origin, port) ? str_of(origin.ptr, origin.len - port.len) : origin;
}

static bool is_same_origin(struct str a, struct str b)
{
    return b.len > 0 && str_equal_nocase(without_default_port(a), without_default_port(b));
}

bool outcome_stays(const struct endpoints_settings *settings, struct str origin, struct str url)
{
    struct str other = origin_of(url);
    struct str beginning = beginning_of(url);

    if (url.len == 0 || url.len > URL_MAX || !is_plain(url))
        return false;
    /* RFC 3986 §4.2: without a scheme, which a ":" in the first segment would end, and without a host. */
    if (other.len == 0)
        return str_find(beginning, ':') == beginning.len && !str_starts(url, STR("//"));
    for (size_t i = 0; i < settings->redirect_origins_count; i++)
        if (is_same_origin(other, str_view(settings->redirect_origins[i])))
            return true;
    return is_same_origin(other, origin);
}

static bool leads_to_allowed(struct wherry_exchange *exchange,
                             const struct endpoints_settings *settings, struct str url)
{
    struct buf origin = BUF_UP_TO(URL_MAX);
    bool       stays;

    endpoint_append_origin(exchange, &origin);
    stays = !origin.failed && outcome_stays(settings, buf_view(&origin), url);
    buf_fini(&origin);
    return stays;
}

static enum wherry_next redirect_to(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice url = wherry_query_value(exchange, "url");
    struct wherry_slice code = wherry_query_value(exchange, "status_code");
    uint64_t            chosen = HTTP_FOUND;

    if (!leads_to_allowed(exchange, data, url.ptr ? endpoint_str(url) : STR_NONE))
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the url must be a path here, or lead to this server or one of "
                             "--redirect-to, all in visible ASCII");
    if (code.ptr && (!str_to_u64(endpoint_str(code), &chosen) || chosen < 300 || chosen > 399))
        return wherry_refuse(exchange, HTTP_BAD_REQUEST, "the status_code must be from 300 to 399");
    return endpoint_redirect(exchange, (int)chosen, url);
}

/* ---- /unstable ----------------------------------------------------------------------------- */

/* The same seed has the same outcome, each time. */
static bool choose_by_seed(struct wherry_slice text, uint64_t *chance)
{
    uint64_t seed;

    if (!str_to_u64(endpoint_str(text), &seed))
        return false;
    noise_make(seed, 0, (char *)chance, sizeof *chance);
    return true;
}

static enum wherry_next unstable(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice rate = wherry_query_value(exchange, "failure_rate");
    struct wherry_slice seed = wherry_query_value(exchange, "seed");
    uint64_t            chance, failing = MILLION / 2;

    (void)data;
    if (rate.len > 0 && (!outcome_read_share(endpoint_str(rate), &failing) || failing > MILLION))
        return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                             "the failure_rate must be from 0 to 1, as in 0.25");
    if (seed.len == 0 && !draw(&chance))
        return WHERRY_FAIL;
    if (seed.len > 0 && !choose_by_seed(seed, &chance))
        return wherry_refuse(exchange, HTTP_BAD_REQUEST, "the seed must be a whole number");
    endpoint_forbid_storing(exchange);
    return endpoint_send(exchange, chance % MILLION < failing ? HTTP_INTERNAL_ERROR : HTTP_OK,
                         "text/plain", wherry_text(""));
}

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/status/{codes}", .methods = ENDPOINT_ANY_METHOD, .look = give_status},
     "/status/418", "That status, from 200 to 599; or one of a list with their shares, as in 200:3,503:1."},
    {{.pattern = "/unstable", .methods = WHERRY_GET, .look = unstable},
     "/unstable?failure_rate=0.25", "Fails so often, with 500, else 200; with seed=7, always the same."},
    {{.pattern = "/redirect/{n}", .methods = WHERRY_GET, .look = redirect_either},
     "/redirect/3", "So many redirects, up to 100, and then /get; with absolute=true, as below."},
    {{.pattern = "/relative-redirect/{n}", .methods = WHERRY_GET, .look = redirect_relative},
     "/relative-redirect/3", "The same, each to a path."},
    {{.pattern = "/absolute-redirect/{n}", .methods = WHERRY_GET, .look = redirect_absolute},
     "/absolute-redirect/3", "The same, each to a URL with scheme and host."},
    {{.pattern = "/redirect-to", .methods = ENDPOINT_ANY_METHOD, .look = redirect_to},
     "/redirect-to?url=get&status_code=307", "A redirect to that URL, on this server or to one of --redirect-to."},
};
/* clang-format on */

const struct endpoint_group outcome_group = ENDPOINT_GROUP("Statuses and redirects", table);
