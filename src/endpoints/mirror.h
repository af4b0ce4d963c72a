/* mirror - the endpoints that show the caller his own request, as JSON, or let him write a little of the
 * answer: /get, /post, /anything, /headers, /ip, /delay and the like.
 *
 * Members and their values are those of httpbin, so that tests written against it pass. */
#ifndef ENDPOINTS_MIRROR_H
#define ENDPOINTS_MIRROR_H

#include "endpoints/endpoint.h"
#include "endpoints/json.h"

/* Appends the name of a field as it is shown: X-Forwarded-For, however it came. */
void mirror_append_title(struct buf *title, struct str name);

/* Parts of what is shown, for others that show a request, too; NULL when there was no memory. */

/* The request's fields, an object in their order: names in Title-Case; those of the same name are one,
 * joined by ", " (RFC 9110 §5.3), but Cookie by "; ".  Bytes that are not UTF-8 are shown as Latin-1. */
json_t *mirror_headers(struct wherry_exchange *exchange) MUST_USE;

/* The peer's address, a string. */
json_t *mirror_origin(struct wherry_exchange *exchange) MUST_USE;

/* What the client asked for, a string: "https://host/path?query". */
json_t *mirror_url(struct wherry_exchange *exchange) MUST_USE;

/* Answers as /get does. */
enum wherry_next mirror_answer(struct wherry_exchange *exchange);

/* The same for an answer that caches may keep: without what a browser or a client adds by itself to prove who
 * it is (Cookie, Authorization, Proxy-Authorization), which the cache would show to whoever asks next. */
enum wherry_next mirror_answer_to_keep(struct wherry_exchange *exchange);

extern const struct endpoint_group mirror_group;

#endif
