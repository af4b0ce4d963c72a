/* options - how the program was asked to run.
 *
 * Collects the value of every row of the option table from the command line, the environment, the
 * file and the defaults, in that order of precedence, checks them one by one and together, and
 * hands out one struct that never changes again.  Texts are borrowed from argv and the environment,
 * and kept in an arena when they come from the file.
 *
 * A mistake is one sentence and an exit code.  Reads files, opens nothing that is served. */
#ifndef MAIN_OPTIONS_H
#define MAIN_OPTIONS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "endpoints/endpoints.h"
#include "main/option_table.h"
#include "site/site.h"
#include "wherry.h"

enum exit_code {
    CODE_FINE          = 0,
    CODE_NO            = 1,         /* the answer to --healthcheck or --wait is no */
    CODE_USAGE         = 100,       /* the command line is wrong */
    CODE_CONFIGURATION = 102,       /* the environment or the file is wrong */
    CODE_SYSTEM        = 111,       /* the system said no */
};

struct mistake {
    enum exit_code code;
    char           sentence[1024];  /* no line end */
};

/* The value of one option as it was written, and where that was. */
struct option_given {
    enum option_source source;
    const char        *text;
    const char        *path;        /* OPTION_FROM_FILE; of the file that WHERRY_NAME_FILE names */
    unsigned           line;
    bool               is_suffixed; /* OPTION_FROM_ENVIRONMENT: the variable was WHERRY_NAME_FILE */
};

enum { OPTIONS_MAX = 96, OPTIONS_TEXT_MAX = 256 * 1024, OPTIONS_WARNINGS_MAX = 4096 };

enum { OPTIONS_CERTIFICATES_MAX = 16 };

enum option_client { OPTION_CLIENT_REQUIRED, OPTION_CLIENT_OPTIONAL };

/* HTTPS as it was asked for.  What the server needs to know of it is in options.server.tls. */
struct option_https {
    bool                      is_on;
    bool                      is_alone;     /* and there is no HTTP */
    int                       port;
    struct option_list        certs;        /* paths; the n-th key belongs to the n-th of them */
    struct option_list        keys;
    const char               *password;     /* path; NULL: none */
    struct option_list        names;
    int64_t                   hsts_ms;      /* -1: off */
    enum option_client        client;
    struct wherry_certificate certificates[OPTIONS_CERTIFICATES_MAX];   /* of certs and keys */
};

struct options {
    struct wherry_settings server;          /* points into `https` */
    struct option_https    https;
    struct option_list     compress_except; /* the site's rules point into it */
    struct site_settings   site;
    struct endpoints_settings endpoints;    /* prefix NULL: off; points into `redirect_to` */
    struct option_list     redirect_to;
    enum log_level         log_level;
    const char            *config;          /* the file's path; NULL: none */
    const char            *ready_file;      /* path; NULL: none */
    const char            *wait;            /* the URL; NULL: it is not asked to */
    int64_t                wait_within_ms;
    bool                   check;
    bool                   healthcheck;
    bool                   precompress;
    bool                   print_config;
    bool                   print_ca;
    bool                   print_manual;
    bool                   help;
    bool                   version;

    struct option_given    given[OPTIONS_MAX];      /* in the order of the table */
    struct arena           texts;
    struct buf             warnings;        /* whole lines for stderr */
    struct mistake         mistake;
};

#define OPTIONS_NONE                                                                \
    ((struct options){.texts = ARENA_UP_TO(OPTIONS_TEXT_MAX),                       \
                      .warnings = BUF_UP_TO(OPTIONS_WARNINGS_MAX)})

/* Reads everything.  False: options->mistake says what is wrong.  Who asks for help, for the version, for
 * nothing but the health, or to wait gets no more read than the command line.  argv and environment
 * must outlive the options. */
bool options_read(struct options *options, int argc, char **argv, char **environment) MUST_USE;
void options_fini(struct options *options);

/* For the sources: takes one value.  False, with the mistake noted, when the option can't be that.
 * A value of lower precedence than the one there is only checked. */
bool options_give(struct options *options, const struct option *option,
                  struct option_given given) MUST_USE;

/* Notes a mistake; returns false, so that it can be returned. */
bool options_fail(struct options *options, enum exit_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The same for two values that are right each and wrong together: "A is ..., but B is ...; why".
 * It is the mistake of the source that overrides the other. */
bool options_clash(struct options *options, const char *a, const char *b, const char *why);

/* The value that is in force, as it was written. */
const struct option_given *options_given(const struct options *options,
                                         const char *name) MUST_USE;

/* The command line says this, and nothing else. */
bool options_ask_only(const struct options *options, const char *name) MUST_USE;

/* Where that much memory is little, defaults that say nothing about it become smaller.  False, with the
 * mistake noted, when there is not even enough for that. */
bool options_fit_memory(struct options *options, uint64_t bytes) MUST_USE;

/* Its default is this text in this run, because of what another one says. */
void options_follow(struct options *options, const char *name, const char *text);

/* Whose mistake a value is, and what stands behind the sentence that tells it. */
enum exit_code options_blame(enum option_source source) MUST_USE;
const char    *options_hint(enum exit_code code) MUST_USE;

/* What to call an option in a sentence: by the name under which it was written, "--root",
 * "WHERRY_ROOT", "WHERRY_ROOT_FILE (/run/secrets/root)" or "wherry.conf:7: root".  Writes into `room` and returns that. */
struct option_name {
    char text[512];
};
const char *options_name(const struct option *option, const struct option_given *given,
                         struct option_name *room);

/* Where a value came from: "default", "command line", "WHERRY_ROOT", "wherry.conf:7". */
const char *options_origin(const struct option *option, const struct option_given *given,
                           struct option_name *room);

#endif
