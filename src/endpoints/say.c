#include "endpoints/say.h"

#include "base/buf.h"
#include "endpoints/endpoints.h"
#include "endpoints/json.h"
#include "http/status.h"

enum { SLEEP_MS = 5000 };           /* of /sleep, where nobody says how long */

static struct wherry_slice slice(struct str s)
{
    return (struct wherry_slice){s.ptr, s.len};
}

/* Not wherry_send_text, for that promises UTF-8. */
static enum wherry_next answer_text(struct wherry_exchange *exchange, struct wherry_slice text)
{
    wherry_add_field(exchange, "Content-Type", wherry_text("text/plain"));
    wherry_add_field(exchange, "X-Content-Type-Options", wherry_text("nosniff"));
    wherry_copy_body(exchange, text);
    return WHERRY_ANSWER;
}

/* ---- /hello ----------------------------------------------------------------------------- */

/* Who gives no name is the world, and so is who gives an empty one. */
static json_t *greeting_for(struct wherry_slice name)
{
    struct str who = name.len ? str_of(name.ptr, name.len) : STR("World");
    struct buf text = BUF_UP_TO(who.len + sizeof "Hello, !");
    json_t    *greeting;

    buf_append(&text, STR("Hello, "));
    buf_append(&text, who);
    buf_append_byte(&text, '!');
    greeting = json_stringn(text.ptr, text.len);        /* NULL for what is not UTF-8 */
    buf_fini(&text);
    return greeting;
}

static enum wherry_next hello(struct wherry_exchange *exchange, void *data)
{
    json_t *greeting = greeting_for(wherry_query_value(exchange, "name"));

    (void)data;
    if (!greeting)
        return wherry_refuse(exchange, HTTP_BAD_REQUEST, "the name is not UTF-8");
    return json_answer(exchange, HTTP_OK, json_pack("{s:o}", "message", greeting));
}

/* ---- /echo/{text} ------------------------------------------------------------------------ */

static enum wherry_next echo(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    wherry_set_coding(exchange, WHERRY_GZIP);
    return answer_text(exchange, wherry_part(exchange, "text"));
}

/* ---- /user-agent ------------------------------------------------------------------------- */

static enum wherry_next user_agent(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice agent = wherry_field(exchange, "User-Agent");

    (void)data;
    return answer_text(exchange, agent.ptr ? agent : wherry_text(""));
}

/* ---- /sleep, /sleep/{seconds} ------------------------------------------------------------ */

/* seconds = 1*DIGIT [ "." 1*DIGIT ], of which thousandths count. */
static bool read_seconds(struct str text, int64_t *ms)
{
    struct str whole = str_of(text.ptr, str_find(text, '.'));
    struct str fraction = str_from(text, whole.len + 1);
    uint64_t   seconds, ignored;

    if (!str_to_u64(whole, &seconds) || seconds > ENDPOINTS_SLEEP_S_MAX ||
        (whole.len < text.len && !str_to_u64(fraction, &ignored)))
        return false;
    *ms = (int64_t)seconds * 1000;
    for (size_t i = 0, weight = 100; i < fraction.len && weight > 0; i++, weight /= 10)
        *ms += (fraction.ptr[i] - '0') * (int64_t)weight;
    return *ms <= ENDPOINTS_SLEEP_S_MAX * 1000;
}

static enum wherry_next refuse_seconds(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "the time to sleep must be seconds from 0 to 30, as in 1.5");
}

static enum wherry_next sleep_for(struct wherry_exchange *exchange, int64_t ms)
{
    struct buf       text = BUF_UP_TO(64);
    enum wherry_next next;

    /* It woke before: the time to answer is up, or nobody is there any more to be answered. */
    if (!wherry_sleep(exchange, ms))
        return wherry_refuse(exchange, HTTP_UNAVAILABLE, "there was no time to sleep so long");
    buf_printf(&text, "slept %g s\n", (double)ms / 1000);
    next = answer_text(exchange, slice(buf_view(&text)));
    buf_fini(&text);
    return next;
}

static enum wherry_next sleep_some(struct wherry_exchange *exchange, void *data)
{
    (void)data;
    return sleep_for(exchange, SLEEP_MS);
}

/* Nobody has to wait for a permit to be told that it is no number. */
static enum wherry_next look_at_seconds(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice seconds = wherry_part(exchange, "seconds");
    int64_t             ms;

    (void)data;
    return read_seconds(str_of(seconds.ptr, seconds.len), &ms) ? WHERRY_WORK
                                                               : refuse_seconds(exchange);
}

static enum wherry_next sleep_seconds(struct wherry_exchange *exchange, void *data)
{
    struct wherry_slice seconds = wherry_part(exchange, "seconds");
    int64_t             ms;

    (void)data;
    return read_seconds(str_of(seconds.ptr, seconds.len), &ms) ? sleep_for(exchange, ms)
                                                               : refuse_seconds(exchange);
}

/* clang-format off */
const struct wherry_route say_routes[] = {
    {.pattern = "/hello",           .methods = WHERRY_GET, .look = hello},
    {.pattern = "/echo/{text}",     .methods = WHERRY_GET, .look = echo},
    {.pattern = "/user-agent",      .methods = WHERRY_GET, .look = user_agent},
    {.pattern = "/sleep",           .methods = WHERRY_GET, .work = sleep_some},
    {.pattern = "/sleep/{seconds}", .methods = WHERRY_GET, .look = look_at_seconds,
                                                           .work = sleep_seconds},
};
/* clang-format on */

const size_t say_routes_count = COUNTOF(say_routes);
