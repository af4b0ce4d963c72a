/* tls_error - what OpenSSL complains of, in a few words. */
#ifndef NET_TLS_ERROR_H
#define NET_TLS_ERROR_H

#include "base/base.h"

/* The first complaint that OpenSSL has noted on this thread ("no shared cipher"), a constant; forgets
 * all of them.  "unknown" when there is none. */
const char *tls_error_take(void) MUST_USE;

#endif
