/* authority - the certificates of the program, looked at without serving.
 *
 * For --check and --print-ca. */
#ifndef MAIN_AUTHORITY_H
#define MAIN_AUTHORITY_H

#include "main/options.h"

/* Reads the certificates, keys and client authorities that were given, as the server would.  False
 * with one sentence in `problem`.  Writes nothing. */
bool authority_check(const struct wherry_tls_settings *tls, char *problem, size_t size) MUST_USE;

/* Appends the certificate of our own authority (PEM): what the folder holds, or, where it has none
 * or names are given, what the server would use, which is made if need be.  False with one sentence
 * in `problem`; one that could not be kept is of no use to anybody, so that is a failure too. */
bool authority_print(const struct wherry_tls_settings *tls, struct buf *out, char *problem,
                     size_t size) MUST_USE;

#endif
