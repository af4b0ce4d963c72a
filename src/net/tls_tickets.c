#include "net/tls_tickets.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

/* What seals a ticket: RFC 5077 §4. */
struct ticket_key {
    unsigned char name[16];     /* stands in the ticket, so that the key is found again */
    unsigned char cipher[32];   /* AES-256-CBC */
    unsigned char mac[32];      /* HMAC-SHA256 */
    int64_t       made_at_s;
};

struct tls_tickets {
    pthread_mutex_t   lock;     /* held only to copy or to move keys */
    struct ticket_key keys[TLS_TICKETS_KEYS];   /* newest first */
    size_t            count;
};

/* What OpenSSL does with a ticket that it had opened, in its own numbers. */
enum { TICKET_FAILED = -1, TICKET_UNKNOWN = 0, TICKET_GOOD = 1, TICKET_RENEW = 2 };

/* ---- the ring ------------------------------------------------------------------------- */

static bool key_make(struct ticket_key *key, int64_t now_s)
{
    key->made_at_s = now_s;
    return RAND_bytes(key->name, sizeof key->name) == 1 &&
           RAND_priv_bytes(key->cipher, sizeof key->cipher) == 1 &&
           RAND_priv_bytes(key->mac, sizeof key->mac) == 1;
}

/* Keys that nothing can be opened with any more, because the rotation came late, go at once. */
static void forget_old_keys(struct tls_tickets *tickets, int64_t now_s)
{
    while (tickets->count > 1 && now_s - tickets->keys[tickets->count - 1].made_at_s >=
                                     TLS_TICKETS_ROTATE_S + TLS_TICKETS_LIFE_S) {
        tickets->count--;
        OPENSSL_cleanse(&tickets->keys[tickets->count], sizeof tickets->keys[0]);
    }
}

static void put_first(struct tls_tickets *tickets, const struct ticket_key *key)
{
    memmove(&tickets->keys[1], &tickets->keys[0], (TLS_TICKETS_KEYS - 1) * sizeof tickets->keys[0]);
    tickets->keys[0] = *key;
    tickets->count = MIN_OF(tickets->count + 1, TLS_TICKETS_KEYS);
}

struct tls_tickets *tls_tickets_new(int64_t now_s)
{
    struct tls_tickets *tickets = calloc(1, sizeof *tickets);

    if (!tickets)
        return NULL;
    if (!key_make(&tickets->keys[0], now_s)) {
        free(tickets);
        return NULL;
    }
    tickets->count = 1;
    pthread_mutex_init(&tickets->lock, NULL);
    return tickets;
}

void tls_tickets_free(struct tls_tickets *tickets)
{
    if (!tickets)
        return;
    pthread_mutex_destroy(&tickets->lock);
    OPENSSL_cleanse(tickets, sizeof *tickets);
    free(tickets);
}

/* A clock that was set back must not make a key live for longer: then it is time, too.  Without
 * randomness the present key goes on until there is some. */
void tls_tickets_rotate(struct tls_tickets *tickets, int64_t now_s)
{
    int64_t age_s = now_s - tickets->keys[0].made_at_s;     /* who else writes: nobody */
    struct ticket_key key;

    if (age_s >= 0 && age_s < TLS_TICKETS_ROTATE_S)
        return;
    if (key_make(&key, now_s)) {
        pthread_mutex_lock(&tickets->lock);
        put_first(tickets, &key);
        forget_old_keys(tickets, now_s);
        pthread_mutex_unlock(&tickets->lock);
    }
    OPENSSL_cleanse(&key, sizeof key);
}

/* The key of that name, or the newest.  What is to be done with a ticket that it opens. */
static int find_key(struct tls_tickets *tickets, const unsigned char *name, struct ticket_key *key)
{
    size_t at = 0;

    pthread_mutex_lock(&tickets->lock);
    while (name && at < tickets->count &&
           memcmp(tickets->keys[at].name, name, sizeof key->name) != 0)
        at++;
    if (at < tickets->count)
        *key = tickets->keys[at];
    else
        at = TLS_TICKETS_KEYS;
    pthread_mutex_unlock(&tickets->lock);
    return at == 0 ? TICKET_GOOD : at < TLS_TICKETS_KEYS ? TICKET_RENEW : TICKET_UNKNOWN;
}

/* ---- what OpenSSL asks ---------------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int            place = -1;       /* of ours among the data of a context */

static void reserve_place(void)
{
    place = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

static bool use_key(struct ticket_key *key, const unsigned char *iv, EVP_CIPHER_CTX *cipher,
                    EVP_MAC_CTX *mac, int is_sealing)
{
    char digest[] = "SHA256";
    OSSL_PARAM wanted[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key->mac, sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, is_sealing) &&
           EVP_MAC_CTX_set_params(mac, wanted);
}

static int seal(struct tls_tickets *tickets, unsigned char *name, unsigned char *iv,
                EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key key;
    bool ok;

    (void)find_key(tickets, NULL, &key);
    memcpy(name, key.name, sizeof key.name);
    ok = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
         use_key(&key, iv, cipher, mac, 1);
    OPENSSL_cleanse(&key, sizeof key);
    return ok ? TICKET_GOOD : TICKET_FAILED;
}

/* RFC 8446 §C.4: in TLS 1.3 no ticket should be used twice, so each is followed by a new one. */
static int open_with(struct tls_tickets *tickets, SSL *ssl, const unsigned char *name,
                     const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_key key;
    int result = find_key(tickets, name, &key);

    if (result == TICKET_UNKNOWN)
        return result;
    if (result == TICKET_GOOD && SSL_version(ssl) >= TLS1_3_VERSION)
        result = TICKET_RENEW;
    if (!use_key(&key, iv, cipher, mac, 0))
        result = TICKET_FAILED;
    OPENSSL_cleanse(&key, sizeof key);
    return result;
}

static int on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int is_sealing)
{
    struct tls_tickets *tickets = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), place);

    assert(tickets);            /* a name may lead to another context, but they all are served */
    return is_sealing ? seal(tickets, name, iv, cipher, mac)
                      : open_with(tickets, ssl, name, iv, cipher, mac);
}

/* Sessions live in tickets and nowhere else: a cache would hold them a second time, and would be
 * of no use to clients after a reload. */
bool tls_tickets_serve(struct tls_tickets *tickets, SSL_CTX *context)
{
    pthread_once(&once, reserve_place);
    if (place == -1 || !SSL_CTX_set_ex_data(context, place, tickets) ||
        !SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket))
        return false;
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, TLS_TICKETS_LIFE_S);
    return true;
}
