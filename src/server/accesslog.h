/* accesslog - one line per exchange.
 *
 * In a known format with two things behind it: how long it took in microseconds, and why it was
 * refused.  Whatever a peer sent is escaped, so that it cannot forge a line. */
#ifndef SERVER_ACCESSLOG_H
#define SERVER_ACCESSLOG_H

#include "net/address.h"
#include "server/exchange.h"
#include "server/moment.h"

/* Appends the line of a exchange that ends at `moment` to `lines` (not at all for WHERRY_LOG_OFF).
 */
void accesslog_line(struct buf *lines, enum wherry_log_format format, const struct peer *peer,
                    const struct moment *moment, const struct wherry_exchange *exchange,
                    int64_t took_us);

#endif
