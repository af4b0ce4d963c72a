/* caller - a TLS client whose bytes a test carries, in the pieces that it likes.
 *
 * OpenSSL's client side, between buffers in memory: what it has to say lies in `mouth` until it is
 * posted to the socket, and what comes back is put into `ear`.  Nothing waits.  Whatever fails where
 * a test does not expect it ends the program. */
#ifndef TESTS_CALLER_H
#define TESTS_CALLER_H

#include <openssl/ssl.h>

#include "base/buf.h"
#include "tests/support/minted.h"

/* All zeros: any version, no name, nothing to show.  Borrowed for the call. */
struct caller_wish {
    int                  min, max;          /* TLS1_2_VERSION and the like; 0: any */
    const char          *name;              /* whom it asks for (SNI) */
    struct str           alpn;              /* as it is sent: "\x08http/1.1" */
    const char          *ciphers;           /* up to 1.2; offers weak ones, too */
    const char          *suites;            /* of 1.3 */
    const char          *groups;
    const struct minted *shows;             /* a certificate, when it is asked for one */
    SSL_SESSION         *resumes;
    unsigned char        fragment;          /* TLSEXT_max_fragment_length_512 and the like */
};

struct caller {
    SSL       *ssl;
    BIO       *mouth, *ear;     /* the ssl's */
    int        fd;              /* the far end of the server's socket, ours; -1: none */
    struct buf raw;             /* all that came back, as it came */
    struct buf heard;           /* and what it said */
    bool       has_ended;       /* nothing more will come */
    bool       has_failed;      /* the ssl has: nothing that is said means anything any more */
};

void caller_open(struct caller *caller, int fd, const struct caller_wish *wish);    /* takes fd */
void caller_close(struct caller *caller);
void caller_hang_up(struct caller *caller);     /* closes the socket without a word */

/* Goes on with the handshake; true when it is done. */
bool caller_shakes(struct caller *caller);

/* Posts up to `most` bytes of what it has to say; how many the socket took. */
size_t caller_post(struct caller *caller, size_t most);
size_t caller_unposted(const struct caller *caller) MUST_USE;

/* Takes in what has come, without looking at it.  How many bytes. */
size_t caller_fetch(struct caller *caller);

/* One record each, put where it can be posted. */
void caller_says(struct caller *caller, struct str bytes);
void caller_says_end(struct caller *caller);            /* close_notify */
void caller_changes_keys(struct caller *caller, bool asks_for_the_same);

/* Fetches and reads; gives all that was heard so far. */
struct str caller_listens(struct caller *caller);
bool       caller_heard_end(const struct caller *caller) MUST_USE;      /* close_notify */

/* The number on the certificate it was shown, the last eight bytes of it; 0: none. */
uint64_t caller_saw_serial(const struct caller *caller) MUST_USE;

/* The heads of the records in what came back raw, from byte `from` on. */
struct caller_record {
    int    type;
    size_t len;                 /* behind the head */
};
size_t caller_records(const struct caller *caller, size_t from, struct caller_record *records,
                      size_t most) MUST_USE;

#endif
