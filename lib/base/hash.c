/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

struct hash_key
hash_key_new(void)
{
	struct hash_key key;
	ssize_t got = getrandom(&key, sizeof(key), 0);

	/* So few bytes come whole, and without a signal in between (getrandom(2)). */
	assert(got == sizeof(key));
	return key;
}

static uint64_t
rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void
mix(uint64_t v[4], unsigned rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

static void
add_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	mix(v, 2);
	v[0] ^= word;
}

/* Little-endian, as the paper has it; up to 8 bytes. */
static uint64_t
read_word(const unsigned char *bytes, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)bytes[i] << (8 * i);
	return word;
}

uint64_t
hash_of(const struct hash_key *key, const void *bytes, size_t len)
{
	uint64_t v[4] = {key->word[0] ^ 0x736f6d6570736575, key->word[1] ^ 0x646f72616e646f6d,
		key->word[0] ^ 0x6c7967656e657261, key->word[1] ^ 0x7465646279746573};
	const unsigned char *at = bytes;
	size_t left = len;

	for (; left >= 8; left -= 8, at += 8)
		add_word(v, read_word(at, 8));
	add_word(v, read_word(at, left) | (uint64_t)len << 56);
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t
hash_of_text(const struct hash_key *key, const char *text)
{
	return hash_of(key, text, strlen(text));
}
