/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/survey.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "model/wire.h"
#include "faults.h"
#include "unit.h"

/* Whoever has none, or one that cannot be believed, goes on without; a disk's error is none. */
START_TEST(survey_query__says_what_is_lost_and_goes_on)
{
	AUTO_FREE char *large = mem_new(WIRE_QUERY_BYTES_MAX + 2, 1);
	const struct {
		const char *text; /* NULL: there is none */
		enum err_code lost;
		const char *words;
	} rows[] = {{NULL, ERR_MISSING, ""}, {"{", ERR_INPUT, "q: "}, {large, ERR_LIMIT, "q"},
		{"{\"idents\":[]}", ERR_INPUT, "q: "}};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_REPO struct repo *r = NULL;
	struct err lost;
	struct err e = {0};

	memset(large, ' ', WIRE_QUERY_BYTES_MAX + 1);
	ck_assert_int_eq(repo_open(path, true, &r, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_IDENTS struct idents query = {0};

		if (rows[i].text != NULL)
			ck_assert_int_eq(fs_put(dir, "x", "q", unit_text(rows[i].text), NULL), 0);
		ck_assert_msg(survey_query(r, &query, &lost, &e) == 0, "row %zu: %s", i, e.text);
		ck_assert_msg(lost.code == rows[i].lost, "row %zu: %s", i, lost.text);
		ck_assert_msg(strncmp(lost.text, rows[i].words, strlen(rows[i].words)) == 0,
			"row %zu: %s", i, lost.text);
		ck_assert_uint_eq(query.count, 0);
	}
	unit_limit_files(0);
	ck_assert_int_eq(survey_query(r, &(struct idents){0}, &lost, &e), -1);
	unit_limit_files(UINT_MAX);
	ck_assert_int_eq(e.code, ERR_SYS);
	ck_assert_str_eq(e.text, "q: Too many open files");
}
END_TEST

/* It is looked at twice: its digest, and then what it says. */
START_TEST(survey_check__an_archive_that_cannot_be_read_is_not_damaged)
{
	struct span bytes = unit_text("GUTS2AR1");
	struct record r = {.ident = {"t", {5, "00000005"}}, .ref = {digest_of(bytes), bytes.len}};
	AUTO_FREE char *path = NULL;
	AUTO_CLOSE int dir = unit_dir(&path);
	AUTO_REPO struct repo *repo = NULL;
	char name[IDENT_NAME_MAX];

	ck_assert_int_eq(repo_open(path, true, &repo, NULL), 0);
	(void)ident_file_name(&r.ref.id, name);
	ck_assert_int_eq(fs_put(dir, "x", name, bytes, NULL), 0);
	ck_assert_int_eq(survey_check(repo, &r, NULL), 0);
	for (unsigned n = 1; n <= 2; n++) {
		struct err e = {0};

		faults_refuse(name, n, EIO);
		ck_assert_int_eq(survey_check(repo, &r, &e), -1);
		ck_assert_msg(e.code == ERR_SYS, "%u: %s", n, e.text);
	}
}
END_TEST

void
survey_tests(TCase *c)
{
	tcase_add_test(c, survey_query__says_what_is_lost_and_goes_on);
	tcase_add_test(c, survey_check__an_archive_that_cannot_be_read_is_not_damaged);
}
