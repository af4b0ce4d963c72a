#include "endpoints/json.h"

#include <stdlib.h>

#include "base/buf.h"

enum { TEXT_MAX = 64 * 1024 * 1024 };       /* what wherry_copy_body takes */

static int append(const char *bytes, size_t len, void *data)
{
    struct buf *text = data;

    buf_append(text, str_of(bytes, len));
    return text->failed ? -1 : 0;
}

/* Not json_dumps: jansson 2.14 does not look whether a member's name found room, and goes on without. */
char *json_to_text(const json_t *value)
{
    struct buf text = BUF_UP_TO(TEXT_MAX);
    bool       ok = json_dump_callback(value, append, &text, JSON_COMPACT) == 0;

    buf_append_byte(&text, '\0');
    if (ok && !text.failed)
        return text.ptr;
    buf_fini(&text);
    return NULL;
}

char *json_write(json_t *value)
{
    char *text = value ? json_to_text(value) : NULL;

    json_decref(value);
    return text;
}

enum wherry_next json_answer(struct wherry_exchange *exchange, int status, json_t *value)
{
    char            *text = json_write(value);
    enum wherry_next next = WHERRY_FAIL;

    if (text)
        next = wherry_send_json(exchange, status, wherry_text(text));
    free(text);
    return next;
}

/* ---- what callers send ------------------------------------------------------------------- */

static void append_latin1(struct buf *text, struct wherry_slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char byte = (unsigned char)bytes.ptr[i];

        if (byte >= 0x80)
            buf_append_byte(text, (char)(0xc0 | byte >> 6));
        buf_append_byte(text, (char)(byte < 0x80 ? byte : 0x80 | (byte & 0x3f)));
    }
}

json_t *json_of_bytes(struct wherry_slice bytes)
{
    json_t    *string = json_stringn(bytes.len ? bytes.ptr : "", bytes.len);
    struct buf text = BUF_UP_TO(bytes.len * 2);

    if (string)
        return string;
    append_latin1(&text, bytes);
    string = json_stringn(text.ptr, text.len);      /* NULL without memory */
    buf_fini(&text);
    return string;
}

/* Both strings as one; NULL: no memory. */
static json_t *join(const json_t *first, const char *between, const json_t *second)
{
    return json_sprintf("%s%s%s", json_string_value(first), between, json_string_value(second));
}

/* A list of what is there, which may be one already, and another. */
static json_t *list(json_t *there, json_t *value)
{
    json_t *values = json_is_array(there) ? json_incref(there) : json_pack("[O]", there);

    if (values && json_array_append(values, value) == 0)
        return values;
    json_decref(values);
    return NULL;
}

/* What the member becomes. */
static json_t *with(json_t *there, json_t *value, const char *between)
{
    if (!there)
        return json_incref(value);
    return between ? join(there, between, value) : list(there, value);
}

bool json_add(json_t *object, struct wherry_slice name, struct wherry_slice value,
              const char *between)
{
    json_t *key = json_of_bytes(name), *string = json_of_bytes(value);
    bool    ok = false;

    if (key && string) {
        const char *text = json_string_value(key);
        size_t      len = json_string_length(key);
        json_t     *there = json_object_getn(object, text, len);

        ok = json_object_setn_new(object, text, len, with(there, string, between)) == 0;
    }
    json_decref(key);
    json_decref(string);
    return ok;
}
