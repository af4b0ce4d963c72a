/* tls_self - a certificate that we make ourselves, and keep.
 *
 * A small local authority (ECDSA P-256) signs a certificate for this machine: for localhost,
 * 127.0.0.1, ::1, the host's name and the names asked for.  The authority may sign for exactly those,
 * what lies below them, and for servers only (critical name constraints), so that whoever trusts it
 * trusts it with nothing else; a new name makes a new authority.  Both are kept in a folder, so
 * that a restart finds them:
 *
 *     ca.pem  ca-key.pem      the authority, ten years; trust this one
 *     cert.pem  key.pem       the certificate with its authority behind it, at most 397 days
 *
 * The certificate is signed anew by the same authority while that can: it is whole, permits the
 * names, and has a certificate's life left.  Else there is a new authority, which nobody trusts yet.
 *
 * The host's name is a courtesy and never the reason for a new authority: in a container it is
 * another one at every start.  Where the kept authority does not permit it, it is left out; whoever
 * needs it asks for it.
 *
 * Every file is written whole or not at all, with mode 0600 (0644 for the certificates) from its
 * first moment.  Files that are damaged or do not belong together, as a crash leaves them, are made
 * anew; links are replaced, not followed.  What is never written over: files that we may not read,
 * certificates that are not of our making (O=wherry), and an authority whose time has not come yet,
 * for it may be our clock that is wrong.
 *
 * Two servers may share the folder: whoever comes second takes what the first has made (a lock file).
 * While they run, servers with different names leave each other's certificates alone.  Where the
 * folder can't be written everything stays in memory, which is said.  A folder that can only be
 * read is good enough while what it holds is right, and the authority's key may be missing from it
 * or be closed to us. */
#ifndef NET_TLS_SELF_H
#define NET_TLS_SELF_H

#include "net/tls_mint.h"
#include "net/tls_pair.h"

enum {
    TLS_SELF_NAMES_MAX  = 32,
    TLS_SELF_DAYS       = 397,          /* of the certificate; browsers take no more */
    TLS_SELF_RENEW_DAYS = 30,           /* left when it is made anew */
    TLS_SELF_FINGERPRINT = 32 * 3,      /* "AB:CD:..." with its end */
    TLS_SELF_PROBLEM    = 512,
};

struct tls_self_settings {
    const char        *dir;             /* made, with its parents and 0700, when it is missing */
    const char *const *names;           /* further DNS names and addresses; borrowed */
    size_t             names_count;
    const char        *host;            /* this machine's name; NULL: the system is asked */
    bool               keeps_authority; /* in memory, to sign further certificates with */
};

struct tls_self {
    struct tls_pair *pair;              /* the certificate; one reference is ours */
    struct tls_minted authority;        /* with keeps_authority; its key may be closed to us: NULL */
    char            *authority_pem;     /* of the authority, terminated */
    char            *authority_path;    /* absolute; NULL: it could not be kept */
    char             fingerprint[TLS_SELF_FINGERPRINT];    /* SHA-256 of the authority */
    bool             is_new_authority;  /* this refresh made it: nobody can trust it yet */
    bool             has_replaced;      /* and there was one before: for other names, too old, or
                                         * damaged */
    char             warning[TLS_SELF_PROBLEM];     /* why it could not be kept, one sentence that
                                                     * says what would help; "": it was */
};

#define TLS_SELF_NONE ((struct tls_self){0})

/* True when `name` is something a certificate can be made for: a DNS name (letters, digits, "-",
 * "_" within labels, a "*" as the first one and two labels behind it, for clients believe no less;
 * the last one is no number) or an IPv4 or IPv6 address without brackets. */
bool tls_self_is_name(const char *name) MUST_USE;

/* Fills in *self, or brings it up to date: takes what the folder holds while that is right (readable,
 * belongs together, for these names, far enough from its end at `now_s`), else makes what is
 * missing.  What is in *self and still right stays when the folder is of no use; self->pair is the
 * same one while its certificate is.  May wait five seconds for another server's lock.  False
 * with one sentence in `problem` only when there is no memory or no randomness, or one of the names
 * is none or they are too many; *self is unchanged then. */
bool tls_self_refresh(struct tls_self *self, const struct tls_self_settings *settings,
                      int64_t now_s, char *problem, size_t size) MUST_USE;

/* Releases everything; is TLS_SELF_NONE again. */
void tls_self_fini(struct tls_self *self);

#endif
