/* event - the endpoints whose answers have more than a body: /sse, an event stream, and /trailers,
 * fields behind the body. */
#ifndef ENDPOINTS_EVENT_H
#define ENDPOINTS_EVENT_H

#include "endpoints/endpoint.h"

extern const struct endpoint_group event_group;

#endif
