#include "main/healthcheck.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "base/clock.h"
#include "http/status_line.h"
#include "main/process.h"
#include "net/listener.h"
#include "net/probe.h"
#include "server/selfcheck.h"

enum { REPORT_MAX = 4096, OTHERS_MAX = 8, TCP_PORTS = 2 };

static const char question[] = "OPTIONS * HTTP/1.1\r\n"
                               "Host: localhost\r\n"
                               "User-Agent: " SELFCHECK_AGENT "\r\n"
                               "Connection: close\r\n"
                               "\r\n";

/* What is known, and what has been heard. */
struct check {
    const struct wherry_settings *asked;    /* how the server was asked to run */
    int                           http_port, https_port;    /* -1: none; 0: not known */
    int64_t                       until_us;
    struct buf                    report;   /* what each listener said, or why it is not well */
    bool                          is_well;
};

bool healthcheck_is_asked(char **argv)
{
    for (char **word = argv; *word; word++)
        if (strcmp(*word, "--healthcheck") == 0 || strcmp(*word, "--healthcheck=yes") == 0)
            return true;
    return false;
}

enum healthcheck_code healthcheck_complain(const char *why)
{
    fprintf(stderr, "unhealthy: %s\n", why);
    return HEALTHCHECK_UNWELL;
}

/* ---- one listener --------------------------------------------------------------------- */

/* The first thing that is not well is told instead of all that is. */
static bool is_unwell(struct check *check, const char *url, const char *what)
{
    buf_reset(&check->report);
    buf_printf(&check->report, "%s %s", url, what);
    check->is_well = false;
    return true;
}

static bool is_well(struct check *check, const char *url, int64_t since_us, const char *what)
{
    buf_printf(&check->report, "%s%s %s in %" PRId64 " ms", check->report.len ? "; " : "", url,
               what, (clock_us() - since_us) / 1000);
    return true;
}

static bool judge_answer(struct check *check, const char *url, int64_t since_us,
                         const struct probe *probe)
{
    struct str answer = str_of(probe->answer, probe->answer_len);
    char       quoted[128], what[192];
    int        status;

    if (!status_line_read(answer, &status)) {
        answer.len = str_find(answer, '\n');
        snprintf(what, sizeof what, "answered \"%s\", which is not HTTP",
                 log_quote(quoted, sizeof quoted, answer));
        return is_unwell(check, url, what);
    }
    /* Nothing else that is asked this way waits for anything. */
    if (status == HTTP_UNAVAILABLE)
        return is_well(check, url, since_us, "has no room for one more (503)");
    snprintf(what, sizeof what, "answered %d", status);
    return status < 500 ? is_well(check, url, since_us, what) : is_unwell(check, url, what);
}

/* True: there is something to say about it.  False: this host has no such address. */
static bool ask(struct check *check, const struct address *where, bool is_tls, const char *url)
{
    struct probe probe = {.where = *where,
                          .tls_name = is_tls ? SELFCHECK_NAME : NULL,
                          .question = STR(question),
                          .until_us = check->until_us};
    int64_t      since_us = clock_us();
    char         what[192];

    switch (probe_ask(&probe)) {
    case PROBE_ANSWERED:
        return judge_answer(check, url, since_us, &probe);
    case PROBE_TURNED_AWAY:
        return is_well(check, url, since_us, "has no room for one more");
    case PROBE_WANTS_PROOF:
        return is_well(check, url, since_us, "asked for a client's certificate");
    case PROBE_ABSENT:
        return false;
    case PROBE_LATE:
        snprintf(what, sizeof what, "has not answered within %d ms", (int)HEALTHCHECK_MS);
        return is_unwell(check, url, what);
    case PROBE_FAILED:
        break;
    }
    snprintf(what, sizeof what, "does not answer: %s", probe.why);
    return is_unwell(check, url, what);
}

/* ---- all of them ---------------------------------------------------------------------- */

/* Where to find what listens on every address: at a loopback one. */
static struct address reachable(const struct address *address)
{
    struct address loopback[ADDRESSES_MAX];
    bool           is_v4 = address->any.sa_family == AF_INET;

    if (!address_is_any(address) ||
        address_resolve(STR("localhost"), address_port(address), loopback) != 2)
        return *address;
    return loopback[is_v4 ? 0 : 1];
}

static void write_url(char *url, size_t size, const struct address *address, bool is_tls)
{
    struct peer peer = peer_of(address);
    char        text[ADDRESS_TEXT_MAX];
    bool        is_v6 = peer.family == AF_INET6;

    peer_text(&peer, text);
    snprintf(url, size, "%s://%s%s%s:%u", is_tls ? "https" : "http", is_v6 ? "[" : "", text,
             is_v6 ? "]" : "", peer.port);
}

/* As the server listens: "*" is one socket, IPv6 where there is that, and found at whichever
 * loopback this host has; "localhost" is one at each that it has. */
static void ask_tcp(struct check *check, int port, bool is_tls)
{
    bool           one_is_enough = strcmp(check->asked->address, "*") == 0;
    struct str     text = one_is_enough ? STR("localhost") : str_view(check->asked->address);
    struct address addresses[ADDRESSES_MAX];
    size_t         count = address_resolve(text, (uint16_t)port, addresses);
    bool           is_there = false;
    char           url[LISTENER_URL_MAX];

    for (size_t i = 0; i < count && check->is_well && !(is_there && one_is_enough); i++) {
        struct address where = reachable(&addresses[i]);

        write_url(url, sizeof url, &where, is_tls);
        is_there |= ask(check, &where, is_tls, url);
    }
    if (!is_there)
        is_unwell(check, check->asked->address, "is no address of this host");
}

static void ask_local(struct check *check)
{
    struct address where;
    char           url[LISTENER_URL_MAX];

    snprintf(url, sizeof url, "http+unix:%s", check->asked->unix_path);
    if (!address_local(check->asked->unix_path, &where) || !ask(check, &where, false, url))
        is_unwell(check, url, "cannot be reached");
}

static enum healthcheck_code tell(struct check *check)
{
    struct str report = buf_view(&check->report);

    if (check->is_well)
        printf("healthy: %.*s\n", STR_ARG(report));
    else
        fprintf(stderr, "unhealthy: %.*s\n", STR_ARG(report));
    buf_fini(&check->report);
    return check->is_well ? HEALTHCHECK_WELL : HEALTHCHECK_UNWELL;
}

static enum healthcheck_code ask_all(struct check *check)
{
    if (check->http_port >= 0)
        ask_tcp(check, check->http_port, false);
    if (check->https_port >= 0 && check->is_well)
        ask_tcp(check, check->https_port, true);
    if (check->asked->unix_path && check->is_well)
        ask_local(check);
    return tell(check);
}

/* ---- whom to ask ---------------------------------------------------------------------- */

/* A port of its own for /healthz? */
static bool has_admin_port(const struct check *check)
{
    return check->asked->admin && !strchr(check->asked->admin, '/');
}

/* Of ports that were left to the kernel: which they have become.  The server opens the one for HTTP
 * first, then that for HTTPS, those with bad certificates, the admin's last, and nothing else that
 * listens. */
static bool find_ports(struct check *check, const struct process *process)
{
    uint16_t ports[PROCESS_PORTS_MAX];
    size_t   bad = check->asked->tls.bad_port >= 0 ? TLS_FAULTS - 1 : 0;
    size_t   count, last = bad + has_admin_port(check), wanted = last;

    if (check->http_port != 0 && check->https_port != 0)
        return true;
    count = process ? process_ports(process, ports) : 0;
    wanted += (size_t)(check->http_port >= 0) + (size_t)(check->https_port >= 0);
    if (count < wanted)
        return false;
    if (check->https_port == 0)
        check->https_port = ports[count - last - 1];
    if (check->http_port == 0)
        check->http_port = ports[count - wanted];
    return true;
}

/* `process` NULL: nobody was looked for. */
static enum healthcheck_code ask_server(const struct options *options,
                                        const struct process *process)
{
    struct check check = {.asked = &options->server,
                          .http_port = options->server.http_port,
                          .https_port = options->server.tls.port,
                          .until_us = clock_us() + HEALTHCHECK_MS * 1000,
                          .report = BUF_UP_TO(REPORT_MAX),
                          .is_well = true};

    if (find_ports(&check, process))
        return ask_all(&check);
    if (!process)
        return healthcheck_complain("port 0 is any free one; say which, or nothing but "
                                    "--healthcheck");
    return healthcheck_complain("the port that the server has found for itself cannot be seen");
}

static bool serves(const struct options *options)
{
    return !options->check && !options->precompress && !options->healthcheck && !options->wait &&
           !options->print_config && !options->print_ca && !options->print_manual &&
           !options->help && !options->version;
}

/* One that runs this program.  What it is asked is read with its own eyes, from where it stands. */
struct candidate {
    struct process process;
    struct options options;
    bool           is_understood;
};

/* False: it has ended, or does not serve. */
static bool candidate_open(struct candidate *candidate, pid_t pid)
{
    struct process *process = &candidate->process;

    candidate->options = OPTIONS_NONE;
    if (!process_open(process, pid))
        return false;
    (void)!process_follow(process);     /* where we may not, its paths may be absolute ones */
    candidate->is_understood =
        options_read(&candidate->options, process->argc, process->argv,
                     process->environment ? process->environment : environ);
    return !candidate->is_understood || serves(&candidate->options);
}

static void candidate_close(struct candidate *candidate)
{
    options_fini(&candidate->options);
    process_close(&candidate->process);
}

static enum healthcheck_code ask_candidate(const struct candidate *candidate)
{
    char why[sizeof candidate->options.mistake.sentence + 64];

    if (candidate->is_understood)
        return ask_server(&candidate->options, &candidate->process);
    snprintf(why, sizeof why, "process %d runs with options that are wrong by now: %s",
             (int)candidate->process.pid, candidate->options.mistake.sentence);
    return healthcheck_complain(why);
}

static enum healthcheck_code find_and_ask(void)
{
    static struct candidate server, another;
    pid_t                   pids[OTHERS_MAX];
    size_t                  count = process_find_others(pids, OTHERS_MAX), servers = 0;
    enum healthcheck_code   code;

    for (size_t i = 0; i < MIN_OF(count, (size_t)OTHERS_MAX); i++) {
        struct candidate *candidate = servers == 0 ? &server : &another;
        bool              is_server = candidate_open(candidate, pids[i]);

        servers += is_server;
        if (!is_server || candidate == &another)
            candidate_close(candidate);
    }
    if (servers == 1)
        code = ask_candidate(&server);
    else if (servers == 0)
        code = healthcheck_complain("no wherry is running here");
    else
        code = healthcheck_complain("more than one wherry is running here; say which by the "
                                    "options that it has, such as --http-port");
    candidate_close(&server);
    return code;
}

enum healthcheck_code healthcheck_run(const struct options *options)
{
    signal(SIGPIPE, SIG_IGN);
    return options_ask_only(options, "healthcheck") ? find_and_ask() : ask_server(options, NULL);
}
