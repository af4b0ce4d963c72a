#include "http/framing.h"

#include "http/token.h"

/* transfer-coding = token *( OWS ";" OWS transfer-parameter )      RFC 9112 §7
 * The name alone; false when there is none or something else stands behind it. */
static bool read_coding(struct str coding, struct str *name)
{
    size_t len = 0;
    struct str behind;

    while (len < coding.len && char_is(coding.ptr[len], CHAR_TOKEN))
        len++;
    *name = str_of(coding.ptr, len);
    behind = str_trim(str_from(coding, len));
    return len > 0 && (behind.len == 0 || behind.ptr[0] == ';');
}

/* Transfer-Encoding = #transfer-coding                             RFC 9112 §6.1
 * RFC 9110 §5.6.1.2 would have us pass over empty elements.  Here they are refused: nobody sends
 * ", chunked" but to find a proxy that does not see the coding. */
static struct refusal read_codings(struct str list, bool *chunked, bool *other)
{
    struct str coding, name;

    if (list.len == 0)
        return refuse(HTTP_BAD_REQUEST, "empty Transfer-Encoding");

    while (str_split(&list, ',', &coding)) {
        coding = str_trim(coding);
        if (!read_coding(coding, &name))
            return refuse(HTTP_BAD_REQUEST, "malformed Transfer-Encoding");
        if (*chunked)
            return refuse(HTTP_BAD_REQUEST, "chunked is not the last coding");
        if (!str_equal_nocase(name, STR("chunked")))
            *other = true;
        else if (coding.len == name.len)
            *chunked = true;
        else                                            /* RFC 9112 §7.1 */
            return refuse(HTTP_BAD_REQUEST, "chunked with a parameter");
    }
    return REFUSAL_NONE;
}

static struct refusal read_transfer_encoding(const struct request *request,
                                             struct framing *framing)
{
    bool chunked = false, other = false;
    struct str list;
    size_t at = 0;

    if (request->minor == 0)                            /* RFC 9112 §6.1 */
        return refuse(HTTP_BAD_REQUEST, "Transfer-Encoding in HTTP/1.0");
    if (fields_has(&request->fields, FIELD_CONTENT_LENGTH))
        return refuse(HTTP_BAD_REQUEST, "both Content-Length and Transfer-Encoding");

    while (fields_next(&request->fields, FIELD_TRANSFER_ENCODING, &at, &list)) {
        struct refusal refusal = read_codings(list, &chunked, &other);

        if (is_refused(refusal))
            return refusal;
    }
    if (!chunked)                   /* RFC 9112 §6.3: the body's end cannot be told */
        return refuse(HTTP_BAD_REQUEST, "transfer coding without chunked");
    if (other)                      /* RFC 9112 §6.1 */
        return refuse(HTTP_NOT_IMPLEMENTED, "transfer coding other than chunked");
    framing->kind = BODY_CHUNKED;
    return REFUSAL_NONE;
}

/* Content-Length = 1*DIGIT                                         RFC 9110 §8.6
 * A list of equal numbers could be taken for one of them; RFC 9112 §6.3 lets us refuse it. */
static struct refusal read_content_length(const struct request *request, struct framing *framing)
{
    struct str value = fields_get(&request->fields, FIELD_CONTENT_LENGTH);

    if (request->fields.times[FIELD_CONTENT_LENGTH] > 1)
        return refuse(HTTP_BAD_REQUEST, "more than one Content-Length");
    if (!str_to_u64(value, &framing->length) || framing->length > INT64_MAX)
        return refuse(HTTP_BAD_REQUEST, "malformed Content-Length");
    if (framing->length > 0)
        framing->kind = BODY_LENGTH;
    return REFUSAL_NONE;
}

/* RFC 9112 §6.3, as far as requests go: without either field there is no body. */
struct refusal framing_decide(const struct request *request, struct framing *framing)
{
    *framing = (struct framing){.kind = BODY_NONE};
    if (fields_has(&request->fields, FIELD_TRANSFER_ENCODING))
        return read_transfer_encoding(request, framing);
    if (fields_has(&request->fields, FIELD_CONTENT_LENGTH))
        return read_content_length(request, framing);
    return REFUSAL_NONE;
}
