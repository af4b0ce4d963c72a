#include "server/response.h"

#include "http/date.h"
#include "http/head.h"

static void forget(struct response *response)
{
    if (response->release)
        response->release(response->owner);
    buf_reset(&response->lines);
    *response = (struct response){
        .status = HTTP_OK,
        .lines = response->lines,
        .validators = {.etag = {NULL, 0}, .last_modified = DATE_NONE},
        .fd = -1,
    };
}

void response_init(struct response *response)
{
    *response = (struct response){.lines = BUF_UP_TO(RESPONSE_LINES_MAX)};
    forget(response);
}

void response_reset(struct response *response)
{
    forget(response);
}

void response_fini(struct response *response)
{
    forget(response);
    buf_fini(&response->lines);
}

void response_refuse(struct response *response, int status)
{
    forget(response);
    response->status = status;
    response->is_refusal = true;
}

void response_add_field(struct response *response, struct str name, struct str value)
{
    head_field(&response->lines, name, value);
}

void response_set_bytes(struct response *response, struct str bytes)
{
    response->source = SOURCE_BYTES;
    response->bytes = bytes;
    response->length = bytes.len;
}
