/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/key.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum {
	RAW_BYTES = 32,
	RSA_BITS_MIN = 2048,
	RSA_BITS_MAX = 16384,
	RSA_BITS_MADE = 3072,
	GROUP_MAX = 32
};

struct key {
	const struct scheme *scheme;
	EVP_PKEY *key;
};

/* ---- Reading */

/* RFC 8032, section 5.1.5. */
static EVP_PKEY *
read_raw(const char *text)
{
	uint8_t raw[RAW_BYTES];

	if (!num_parse_hex(text, raw, sizeof(raw)))
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, sizeof(raw));
}

/* An encrypted PEM would have the library ask on the terminal. */
static int
no_passphrase(char *ret, int size, int writing, void *context)
{
	(void)ret;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static EVP_PKEY *
read_pem(const char *text)
{
	BIO *bio = BIO_new_mem_buf(text, (int)strlen(text));
	EVP_PKEY *key = NULL;

	if (bio != NULL)
		key = PEM_read_bio_PUBKEY(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	return key;
}

/* ---- What is known */

static bool
is_p256(const EVP_PKEY *key)
{
	char group[GROUP_MAX];
	size_t len;

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

static bool
is_rsa(const EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && bits >= RSA_BITS_MIN &&
	       bits <= RSA_BITS_MAX;
}

static bool
is_ed25519(const EVP_PKEY *key)
{
	return EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
}

/* Ours has the length of the digest; that of others may have any: RFC 8017, section 9.1. */
static bool
set_pss(EVP_PKEY_CTX *context, bool signing)
{
	return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(
		       context, signing ? RSA_PSS_SALTLEN_DIGEST : RSA_PSS_SALTLEN_AUTO) == 1;
}

static EVP_PKEY *
make_ed25519(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

static EVP_PKEY *
make_p256(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

static EVP_PKEY *
make_rsa(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS_MADE);
}

/* What libcrypto was built without, or a policy of its forbids, is not known either. */
static const struct scheme {
	const char *keytype;
	const char *name;
	EVP_PKEY *(*read)(const char *text);
	bool (*fits)(const EVP_PKEY *key);
	const char *digest; /* NULL: the scheme's own */
	bool (*set)(EVP_PKEY_CTX *context, bool signing);
	EVP_PKEY *(*make)(void);
} schemes[] = {
	{"ed25519", "ed25519", read_raw, is_ed25519, NULL, NULL, make_ed25519},
	{"ecdsa", "ecdsa-sha2-nistp256", read_pem, is_p256, "SHA256", NULL, make_p256},
	/* As the specification named the type before its version 1.0.31. */
	{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", read_pem, is_p256, "SHA256", NULL,
		make_p256},
	{"rsa", "rsassa-pss-sha256", read_pem, is_rsa, "SHA256", set_pss, make_rsa},
};

enum { SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

static const struct scheme *
find(const char *keytype, const char *name)
{
	for (size_t i = 0; i < SCHEMES; i++)
		if (strcmp(schemes[i].keytype, keytype) == 0 && strcmp(schemes[i].name, name) == 0)
			return &schemes[i];
	return NULL;
}

static struct key *
own(const struct scheme *s, EVP_PKEY *take)
{
	struct key *k = mem_new(1, sizeof(*k));

	*k = (struct key){s, take};
	return k;
}

struct key *
key_read(const char *keytype, const char *scheme, const char *text)
{
	const struct scheme *s = find(keytype, scheme);
	EVP_PKEY *key;

	if (s == NULL || strlen(text) > KEY_TEXT_MAX)
		return NULL;
	key = s->read(text);
	/* What libcrypto has to say of it is of no use to anybody, and kept for each thread. */
	ERR_clear_error();
	if (key == NULL || !s->fits(key)) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return own(s, key);
}

void
key_free(struct key *k)
{
	if (k == NULL)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

bool
key_equal(const struct key *a, const struct key *b)
{
	bool equal = EVP_PKEY_eq(a->key, b->key) == 1;

	ERR_clear_error();
	return equal;
}

bool
key_verify(const struct key *k, struct span bytes, struct span signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;
	bool good =
		context != NULL &&
		EVP_DigestVerifyInit_ex(
			context, &options, k->scheme->digest, NULL, NULL, k->key, NULL) == 1 &&
		(k->scheme->set == NULL || k->scheme->set(options, false)) &&
		EVP_DigestVerify(context, signature.at, signature.len, bytes.at, bytes.len) == 1;

	EVP_MD_CTX_free(context);
	ERR_clear_error();
	return good;
}

/* ---- Private keys */

struct key *
key_new(const char *scheme, struct err *e)
{
	EVP_PKEY *key = NULL;
	const struct scheme *s = schemes;

	while (s < schemes + SCHEMES && strcmp(s->name, scheme) != 0)
		s++;
	if (s == schemes + SCHEMES) {
		(void)err_set(e, ERR_INPUT, "no scheme %.64s", scheme);
		return NULL;
	}
	key = s->make();
	ERR_clear_error();
	if (key == NULL)
		(void)err_set(e, ERR_INPUT, "libcrypto makes no key of %s", scheme);
	return key != NULL ? own(s, key) : NULL;
}

static int
give_passphrase(char *ret, int size, int writing, void *context)
{
	const struct span *passphrase = context;

	(void)writing;
	/* Without one libcrypto would ask on the terminal. */
	if (passphrase->at == NULL || passphrase->len > (size_t)size)
		return -1;
	memcpy(ret, passphrase->at, passphrase->len);
	return (int)passphrase->len;
}

struct key *
key_load(struct span pem, const char *passphrase, struct err *e)
{
	struct span words = span_of(passphrase, passphrase != NULL ? strlen(passphrase) : 0);
	BIO *bio = pem.len <= KEY_TEXT_MAX ? BIO_new_mem_buf(pem.at, (int)pem.len) : NULL;
	EVP_PKEY *key =
		bio != NULL ? PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, &words) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	for (size_t i = 0; key != NULL && i < SCHEMES; i++)
		if (schemes[i].fits(key))
			return own(&schemes[i], key);
	EVP_PKEY_free(key);
	(void)err_set(e, ERR_INPUT, "%s",
		passphrase != NULL ? "no private key that is known, or another passphrase"
				   : "no private key that is known, or one with a passphrase");
	return NULL;
}

static void
take_bio(BIO *bio, struct buf *ret)
{
	char *text;
	long len = BIO_get_mem_data(bio, &text);

	buf_add(ret, text, (size_t)len);
	BIO_free(bio);
}

/* RFC 8018: PBKDF2 and AES. libcrypto fails here only when memory is out. */
void
key_save(const struct key *k, const char *passphrase, struct buf *ret)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len = passphrase != NULL ? (int)strlen(passphrase) : 0;
	int ok = PEM_write_bio_PKCS8PrivateKey(bio, k->key,
		passphrase != NULL ? EVP_aes_256_cbc() : NULL, passphrase, len, NULL, NULL);

	assert(ok == 1);
	take_bio(bio, ret);
}

const char *
key_type(const struct key *k)
{
	return k->scheme->keytype;
}

const char *
key_scheme(const struct key *k)
{
	return k->scheme->name;
}

void
key_text(const struct key *k, struct buf *ret)
{
	uint8_t raw[RAW_BYTES];
	size_t len = sizeof(raw);
	BIO *bio;
	int ok;

	if (is_ed25519(k->key)) {
		ok = EVP_PKEY_get_raw_public_key(k->key, raw, &len);
		assert(ok == 1);
		for (size_t i = 0; i < len; i++)
			buf_printf(ret, "%02x", raw[i]);
		return;
	}
	bio = BIO_new(BIO_s_mem());
	ok = PEM_write_bio_PUBKEY(bio, k->key);
	assert(ok == 1);
	take_bio(bio, ret);
}

void
key_sign(const struct key *k, struct span bytes, struct buf *ret)
{
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = sizeof(signature);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *options;
	int ok = EVP_DigestSignInit_ex(
		context, &options, k->scheme->digest, NULL, NULL, k->key, NULL);

	assert(ok == 1 && (k->scheme->set == NULL || k->scheme->set(options, true)));
	ok = EVP_DigestSign(context, signature, &len, bytes.at, bytes.len);
	assert(ok == 1);
	EVP_MD_CTX_free(context);
	buf_add(ret, signature, len);
}
