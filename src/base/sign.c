/* sign.c - RSA keys, certificates and signatures.
 * True here: what OpenSSL refuses to do with a sound key is a broken machine and CHECKs; what was read from
 * outside is only ever refused. */
#include "base/sign.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include "base/crypt.h"

#define KEY_BITS 2048
#define NAME_DIGITS 32

struct sign_key {
    EVP_PKEY *pair;
    struct buf certificate; /* PEM */
    char name[NAME_DIGITS + 1];
};

static void take_pem(BIO *bio, struct buf *ret)
{
    char *p;
    long n = BIO_get_mem_data(bio, &p);

    CHECK(n > 0);
    buf_add(ret, p, (size_t)n);
    BIO_free(bio);
}

static void set_name(struct sign_key *k)
{
    CLEANUP(buf_done) struct buf hex = { 0 };
    struct digest d = sha256_of(buf_view(&k->certificate));

    hex_add(&hex, d.b, NAME_DIGITS / 2);
    memcpy(k->name, hex.p, NAME_DIGITS);
}

/* The dates do not hang on any clock: the server's can be moved. */
static X509 *certify(EVP_PKEY *pair, const char *common_name)
{
    X509 *x = X509_new();
    X509_NAME *name;

    CHECK(x != NULL && X509_set_version(x, 2) == 1);
    CHECK(ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), random_u64() >> 1) == 1);
    CHECK(ASN1_TIME_set_string(X509_getm_notBefore(x), "20200101000000Z") == 1);
    CHECK(ASN1_TIME_set_string(X509_getm_notAfter(x), "20991231235959Z") == 1);
    name = X509_get_subject_name(x);
    CHECK(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)common_name, -1, -1,
                                     0) == 1);
    CHECK(X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, pair) == 1);
    CHECK(X509_sign(x, pair, EVP_sha256()) > 0);
    return x;
}

struct sign_key *sign_key_new(const char *common_name)
{
    struct sign_key *k = xcalloc(1, sizeof(*k));
    BIO *pem = BIO_new(BIO_s_mem());
    X509 *x;

    k->pair = EVP_RSA_gen(KEY_BITS);
    CHECK(k->pair != NULL && pem != NULL);
    x = certify(k->pair, common_name);
    CHECK(PEM_write_bio_X509(pem, x) == 1);
    X509_free(x);
    take_pem(pem, &k->certificate);
    set_name(k);
    return k;
}

int sign_key_read(struct str private_pem, struct str certificate_pem, struct sign_key **ret)
{
    BIO *bio = BIO_new_mem_buf(private_pem.p, (int)private_pem.n);
    EVP_PKEY *pair = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    struct sign_key *k;

    BIO_free(bio);
    if (pair == NULL || EVP_PKEY_get_base_id(pair) != EVP_PKEY_RSA || str_empty(certificate_pem)) {
        EVP_PKEY_free(pair);
        return -E_INVALID;
    }
    k = xcalloc(1, sizeof(*k));
    k->pair = pair;
    buf_str(&k->certificate, certificate_pem);
    set_name(k);
    *ret = k;
    return 0;
}

struct sign_key *sign_key_free(struct sign_key *k)
{
    if (k == NULL)
        return NULL;
    EVP_PKEY_free(k->pair);
    buf_done(&k->certificate);
    free(k);
    return NULL;
}

void sign_key_write(const struct sign_key *k, struct buf *ret_private_pem)
{
    BIO *pem = BIO_new(BIO_s_mem());

    CHECK(pem != NULL && PEM_write_bio_PrivateKey(pem, k->pair, NULL, NULL, 0, NULL, NULL) == 1);
    take_pem(pem, ret_private_pem);
}

struct str sign_certificate(const struct sign_key *k) { return buf_view(&k->certificate); }

const char *sign_key_name(const struct sign_key *k) { return k->name; }

void sign_text(const struct sign_key *k, enum sign_digest digest, struct str text, struct buf *ret_base64)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();
    uint8_t bytes[KEY_BITS / 8 * 2];
    size_t n = sizeof(bytes);

    CHECK(c != NULL &&
          EVP_DigestSignInit(c, NULL, digest == SIGN_SHA1 ? EVP_sha1() : EVP_sha256(), NULL, k->pair) == 1);
    CHECK(EVP_DigestSign(c, bytes, &n, (const unsigned char *)text.p, text.n) == 1);
    EVP_MD_CTX_free(c);
    base64_add(ret_base64, bytes, n);
}
