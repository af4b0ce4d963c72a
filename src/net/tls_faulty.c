#include "net/tls_faulty.h"

#include <openssl/err.h>
#include <stdio.h>

#include "net/tls_error.h"

enum { DAY_S = 24 * 3600, LIFE_DAYS = 90 };

/* One whose time has not come must not become good before it is made anew, which is when the good one
 * is: after TLS_SELF_DAYS at the latest. */
enum { BEGINS_IN = TLS_SELF_DAYS + 3 };

/* All zero but for its name, it is good. */
static const struct fault {
    const char       *name;
    const char       *host;         /* NULL: the names of the good one */
    int               from_days;    /* from a day ago */
    enum tls_mint_key key;
    bool              is_stranger;  /* another authority signs it */
} faults[TLS_FAULTS] = {
    [TLS_FAULT_NONE]              = {.name = "none"},
    [TLS_FAULT_EXPIRED]           = {.name = "expired", .from_days = -LIFE_DAYS},
    [TLS_FAULT_NOT_YET_VALID]     = {.name = "not-yet-valid", .from_days = BEGINS_IN},
    /* RFC 6761 §6.3: names below localhost. lead to this machine, and we have none there.  The
     * authority may sign for what lies below a name of ours (RFC 5280 §4.2.1.10). */
    [TLS_FAULT_WRONG_NAME]        = {.name = "wrong-name", .host = "wrong-name.localhost"},
    [TLS_FAULT_UNKNOWN_AUTHORITY] = {.name = "unknown-authority", .is_stranger = true},
    [TLS_FAULT_WEAK_KEY]          = {.name = "weak-key", .key = TLS_MINT_RSA_768},
};

const char *tls_fault_name(enum tls_fault fault)
{
    assert(fault < TLS_FAULTS);
    return faults[fault].name;
}

static struct tls_span span_of(const struct fault *fault, int64_t now_s)
{
    int64_t from_s = now_s + ((int64_t)fault->from_days - 1) * DAY_S;
    int64_t days = fault->from_days < 0 ? LIFE_DAYS : TLS_SELF_DAYS;

    return (struct tls_span){from_s, from_s + days * DAY_S - 1};
}

/* A DNS name comes first, for it is the common name. */
static struct tls_names names_of(const struct fault *fault, const struct tls_self *self)
{
    struct tls_names names = {.count = 0}, good;
    struct tls_name  first;
    bool             ok;

    ok = tls_name_read(&first, str_view(fault->host ? fault->host : "localhost")) &&
         tls_names_add(&names, &first);
    assert(ok);
    if (fault->host)
        return names;
    tls_mint_names(tls_pair_leaf(self->pair), &good);
    for (size_t i = 0; i < good.count; i++)
        if (!tls_names_add(&names, &good.list[i]))
            break;
    return names;
}

static struct tls_pair *make_under(const struct fault *fault, const struct tls_minted *authority,
                                   const struct tls_names *names, int64_t now_s)
{
    struct tls_minted leaf = TLS_MINTED_NONE;
    struct tls_pair  *pair = NULL;

    if (tls_mint_leaf(&leaf, authority, names, fault->key, span_of(fault, now_s)))
        pair = tls_pair_under(leaf.key, leaf.certificate, authority->certificate);
    tls_minted_fini(&leaf);
    return pair;
}

/* It is called as ours are, has another key, and is gone with it when this is done. */
static struct tls_pair *make_under_stranger(const struct fault *fault,
                                            const struct tls_names *names, int64_t now_s)
{
    struct tls_minted stranger = TLS_MINTED_NONE;
    struct tls_pair  *pair = NULL;

    if (tls_mint_authority(&stranger, names, STR("nobody"), span_of(fault, now_s)))
        pair = make_under(fault, &stranger, names, now_s);
    tls_minted_fini(&stranger);
    return pair;
}

struct tls_pair *tls_faulty_make(enum tls_fault which, const struct tls_self *self, int64_t now_s,
                                 char *problem, size_t size)
{
    const struct fault    *fault = &faults[which];
    const struct tls_names names = names_of(fault, self);
    struct tls_pair       *pair;

    assert(which > TLS_FAULT_NONE && which < TLS_FAULTS);
    if (!self->authority.key) {
        snprintf(problem, size, "cannot make the certificate for \"%s\": the key of the authority "
                 "that has to sign it (ca-key.pem) cannot be read", fault->name);
        return NULL;
    }
    ERR_clear_error();
    pair = fault->is_stranger ? make_under_stranger(fault, &names, now_s)
                              : make_under(fault, &self->authority, &names, now_s);
    if (!pair)
        snprintf(problem, size, "cannot make the certificate for \"%s\": %s", fault->name,
                 ERR_peek_error() ? tls_error_take() : "there is no memory");
    ERR_clear_error();
    return pair;
}
