#include "main/wait.h"

#include <ctype.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/catch.h"
#include "base/clock.h"
#include "http/status_line.h"
#include "main/lookup.h"
#include "main/url.h"
#include "net/probe.h"

enum {
    PAUSE_MS = 100,             /* between two tries */
    TRY_MS   = 10 * 1000,       /* for one: who has not answered by then may when it is asked anew */
};

struct waiting {
    struct url  url;
    struct buf  question;
    const char *tls_name;       /* NULL: in the clear; "": it has none, only an address */
    char        host[URL_HOST_MAX + 1];
    int64_t     until_us;
    char        met[192];       /* what the last try met */
};

/* ---- the question --------------------------------------------------------------------- */

static void write_question(struct waiting *waiting)
{
    const struct url *url = &waiting->url;
    bool              has_slash = url->target.len > 0 && url->target.ptr[0] == '/';

    buf_printf(&waiting->question,
               "GET %s%.*s HTTP/1.1\r\n"
               "Host: %.*s\r\n"
               "User-Agent: wherry/" WHERRY_VERSION "\r\n"
               "Accept: */*\r\n"
               "Connection: close\r\n"
               "\r\n",
               has_slash ? "" : "/", STR_ARG(url->target), STR_ARG(url->authority));
}

/* Only a name can be asked for in the handshake (RFC 6066 §3). */
static void choose_tls_name(struct waiting *waiting)
{
    struct address unused[ADDRESSES_MAX];
    struct str     host = waiting->url.host;

    if (!waiting->url.is_https)
        return;
    if (!str_equal(host, STR("localhost")) && address_resolve(host, 0, unused) > 0)
        host = STR("");
    snprintf(waiting->host, sizeof waiting->host, "%.*s", STR_ARG(host));
    waiting->tls_name = waiting->host;
}

/* ---- the answer ----------------------------------------------------------------------- */

/* What stands behind the interim answers, which say nothing yet (RFC 9110 §15.2). */
static struct str skip_interim(struct str bytes)
{
    int status;

    while (status_line_read(bytes, &status) && status < 200) {
        const char *end = memmem(bytes.ptr, bytes.len, "\r\n\r\n", 4);

        bytes = end ? str_from(bytes, (size_t)(end - bytes.ptr) + 4) : STR_NONE;
    }
    return bytes;
}

static bool has_answered(struct str bytes)
{
    struct str rest = skip_interim(bytes);

    return str_find(rest, '\n') < rest.len;
}

static bool judge(struct waiting *waiting, const struct probe *probe)
{
    int status;

    if (!status_line_read(skip_interim(str_of(probe->answer, probe->answer_len)), &status)) {
        snprintf(waiting->met, sizeof waiting->met, "what it answered is not HTTP");
        return false;
    }
    snprintf(waiting->met, sizeof waiting->met, "it answered %d", status);
    return status >= 200 && status < 400;
}

/* ---- one try -------------------------------------------------------------------------- */

static void note(struct waiting *waiting, const char *what)
{
    snprintf(waiting->met, sizeof waiting->met, "%s", what);
}

/* In the middle of a sentence: "Connection refused" begins small there, "TLS" does not. */
static void note_reason(struct waiting *waiting, const char *why)
{
    note(waiting, why);
    if (islower((unsigned char)why[0] ? (unsigned char)why[1] : 0))
        waiting->met[0] = (char)tolower((unsigned char)why[0]);
}

static void note_end(struct waiting *waiting, enum probe_end end, const char *why)
{
    switch (end) {
    case PROBE_ANSWERED:
    case PROBE_ABSENT:
        note(waiting, "no way leads there from here");
        break;
    case PROBE_TURNED_AWAY:
        note(waiting, "it hung up without an answer");
        break;
    case PROBE_WANTS_PROOF:
        note(waiting, "it wants a client's certificate");
        break;
    case PROBE_LATE:
        note(waiting, "it did not answer in time");
        break;
    case PROBE_FAILED:
        note_reason(waiting, why);
        break;
    }
}

/* Asks at one address after the other, each of which has an equal share of the time, until one
 * answers.  True: it is ready. */
static bool ask_any(struct waiting *waiting, const struct lookup *lookup)
{
    for (size_t i = 0; i < lookup->count; i++) {
        int64_t        now_us = clock_us();
        int64_t        left_us = MIN_OF(waiting->until_us - now_us, (int64_t)TRY_MS * 1000);
        struct probe   probe = {.where = lookup->found[i],
                                .tls_name = waiting->tls_name,
                                .question = buf_view(&waiting->question),
                                .is_enough = has_answered,
                                .until_us = now_us + left_us / (int64_t)(lookup->count - i)};
        enum probe_end end = probe_ask(&probe);

        if (end == PROBE_ANSWERED)
            return judge(waiting, &probe);
        if (i == 0 || end != PROBE_ABSENT)      /* a host without IPv6 has more to tell */
            note_end(waiting, end, probe.why);
    }
    return false;
}

static bool try_local(struct waiting *waiting)
{
    struct lookup lookup = {.count = 1};
    char          path[URL_MAX + 1];

    snprintf(path, sizeof path, "%.*s", STR_ARG(waiting->url.local));
    if (address_local(path, &lookup.found[0]))
        return ask_any(waiting, &lookup);
    return note(waiting, "the path is too long for a socket"), false;
}

static bool try_once(struct waiting *waiting)
{
    struct lookup lookup;

    if (waiting->url.local.ptr)
        return try_local(waiting);
    switch (lookup_host(waiting->url.host, waiting->url.port, waiting->until_us, &lookup)) {
    case LOOKUP_FOUND:
        return ask_any(waiting, &lookup);
    case LOOKUP_UNKNOWN:
        return note(waiting, "no such host"), false;
    case LOOKUP_UNANSWERED:
    case LOOKUP_LATE:
        break;
    }
    return note(waiting, "no name server answers"), false;
}

/* ---- again and again ------------------------------------------------------------------ */

/* False: the time is up. */
static bool pause_before_next(const struct waiting *waiting)
{
    int64_t left_us = waiting->until_us - clock_us();

    if (left_us > 0)
        poll(NULL, 0, (int)MIN_OF((left_us + 999) / 1000, (int64_t)PAUSE_MS));
    return left_us > PAUSE_MS * 1000;
}

/* As if nothing were done about it, also as process 1 of a container, which has no default actions. */
static void on_end(int number)
{
    _exit(128 + number);
}

static void take_signals(void)
{
    catch_signal(SIGPIPE, SIG_IGN);
    catch_signal(SIGHUP, on_end);
    catch_signal(SIGTERM, on_end);
    catch_signal(SIGINT, on_end);
}

static enum exit_code complain(const struct options *options, const struct waiting *waiting)
{
    const char *time = options_given(options, "within")->text;
    bool        has_unit = !isdigit((unsigned char)time[strlen(time) - 1]);

    fprintf(stderr, "wherry: %s is not ready after %s%s: %s\n",
            LOG_QUOTE(str_view(options->wait)), time, has_unit ? "" : "s", waiting->met);
    return CODE_NO;
}

enum exit_code wait_run(const struct options *options)
{
    struct waiting waiting = {.question = BUF_UP_TO(2 * URL_MAX + 256),
                              .until_us = clock_us() + options->wait_within_ms * 1000};
    bool           is_url = url_read(str_view(options->wait), &waiting.url);
    bool           is_ready = false;
    enum exit_code code = CODE_FINE;

    assert(is_url && "the option has looked at it");
    (void)is_url;
    take_signals();
    write_question(&waiting);
    choose_tls_name(&waiting);
    if (waiting.question.failed) {
        fprintf(stderr, "wherry: there is no memory for a question\n");
        return CODE_SYSTEM;
    }
    do
        is_ready = try_once(&waiting);
    while (!is_ready && pause_before_next(&waiting));
    if (!is_ready)
        code = complain(options, &waiting);
    buf_fini(&waiting.question);
    return code;
}
