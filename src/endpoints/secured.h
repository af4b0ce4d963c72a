/* secured - the endpoint /tls: what TLS knows of the connection. */
#ifndef ENDPOINTS_SECURED_H
#define ENDPOINTS_SECURED_H

#include "endpoints/endpoint.h"

extern const struct endpoint_group secured_group;

#endif
