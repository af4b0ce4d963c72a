#include "main/lookup.h"

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"

enum { HOSTS_BYTES_MAX = 4 * 1024 * 1024, ANSWER_BYTES_MAX = 4096, ASK_S = 2, ASK_TIMES = 2 };

static void add(struct lookup *lookup, const struct address *address)
{
    if (lookup->count < LOOKUP_MAX)
        lookup->found[lookup->count++] = *address;
}

/* ---- hosts(5) ------------------------------------------------------------------------- */

/* Of a line, blanks of either kind apart. */
static struct str next_word(struct str *line)
{
    struct str word = str_trim(*line);
    size_t     end = MIN_OF(str_find(word, ' '), str_find(word, '\t'));

    *line = str_from(word, end);
    return str_of(word.ptr, end);
}

/* line = address 1*( blank name )                                    "#": nothing from there on */
static void read_line(struct str line, struct str name, uint16_t port, struct lookup *lookup)
{
    struct address address[ADDRESSES_MAX];
    struct str     word;

    line.len = str_find(line, '#');
    if (address_resolve(next_word(&line), port, address) != 1)
        return;
    while ((word = next_word(&line)).len > 0) {
        if (str_equal_nocase(word, name)) {
            add(lookup, &address[0]);
            return;
        }
    }
}

void lookup_read_hosts(struct str text, struct str name, uint16_t port, struct lookup *lookup)
{
    struct str line;

    while (str_split(&text, '\n', &line))
        read_line(line, name, port, lookup);
}

static void read_hosts_file(struct str name, uint16_t port, struct lookup *lookup)
{
    struct buf text = BUF_UP_TO(HOSTS_BYTES_MAX);

    if (file_read("/etc/hosts", &text))
        lookup_read_hosts(buf_view(&text), name, port, lookup);
    buf_fini(&text);
}

/* ---- name servers --------------------------------------------------------------------- */

static void add_record(const ns_rr *record, uint16_t port, struct lookup *lookup)
{
    struct address address = {0};

    if (ns_rr_class(*record) != ns_c_in)
        return;
    if (ns_rr_type(*record) == ns_t_a && ns_rr_rdlen(*record) == sizeof address.v4.sin_addr) {
        address.len = sizeof address.v4;
        address.v4.sin_family = AF_INET;
        memcpy(&address.v4.sin_addr, ns_rr_rdata(*record), sizeof address.v4.sin_addr);
    } else if (ns_rr_type(*record) == ns_t_aaaa &&
               ns_rr_rdlen(*record) == sizeof address.v6.sin6_addr) {
        address.len = sizeof address.v6;
        address.v6.sin6_family = AF_INET6;
        memcpy(&address.v6.sin6_addr, ns_rr_rdata(*record), sizeof address.v6.sin6_addr);
    } else {
        return;                 /* of an alias the address stands behind it */
    }
    address_set_port(&address, port);
    add(lookup, &address);
}

void lookup_read_answer(struct str message, uint16_t port, struct lookup *lookup)
{
    ns_msg answer;
    ns_rr  record;

    if (ns_initparse((const unsigned char *)message.ptr, (int)message.len, &answer) == -1)
        return;
    for (int i = 0; i < ns_msg_count(answer, ns_s_an); i++)
        if (ns_parserr(&answer, ns_s_an, i, &record) == 0)
            add_record(&record, port, lookup);
}

/* False: nobody answers, and another question would meet the same. */
static bool ask(struct __res_state *resolver, const char *name, int type, uint16_t port,
                struct lookup *lookup)
{
    unsigned char answer[ANSWER_BYTES_MAX];
    int           len = res_nsearch(resolver, name, ns_c_in, type, answer, sizeof answer);

    if (len > 0)
        lookup_read_answer(str_of((const char *)answer, MIN_OF((size_t)len, sizeof answer)), port,
                           lookup);
    return len > 0 || resolver->res_h_errno != TRY_AGAIN;
}

static enum lookup_end ask_servers(const char *name, uint16_t port, struct lookup *lookup)
{
    struct __res_state resolver = {0};
    bool               is_answered;

    if (res_ninit(&resolver) == -1)
        return LOOKUP_UNANSWERED;
    resolver.retrans = ASK_S;
    resolver.retry = ASK_TIMES;
    is_answered = ask(&resolver, name, ns_t_a, port, lookup) &&
                  ask(&resolver, name, ns_t_aaaa, port, lookup);
    res_nclose(&resolver);
    if (lookup->count > 0)
        return LOOKUP_FOUND;
    return is_answered ? LOOKUP_UNKNOWN : LOOKUP_UNANSWERED;
}

/* ---- by the deadline ------------------------------------------------------------------ */

/* The resolver has times of its own and cannot be interrupted, so it is asked by a thread that can be
 * left behind.  What it works on must not go away then. */
static struct {
    char            name[LOOKUP_NAME_MAX + 1];
    uint16_t        port;
    int             done;           /* an eventfd, which can be read from once it is */
    struct lookup   lookup;
    enum lookup_end end;
} job;

static void *do_job(void *unused)
{
    (void)unused;
    job.lookup.count = 0;
    job.end = ask_servers(job.name, job.port, &job.lookup);
    (void)!write(job.done, &(uint64_t){1}, sizeof(uint64_t));
    return NULL;
}

/* False at the deadline. */
static bool wait_for_job(int64_t until_us)
{
    struct pollfd done = {.fd = job.done, .events = POLLIN};
    int           n;

    do {
        int64_t left_ms = (until_us - clock_us() + 999) / 1000;

        n = poll(&done, 1, (int)MIN_OF(MAX_OF(left_ms, (int64_t)0), (int64_t)INT32_MAX));
    } while (n == -1 && errno == EINTR);
    return n == 1;
}

static enum lookup_end ask_in_time(struct str name, uint16_t port, int64_t until_us,
                                   struct lookup *lookup)
{
    pthread_t thread;
    int       error;

    memcpy(job.name, name.ptr, name.len);
    job.name[name.len] = '\0';
    job.port = port;
    job.done = eventfd(0, EFD_CLOEXEC);
    if (job.done == -1)
        return LOOKUP_UNANSWERED;
    error = thread_create(&thread, NULL, do_job, NULL);
    if (error == 0 && !wait_for_job(until_us)) {
        pthread_detach(thread);
        return LOOKUP_LATE;
    }
    if (error == 0)
        pthread_join(thread, NULL);
    close(job.done);
    if (error != 0)
        return LOOKUP_UNANSWERED;
    *lookup = job.lookup;
    return job.end;
}

/* RFC 6761 §6.3: nobody has to be asked for these. */
static bool is_loopback(struct str name)
{
    struct str last = STR(".localhost");

    return str_equal_nocase(name, STR("localhost")) ||
           (name.len > last.len && str_equal_nocase(str_from(name, name.len - last.len), last));
}

enum lookup_end lookup_host(struct str host, uint16_t port, int64_t until_us,
                            struct lookup *lookup)
{
    *lookup = (struct lookup){.count = 0};
    if (is_loopback(host))
        host = STR("localhost");
    lookup->count = address_resolve(host, port, lookup->found);
    if (lookup->count == 0)
        read_hosts_file(host, port, lookup);
    if (lookup->count > 0)
        return LOOKUP_FOUND;
    if (host.len > LOOKUP_NAME_MAX)
        return LOOKUP_UNKNOWN;
    return ask_in_time(host, port, until_us, lookup);
}
