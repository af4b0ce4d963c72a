/* wait - wherry --wait URL: until a server is there.
 *
 * For scripts that have started one, and containers that need one: asks every 100 ms with GET, and is
 * content with any answer of 200 to 399.  Whatever else it meets may pass: nobody there yet, no such
 * name yet, a proxy's 502.  Its certificate is believed whoever signed it: the question is whether it
 * is there, not who it is. */
#ifndef MAIN_WAIT_H
#define MAIN_WAIT_H

#include "main/options.h"

/* Says nothing when it is ready; CODE_NO and one sentence on stderr when it was not in time. */
enum exit_code wait_run(const struct options *options) MUST_USE;

#endif
