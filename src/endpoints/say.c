#include "endpoints/say.h"

#include "base/buf.h"
#include "endpoints/json.h"
#include "http/status.h"

enum { SLEEP_MS = 5000, SLEEP_MS_MAX = 30 * 1000 };     /* of /sleep, where nobody says how long */

/* Not wherry_send_text, for that promises UTF-8. */
static enum wherry_next answer_text(struct wherry_exchange *exchange, struct wherry_slice text)
{
    wherry_add_field(exchange, "Content-Type", wherry_text("text/plain"));
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
    greeting = text.failed ? NULL : json_stringn(text.ptr, text.len);   /* NULL for what is not UTF-8 */
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

/* The handler sleeps itself, and has no more time than any other. */
static bool read_seconds(const struct endpoints_settings *settings, struct wherry_slice text,
                         int64_t *ms)
{
    return endpoint_read_time(settings, text, ms) && *ms <= SLEEP_MS_MAX;
}

static enum wherry_next refuse_seconds(struct wherry_exchange *exchange)
{
    return wherry_refuse(exchange, HTTP_BAD_REQUEST,
                         "the time to sleep must be seconds from 0 to 30, as in 1.5, and no longer "
                         "than --endpoints-time");
}

static enum wherry_next sleep_for(struct wherry_exchange *exchange, int64_t ms)
{
    struct buf       text = BUF_UP_TO(64);
    enum wherry_next next;

    /* It woke before: the time to answer is up, or nobody is there any more to be answered. */
    if (!wherry_sleep(exchange, ms))
        return wherry_refuse(exchange, HTTP_UNAVAILABLE, "there was no time to sleep so long");
    buf_printf(&text, "slept %g s\n", (double)ms / 1000);
    next = answer_text(exchange, endpoint_slice(buf_view(&text)));
    buf_fini(&text);
    return next;
}

static enum wherry_next sleep_some(struct wherry_exchange *exchange, void *data)
{
    return sleep_for(exchange, MIN_OF(SLEEP_MS, endpoint_settings(data)->time_max_ms));
}

/* Nobody has to wait for a permit to be told that it is no number. */
static enum wherry_next look_at_seconds(struct wherry_exchange *exchange, void *data)
{
    int64_t ms;

    return read_seconds(data, wherry_part(exchange, "seconds"), &ms) ? WHERRY_WORK
                                                                     : refuse_seconds(exchange);
}

static enum wherry_next sleep_seconds(struct wherry_exchange *exchange, void *data)
{
    int64_t ms;

    return read_seconds(data, wherry_part(exchange, "seconds"), &ms) ? sleep_for(exchange, ms)
                                                                     : refuse_seconds(exchange);
}

/* clang-format off */
static const struct endpoint table[] = {
    {{.pattern = "/hello", .methods = WHERRY_GET, .look = hello},
     "/hello?name=Ann", "A greeting in JSON, for the name."},
    {{.pattern = "/echo/{text}", .methods = WHERRY_GET, .look = echo},
     "/echo/abc", "The text, in gzip where that is accepted, however short it is."},
    {{.pattern = "/user-agent", .methods = WHERRY_GET, .look = user_agent},
     "/user-agent", "What the client calls itself, as text."},
    {{.pattern = "/sleep", .methods = WHERRY_GET, .work = sleep_some},
     NULL, NULL},
    {{.pattern = "/sleep/{seconds}", .methods = WHERRY_GET, .look = look_at_seconds,
      .work = sleep_seconds},
     "/sleep/1", "An answer that takes its time and a worker; up to 30 s."},
};
/* clang-format on */

const struct endpoint_group say_group = ENDPOINT_GROUP("Words", table);
