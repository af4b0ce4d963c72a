#include "net/tls_self.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/owner.h"
#include "net/tls_error.h"

enum {
    HOUR_S         = 3600,
    DAY_S          = 24 * HOUR_S,
    BACKDATE_S     = HOUR_S,        /* clocks of clients may be behind */
    AUTHORITY_DAYS = 3650,
    FILE_BYTES_MAX = 64 * 1024,
    LOCK_TRIES     = 100,
    LOCK_NAP_MS    = 50,            /* times LOCK_TRIES: five seconds */
};

/* Our three, those asked for, and the host's. */
static_assert(TLS_SELF_NAMES_MAX + 4 <= TLS_NAMES_MAX, "all names have a place");

/* In the order in which they are put in place.  Who crashes in between leaves files that do not
 * belong together; that is seen, and an authority that is whole is good for a new certificate. */
enum kind { CA_KEY, CA, KEY, CERT, KINDS };

static const struct file {
    const char *name;
    const char *fresh;              /* while it is written */
    mode_t      mode;
} files[KINDS] = {
    [CA_KEY] = {"ca-key.pem", ".ca-key.pem.new", 0600},
    [CA]     = {"ca.pem",     ".ca.pem.new",     0644},
    [KEY]    = {"key.pem",    ".key.pem.new",    0600},
    [CERT]   = {"cert.pem",   ".cert.pem.new",   0644},
};

/* An authority and what it has signed; on their way to the folder or back. */
struct couple {
    struct tls_minted authority;
    struct tls_minted leaf;
};

enum found {
    FOUND_RIGHT,            /* there is nothing to make */
    FOUND_AUTHORITY,        /* that can sign what is missing */
    FOUND_NOTHING,          /* of use: all is to be made */
    FOUND_CLOSED,           /* not ours to read or to change: the warning says why */
    FOUND_FAILED,           /* no memory */
};

/* One run of tls_self_refresh. */
struct refresh {
    const struct tls_self *before;
    const char            *dir;             /* NULL: none */
    bool                   keeps_authority;
    int64_t                now_s;
    struct tls_names       required;
    struct tls_name        host;
    bool                   has_host;

    int                    folder;          /* descriptors; -1: none */
    int                    lock;

    struct couple          kept;            /* what the folder holds */
    bool                   had_authority;   /* a ca.pem, whatever it says */
    bool                   hides_key;       /* there is a ca-key.pem, which we may not read */
    bool                   is_sound;        /* the certificate is good, for whomever */
    bool                   serves;          /* and that is us */
    bool                   can_sign;        /* the authority, for us */

    struct couple          made;
    struct tls_self        after;
};

/* References of its own; either may be missing. */
static struct tls_minted share(const struct tls_minted *minted)
{
    if (minted->certificate)
        X509_up_ref(minted->certificate);
    if (minted->key)
        EVP_PKEY_up_ref(minted->key);
    return *minted;
}

static void couple_fini(struct couple *couple)
{
    tls_minted_fini(&couple->authority);
    tls_minted_fini(&couple->leaf);
}

/* ---- the names ------------------------------------------------------------------------ */

bool tls_self_is_name(const char *name)
{
    struct tls_name read;

    return tls_name_read(&read, str_view(name));
}

static bool require(struct refresh *refresh, const char *text)
{
    struct tls_name name;

    return tls_name_read(&name, str_view(text)) && tls_names_add(&refresh->required, &name);
}

static bool require_all(struct refresh *refresh, const struct tls_self_settings *settings,
                        char *problem, size_t size)
{
    bool ok = require(refresh, "localhost") && require(refresh, "127.0.0.1") &&
              require(refresh, "::1");

    assert(ok);
    if (settings->names_count > TLS_SELF_NAMES_MAX) {
        snprintf(problem, size, "a certificate is made for at most %d names", TLS_SELF_NAMES_MAX);
        return false;
    }
    for (size_t i = 0; i < settings->names_count; i++) {
        if (!require(refresh, settings->names[i])) {
            snprintf(problem, size, "a certificate cannot be made for \"%s\", which is neither a "
                     "DNS name nor an address", LOG_QUOTE(str_view(settings->names[i])));
            return false;
        }
    }
    return true;
}

static void learn_host(struct refresh *refresh, const char *given)
{
    char text[HOST_NAME_MAX + 1] = "";

    if (!given && gethostname(text, sizeof text) == -1)
        return;
    refresh->has_host = tls_name_read(&refresh->host, str_view(given ? given : text)) &&
                        !refresh->host.is_address && refresh->host.bytes[0] != '*';
}

/* The host's name is a courtesy.  In a container it is another one at every start; that an
 * authority does not permit it is no reason to make one that nobody trusts. */
static struct tls_names names_under(const struct refresh *refresh, const X509 *authority)
{
    struct tls_names names = refresh->required;

    if (refresh->has_host && (!authority || tls_mint_permits(authority, &refresh->host))) {
        bool has_room = tls_names_add(&names, &refresh->host);

        assert(has_room);
    }
    return names;
}

/* ---- why it is not kept --------------------------------------------------------------- */

PRINTF_LIKE(2, 3)
static void warn(struct refresh *refresh, const char *format, ...)
{
    va_list values;
    char    why[TLS_SELF_PROBLEM - 64];

    va_start(values, format);
    vsnprintf(why, sizeof why, format, values);
    va_end(values);
    snprintf(refresh->after.warning, sizeof refresh->after.warning,
             "the certificate is in memory only: %s", why);
}

/* The usual reason is that a folder is somebody else's. */
static void warn_of_errno(struct refresh *refresh, const char *what, const char *name,
                          enum owner_need need)
{
    char path[PATH_MAX], quoted[160], advice[320];
    int  error = errno;

    snprintf(path, sizeof path, name ? "%s/%s" : "%s", refresh->dir, name);
    log_quote(quoted, sizeof quoted, str_view(path));
    owner_advise(advice, sizeof advice, path, need, error);
    warn(refresh, "cannot %s \"%s\": %s%s", what, quoted, strerror(error), advice);
}

/* ---- the folder ----------------------------------------------------------------------- */

static bool is_folder(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* The folder and its parents.  False with errno. */
static bool make_folders(const char *dir)
{
    char   path[PATH_MAX];
    size_t len = strlen(dir);

    if (len >= sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (size_t end = 1; end <= len; end++) {
        if (dir[end] != '/' && dir[end] != '\0')
            continue;
        memcpy(path, dir, end);
        path[end] = '\0';
        if (mkdir(path, 0700) == -1) {
            int error = errno;

            if (!is_folder(path)) {
                errno = error;
                return false;
            }
        }
    }
    return true;
}

static bool open_folder(struct refresh *refresh)
{
    enum { HOW = O_RDONLY | O_DIRECTORY | O_CLOEXEC };

    if (!refresh->dir) {
        warn(refresh, "no folder is known to keep it in");
        return false;
    }
    refresh->folder = open(refresh->dir, HOW);
    if (refresh->folder == -1 && errno == ENOENT && make_folders(refresh->dir))
        refresh->folder = open(refresh->dir, HOW);
    if (refresh->folder == -1)
        warn_of_errno(refresh, "open the folder", NULL, OWNER_WRITE);
    return refresh->folder != -1;
}

/* Who writes holds the lock; who reads does without, and so gets along with a folder that can't be
 * written.  The one who holds it is done in a moment, if it is not stopped. */
static bool lock_folder(struct refresh *refresh)
{
    const struct timespec nap = {.tv_nsec = LOCK_NAP_MS * 1000L * 1000};

    refresh->lock = openat(refresh->folder, ".lock",
                           O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (refresh->lock == -1) {
        warn_of_errno(refresh, "write in the folder", NULL, OWNER_WRITE);
        return false;
    }
    for (int i = 0; flock(refresh->lock, LOCK_EX | LOCK_NB) == -1; i++) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            warn_of_errno(refresh, "lock", ".lock", OWNER_WRITE);
            return false;
        }
        /* Whoever has a certificate comes again; he has others to look after meanwhile. */
        if (i == LOCK_TRIES || refresh->before->pair) {
            warn_of_errno(refresh, "lock, because another process does not let go of it,", ".lock",
                          OWNER_WRITE);
            return false;
        }
        nanosleep(&nap, NULL);
    }
    return true;
}

/* ---- reading -------------------------------------------------------------------------- */

/* False with errno.  The bytes may be secret. */
static bool slurp(int fd, char bytes[FILE_BYTES_MAX], size_t *len)
{
    struct stat status;
    ssize_t     got;

    if (fstat(fd, &status) == -1)
        return false;
    if (!S_ISREG(status.st_mode)) {
        errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
        return false;
    }
    for (*len = 0; *len < FILE_BYTES_MAX; *len += (size_t)got) {
        got = read(fd, bytes + *len, FILE_BYTES_MAX - *len);
        if (got <= 0)
            return got == 0;
    }
    errno = EFBIG;
    return false;
}

/* What can't be read as what it should be stays NULL. */
static void parse(struct refresh *refresh, enum kind kind, BIO *bio)
{
    struct couple *kept = &refresh->kept;
    char           password[] = "";         /* given, so that nobody is asked for one */

    switch (kind) {
    case CA_KEY:
        kept->authority.key = PEM_read_bio_PrivateKey(bio, NULL, NULL, password);
        break;
    case CA:
        kept->authority.certificate = PEM_read_bio_X509(bio, NULL, NULL, password);
        break;
    case KEY:
        kept->leaf.key = PEM_read_bio_PrivateKey(bio, NULL, NULL, password);
        break;
    case CERT:
        kept->leaf.certificate = PEM_read_bio_X509(bio, NULL, NULL, password);
        break;
    case KINDS:
        break;
    }
}

/* False when the file is there and can't be read; the warning says why.  A link is followed: that
 * is how secrets are mounted.  O_NONBLOCK, so that a FIFO does not keep us. */
static bool read_file(struct refresh *refresh, enum kind kind, char bytes[FILE_BYTES_MAX])
{
    int    fd = openat(refresh->folder, files[kind].name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    size_t len = 0;
    BIO   *bio;
    bool   ok;

    if (fd == -1 && errno == ENOENT)
        return true;
    refresh->had_authority |= kind == CA;
    ok = fd != -1 && slurp(fd, bytes, &len);
    if (!ok)
        warn_of_errno(refresh, "read", files[kind].name, OWNER_READ_SECRET);
    if (fd != -1)
        close(fd);
    bio = ok && len ? BIO_new_mem_buf(bytes, (int)len) : NULL;
    if (bio)
        parse(refresh, kind, bio);
    BIO_free(bio);
    OPENSSL_cleanse(bytes, len);
    return ok;
}

/* False when a file is closed to us that is needed in any case.  The authority's key isn't, while
 * it has nothing to sign. */
static bool read_files(struct refresh *refresh, char bytes[FILE_BYTES_MAX])
{
    for (enum kind kind = CA_KEY; kind < KINDS; kind++) {
        if (read_file(refresh, kind, bytes))
            continue;
        if (kind != CA_KEY)
            return false;
        refresh->hides_key = true;
    }
    return true;
}

/* What failed for want of memory must not pass for a damaged file, which is written over. */
static bool ran_out_of_memory(void)
{
    bool          ran_out = false;
    unsigned long error;

    while ((error = ERR_get_error()) != 0)
        ran_out |= ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
    return ran_out;
}

/* ---- judging -------------------------------------------------------------------------- */

static bool is_in_time(struct tls_span span, int64_t now_s)
{
    return span.from_s <= now_s && span.until_s - now_s > (int64_t)TLS_SELF_RENEW_DAYS * DAY_S;
}

static bool is_somebodys(struct refresh *refresh, const X509 *certificate, enum kind kind)
{
    if (!certificate || tls_mint_is_ours(certificate))
        return false;
    warn(refresh, "\"%s/%s\" is not a certificate of our making, and is left alone",
         log_quote((char[256]){0}, 256, str_view(refresh->dir)), files[kind].name);
    return true;
}

/* It may be this machine's clock that is wrong, and somebody trusts the authority. */
static bool is_of_the_future(struct refresh *refresh, const X509 *authority)
{
    if (tls_mint_span(authority).from_s <= refresh->now_s)
        return false;
    warn(refresh, "the authority in \"%s\" is not valid yet, so either this machine's clock is "
         "wrong now or it was when it was made", log_quote((char[256]){0}, 256,
         str_view(refresh->dir)));
    return true;
}

static bool certificate_is_for(const X509 *certificate, const struct tls_names *names)
{
    struct tls_names held;

    tls_mint_names(certificate, &held);
    return tls_names_hold_all(&held, names);
}

/* A certificate must not outlive its authority. */
static bool can_sign(const struct refresh *refresh)
{
    const struct tls_minted *authority = &refresh->kept.authority;
    int64_t                  left_s;

    left_s = tls_mint_span(authority->certificate).until_s - refresh->now_s;
    if (left_s < (int64_t)TLS_SELF_DAYS * DAY_S || !tls_minted_belongs(authority))
        return false;
    for (size_t i = 0; i < refresh->required.count; i++)
        if (!tls_mint_permits(authority->certificate, &refresh->required.list[i]))
            return false;
    return true;
}

static void judge_leaf(struct refresh *refresh)
{
    const struct tls_minted *leaf = &refresh->kept.leaf;
    X509                    *authority = refresh->kept.authority.certificate;
    const struct tls_names   names = names_under(refresh, authority);

    refresh->is_sound = tls_minted_belongs(leaf) &&
                        is_in_time(tls_mint_span(leaf->certificate), refresh->now_s) &&
                        tls_mint_is_signed(leaf->certificate, authority);
    refresh->serves = refresh->is_sound && certificate_is_for(leaf->certificate, &names);
}

static enum found judge(struct refresh *refresh)
{
    const struct couple *kept = &refresh->kept;
    X509                *authority = kept->authority.certificate;

    if (is_somebodys(refresh, authority, CA) ||
        is_somebodys(refresh, kept->leaf.certificate, CERT))
        return FOUND_CLOSED;
    if (!authority || !tls_mint_is_authority(authority))
        return refresh->hides_key ? FOUND_CLOSED : FOUND_NOTHING;
    if (is_of_the_future(refresh, authority))
        return FOUND_CLOSED;
    judge_leaf(refresh);
    if (refresh->serves && (refresh->hides_key || tls_minted_belongs(&kept->authority)))
        return FOUND_RIGHT;
    refresh->can_sign = can_sign(refresh);
    if (refresh->hides_key)
        return FOUND_CLOSED;
    return refresh->can_sign ? FOUND_AUTHORITY : FOUND_NOTHING;
}

static enum found look_once(struct refresh *refresh)
{
    char      *bytes = malloc(FILE_BYTES_MAX);
    enum found found;

    if (!bytes)
        return FOUND_FAILED;
    couple_fini(&refresh->kept);
    refresh->after.warning[0] = '\0';
    refresh->had_authority = refresh->hides_key = false;
    refresh->is_sound = refresh->serves = refresh->can_sign = false;
    found = read_files(refresh, bytes) ? judge(refresh) : FOUND_CLOSED;
    free(bytes);
    return ran_out_of_memory() ? FOUND_FAILED : found;
}

/* What seems damaged is looked at twice: OpenSSL does not always say that it was memory it lacked. */
static enum found look(struct refresh *refresh)
{
    enum found found = look_once(refresh);

    if (refresh->had_authority && (found == FOUND_NOTHING || found == FOUND_AUTHORITY))
        found = look_once(refresh);
    return found;
}

static bool is_right_in_memory(const struct refresh *refresh)
{
    const struct tls_pair *pair = refresh->before->pair;

    return pair &&
           is_in_time((struct tls_span){tls_pair_not_before(pair), tls_pair_not_after(pair)},
                      refresh->now_s) &&
           certificate_is_for(tls_pair_leaf(pair), &refresh->required);
}

/* ---- making --------------------------------------------------------------------------- */

/* RFC 5280 §4.1.2.5: the last second counts. */
static struct tls_span span_of_days(const struct refresh *refresh, int64_t days)
{
    int64_t from_s = refresh->now_s - BACKDATE_S;

    return (struct tls_span){from_s, from_s + days * DAY_S - 1};
}

static bool make_authority(struct refresh *refresh)
{
    const struct tls_names names = names_under(refresh, NULL);
    struct str             host = STR("localhost");

    if (refresh->has_host)
        host = str_of(refresh->host.bytes, refresh->host.len);
    return tls_mint_authority(&refresh->made.authority, &names, host,
                              span_of_days(refresh, AUTHORITY_DAYS));
}

static bool make(struct refresh *refresh)
{
    struct couple   *made = &refresh->made;
    struct tls_names names;

    if (refresh->can_sign) {
        made->authority = share(&refresh->kept.authority);
    } else if (!make_authority(refresh)) {
        return false;
    }
    names = names_under(refresh, made->authority.certificate);
    return tls_mint_leaf(&made->leaf, &made->authority, &names, TLS_MINT_P256,
                         span_of_days(refresh, TLS_SELF_DAYS));
}

/* ---- writing -------------------------------------------------------------------------- */

/* NULL when there is no memory.  Freeing it wipes it. */
static BIO *pem_of(const struct couple *couple, enum kind kind)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool ok = bio != NULL;

    if (kind == CERT)
        ok = ok && PEM_write_bio_X509(bio, couple->leaf.certificate) == 1;
    if (kind == CERT || kind == CA)
        ok = ok && PEM_write_bio_X509(bio, couple->authority.certificate) == 1;
    if (kind == KEY || kind == CA_KEY)
        ok = ok && PEM_write_bio_PKCS8PrivateKey(
                       bio, kind == KEY ? couple->leaf.key : couple->authority.key, NULL, NULL, 0,
                       NULL, NULL) == 1;
    if (!ok) {
        BIO_free(bio);
        errno = ENOMEM;
        return NULL;
    }
    return bio;
}

static struct str bio_view(BIO *bio)
{
    char *bytes = NULL;
    long  len = BIO_get_mem_data(bio, &bytes);

    return str_of(bytes, (size_t)len);
}

/* Closes, and gives what came before, with its errno. */
static bool close_after(int fd, bool ok)
{
    int error = errno;

    if (close(fd) == -1)
        return false;
    errno = error;
    return ok;
}

/* A new file that is ours alone from its first moment, whatever the umask and whoever was here
 * before us.  One that a crash has left is in the way. */
static bool write_fresh(const struct refresh *refresh, enum kind kind, struct str bytes)
{
    const struct file *file = &files[kind];
    int                fd;

    unlinkat(refresh->folder, file->fresh, 0);
    fd = openat(refresh->folder, file->fresh,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd != -1 &&
           close_after(fd, file_write(fd, bytes) && fchmod(fd, file->mode) == 0 && fsync(fd) == 0);
}

static bool write_fresh_pem(const struct refresh *refresh, enum kind kind)
{
    BIO *bio = pem_of(&refresh->made, kind);
    bool ok = bio && write_fresh(refresh, kind, bio_view(bio));
    int  error = errno;

    BIO_free(bio);
    errno = error;
    return ok;
}

/* All are written before the first takes its name, so that a full disk changes nothing. */
static bool put_in_place(struct refresh *refresh)
{
    enum kind first = refresh->can_sign ? KEY : CA_KEY;
    bool      ok = true;

    for (enum kind kind = first; ok && kind < KINDS; kind++)
        ok = write_fresh_pem(refresh, kind);
    for (enum kind kind = first; ok && kind < KINDS; kind++)
        ok = renameat(refresh->folder, files[kind].fresh, refresh->folder, files[kind].name) == 0;
    if (!ok) {
        warn_of_errno(refresh, "write in the folder", NULL, OWNER_WRITE);
        for (enum kind kind = first; kind < KINDS; kind++)
            unlinkat(refresh->folder, files[kind].fresh, 0);
    }
    fsync(refresh->folder);     /* some file systems can't, and have no need to */
    return ok;
}

/* ---- what comes out of it ------------------------------------------------------------- */

static bool fingerprint(const X509 *authority, char out[TLS_SELF_FINGERPRINT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      len;

    if (X509_digest(authority, EVP_sha256(), digest, &len) != 1)
        return false;
    for (unsigned i = 0; i < len; i++)
        snprintf(out + (size_t)3 * i, 4, i + 1 < len ? "%02X:" : "%02X", digest[i]);
    return true;
}

static char *authority_pem(const X509 *authority)
{
    BIO       *bio = BIO_new(BIO_s_mem());
    struct str pem;
    char      *text = NULL;

    if (bio && PEM_write_bio_X509(bio, authority) == 1) {
        pem = bio_view(bio);
        text = malloc(pem.len + 1);
        if (text) {
            memcpy(text, pem.ptr, pem.len);
            text[pem.len] = '\0';
        }
    }
    BIO_free(bio);
    return text;
}

/* Where we are may have no name any more; then the one that was given has to do. */
static char *authority_path(const char *dir)
{
    char       *absolute = realpath(dir, NULL);
    const char *folder = absolute ? absolute : dir;
    size_t      size = strlen(folder) + sizeof "/ca.pem";
    char       *path = malloc(size);

    if (path)
        snprintf(path, size, "%s/ca.pem", strcmp(folder, "/") == 0 ? "" : folder);
    free(absolute);
    return path;
}

/* The same pair while it is the same certificate, so that callers see that nothing has changed. */
static struct tls_pair *pair_of(const struct refresh *refresh, const struct couple *couple)
{
    struct tls_pair *pair = refresh->before->pair;

    if (pair && X509_cmp(tls_pair_leaf(pair), couple->leaf.certificate) == 0)
        return tls_pair_acquire(pair);
    return tls_pair_under(couple->leaf.key, couple->leaf.certificate,
                          couple->authority.certificate);
}

/* `in_folder`: the authority is there. */
static bool take(struct refresh *refresh, const struct couple *couple, bool in_folder)
{
    struct tls_self *after = &refresh->after;

    after->pair = pair_of(refresh, couple);
    if (refresh->keeps_authority)
        after->authority = share(&couple->authority);
    after->authority_pem = authority_pem(couple->authority.certificate);
    if (in_folder)
        after->authority_path = authority_path(refresh->dir);
    return after->pair && after->authority_pem && (after->authority_path || !in_folder) &&
           fingerprint(couple->authority.certificate, after->fingerprint);
}

static bool take_kept(struct refresh *refresh)
{
    refresh->after.warning[0] = '\0';
    return take(refresh, &refresh->kept, true);
}

static bool take_made(struct refresh *refresh, bool is_written)
{
    bool is_new = !refresh->can_sign;

    refresh->after.is_new_authority = is_new;
    refresh->after.has_replaced =
        is_new && (refresh->had_authority || refresh->before->authority_pem);
    return take(refresh, &refresh->made, is_written || !is_new);
}

/* With what is in memory.  Its authority may lie in the folder all the same. */
static bool stay(struct refresh *refresh)
{
    const struct tls_self *before = refresh->before;
    struct tls_self       *after = &refresh->after;
    const X509            *authority = refresh->kept.authority.certificate;
    char                  *kept_pem = authority ? authority_pem(authority) : NULL;
    bool                   in_folder = kept_pem && strcmp(kept_pem, before->authority_pem) == 0;

    free(kept_pem);
    after->pair = tls_pair_acquire(before->pair);
    after->authority = share(&before->authority);
    after->authority_pem = strdup(before->authority_pem);
    if (in_folder)
        after->authority_path = authority_path(refresh->dir);
    memcpy(after->fingerprint, before->fingerprint, sizeof after->fingerprint);
    return after->authority_pem && (after->authority_path || !in_folder);
}

/* The folder can't be written, or must not be. */
static bool manage_without(struct refresh *refresh)
{
    if (refresh->serves)
        return take_kept(refresh);
    if (is_right_in_memory(refresh))
        return stay(refresh);
    return make(refresh) && take_made(refresh, false);
}

/* Two servers with different names at one folder would otherwise take turns in making new
 * authorities for as long as they run. */
static bool is_for_others(struct refresh *refresh)
{
    if (!refresh->is_sound || refresh->serves || !is_right_in_memory(refresh))
        return false;
    warn(refresh, "\"%s\" holds a good one for other names now, perhaps of another server",
         log_quote((char[256]){0}, 256, str_view(refresh->dir)));
    return true;
}

static bool fill(struct refresh *refresh)
{
    if (is_for_others(refresh))
        return stay(refresh);
    if (!make(refresh))
        return false;
    if (put_in_place(refresh))
        return take_made(refresh, true);
    if (refresh->serves)
        return take_kept(refresh);
    return is_right_in_memory(refresh) ? stay(refresh) : take_made(refresh, false);
}

static bool settle(struct refresh *refresh)
{
    enum found found = open_folder(refresh) ? look(refresh) : FOUND_CLOSED;

    if (found == FOUND_AUTHORITY || found == FOUND_NOTHING)
        found = lock_folder(refresh) ? look(refresh) : FOUND_CLOSED;
    switch (found) {
    case FOUND_RIGHT:
        return take_kept(refresh);
    case FOUND_AUTHORITY:
    case FOUND_NOTHING:
        return fill(refresh);
    case FOUND_CLOSED:
        return manage_without(refresh);
    case FOUND_FAILED:
        break;
    }
    return false;
}

static void refresh_fini(struct refresh *refresh)
{
    if (refresh->lock != -1)
        close(refresh->lock);
    if (refresh->folder != -1)
        close(refresh->folder);
    couple_fini(&refresh->kept);
    couple_fini(&refresh->made);
    tls_self_fini(&refresh->after);
    ERR_clear_error();
}

bool tls_self_refresh(struct tls_self *self, const struct tls_self_settings *settings,
                      int64_t now_s, char *problem, size_t size)
{
    bool           has_dir = settings->dir && *settings->dir;
    struct refresh refresh = {.before = self, .dir = has_dir ? settings->dir : NULL,
                              .keeps_authority = settings->keeps_authority,
                              .now_s = now_s, .folder = -1, .lock = -1};
    bool           ok;

    if (!require_all(&refresh, settings, problem, size))
        return false;
    learn_host(&refresh, settings->host);
    ERR_clear_error();
    ok = settle(&refresh);
    if (ok) {
        tls_self_fini(self);
        *self = refresh.after;
        refresh.after = TLS_SELF_NONE;      /* it is the caller's now */
    } else {
        snprintf(problem, size, "cannot make a certificate: %s",
                 ERR_peek_error() ? tls_error_take() : "there is no memory");
    }
    refresh_fini(&refresh);
    return ok;
}

void tls_self_fini(struct tls_self *self)
{
    tls_pair_release(self->pair);
    tls_minted_fini(&self->authority);
    free(self->authority_pem);
    free(self->authority_path);
    *self = TLS_SELF_NONE;
}
