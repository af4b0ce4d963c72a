/* wherry - serves one folder as a website. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/owner.h"
#include "main/announce.h"
#include "main/authority.h"
#include "main/healthcheck.h"
#include "main/hide.h"
#include "main/option_help.h"
#include "main/option_spool.h"
#include "main/options.h"
#include "main/precompressing.h"
#include "main/ready_file.h"
#include "main/wait.h"

enum { ANSWER_BYTES_MAX = 512 * 1024, FACTS_BYTES_MAX = 64 * 1024, LOG_STOP_MS = 2000 };

/* What main() makes on its way and takes apart at the end. */
struct program {
    struct options        options;
    struct site          *site;
    struct endpoints     *endpoints;
    struct wherry_server *server;
    struct ready_file     ready;
    char                  problem[1024];    /* one sentence; "" while all is well */
};

static bool tell(struct program *program, const char *problem)
{
    snprintf(program->problem, sizeof program->problem, "%s", problem);
    return false;
}

static enum exit_code complain(const char *sentence, enum exit_code code)
{
    fprintf(stderr, "wherry: %s\n", sentence);
    return code;
}

/* Whole lines to stdout, at once.  An answer that nobody can read is a failure. */
static enum exit_code answer(struct buf *out)
{
    struct str lines = buf_view(out);
    bool       ok = !out->failed && fwrite(lines.ptr, 1, lines.len, stdout) == lines.len &&
              fflush(stdout) == 0;

    buf_fini(out);
    return ok ? CODE_FINE : complain("cannot write to standard output", CODE_SYSTEM);
}

/* Is there something to tell instead of serving? */
static bool is_question(const struct options *options)
{
    return options->help || options->version || options->print_manual || options->print_config ||
           options->print_ca;
}

static enum exit_code answer_question(struct program *program)
{
    const struct options *options = &program->options;
    struct buf            out = BUF_UP_TO(ANSWER_BYTES_MAX);

    if (options->help)
        option_help_print(&out);
    else if (options->version)
        buf_append(&out, STR("wherry " WHERRY_VERSION "\n"));
    else if (options->print_manual)
        option_manual_print(&out);
    else if (options->print_config)
        option_config_print(options, &out);
    else if (!authority_print(&options->server.tls, &out, program->problem,
                              sizeof program->problem))
        return buf_fini(&out), complain(program->problem, CODE_SYSTEM);
    return answer(&out);
}

static bool open_site(struct program *program)
{
    const struct options *options = &program->options;

    program->site = site_new(&options->site, program->problem, sizeof program->problem);
    if (!program->site)
        return false;
    /* Such a root opens, and then nothing in it does: better to say so now than at each request. */
    if (euidaccess(options->site.root, X_OK) != 0) {
        int error = errno;

        snprintf(program->problem, sizeof program->problem,
                 "cannot look into the folder \"%s\": %s%s", options->site.root, strerror(error),
                 OWNER_ADVISE(options->site.root, OWNER_READ, error));
        return false;
    }
    return hide_what_is_ours(program->site, options, program->problem, sizeof program->problem);
}

static bool open_endpoints(struct program *program)
{
    const struct endpoints_settings *settings = &program->options.endpoints;

    if (!settings->prefix)
        return true;
    program->endpoints = endpoints_new(settings, program->problem, sizeof program->problem);
    return program->endpoints != NULL;
}

/* All folders that it is told of. */
static bool open_folders(struct program *program)
{
    return open_site(program) && open_endpoints(program) &&
           option_spool_check(&program->options, program->problem, sizeof program->problem);
}

/* From now on whoever waits for a server that is ready is to find another one. */
static void on_stop(void *data)
{
    ready_file_close(data);
}

static bool open_server(struct program *program)
{
    program->server = wherry_server_new(&program->options.server);
    if (!program->server || !site_serve(program->site, program->server) ||
        (program->endpoints && !endpoints_serve(program->endpoints, program->server)))
        return tell(program, "there is no memory for the server");
    wherry_server_on_stop(program->server, on_stop, &program->ready);
    return wherry_server_open(program->server, program->problem, sizeof program->problem);
}

/* Those who wait for it may come from here on: by the file, then by the line. */
static bool greet(struct program *program)
{
    struct buf facts = BUF_UP_TO(FACTS_BYTES_MAX);
    bool       ok;

    announce_facts(&program->options, program->server, &facts);
    ok = ready_file_put(&program->ready, &facts, program->problem, sizeof program->problem);
    if (ok)
        announce(&program->options, program->server, buf_view(&facts));
    buf_fini(&facts);
    return ok;
}

static bool run(struct program *program)
{
    if (!log_start())
        return tell(program, "cannot start the thread of the log");
    if (greet(program))
        (void)!wherry_server_run(program->server, program->problem, sizeof program->problem);
    ready_file_close(&program->ready);
    log_stop(LOG_STOP_MS);
    return program->problem[0] == '\0';
}

static enum exit_code check(struct program *program)
{
    const struct wherry_tls_settings *tls = &program->options.server.tls;
    struct buf                        out = BUF_UP_TO(16 * 1024);

    if (!open_folders(program) ||
        !ready_file_check(program->options.ready_file, program->problem,
                          sizeof program->problem) ||
        ((tls->port != -1 || tls->bad_port != -1) &&
         !authority_check(tls, program->problem, sizeof program->problem)))
        return complain(program->problem, CODE_SYSTEM);
    buf_append(&out, STR("wherry " WHERRY_VERSION " is ready to carry "));
    announce_root(&program->options.site, &out);
    buf_append_byte(&out, '\n');
    return answer(&out);
}

static int make_smaller(struct program *program)
{
    struct buf summary = BUF_UP_TO(1024);
    int        code;

    if (!open_site(program))
        return complain(program->problem, CODE_SYSTEM);
    code = precompress_site(program->site, &program->options, &summary);
    return answer(&summary) == CODE_FINE ? code : (int)CODE_SYSTEM;
}

static enum exit_code serve(struct program *program)
{
    bool ok = open_folders(program) &&
              ready_file_open(&program->ready, program->options.ready_file, program->problem,
                              sizeof program->problem) &&
              open_server(program);

    if (ok) {
        wherry_server_take_signals(program->server);
        ok = run(program);
    }
    return ok ? CODE_FINE : complain(program->problem, CODE_SYSTEM);
}

static void start_speaking(const struct options *options)
{
    struct str warnings = buf_view(&options->warnings);

    log_set_level(options->log_level);
    if (log_wants(LOG_WARN))
        fprintf(stderr, "%.*s", STR_ARG(warnings));
}

static int refuse_to_start(const struct mistake *mistake, char **argv)
{
    if (healthcheck_is_asked(argv))
        return healthcheck_complain(mistake->sentence);
    return complain(mistake->sentence, mistake->code);
}

int main(int argc, char **argv)
{
    struct program program = {.options = OPTIONS_NONE, .ready = READY_FILE_NONE};
    int            code;

    if (!options_read(&program.options, argc, argv, environ)) {
        code = refuse_to_start(&program.options.mistake, argv);
    } else if (is_question(&program.options)) {
        code = answer_question(&program);
    } else if (program.options.healthcheck) {
        code = healthcheck_run(&program.options);
    } else if (program.options.wait) {
        code = wait_run(&program.options);
    } else {
        start_speaking(&program.options);
        if (program.options.check)
            code = check(&program);
        else if (program.options.precompress)
            code = make_smaller(&program);
        else
            code = serve(&program);
    }

    if (wherry_server_free(program.server)) {
        endpoints_free(program.endpoints);
        site_free(program.site);
    }
    ready_file_close(&program.ready);
    options_fini(&program.options);
    return code;
}
