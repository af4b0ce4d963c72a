/* outcome - the endpoints that answer with the status a caller wants: /status, the redirects, /unstable. */
#ifndef ENDPOINTS_OUTCOME_H
#define ENDPOINTS_OUTCOME_H

#include "endpoints/endpoint.h"

/* share = 1*DIGIT [ "." 1*DIGIT ], up to a million, in millionths; what is smaller does not count. */
bool outcome_read_share(struct str text, uint64_t *millionths) MUST_USE;

/* codes = code *( "," code )   code = 3DIGIT [ ":" share ]
 * Chooses one of them, each as likely as its share says (1 where it says none), by `chance`, any number.
 * False: they are not of that form, not from 200 to 599, or none of them has a share. */
bool outcome_choose(struct str codes, uint64_t chance, int *status) MUST_USE;

/* Does a Location of `url` lead whoever asked `origin` ("https://host:port"; "": nobody knows) to that
 * origin, or to one of the settings' others?  Only where all clients read it the same way: what some
 * repair (RFC 3986 has no backslash, and no control bytes) is refused. */
bool outcome_stays(const struct endpoints_settings *settings, struct str origin,
                   struct str url) MUST_USE;

extern const struct endpoint_group outcome_group;

#endif
