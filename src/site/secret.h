/* secret - files that nobody means to publish, by what is in them.
 *
 * What options name is hidden by its name (hidden.h); this is for the copies, backups and left-overs
 * that no option knows of.  Pure. */
#ifndef SITE_SECRET_H
#define SITE_SECRET_H

#include "base/str.h"

/* A PEM file (RFC 7468) with a private key in it, of whatever kind: it begins with a block, or with
 * what OpenSSL and GnuTLS write before one.  A page that shows such a key begins otherwise. */
bool secret_is_key(struct str bytes) MUST_USE;

#endif
