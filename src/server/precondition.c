/* What a handler may ask before it does what cannot be undone (wherry_precondition of wherry.h). */
#include "http/date.h"
#include "http/etag.h"
#include "server/coded.h"
#include "server/server.h"

/* A client may have seen the version in a coding of ours, and name it by that tag (RFC 9110 §8.8.3.3):
 * it is the same version all the same. */
static struct validators version_of(struct wherry_exchange *exchange, struct str etag,
                                    int64_t last_modified)
{
    struct validators validators = {
        .etag = etag,
        .last_modified = last_modified,
        .is_absent = !etag.ptr && last_modified == DATE_NONE,
    };

    if (etag.ptr && !etag_is_weak(etag)) {
        validators.twins[0] = coded_etag(&exchange->arena, etag, CODING_GZIP);
        validators.twins[1] = coded_etag(&exchange->arena, etag, CODING_BROTLI);
    }
    return validators;
}

/* RFC 9110 §15.4.5: with the tag that the client knows it by, and with Vary, which a 200 might have. */
static void answer_not_modified(struct wherry_exchange *exchange,
                                const struct validators *validators)
{
    struct response *response = &exchange->response;
    size_t           at = 0;
    struct str       list;

    response->status = HTTP_NOT_MODIFIED;
    response->validators = *validators;
    if (validators->etag.ptr)           /* it may lie on the handler's stack */
        response->validators.etag = arena_copy(&exchange->arena, validators->etag);
    response->sends_etag = response->validators.etag.ptr != NULL;
    while (fields_next(&exchange->request.fields, FIELD_IF_NONE_MATCH, &at, &list))
        for (size_t i = 0; i < VALIDATORS_TWINS_MAX; i++)
            if (validators->twins[i].ptr && etag_list_has(list, validators->twins[i], true) &&
                !etag_list_has(list, validators->etag, true))
                response->validators.etag = validators->twins[i];
    if (conn_of(exchange)->server->settings.compresses)
        response_add_field(response, STR("Vary"), STR("Accept-Encoding"));
}

bool wherry_precondition(struct wherry_exchange *exchange, struct wherry_slice etag,
                         int64_t last_modified)
{
    struct validators validators =
        version_of(exchange, str_of(etag.ptr, etag.len), last_modified);

    switch (condition_check(&exchange->request, &validators, exchange->now.wall_s)) {
    case CONDITION_SEND:
        return true;
    case CONDITION_NOT_MODIFIED:
        answer_not_modified(exchange, &validators);
        return false;
    case CONDITION_FAILED:
        break;
    }
    exchange_refuse(exchange, refuse(HTTP_PRECONDITION_FAILED,
                                     "what is there is not the version that the request depends on"));
    return false;
}
