/* amount - the endpoints whose bodies are as long, as slow or as odd as the caller says: /bytes/{n},
 * /stream-bytes/{n}, /range/{n}, /base64/{value}, /drip.
 *
 * However long, none of them takes memory for it: the bytes are made as they leave, and what ranges are
 * cut out of is one text for all. */
#ifndef ENDPOINTS_AMOUNT_H
#define ENDPOINTS_AMOUNT_H

#include "endpoints/endpoint.h"

extern const struct endpoint_group amount_group;

#endif
