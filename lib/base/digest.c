/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/digest.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

struct digester {
	EVP_MD_CTX *context;
};

/* libcrypto fails here only when memory or the library itself is broken. */
static void
start(struct digester *d)
{
	int ok = EVP_DigestInit_ex(d->context, EVP_sha256(), NULL);

	assert(ok == 1);
}

struct digester *
digester_new(void)
{
	struct digester *d = mem_new(1, sizeof(*d));

	d->context = EVP_MD_CTX_new();
	assert(d->context != NULL);
	start(d);
	return d;
}

void
digester_add(struct digester *d, const void *bytes, size_t len)
{
	int ok = EVP_DigestUpdate(d->context, bytes, len);

	assert(ok == 1);
}

struct digest
digester_end(struct digester *d)
{
	struct digest result;
	int ok = EVP_DigestFinal_ex(d->context, result.byte, NULL);

	assert(ok == 1);
	start(d);
	return result;
}

void
digester_free(struct digester *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->context);
	free(d);
}

struct digest
digest_of(struct span bytes)
{
	struct digest result;
	int ok = EVP_Digest(bytes.at, bytes.len, result.byte, NULL, EVP_sha256(), NULL);

	assert(ok == 1);
	return result;
}

void
digest_sha512(struct span bytes, uint8_t ret[DIGEST_SHA512_BYTES])
{
	int ok = EVP_Digest(bytes.at, bytes.len, ret, NULL, EVP_sha512(), NULL);

	assert(ok == 1);
}

/*
 * pread leaves the descriptor where it stands, so that its owner can go on reading from there. The
 * size is what was read, and not what fstat said: the caller compares it. ret NULL reads all the
 * same: what the disk cannot give any more is found now, as an error.
 */
int
digest_of_file(
	int fd, const struct stop *stop, struct digest *ret, uint64_t *ret_bytes, struct err *e)
{
	struct digester *d = ret != NULL ? digester_new() : NULL;
	AUTO_FREE char *block = mem_new(1, 1 << 16);
	off_t at = 0;
	ssize_t got;
	int result;

	while ((result = stop_check(stop, e)) == 0 && (got = pread(fd, block, 1 << 16, at)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			result = err_sys(e, "read");
			break;
		}
		if (d != NULL)
			digester_add(d, block, (size_t)got);
		at += got;
	}
	if (d != NULL)
		*ret = digester_end(d);
	*ret_bytes = (uint64_t)at;
	digester_free(d);
	return result;
}

char *
digest_hex(const struct digest *d, char ret[DIGEST_HEX + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		ret[2 * i] = digits[d->byte[i] >> 4];
		ret[2 * i + 1] = digits[d->byte[i] & 15];
	}
	ret[DIGEST_HEX] = '\0';
	return ret;
}

/*
 * -1: no digit. Lower case alone: a digest has one spelling, so that names made of it can be
 * compared as text.
 */
static int
nibble(char c)
{
	static const signed char one_more[UCHAR_MAX + 1] = {['0'] = 1,
		['1'] = 2,
		['2'] = 3,
		['3'] = 4,
		['4'] = 5,
		['5'] = 6,
		['6'] = 7,
		['7'] = 8,
		['8'] = 9,
		['9'] = 10,
		['a'] = 11,
		['b'] = 12,
		['c'] = 13,
		['d'] = 14,
		['e'] = 15,
		['f'] = 16};

	return one_more[(unsigned char)c] - 1;
}

bool
digest_parse(const char *hex, struct digest *ret)
{
	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		int high = nibble(hex[2 * i]);
		/* In this order nothing is read behind the NUL of a text that is too short. */
		int low = high < 0 ? -1 : nibble(hex[2 * i + 1]);

		if (low < 0)
			return false;
		ret->byte[i] = (uint8_t)(high * 16 + low);
	}
	return true;
}

/* Not in constant time: no digest here is a secret. */
bool
digest_equal(const struct digest *a, const struct digest *b)
{
	return memcmp(a->byte, b->byte, DIGEST_BYTES) == 0;
}

int
digest_compare(const void *a, const void *b)
{
	return memcmp(
		((const struct digest *)a)->byte, ((const struct digest *)b)->byte, DIGEST_BYTES);
}
