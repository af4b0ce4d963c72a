/* process - another process that runs this program, as /proc tells of it.
 *
 * What it was asked (its words and its environment), where it stands, and at which ports it listens.
 * Reads only; what it may not read it says. */
#ifndef MAIN_PROCESS_H
#define MAIN_PROCESS_H

#include <sys/types.h>

#include "base/buf.h"

enum { PROCESS_PORTS_MAX = 16 };

struct process {
    pid_t      pid;
    struct buf words_block;         /* what argv points into */
    struct buf variables_block;
    char     **argv;                /* a NULL behind the last */
    char     **environment;         /* NULL: we may not read it */
    int        argc;
};

/* Fills `found` with the other processes that run this very program, in the network that we are in,
 * and returns how many there are, which may be more than `max`.  When there are none: those of other
 * users, at whose program we may not look, that go by the same name. */
size_t process_find_others(pid_t found[], size_t max) MUST_USE;

/* Reads what it was asked.  False, with errno, when it has ended or there is no memory; then, too,
 * process_close is due. */
bool process_open(struct process *process, pid_t pid) MUST_USE;
void process_close(struct process *process);

/* Goes where it stands, so that its relative paths mean to us what they mean to it. */
bool process_follow(const struct process *process) MUST_USE;

/* The TCP ports at which it listens, each once, in the order in which it opened them.  Returns how
 * many there are; 0, too, when we may not see. */
size_t process_ports(const struct process *process, uint16_t ports[PROCESS_PORTS_MAX]) MUST_USE;

/* ---- what the kernel writes; pure ----------------------------------------------------- */

/* Points `words`, which has room for all and a NULL, at the texts of a block, each of which has a NUL
 * behind it; returns how many.  The block is terminated, as a buf's is not. */
size_t process_split(char *block, size_t len, char **words);

/* How many texts there are in it. */
size_t process_count(struct str block) MUST_USE;

/* A row of /proc/net/tcp or tcp6. */
struct process_socket {
    uint64_t inode;
    uint16_t port;
    bool     is_listening;
};

/* False when it is none, as the first is. */
bool process_read_row(struct str row, struct process_socket *socket) MUST_USE;

#endif
