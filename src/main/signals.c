#include "main/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

#include "base/base.h"
#include "wherry.h"

static _Atomic(struct wherry_server *) directed;

static _Atomic(atomic_bool *) flagged;
static atomic_int flagged_by;

/* Calls only what POSIX and wherry.h allow in a handler; two threads may be in here at once. */
static void on_stop(int number)
{
    struct wherry_server *server = atomic_load(&directed);

    if (!server || !wherry_server_stop(server))
        _exit(128 + number);
}

static void on_flag(int number)
{
    int nothing = 0;

    if (!atomic_compare_exchange_strong(&flagged_by, &nothing, number))
        _exit(128 + number);
    atomic_store(atomic_load(&flagged), true);
}

static void on_reload(int number)
{
    struct wherry_server *server = atomic_load(&directed);

    (void)number;
    if (server)
        wherry_server_reload(server);
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

void signals_direct(struct wherry_server *server)
{
    atomic_store(&directed, server);
    handle(SIGPIPE, SIG_IGN);
    handle(SIGHUP, on_reload);
    handle(SIGTERM, on_stop);
    handle(SIGINT, on_stop);
}

void signals_forget(void)
{
    atomic_store(&directed, NULL);
}

void signals_flag(atomic_bool *stop)
{
    atomic_store(&flagged, stop);
    handle(SIGPIPE, SIG_IGN);
    handle(SIGXFSZ, SIG_IGN);
    handle(SIGHUP, on_flag);
    handle(SIGTERM, on_flag);
    handle(SIGINT, on_flag);
}

int signals_received(void)
{
    return atomic_load(&flagged_by);
}
