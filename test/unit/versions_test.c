/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "versions.h"

#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "unit.h"

static const struct ident idents[] = {
	{"a", {2, "00000001"}},
	{"a", {1, "00000002"}},
	{"a", {10, "00000003"}},
	{"b", {5, "00000005"}},
	{"b", {5, "00000004"}},
};

/* With an offer and a content of each, which are no further versions. */
static struct repo *
set_up(char **ret_path)
{
	struct repo *repo = NULL;
	char name[IDENT_NAME_MAX];

	fs_close(&(int){unit_dir(ret_path)});
	ck_assert_int_eq(repo_open(*ret_path, true, &repo, NULL), 0);
	for (size_t i = 0; i < sizeof(idents) / sizeof(idents[0]); i++) {
		ck_assert_int_eq(
			repo_put(repo, ident_header_name(&idents[i], name), unit_text("x"), NULL),
			0);
		(void)ident_offer_name(&idents[i], NULL, name);
		ck_assert_int_eq(repo_put(repo, name, unit_text("x"), NULL), 0);
		(void)ident_content_name(&idents[i], name);
		ck_assert_int_eq(repo_put(repo, name, unit_text(""), NULL), 0);
	}
	return repo;
}

static void
check(struct repo *repo, const char *type, const size_t *order, size_t count)
{
	AUTO_FREE struct ident *got = NULL;
	size_t n;

	ck_assert_int_eq(versions_read(repo, type, &got, &n, NULL), 0);
	ck_assert_uint_eq(n, count);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(ident_equal(&got[i], &idents[order[i]]), "%zu", i);
}

START_TEST(versions_read__by_type_and_the_newest_first)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_FREE char *path = NULL;

	repo = set_up(&path);
	check(repo, NULL, (const size_t[]){2, 0, 1, 4, 3}, 5);
	check(repo, "a", (const size_t[]){2, 0, 1}, 3);
	check(repo, "b", (const size_t[]){4, 3}, 2);
	check(repo, "none", NULL, 0);
}
END_TEST

void
versions_tests(TCase *c)
{
	tcase_add_test(c, versions_read__by_type_and_the_newest_first);
}
