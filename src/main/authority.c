#include "main/authority.h"

#include <stdio.h>

#include "net/tls_store.h"

enum { PEM_BYTES_MAX = 64 * 1024 };

/* ---- what was given ------------------------------------------------------------------- */

static struct tls_pair_files files_of(const struct wherry_certificate *certificate)
{
    return (struct tls_pair_files){.cert_path = certificate->cert_path,
                                   .key_path = certificate->key_path,
                                   .password_path = certificate->password_path};
}

bool authority_check(const struct wherry_tls_settings *tls, char *problem, size_t size)
{
    struct tls_pair_files     files[TLS_PAIRS_MAX];
    struct tls_store_settings settings = {
        .files_count = tls->certificates_count,
        .self = {.names = tls->names, .names_count = tls->names_count},     /* in memory only */
        .has_faulty = tls->bad_port >= 0,
        .client_ca_path = tls->client_ca_path,
    };
    struct tls_store *store;

    assert(tls->certificates_count <= TLS_PAIRS_MAX);
    for (size_t i = 0; i < tls->certificates_count; i++)
        files[i] = files_of(&tls->certificates[i]);
    settings.files = files;
    store = tls_store_open(&settings, clock_now().wall_s, problem, size);
    if (!store)
        return false;
    tls_store_close(store);
    return true;
}

/* ---- our own -------------------------------------------------------------------------- */

static bool is_certificate(struct str pem)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----";

    return memmem(pem.ptr, pem.len, begin, sizeof begin - 1) != NULL;
}

/* False when there is none, or none that can be read. */
static bool append_kept(const char *cert_dir, struct buf *out)
{
    char  pem[PEM_BYTES_MAX], path[4096];
    FILE *file;
    size_t len;

    if (snprintf(path, sizeof path, "%s/ca.pem", cert_dir) >= (int)sizeof path)
        return false;
    file = fopen(path, "re");
    if (!file)
        return false;
    len = fread(pem, 1, sizeof pem, file);
    fclose(file);
    if (!is_certificate(str_of(pem, len)))
        return false;
    buf_append(out, str_of(pem, len));
    return true;
}

/* What a server with these names would use. */
static bool append_made(const struct wherry_tls_settings *tls, struct buf *out, char *problem,
                        size_t size)
{
    const struct tls_self_settings settings = {.dir = tls->cert_dir,
                                               .names = tls->names,
                                               .names_count = tls->names_count};
    struct tls_self                self = TLS_SELF_NONE;
    bool                           ok;

    if (!tls_self_refresh(&self, &settings, clock_now().wall_s, problem, size))
        return false;
    ok = self.authority_path != NULL;
    if (ok)
        buf_append(out, str_view(self.authority_pem));
    else
        snprintf(problem, size, "%s", self.warning);
    tls_self_fini(&self);
    return ok;
}

/* Without names the authority of a server that has some would be taken for a wrong one, and be made
 * anew under its feet: so what is there is right. */
bool authority_print(const struct wherry_tls_settings *tls, struct buf *out, char *problem, size_t size)
{
    if (!tls->cert_dir) {
        snprintf(problem, size, "there is no folder that keeps an authority; name one with "
                 "--cert-dir");
        return false;
    }
    return (tls->names_count == 0 && append_kept(tls->cert_dir, out)) ||
           append_made(tls, out, problem, size);
}
