/* say - the endpoints that only say something: /hello, /echo/{text}, /user-agent, /sleep. */
#ifndef ENDPOINTS_SAY_H
#define ENDPOINTS_SAY_H

#include <stddef.h>

#include "wherry.h"

extern const struct wherry_route say_routes[];
extern const size_t              say_routes_count;

#endif
