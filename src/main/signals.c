#include "main/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "base/base.h"
#include "wherry.h"

static _Atomic(struct wherry_server *) stopped_by_signal;
static atomic_uint signals_received;

/* Calls only what POSIX and wherry.h allow in a handler; two threads may be in here at once. */
static void on_stop(int number)
{
    struct wherry_server *server = atomic_load(&stopped_by_signal);

    if (!server || atomic_fetch_add(&signals_received, 1) > 0)
        _exit(128 + number);
    wherry_server_stop(server);
}

/* Cannot fail: the signals exist and may be caught. */
static void handle(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    int              result;

    sigemptyset(&action.sa_mask);
    result = sigaction(number, &action, NULL);
    assert(result == 0);
    (void)result;
}

void signals_stop(struct wherry_server *server)
{
    atomic_store(&signals_received, 0);
    atomic_store(&stopped_by_signal, server);
    handle(SIGPIPE, SIG_IGN);
    handle(SIGHUP, SIG_IGN);
    handle(SIGTERM, on_stop);
    handle(SIGINT, on_stop);
}

void signals_forget(void)
{
    atomic_store(&stopped_by_signal, NULL);
}
