#include "base/catch.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>

#include "base/base.h"

/* TSan makes what it needs for a thread's signals at the first call that may block, and loses one that
 * comes just then: so it comes here, before anybody can know whom to send one. */
static void settle_sanitizer(void)
{
#ifdef __SANITIZE_THREAD__
    poll(NULL, 0, 0);
#endif
}

void catch_signal(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    int              result;

    settle_sanitizer();
    sigemptyset(&action.sa_mask);
    result = sigaction(number, &action, NULL);
    assert(result == 0);
    (void)result;
}
