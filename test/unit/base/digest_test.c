/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/digest.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

/* FIPS 180-4's example, and of nothing. */
static const char abc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
static const char none[] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

START_TEST(digest__is_sha_256_in_pieces_too)
{
	struct digester *d = digester_new();
	char hex[DIGEST_HEX + 1];
	struct digest got = digest_of(unit_text("abc"));

	ck_assert_str_eq(digest_hex(&got, hex), abc);
	digester_add(d, "a", 1);
	digester_add(d, "bc", 2);
	got = digester_end(d);
	ck_assert_str_eq(digest_hex(&got, hex), abc);
	got = digester_end(d); /* as new */
	ck_assert_str_eq(digest_hex(&got, hex), none);
	digester_free(d);
	digester_free(NULL);
}
END_TEST

START_TEST(digest_parse__takes_one_spelling)
{
	static const char edges[] = "/:@GF`g \n";
	struct digest d;
	char hex[DIGEST_HEX + 2];
	char back[DIGEST_HEX + 1];

	(void)strcpy(hex, abc);
	ck_assert(digest_parse(hex, &d));
	ck_assert_str_eq(digest_hex(&d, back), abc);
	(void)strcat(hex, "x"); /* anything may follow */
	ck_assert(digest_parse(hex, &d));
	for (size_t at = 0; at < DIGEST_HEX; at++) {
		for (size_t i = 0; i < sizeof(edges); i++) { /* its NUL included */
			(void)strcpy(hex, abc);
			hex[at] = edges[i];
			ck_assert_msg(!digest_parse(hex, &d), "%zu %zu", at, i);
		}
	}
	(void)strcpy(hex, "09af09af09af09af09af09af09af09af09af09af09af09af09af09af09af09af");
	ck_assert(digest_parse(hex, &d));
	ck_assert_str_eq(digest_hex(&d, back), hex);
}
END_TEST

START_TEST(digest_of_file__reads_from_the_start_and_leaves_the_descriptor_where_it_stands)
{
	enum { BYTES = (1 << 17) + 3 };
	AUTO_FREE unsigned char *bytes = unit_bytes(BYTES, 3);
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_CLOSE int fd = -1;
	struct digest got = {0};
	struct digest right = digest_of(span_of(bytes, BYTES));
	struct err e = {0};
	uint64_t size = 0;

	ck_assert_int_eq(fs_put(dir, "x", "file", span_of(bytes, BYTES), NULL), 0);
	fd = fs_open(dir, "file", NULL, NULL);
	ck_assert_int_eq(lseek(fd, 5, SEEK_SET), 5);
	ck_assert_int_eq(digest_of_file(fd, NULL, &got, &size, &e), 0);
	ck_assert(digest_equal(&got, &right));
	ck_assert_uint_eq(size, BYTES);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 5);
	size = 0;
	ck_assert_int_eq(digest_of_file(fd, NULL, NULL, &size, &e), 0);
	ck_assert_uint_eq(size, BYTES);
	ck_assert_int_eq(digest_of_file(dir, NULL, &got, &size, &e), -1); /* a directory */
	ck_assert_int_eq(e.code, ERR_SYS);
}
END_TEST

void
digest_tests(TCase *c)
{
	tcase_add_test(c, digest__is_sha_256_in_pieces_too);
	tcase_add_test(c, digest_parse__takes_one_spelling);
	tcase_add_test(
		c, digest_of_file__reads_from_the_start_and_leaves_the_descriptor_where_it_stands);
}
