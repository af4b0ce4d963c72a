/* listener - an accepting socket.
 *
 * Owns its descriptor and, for a socket in the file system, the name there. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <sys/types.h>

#include "net/address.h"
#include "net/queue.h"
#include "net/tls_faulty.h"

enum { LISTENER_BACKLOG = 4096, LISTENER_URL_MAX = 192 };

struct listener {
    struct source  source;                  /* its place in the queue */
    int            fd;                      /* -1: not open */
    bool           is_tls;                  /* who comes here is to speak TLS */
    enum tls_fault fault;                   /* and finds this wrong with our certificate */
    struct address address;                 /* as bound: with the real port */
    dev_t          name_device;             /* of a local socket: what its name led to when we */
    ino_t          name_inode;              /* made it; 0: there is none that is ours */
    char           url[LISTENER_URL_MAX];   /* "http://localhost:8080" */
};

/* Opens, binds and listens; what is wrong with its certificate is the caller's to say.  False with errno;
 * EADDRINUSE for a local name that somebody still answers on (a name that nobody answers on is
 * replaced). */
bool listener_open(struct listener *out, const struct address *address, const char *host,
                   bool is_tls) MUST_USE;

/* Does nothing to one that is not open. */
void listener_close(struct listener *listener);

/* The way out, in two steps, so that nobody whose connection was made is dropped.  After the first
 * newcomers are refused: the name is given up, and nobody is found who listens by TCP.  Who came
 * before can still be accepted, and so can who was just shaking hands, a little later.  After the
 * second nobody is there at all, while the descriptor stays ours, so that a thread inside accept is not
 * left with somebody else's. */
void listener_turn_away(struct listener *listener);
void listener_shut(struct listener *listener);

enum accepted {
    ACCEPTED,               /* *fd is the caller's */
    ACCEPT_EMPTY,           /* nobody waits */
    ACCEPT_AGAIN,           /* this one went away meanwhile, there may be others */
    ACCEPT_EXHAUSTED,       /* no descriptors or memory (EMFILE, ENFILE, ENOBUFS, ENOMEM) */
};

/* Takes one newcomer, non-blocking, with TCP_NODELAY where that means something. */
enum accepted listener_accept(struct listener *listener, int *fd, struct peer *peer) MUST_USE;

#endif
