#include "base/catch.h"

#include <signal.h>
#include <stddef.h>

#include "base/base.h"

void catch_signal(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    int              result;

    sigemptyset(&action.sa_mask);
    result = sigaction(number, &action, NULL);
    assert(result == 0);
    (void)result;
}
