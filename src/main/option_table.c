#include "main/option_table.h"

#include "endpoints/endpoints.h"
#include "main/options.h"
#include "main/ready_file.h"
#include "main/url.h"
#include "net/address.h"
#include "net/tls_self.h"

#define INTO(field) \
    .offset = offsetof(struct options, field), .bytes = sizeof(((struct options *)NULL)->field)

static const char *const link_choices[] = {
    [ROOT_LINKS_BENEATH] = "beneath",
    [ROOT_LINKS_NONE] = "none",
    NULL,
};

static const char *const access_log_choices[] = {
    [WHERRY_LOG_OFF] = "off",
    [WHERRY_LOG_COMMON] = "common",
    [WHERRY_LOG_COMBINED] = "combined",
    [WHERRY_LOG_JSON] = "json",
    NULL,
};

static const char *const log_level_choices[] = {
#define X(name, text) [LOG_##name] = text,
    LOG_LEVELS(X)
#undef X
    NULL,
};

static bool is_address(const char *value)
{
    struct address resolved[ADDRESSES_MAX];

    return address_resolve(str_view(value), 0, resolved) > 0;
}

static bool is_socket_path(const char *value)
{
    struct address local;

    return *value == '\0' || address_local(value, &local);
}

/* An address with a port, or the path of a socket. */
static bool is_admin_place(const char *value)
{
    struct address resolved[ADDRESSES_MAX];
    struct str     host;
    uint16_t       port;

    if (*value == '\0' || strchr(value, '/'))
        return is_socket_path(value);
    return address_split(str_view(value), &host, &port) &&
           address_resolve(host, port, resolved) > 0;
}

static bool is_waited_for(const char *value)
{
    struct url url;

    return *value == '\0' || url_read(str_view(value), &url);
}

static const char *const tls_version_choices[] = {
    [WHERRY_TLS_1_2] = "1.2",
    [WHERRY_TLS_1_3] = "1.3",
    NULL,
};

static const char *const client_choices[] = {
    [OPTION_CLIENT_REQUIRED] = "required",
    [OPTION_CLIENT_OPTIONAL] = "optional",
    NULL,
};

static bool is_some_path(const char *value)
{
    return *value != '\0';
}

/* Dotfiles are never served, so such an index would never be found. */
static bool is_index_name(const char *value)
{
    return *value != '.' && strchr(value, '/') == NULL && strlen(value) <= 255;
}

/* What may stand behind "Cache-Control: " (field-value, RFC 9110 §5.5). */
static bool is_field_value(const char *value)
{
    struct str whole = str_view(value);

    for (size_t i = 0; i < whole.len; i++)
        if (whole.ptr[i] < ' ' || whole.ptr[i] > '~')
            return false;
    return whole.len <= 255 && str_trim(whole).len == whole.len;
}

#define LISTEN   "Where to listen"
#define HTTPS    "HTTPS"
#define SERVE    "What to serve"
#define TRIAL    "Endpoints to try clients with"
#define POOL     "Workers and connections"
#define LIMITS   "How much a request may be"
#define PATIENCE "How long to wait"
#define LOGS     "What to log"
#define PROGRAM  "The program itself"

/* clang-format off */
const struct option option_table[] = {
    {.name = "address", .kind = OPTION_TEXT, .argument = "ADDRESS", .initial = "localhost",
     .accepts = is_address, .must_be = "localhost, *, or an IPv4 or IPv6 address",
     .group = LISTEN, INTO(server.address),
     .help = "Listen here: localhost (IPv4 and IPv6, this machine only), * (every address), or "
             "one IPv4 or IPv6 address."},
    {.name = "http-port", .kind = OPTION_NUMBER, .argument = "PORT", .initial = "8080",
     .least = "0", .most = "65535", .can_be_off = true,
     .group = LISTEN, INTO(server.http_port),
     .help = "The TCP port; 0 takes any free one and prints it, off leaves only the "
             "--unix socket."},
    {.name = "unix", .kind = OPTION_PATH, .argument = "PATH", .initial = "",
     .accepts = is_socket_path, .must_be = "a path of at most 107 bytes",
     .group = LISTEN, INTO(server.unix_path),
     .help = "Listen on a Unix socket at this path too."},
    {.name = "admin-listen", .kind = OPTION_PATH, .argument = "PLACE", .initial = "",
     .accepts = is_admin_place,
     .must_be = "an address with a port (localhost:9090, *:9090, [::1]:9090), or the path of a "
                "socket with a \"/\" in it",
     .group = LISTEN, INTO(server.admin),
     .help = "Answer /healthz and /readyz here, in the clear, unlogged, and nowhere else: an address "
             "with a port (localhost:9090, *:9090), or the path of a Unix socket."},
    {.name = "ready-file", .kind = OPTION_PATH, .argument = "FILE", .initial = "",
     .accepts = ready_file_is_path, .must_be = "the path of a file",
     .group = LISTEN, INTO(ready_file),
     .help = "Write this file once it listens, whole: one JSON object with the URLs. It is removed "
             "when the server begins to stop, and one of an earlier run at the start."},

    {.name = "tls", .kind = OPTION_BOOLEAN, .initial = "no", .group = HTTPS, INTO(https.is_on),
     .help = "HTTPS beside HTTP. Without a certificate of yours wherry makes one, and an authority "
             "to trust."},
    {.name = "tls-only", .kind = OPTION_BOOLEAN, .initial = "no",
     .group = HTTPS, INTO(https.is_alone),
     .help = "HTTPS, and no port for HTTP."},
    {.name = "https-port", .kind = OPTION_NUMBER, .argument = "PORT", .initial = "8443",
     .least = "0", .most = "65535", .group = HTTPS, INTO(https.port),
     .help = "The TCP port of HTTPS; 0 takes any free one and prints it."},
    {.name = "http-redirect", .kind = OPTION_BOOLEAN, .initial = "no",
     .group = HTTPS, INTO(server.tls.redirects),
     .help = "Send what comes by HTTP to HTTPS (308)."},
    {.name = "public-https-port", .kind = OPTION_NUMBER, .argument = "PORT", .initial = "off",
     .least = "1", .most = "65535", .can_be_off = true,
     .group = HTTPS, INTO(server.tls.public_port),
     .help = "The port of HTTPS as clients see it, where another one leads here: for "
             "--http-redirect, when a request came to a port that is not ours."},
    {.name = "tls-cert", .kind = OPTION_LIST, .argument = "FILE", .initial = "", .most = "16",
     .accepts = is_some_path, .must_be = "the path of a file",
     .group = HTTPS, INTO(https.certs),
     .help = "Your certificate with those that lead to its authority (PEM); again for more, of "
             "which each client gets the one for the name it asks for, or the first. Implies "
             "--tls."},
    {.name = "tls-key", .kind = OPTION_LIST, .argument = "FILE", .initial = "", .most = "16",
     .accepts = is_some_path, .must_be = "the path of a file",
     .group = HTTPS, INTO(https.keys),
     .help = "The key of the --tls-cert (PEM: RSA, EC or Ed25519); with several, in the same "
             "order."},
    {.name = "tls-key-password-file", .kind = OPTION_PATH, .argument = "FILE", .initial = "",
     .group = HTTPS, INTO(https.password),
     .help = "The password of every key that has one, on the first line of this file."},
    {.name = "tls-name", .kind = OPTION_LIST, .argument = "NAME", .initial = "", .most = "32",
     .accepts = tls_self_is_name, .must_be = "a DNS name or an IPv4 or IPv6 address",
     .group = HTTPS, INTO(https.names),
     .help = "A name or address for the certificate that wherry makes, beside localhost, "
             "127.0.0.1, ::1 and the name of this machine; again for more."},
    {.name = "cert-dir", .kind = OPTION_PATH, .argument = "DIR", .initial = "",
     .group = HTTPS, INTO(server.tls.cert_dir),
     .help = "Where wherry keeps what it makes; by default $XDG_STATE_HOME/wherry, else "
             "~/.local/state/wherry; empty: nowhere."},
    {.name = "tls-min", .kind = OPTION_CHOICE, .argument = "VERSION", .initial = "1.2",
     .choices = tls_version_choices, .group = HTTPS, INTO(server.tls.min),
     .help = "The oldest version of TLS to speak: 1.2 or 1.3."},
    {.name = "hsts", .kind = OPTION_DURATION, .argument = "TIME", .initial = "off",
     .least = "0", .most = "730d", .can_be_off = true, .group = HTTPS, INTO(https.hsts_ms),
     .help = "Tell browsers to come back by HTTPS only, for this long "
             "(Strict-Transport-Security)."},
    {.name = "tls-client-ca", .kind = OPTION_PATH, .argument = "FILE", .initial = "",
     .group = HTTPS, INTO(server.tls.client_ca_path),
     .help = "Ask clients for a certificate that one of these authorities has signed (PEM)."},
    {.name = "tls-client", .kind = OPTION_CHOICE, .argument = "WHICH", .initial = "required",
     .choices = client_choices, .group = HTTPS, INTO(https.client),
     .help = "With --tls-client-ca: a client must show one (required), or may (optional)."},
    {.name = "tls-key-log", .kind = OPTION_PATH, .argument = "FILE", .initial = "",
     .group = HTTPS, INTO(server.tls.key_log_path),
     .help = "Append the secrets of all sessions to this file, so that Wireshark can read them. "
             "Never where it matters."},
    {.name = "bad-tls-port", .kind = OPTION_NUMBER, .argument = "PORT", .initial = "off",
     .least = "0", .most = "65531", .can_be_off = true,
     .group = HTTPS, INTO(server.tls.bad_port),
     .help = "HTTPS at five further ports from this one on, each with a certificate that clients are "
             "to refuse: expired, not yet valid, for a wrong name, of an unknown authority, with a "
             "weak key; 0 takes any free ones and prints them."},

    {.name = "root", .kind = OPTION_PATH, .argument = "DIR", .initial = ".",
     .accepts = is_some_path, .must_be = "the path of a folder",
     .group = SERVE, INTO(site.root),
     .help = "Serve this folder: the same as ROOT."},
    {.name = "index", .kind = OPTION_TEXT, .argument = "NAME", .initial = "index.html",
     .accepts = is_index_name,
     .must_be = "a file name without \"/\" that does not begin with \".\"",
     .group = SERVE, INTO(site.index),
     .help = "Answer for a folder with the file of this name in it; empty: with none."},
    {.name = "clean-urls", .kind = OPTION_BOOLEAN, .initial = "yes",
     .group = SERVE, INTO(site.clean_urls),
     .help = "Serve about.html as /about too, and redirect /about/ there."},
    {.name = "links", .kind = OPTION_CHOICE, .argument = "WHICH", .initial = "beneath",
     .choices = link_choices, .group = SERVE, INTO(site.links),
     .help = "Follow symbolic links while they stay beneath the root (beneath), or not at all "
             "(none)."},
    {.name = "mime-types", .kind = OPTION_PATH, .argument = "FILE", .initial = "",
     .group = SERVE, INTO(site.mime_types),
     .help = "More media types, and others than the built-in ones: on each line a type and the "
             "endings of names that have it (the form of /etc/mime.types)."},
    {.name = "cache-control", .kind = OPTION_TEXT, .argument = "TEXT", .initial = "no-cache",
     .accepts = is_field_value,
     .must_be = "at most 255 printable ASCII characters without blanks at the ends",
     .group = SERVE, INTO(site.cache_control),
     .help = "What browsers are told about keeping files (Cache-Control); empty: nothing."},
    {.name = "compress", .kind = OPTION_BOOLEAN, .initial = "yes",
     .group = SERVE, INTO(site.coding.is_on),
     .help = "Send text and the like compressed, to those who take it: as brotli, zstd or gzip from "
             "a file beside it (page.html.br), or as brotli or gzip made once."},
    {.name = "compress-min", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "256",
     .least = "0", .most = "16M", .group = SERVE, INTO(site.coding.least),
     .help = "Leave smaller files as they are."},
    {.name = "compress-max", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "4M",
     .least = "0", .most = "16M", .group = SERVE, INTO(site.coding.most),
     .help = "Leave larger files as they are."},
    {.name = "compress-except", .kind = OPTION_LIST, .argument = "WHAT", .initial = "",
     .most = "32", .accepts = coding_pattern_is_valid,
     .must_be = "a path (/a.html, /drafts/*) or a media type (text/html, image/*)",
     .group = SERVE, INTO(compress_except),
     .help = "Never send this compressed: a path (/drafts/*) or a media type (text/html); again for "
             "more."},
    {.name = "compress-memory", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "0",
     .least = "0", .most = "64G", .group = SERVE, INTO(site.coding_bytes),
     .help = "Memory for compressing; where it is little, files become less small. 0: a quarter of "
             "what wherry may use."},
    {.name = "cache-size", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "32M",
     .least = "0", .most = "64G", .group = SERVE, INTO(site.cache_bytes),
     .help = "Memory for small files that were asked for lately; by default at most an eighth of "
             "what wherry may use."},
    {.name = "cache-files", .kind = OPTION_NUMBER, .argument = "NUMBER", .initial = "1024",
     .least = "1", .most = "1048576", .group = SERVE, INTO(site.cache_files),
     .help = "How many files to remember, the large ones as open descriptors."},

    {.name = "endpoints", .kind = OPTION_SWITCH, .argument = "PREFIX", .initial = "no",
     .accepts = endpoints_is_prefix,
     .must_be = "a path such as /test, of letters, digits, \"-\", \"_\" and \".\", with no \"/\" at its "
                "end",
     .group = TRIAL, INTO(endpoints.prefix),
     .help = "Answer small questions beside the site, as httpbin does and beyond: what was asked, "
             "any status, redirects, cookies, slow and broken answers. With a PREFIX, below that, "
             "and the PREFIX itself is a page that lists them; else it is /endpoints."},
    {.name = "endpoints-bytes", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "10M",
     .least = "1K", .most = "1G", .group = TRIAL, INTO(endpoints.bytes_max),
     .help = "The most bytes that an endpoint can be asked for, or shows of a request."},
    {.name = "endpoints-time", .kind = OPTION_DURATION, .argument = "TIME", .initial = "60s",
     .least = "1s", .most = "1h", .group = TRIAL, INTO(endpoints.time_max_ms),
     .help = "The longest that an endpoint can be asked to take."},
    {.name = "redirect-to", .kind = OPTION_LIST, .argument = "ORIGIN", .initial = "",
     .most = "32", .accepts = endpoints_is_origin,
     .must_be = "a scheme, a host and maybe a port, as https://example.com, in lower case and with "
                "nothing behind",
     .group = TRIAL, INTO(redirect_to),
     .help = "Where the endpoint /redirect-to may lead beside this server itself; can be given again "
             "for another one."},
    {.name = "files-dir", .kind = OPTION_PATH, .argument = "DIR", .initial = "",
     .group = TRIAL, INTO(endpoints.files_dir),
     .help = "With --endpoints: keep what is sent to /files/{name} (POST, PUT) in this folder, give "
             "it back (GET) and remove it (DELETE). Everyone may."},
    {.name = "files-max", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "4G",
     .least = "0", .most = "1024G", .group = TRIAL, INTO(endpoints.files_max),
     .help = "The largest of these files; more is answered with 413."},

    {.name = "workers", .kind = OPTION_NUMBER, .argument = "NUMBER", .initial = "0",
     .least = "0", .most = "1024", .group = POOL, INTO(server.workers),
     .help = "Threads at rest; 0: one for each core it may use, at least 2."},
    {.name = "workers-max", .kind = OPTION_NUMBER, .argument = "NUMBER", .initial = "64",
     .least = "2", .most = "1024", .group = POOL, INTO(server.workers_max),
     .help = "Threads when all are busy."},
    {.name = "connections-max", .kind = OPTION_NUMBER, .argument = "NUMBER", .initial = "16384",
     .least = "1", .most = "1048576", .group = POOL, INTO(server.connections_max),
     .help = "Connections at the same time. When they run short, the longest idle one is closed "
             "for a newcomer; when none is idle, the newcomer is sent away with 503. By default "
             "at most one for each 256K of memory that wherry may use."},

    {.name = "head-max", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "16K",
     .least = "1K", .most = "1M", .group = LIMITS, INTO(server.head_bytes_max),
     .help = "Request line and fields together; more is answered with 431."},
    {.name = "target-max", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "8K",
     .least = "64", .most = "1M", .group = LIMITS, INTO(server.target_bytes_max),
     .help = "The target in the request line; more is answered with 414."},
    {.name = "body-max", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "1M",
     .least = "0", .most = "64G", .group = LIMITS, INTO(server.body_bytes_max),
     .help = "The body of a request; more is answered with 413."},
    {.name = "body-memory", .kind = OPTION_SIZE, .argument = "SIZE", .initial = "1M",
     .least = "0", .most = "1G", .group = LIMITS, INTO(server.body_memory_max),
     .help = "How much of a body that a handler wants is kept in memory; a longer one goes to a file "
             "without a name in --spool-dir. All bodies together have an eighth of the memory; one "
             "beyond that is answered with 503."},
    {.name = "spool-dir", .kind = OPTION_PATH, .argument = "DIR", .initial = "",
     .group = LIMITS, INTO(server.spool_dir),
     .help = "Where those go; by default $TMPDIR, else /tmp, where that is a folder that wherry can "
             "write to; empty: nowhere, they are answered with 413."},

    {.name = "handshake-timeout", .kind = OPTION_DURATION, .argument = "TIME", .initial = "10s",
     .least = "10ms", .most = "24h", .group = PATIENCE, INTO(server.tls.handshake_timeout_ms),
     .help = "For the TLS handshake to be done."},
    {.name = "head-timeout", .kind = OPTION_DURATION, .argument = "TIME", .initial = "10s",
     .least = "10ms", .most = "24h", .group = PATIENCE, INTO(server.head_timeout_ms),
     .help = "For the whole head of a request to arrive."},
    {.name = "body-timeout", .kind = OPTION_DURATION, .argument = "TIME", .initial = "30s",
     .least = "10ms", .most = "24h", .group = PATIENCE, INTO(server.body_timeout_ms),
     .help = "For each 64K of a request's body to arrive."},
    {.name = "write-timeout", .kind = OPTION_DURATION, .argument = "TIME", .initial = "60s",
     .least = "10ms", .most = "24h", .group = PATIENCE, INTO(server.write_timeout_ms),
     .help = "For each 64K of an answer to be taken."},
    {.name = "idle-timeout", .kind = OPTION_DURATION, .argument = "TIME", .initial = "60s",
     .least = "10ms", .most = "24h", .group = PATIENCE, INTO(server.idle_timeout_ms),
     .help = "For the next request on a kept connection."},
    {.name = "wait-timeout", .kind = OPTION_DURATION, .argument = "TIME", .initial = "30s",
     .least = "10ms", .most = "24h", .group = PATIENCE, INTO(server.wait_timeout_ms),
     .help = "For a worker that may block, when all are busy; then the answer is 503."},
    {.name = "handler-timeout", .kind = OPTION_DURATION, .argument = "TIME", .initial = "60s",
     .least = "10ms", .most = "24h", .group = PATIENCE, INTO(server.handler_timeout_ms),
     .help = "For a handler to come back. Nothing can cut it off: it is asked to look at the time "
             "itself, and an overrun is logged."},
    {.name = "drain-delay", .kind = OPTION_DURATION, .argument = "TIME", .initial = "0",
     .least = "0", .most = "24h", .group = PATIENCE, INTO(server.drain_delay_ms),
     .help = "At the end, to let newcomers in while /readyz says 503 already, so that a balancer "
             "can send them elsewhere."},
    {.name = "drain", .kind = OPTION_DURATION, .argument = "TIME", .initial = "10s",
     .least = "0", .most = "24h", .group = PATIENCE, INTO(server.drain_ms),
     .help = "At the end, after --drain-delay, for what is in flight to be finished."},

    {.name = "access-log", .kind = OPTION_CHOICE, .argument = "FORMAT", .initial = "combined",
     .choices = access_log_choices, .group = LOGS, INTO(server.access_log),
     .help = "One line on standard output for each answer: off, common, combined or json. With "
             "json, all that stands there is JSON."},
    {.name = "log-level", .kind = OPTION_CHOICE, .argument = "LEVEL", .initial = "info",
     .choices = log_level_choices, .group = LOGS, INTO(log_level),
     .help = "What to say on standard error: error, warn, info or debug, each with those before "
             "it."},

    {.name = "config", .kind = OPTION_PATH, .lowest = OPTION_FROM_ENVIRONMENT, .argument = "FILE",
     .initial = "", .group = PROGRAM, INTO(config),
     .help = "Read options from this file too (see below)."},
    {.name = "check", .kind = OPTION_BOOLEAN, .lowest = OPTION_FROM_COMMAND_LINE, .initial = "no",
     .group = PROGRAM, INTO(check),
     .help = "Say whether all is right with the options, the root and your certificates, and end."},
    {.name = "healthcheck", .kind = OPTION_BOOLEAN, .lowest = OPTION_FROM_COMMAND_LINE,
     .initial = "no", .group = PROGRAM, INTO(healthcheck),
     .help = "Ask the server that runs here, or one with the options beside this one, how it is; "
             "end with 0 when it is well and with 1 when not."},
    {.name = "wait", .kind = OPTION_PATH, .lowest = OPTION_FROM_COMMAND_LINE, .argument = "URL",
     .initial = "", .accepts = is_waited_for,
     .must_be = "the URL of a server, such as http://localhost:8080/ or https://[::1]:8443/a?b",
     .group = PROGRAM, INTO(wait),
     .help = "Ask there again and again until the answer is 200 to 399, and end with 0, or with 1 "
             "when it has not been within the time below. Any certificate is believed."},
    {.name = "within", .kind = OPTION_DURATION, .lowest = OPTION_FROM_COMMAND_LINE,
     .argument = "TIME", .initial = "30s", .least = "10ms", .most = "24h",
     .group = PROGRAM, INTO(wait_within_ms),
     .help = "How long to --wait; by default 30s."},
    {.name = "precompress", .kind = OPTION_BOOLEAN, .lowest = OPTION_FROM_COMMAND_LINE,
     .initial = "no", .group = PROGRAM, INTO(precompress),
     .help = "Put compressed copies beside the files of ROOT that they are worth it for "
             "(page.html.br, page.html.gz), for a server that then has nothing to compress, and "
             "end."},
    {.name = "print-config", .kind = OPTION_BOOLEAN, .lowest = OPTION_FROM_COMMAND_LINE,
     .initial = "no", .group = PROGRAM, INTO(print_config),
     .help = "Print each option's value and where it came from, as a file for --config, and end."},
    {.name = "print-ca", .kind = OPTION_BOOLEAN, .lowest = OPTION_FROM_COMMAND_LINE,
     .initial = "no", .group = PROGRAM, INTO(print_ca),
     .help = "Print the certificate of the authority in --cert-dir (PEM), which is made when there "
             "is none, and end."},
    {.name = "help", .kind = OPTION_BOOLEAN, .lowest = OPTION_FROM_COMMAND_LINE, .initial = "no",
     .group = PROGRAM, INTO(help),
     .help = "Print all options and what they mean, and end."},
    {.name = "version", .kind = OPTION_BOOLEAN, .lowest = OPTION_FROM_COMMAND_LINE,
     .initial = "no", .group = PROGRAM, INTO(version),
     .help = "Print the version, and end."},
    {.name = "print-manual-options", .kind = OPTION_BOOLEAN, .lowest = OPTION_FROM_COMMAND_LINE,
     .initial = "no", .group = NULL, INTO(print_manual),
     .help = "Print the OPTIONS of the manual page, and end."},
};
/* clang-format on */

const size_t option_count = COUNTOF(option_table);

static_assert(COUNTOF(option_table) <= OPTIONS_MAX, "struct options has room for every row");

size_t option_index(const struct option *option)
{
    assert(option >= option_table && option < option_table + option_count);
    return (size_t)(option - option_table);
}

const struct option *option_find(struct str name)
{
    for (size_t i = 0; i < option_count; i++)
        if (str_equal(name, str_view(option_table[i].name)))
            return &option_table[i];
    return NULL;
}

bool option_allows(const struct option *option, enum option_source source)
{
    return source >= option->lowest;
}

const char *option_variable(const struct option *option, struct option_variable *room)
{
    static const char prefix[] = "WHERRY_";
    char             *at = room->name + sizeof prefix - 1;

    assert(strlen(option->name) < OPTION_NAME_MAX);
    memcpy(room->name, prefix, sizeof prefix);
    for (const char *c = option->name; *c; c++)
        *at++ = *c == '-' ? '_' : (char)(*c - ('a' - 'A'));
    *at = '\0';
    return room->name;
}

/* How many letters must be added, dropped or changed to make one of the other (Levenshtein). */
static size_t distance(struct str a, struct str b)
{
    size_t row[OPTION_NAME_MAX];        /* [j]: from the letters of a so far to b's first j */

    assert(b.len < OPTION_NAME_MAX);
    for (size_t j = 0; j <= b.len; j++)
        row[j] = j;
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            size_t changed = diagonal + (a.ptr[i] != b.ptr[j]);

            diagonal = row[j + 1];
            row[j + 1] = MIN_OF(MIN_OF(row[j], row[j + 1]) + 1, changed);
        }
    }
    return row[b.len];
}

/* "port" is a part of "http-port": as good as two slips. */
static size_t strangeness(struct str typed, struct str name)
{
    size_t slips = distance(typed, name);
    bool   is_part = typed.len >= 3 && (str_starts(name, typed) || str_ends(name, typed));

    return is_part ? MIN_OF(slips, 2) : slips;
}

const struct option *option_nearest(struct str name, enum option_source source)
{
    size_t               least = name.len / 3 + 2;     /* from here on it is another word */
    const struct option *nearest = NULL;

    if (name.len >= OPTION_NAME_MAX)
        return NULL;
    for (size_t i = 0; i < option_count; i++) {
        const struct option *option = &option_table[i];
        size_t               strange = strangeness(name, str_view(option->name));

        if (strange < least && option->group && option_allows(option, source)) {
            least = strange;
            nearest = option;
        }
    }
    return nearest;
}
