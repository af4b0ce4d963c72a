/* What endpoints/json_text promises about any bytes: the same in any cut, and what jansson says of them,
 * but where it cannot keep what it reads: numbers too large for it, halves of surrogate pairs, names with
 * a NUL. */
#include <jansson.h>

#include "base/utf8.h"
#include "endpoints/json_text.h"
#include "tests/fuzz/fuzz.h"

static bool is_whole(struct str bytes, size_t piece)
{
    struct json_text text = JSON_TEXT_NONE;

    for (size_t at = 0; at < bytes.len; at += piece)
        json_text_read(&text, str_of(bytes.ptr + at, MIN_OF(piece, bytes.len - at)));
    return json_text_is_whole(&text);
}

static bool is_utf8(struct str bytes)
{
    struct utf8 utf8 = UTF8_NONE;

    utf8_read(&utf8, bytes);
    return utf8_is_valid(&utf8);
}

/* How deep it goes; of a text that is one. */
static size_t depth_of(struct str bytes)
{
    size_t depth = 0, most = 0;
    bool   is_string = false;

    for (size_t i = 0; i < bytes.len; i++) {
        if (is_string && bytes.ptr[i] == '\\')
            i++;
        else if (bytes.ptr[i] == '"')
            is_string = !is_string;
        else if (!is_string && (bytes.ptr[i] == '[' || bytes.ptr[i] == '{'))
            depth++;
        else if (!is_string && (bytes.ptr[i] == ']' || bytes.ptr[i] == '}'))
            depth--;
        most = MAX_OF(most, depth);
    }
    return most;
}

static bool is_beyond_jansson(json_error_t *error)
{
    enum json_error_code code = json_error_code(error);

    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           strstr(error->text, "invalid Unicode");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tight_str input = tight_bytes((const char *)data, size);
    struct str       bytes = input.view;
    size_t           flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    bool             whole = is_whole(bytes, SIZE_MAX / 2);
    bool             has_nul = str_find(bytes, '\0') < bytes.len;
    json_error_t     error;
    json_t          *value = json_loadb(bytes.ptr, bytes.len, flags, &error);

    for (size_t piece = 1; piece <= 3; piece++)
        MUST_HOLD(is_whole(bytes, piece) == whole);
    if (has_nul)                        /* which jansson passes over between tokens */
        MUST_HOLD(!whole);
    else if (value && !whole)
        MUST_HOLD(depth_of(bytes) > JSON_DEPTH_MAX);
    if (whole)
        MUST_HOLD(depth_of(bytes) <= JSON_DEPTH_MAX);
    if (!value && whole && is_utf8(bytes))
        MUST_HOLD(is_beyond_jansson(&error));
    json_decref(value);
    tight_str_free(&input);
    return 0;
}
