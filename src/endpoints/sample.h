/* sample - the endpoints that give a thing of a kind, for clients to show, read or decode: /html, /json,
 * /xml, /encoding/utf8, /image and its three formats, and /gzip, /deflate, /brotli.
 *
 * The things are files in samples/ beside this one, and part of the program. */
#ifndef ENDPOINTS_SAMPLE_H
#define ENDPOINTS_SAMPLE_H

#include "endpoints/endpoint.h"

extern const struct endpoint_group sample_group;

#endif
