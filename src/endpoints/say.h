/* say - the endpoints that only say something: /hello, /echo/{text}, /user-agent, /sleep. */
#ifndef ENDPOINTS_SAY_H
#define ENDPOINTS_SAY_H

#include "endpoints/endpoint.h"

extern const struct endpoint_group say_group;

#endif
