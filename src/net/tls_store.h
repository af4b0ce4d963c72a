/* tls_store - the certificates in use now, and where they come from.
 *
 * Given in files, or made by ourselves; beside them, for those who ask, the faulty ones that go with
 * them (tls_faulty.h), under the same rules but never resumed.  The keeper of the house looks after
 * them: files that have changed are read again, one that we made is renewed in time.  What can't be
 * used is said once and changes nothing: the old one goes on. */
#ifndef NET_TLS_STORE_H
#define NET_TLS_STORE_H

#include "net/tls_context.h"
#include "net/tls_faulty.h"
#include "net/tls_self.h"

/* Texts and tables are borrowed while the store lives. */
struct tls_store_settings {
    const struct tls_pair_files *files;     /* given pairs; none: we make one */
    size_t                       files_count;
    struct tls_self_settings     self;      /* for the one we make, and the authority */
    bool                         has_faulty;    /* all of them, signed by that authority */
    enum tls_version             min;
    const char                  *client_ca_path;
    enum tls_client              client;
    const char                  *key_log_path;
};

struct tls_store;

/* NULL with one sentence in `problem`. */
struct tls_store *tls_store_open(const struct tls_store_settings *settings, int64_t now_s,
                                 char *problem, size_t size) MUST_USE;
void              tls_store_close(struct tls_store *store);

/* Looks whether a file has changed (its name leads to another file, or size or times differ) or the
 * time has come, and takes it in.  `force`: reads everything anew.  For one thread. */
void tls_store_check(struct tls_store *store, int64_t now_s, bool force);

/* For a new handshake; the caller releases it.  Any thread.  A fault has to have been asked for. */
struct tls_context *tls_store_context(struct tls_store *store, enum tls_fault fault) MUST_USE;

/* What we made ourselves, be it only for the faulty ones; NULL when we had nothing to make.  Borrowed
 * until the next check. */
const struct tls_self *tls_store_self(const struct tls_store *store) MUST_USE;

#endif
