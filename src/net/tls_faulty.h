/* tls_faulty - certificates with one thing wrong, for clients that are to refuse them.
 *
 * Whoever trusts the authority sees that one fault and no other: names, dates, key and signature are
 * otherwise those of a certificate that is taken.  Each has its authority behind it, as that one
 * has.  Touches no file and reads no clock. */
#ifndef NET_TLS_FAULTY_H
#define NET_TLS_FAULTY_H

#include "net/tls_pair.h"
#include "net/tls_self.h"

enum tls_fault {
    TLS_FAULT_NONE,                 /* the certificate that is meant to be taken */
    TLS_FAULT_EXPIRED,              /* yesterday */
    TLS_FAULT_NOT_YET_VALID,        /* for more than a year */
    TLS_FAULT_WRONG_NAME,           /* for a name that nobody has, and for no address */
    TLS_FAULT_UNKNOWN_AUTHORITY,    /* one made for this, whose key is forgotten at once */
    TLS_FAULT_WEAK_KEY,             /* RSA, 768 bits */
    TLS_FAULTS,
};

/* "expired", "wrong-name"...: never NULL. */
const char *tls_fault_name(enum tls_fault fault);

/* Makes the certificate with this fault, for the names of the one in `self`, which has its authority
 * with the key (tls_self_settings.keeps_authority).  The caller releases it.  NULL, with one sentence
 * in `problem`: that key is closed to us, or there is no memory or no randomness. */
struct tls_pair *tls_faulty_make(enum tls_fault fault, const struct tls_self *self, int64_t now_s,
                                 char *problem, size_t size) MUST_USE;

#endif
