#include "endpoints/json.h"

#include <stdlib.h>

enum wherry_next json_answer(struct wherry_exchange *exchange, int status, json_t *value)
{
    char            *text = value ? json_dumps(value, JSON_COMPACT) : NULL;
    enum wherry_next next = WHERRY_FAIL;

    if (text)
        next = wherry_send_json(exchange, status, wherry_text(text));
    free(text);
    json_decref(value);
    return next;
}
