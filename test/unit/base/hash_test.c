/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"

#include "unit.h"

/* The paper's example (appendix A), and what its authors' program gives for no byte and for eight.
 */
START_TEST(hash_of__is_siphash)
{
	const struct hash_key key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
	unsigned char bytes[15];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	ck_assert_uint_eq(hash_of(&key, bytes, 15), 0xa129ca6149be45e5);
	ck_assert_uint_eq(hash_of(&key, bytes, 0), 0x726fdb47dd0e0e31);
	ck_assert_uint_eq(hash_of(&key, bytes, 8), 0x93f5f5799a932462);
}
END_TEST

START_TEST(hash_key_new__no_two_are_equal)
{
	struct hash_key a = hash_key_new();
	struct hash_key b = hash_key_new();

	ck_assert_uint_ne(hash_of_text(&a, "t"), hash_of_text(&b, "t"));
}
END_TEST

void
hash_tests(TCase *c)
{
	tcase_add_test(c, hash_of__is_siphash);
	tcase_add_test(c, hash_key_new__no_two_are_equal);
}
