#include "main/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum {
    BLOCK_MAX   = 4 * 1024 * 1024,      /* twice what execve(2) takes by default */
    LISTEN_MAX  = 1024,                 /* sockets that listen, whosever they are */
    SOCKETS_MAX = 64,                   /* of them, one process's */
    PATH_BYTES  = 64,                   /* "/proc/4194304/fd/..." */
};

struct path {
    char text[PATH_BYTES];
};

static struct path path_of(pid_t pid, const char *what)
{
    struct path path;

    snprintf(path.text, sizeof path.text, "/proc/%d/%s", (int)pid, what);
    return path;
}

/* ---- who ------------------------------------------------------------------------------ */

/* Both are the same file; false, with errno, too, when one cannot be looked at. */
static bool is_same(const char *one, const char *other)
{
    struct stat a, b;

    if (stat(one, &a) == -1 || stat(other, &b) == -1)
        return false;
    errno = 0;
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool reads_the_same(const char *one, const char *other)
{
    struct buf a = BUF_UP_TO(8192), b = BUF_UP_TO(8192);
    bool       ok = file_read(one, &a) && file_read(other, &b) && a.len > 0 &&
              str_equal(buf_view(&a), buf_view(&b));

    buf_fini(&a);
    buf_fini(&b);
    return ok;
}

static bool is_same_program(pid_t pid)
{
    return is_same(path_of(pid, "exe").text, "/proc/self/exe") &&
           is_same(path_of(pid, "ns/net").text, "/proc/self/ns/net");
}

/* Asked of those who are hidden from us, because they are another user's. */
static bool has_same_name(pid_t pid)
{
    return !is_same(path_of(pid, "exe").text, "/proc/self/exe") && errno == EACCES &&
           reads_the_same(path_of(pid, "comm").text, "/proc/self/comm");
}

static size_t find_others(bool (*fits)(pid_t pid), pid_t found[], size_t max)
{
    DIR           *all = opendir("/proc");
    struct dirent *entry;
    size_t         count = 0;
    uint64_t       pid;

    /* cppcheck-suppress readdirCalled ; a stream of its own */
    while (all && (entry = readdir(all))) {
        if (!str_to_u64(str_view(entry->d_name), &pid) || (pid_t)pid == getpid() ||
            !fits((pid_t)pid))
            continue;
        if (count < max)
            found[count] = (pid_t)pid;
        count++;
    }
    if (all)
        closedir(all);
    return count;
}

size_t process_find_others(pid_t found[], size_t max)
{
    size_t count = find_others(is_same_program, found, max);

    return count ? count : find_others(has_same_name, found, max);
}

/* ---- what it was asked ---------------------------------------------------------------- */

size_t process_count(struct str block)
{
    size_t count = 0;

    for (size_t i = 0; i < block.len; i++)
        count += block.ptr[i] == '\0' || i + 1 == block.len;
    return count;
}

size_t process_split(char *block, size_t len, char **words)
{
    size_t count = 0;

    for (size_t i = 0; i < len; i += strlen(block + i) + 1)
        words[count++] = block + i;
    words[count] = NULL;
    return count;
}

/* NULL, with errno, when it cannot be read. */
static char **read_words(const char *path, struct buf *block, size_t *count)
{
    char **words;

    if (!file_read(path, block) || !buf_reserve(block, 1))
        return NULL;
    assert(block->ptr);
    block->ptr[block->len] = '\0';
    words = calloc(process_count(buf_view(block)) + 1, sizeof *words);
    if (words)
        *count = process_split(block->ptr, block->len, words);
    return words;
}

bool process_open(struct process *process, pid_t pid)
{
    size_t count = 0, unused;

    *process = (struct process){.pid = pid,
                                .words_block = BUF_UP_TO(BLOCK_MAX),
                                .variables_block = BUF_UP_TO(BLOCK_MAX)};
    process->argv = read_words(path_of(pid, "cmdline").text, &process->words_block, &count);
    process->environment =
        read_words(path_of(pid, "environ").text, &process->variables_block, &unused);
    process->argc = (int)count;
    if (!process->argv || count > 0)
        return process->argv != NULL;
    errno = ESRCH;                      /* a process that has ended has no words any more */
    return false;
}

void process_close(struct process *process)
{
    free(process->argv);
    free(process->environment);
    buf_fini(&process->words_block);
    buf_fini(&process->variables_block);
    *process = (struct process){0};
}

bool process_follow(const struct process *process)
{
    return chdir(path_of(process->pid, "cwd").text) == 0;
}

/* ---- where it listens ----------------------------------------------------------------- */

/* A socket of the process, by the number of its descriptor. */
struct held {
    uint64_t fd;
    uint64_t inode;
};

static int by_fd(const void *one, const void *other)
{
    uint64_t a = ((const struct held *)one)->fd, b = ((const struct held *)other)->fd;

    return (a > b) - (a < b);
}

/* "socket:[" inode "]" */
static bool read_link(struct str link, uint64_t *inode)
{
    struct str head = STR("socket:[");

    return str_starts(link, head) && str_ends(link, STR("]")) &&
           str_to_u64(str_of(link.ptr + head.len, link.len - head.len - 1), inode);
}

/* field = *SP 1*( any byte but SP ) */
static struct str next_field(struct str *rest)
{
    struct str field;

    while (str_split(rest, ' ', &field))
        if (field.len > 0)
            return field;
    return STR_NONE;
}

static bool read_hex(struct str digits, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < digits.len; i++) {
        const char *all = "0123456789ABCDEF", *at = strchr(all, digits.ptr[i]);

        if (!at || !digits.ptr[i] || i == 16)
            return false;
        *number = *number * 16 + (uint64_t)(at - all);
    }
    return digits.len > 0;
}

/* proc_net_tcp: sl local_address rem_address st queues timer retransmits uid timeout inode ... */
bool process_read_row(struct str row, struct process_socket *socket)
{
    enum { LOCAL = 1, STATE = 3, INODE = 9, FIELDS, LISTEN = 0x0A };
    struct str fields[FIELDS];
    uint64_t   port, state;
    size_t     colon;

    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = next_field(&row);
    colon = str_find(fields[LOCAL], ':');
    if (!read_hex(str_from(fields[LOCAL], colon + 1), &port) || port > UINT16_MAX ||
        !read_hex(fields[STATE], &state) || !str_to_u64(fields[INODE], &socket->inode))
        return false;
    socket->port = (uint16_t)port;
    socket->is_listening = state == LISTEN;
    return true;
}

/* The descriptors of the process that are sockets and listen, in their order; sockets that are
 * connected come by the thousand, and are left out by the tables. */
struct search {
    struct process_socket listening[LISTEN_MAX];
    size_t                listening_count;
    struct held           held[SOCKETS_MAX];
    size_t                held_count;
};

/* Those that listen come before all others, which may be many, and are not read. */
static void read_table(struct search *search, const char *path)
{
    FILE                 *table = fopen(path, "re");
    struct process_socket socket = {.is_listening = true};
    char                  row[256];

    while (table && socket.is_listening && search->listening_count < LISTEN_MAX &&
           fgets(row, sizeof row, table)) {
        if (process_read_row(str_of(row, strcspn(row, "\n")), &socket) && socket.is_listening)
            search->listening[search->listening_count++] = socket;
    }
    if (table)
        fclose(table);
}

static const struct process_socket *find_inode(const struct search *search, uint64_t inode)
{
    for (size_t i = 0; i < search->listening_count; i++)
        if (search->listening[i].inode == inode)
            return &search->listening[i];
    return NULL;
}

static void find_held(struct search *search, pid_t pid)
{
    DIR           *all = opendir(path_of(pid, "fd").text);
    struct dirent *entry;

    /* cppcheck-suppress readdirCalled ; a stream of its own */
    while (all && (entry = readdir(all)) && search->held_count < SOCKETS_MAX) {
        struct held held;
        char        link[64];
        ssize_t     len = readlinkat(dirfd(all), entry->d_name, link, sizeof link);

        if (len > 0 && str_to_u64(str_view(entry->d_name), &held.fd) &&
            read_link(str_of(link, (size_t)len), &held.inode) && find_inode(search, held.inode))
            search->held[search->held_count++] = held;
    }
    if (all)
        closedir(all);
    qsort(search->held, search->held_count, sizeof search->held[0], by_fd);
}

/* The kernel gives the lowest number that is free, and none is given back while a server opens its
 * listeners: the order of their descriptors is the one in which they were opened. */
size_t process_ports(const struct process *process, uint16_t ports[PROCESS_PORTS_MAX])
{
    struct search search = {.held_count = 0};
    size_t        count = 0;

    read_table(&search, path_of(process->pid, "net/tcp").text);
    read_table(&search, path_of(process->pid, "net/tcp6").text);
    find_held(&search, process->pid);
    for (size_t i = 0; i < search.held_count && count < PROCESS_PORTS_MAX; i++) {
        uint16_t port = find_inode(&search, search.held[i].inode)->port;
        bool     is_known = false;

        for (size_t j = 0; j < count; j++)
            is_known |= ports[j] == port;
        if (!is_known)
            ports[count++] = port;
    }
    return count;
}
