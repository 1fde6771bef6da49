/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/key.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "unit.h"

static const char *const schemes[] = {"ed25519", "ecdsa-sha2-nistp256", "rsassa-pss-sha256"};
enum { SCHEMES = sizeof(schemes) / sizeof(schemes[0]) };

static struct span
span(const struct buf *b)
{
	return span_of(b->at, b->len);
}

START_TEST(key_verify__takes_its_own_signature_of_these_bytes_alone)
{
	struct key *k = key_new(schemes[_i], NULL);
	struct key *other = key_new(schemes[_i], NULL);
	AUTO_BUF struct buf text = {0};
	AUTO_BUF struct buf signature = {0};
	struct key *read;

	key_text(k, &text);
	read = key_read(key_type(k), key_scheme(k), text.at);
	ck_assert_ptr_nonnull(read);
	key_sign(k, unit_text("bytes"), &signature);
	ck_assert(key_verify(read, unit_text("bytes"), span(&signature)));
	ck_assert(!key_verify(read, unit_text("bytez"), span(&signature)));
	ck_assert(!key_verify(read, unit_text("byte"), span(&signature)));
	ck_assert(!key_verify(other, unit_text("bytes"), span(&signature)));
	ck_assert(!key_verify(read, unit_text("bytes"), span_of(signature.at, signature.len - 1)));
	ck_assert(!key_verify(read, unit_text("bytes"), span_of(signature.at, 0)));
	signature.at[signature.len / 2] ^= 1;
	ck_assert(!key_verify(read, unit_text("bytes"), span(&signature)));
	ck_assert(key_equal(k, read));
	ck_assert(!key_equal(k, other));
	key_free(read);
	key_free(other);
	key_free(k);
}
END_TEST

START_TEST(key_equal__keys_of_different_kinds_differ)
{
	struct key *a = key_new(schemes[0], NULL);
	struct key *b = key_new(schemes[1], NULL);

	ck_assert(!key_equal(a, b));
	key_free(a);
	key_free(b);
}
END_TEST

/* RFC 8032, section 7.1, test 2. */
START_TEST(key_verify__takes_what_the_standard_signs)
{
	static const char public[] =
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
	static const char hex[] =
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
	struct key *k = key_read("ed25519", "ed25519", public);
	uint8_t signature[64];

	ck_assert(num_parse_hex(hex, signature, sizeof(signature)));
	ck_assert(key_verify(k, unit_text("r"), span_of(signature, sizeof(signature))));
	key_free(k);
}
END_TEST

/* SEC 1: the same point of P-256 in its long and in its compressed form. */
START_TEST(key_equal__however_a_point_is_written)
{
	static const char longer[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAESmgAEGENWkCLuQf8DXN5klhgDFqq\n"
		"G16JFN8tZqawJqaRSySwVHkTIoWlQkSTf4tyTEnjboTm568NWuhRhnBqYw==\n"
		"-----END PUBLIC KEY-----\n";
	static const char shorter[] =
		"-----BEGIN PUBLIC KEY-----\n"
		"MDkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDIgADSmgAEGENWkCLuQf8DXN5klhgDFqq\n"
		"G16JFN8tZqawJqY=\n"
		"-----END PUBLIC KEY-----\n";
	struct key *a = key_read("ecdsa", "ecdsa-sha2-nistp256", longer);
	struct key *b = key_read("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", shorter);

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert(key_equal(a, b));
	key_free(a);
	key_free(b);
}
END_TEST

START_TEST(key_read__what_is_not_known_is_no_key)
{
	struct buf text[SCHEMES] = {{0}, {0}, {0}};
	AUTO_FREE char *large = mem_new(KEY_TEXT_MAX + 2, 1);

	for (int i = 0; i < SCHEMES; i++) {
		struct key *k = key_new(schemes[i], NULL);

		key_text(k, &text[i]);
		key_free(k);
	}
	memset(large, 'a', KEY_TEXT_MAX + 1);
	ck_assert_ptr_null(key_read("ed25519", "ed448", text[0].at));
	ck_assert_ptr_null(key_read("ed25519", "ed25519", text[1].at));
	ck_assert_ptr_null(key_read("ed25519", "ed25519", text[0].at + 1));
	ck_assert_ptr_null(key_read("ed25519", "ed25519", ""));
	ck_assert_ptr_null(key_read("ecdsa", "ecdsa-sha2-nistp256", text[0].at));
	ck_assert_ptr_null(key_read("ecdsa", "ecdsa-sha2-nistp256", text[2].at));
	ck_assert_ptr_null(key_read("rsa", "rsassa-pss-sha256", text[1].at));
	ck_assert_ptr_null(key_read("rsa", "ecdsa-sha2-nistp256", text[1].at));
	ck_assert_ptr_null(key_read("ecdsa", "ecdsa-sha2-nistp256", large));
	for (int i = 0; i < SCHEMES; i++)
		buf_free(&text[i]);
}
END_TEST

START_TEST(key_load__opens_with_its_passphrase_alone)
{
	for (int i = 0; i < SCHEMES; i++) {
		struct key *k = key_new(schemes[i], NULL);
		AUTO_BUF struct buf locked = {0};
		AUTO_BUF struct buf open = {0};
		struct err e = {0};
		struct key *again;

		key_save(k, "secret", &locked);
		key_save(k, NULL, &open);
		ck_assert_ptr_nonnull(strstr(locked.at, "BEGIN ENCRYPTED PRIVATE KEY"));
		again = key_load(span(&locked), "secret", NULL);
		ck_assert(key_equal(k, again));
		key_free(again);
		again = key_load(span(&open), NULL, NULL);
		ck_assert(key_equal(k, again));
		key_free(again);
		ck_assert_ptr_null(key_load(span(&locked), "Secret", &e));
		ck_assert_str_eq(e.text, "no private key that is known, or another passphrase");
		ck_assert_ptr_null(key_load(span(&locked), NULL, &e));
		ck_assert_str_eq(e.text, "no private key that is known, or one with a passphrase");
		ck_assert_ptr_null(key_load(unit_text("x"), NULL, &e));
		key_free(k);
	}
	ck_assert_ptr_null(key_new("md5", NULL));
}
END_TEST

void
key_tests(TCase *c)
{
	tcase_add_loop_test(
		c, key_verify__takes_its_own_signature_of_these_bytes_alone, 0, SCHEMES);
	tcase_add_test(c, key_equal__keys_of_different_kinds_differ);
	tcase_add_test(c, key_verify__takes_what_the_standard_signs);
	tcase_add_test(c, key_equal__however_a_point_is_written);
	tcase_add_test(c, key_read__what_is_not_known_is_no_key);
	tcase_add_test(c, key_load__opens_with_its_passphrase_alone);
}
