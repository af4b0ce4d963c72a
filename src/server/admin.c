#include "server/admin.h"

static void say(struct wherry_exchange *exchange, enum http_status status, struct str text)
{
    struct response *response = &exchange->response;

    response->status = (int)status;
    response_add_field(response, STR("Content-Type"), STR("text/plain; charset=utf-8"));
    response_add_field(response, STR("Cache-Control"), STR("no-store"));
    response_set_bytes(response, text);
}

/* RFC 9110 §15.5.6 */
static void refuse_method(struct wherry_exchange *exchange)
{
    say(exchange, HTTP_METHOD_NOT_ALLOWED, STR("GET and HEAD are what can be asked here\n"));
    response_add_field(&exchange->response, STR("Allow"), STR("GET, HEAD"));
}

void admin_answer(struct wherry_exchange *exchange, bool is_ready)
{
    const struct request *request = &exchange->request;
    struct str            path = request->target.path;
    bool                  is_health = str_equal(path, STR("healthz"));

    if (request->target.is_directory || request->target.form == TARGET_ASTERISK ||
        (!is_health && !str_equal(path, STR("readyz"))))
        say(exchange, HTTP_NOT_FOUND, STR("there are /healthz and /readyz\n"));
    else if (request->method != METHOD_GET && request->method != METHOD_HEAD)
        refuse_method(exchange);
    else if (is_health)
        say(exchange, HTTP_OK, STR("it lives\n"));
    else if (is_ready)
        say(exchange, HTTP_OK, STR("it is ready\n"));
    else
        say(exchange, HTTP_UNAVAILABLE, STR("it was asked to stop\n"));
}
