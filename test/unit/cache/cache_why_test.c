/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No server runs: what one would add is in cache_why_server_test.c. */
#include "cache/cache_why.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "cache/cached.h"
#include "store/depot.h"
#include "unit.h"

/* The answers as for people. */
static void
check(const struct cached *f, const struct edition *base, const char *answers)
{
	AUTO_FREE char *all =
		mem_printf("%snot signed: no root was given to this server\n", answers);

	unit_listen();
	ck_assert_int_eq(cache_why(&f->c, "t", base, false), 0);
	ck_assert_str_eq(unit_output(), all);
}

static void
drop(struct cached *f, const struct record *r)
{
	ck_assert_int_eq(depot_remove(cached_depot(f), r, NULL), 0);
	cached_open_again(f);
}

#define NEWEST "q            200  the newest version is 2 "
#define ANSWER(cookie, rest) mem_printf(NEWEST "%s\n" rest, cookie)

START_TEST(cache_why__what_is_kept_is_given)
{
	struct cached f;
	const struct edition *first;
	AUTO_FREE char *text = NULL;
	char bytes[32];

	cached_set_up(&f);
	first = &f.v.header[0]->ident.edition;
	text = mem_printf(NEWEST "%s\n"
				 "o pv pc      200  the difference is in the cache: guts2ar2, %s\n"
				 "o            503  it is built from the content of 1 and 1 kept "
				 "differences\n",
		f.v.header[1]->ident.edition.cookie,
		num_bytes_text(f.difference.ref.bytes, bytes, sizeof(bytes)));
	check(&f, first, text);
	check(&f, &f.v.header[1]->ident.edition,
		"q            200  the client has the newest version, and asks for nothing\n");
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_why__what_is_not_kept_is_obtained)
{
	struct cached f;
	const struct edition *first;
	AUTO_FREE char *with_content = NULL;
	AUTO_FREE char *without = NULL;

	cached_set_up(&f);
	first = &f.v.header[0]->ident.edition;
	with_content = ANSWER(f.v.header[1]->ident.edition.cookie,
		"o pv pc      503  not in the cache: the upstream is asked for it; where it has "
		"none the client is sent to the full archive with 301, if the upstream has it\n"
		"o            503  it is built from what is kept of 1 and a difference, or "
		"downloaded, whichever is less, if the upstream has it\n");
	without = ANSWER(f.v.header[1]->ident.edition.cookie,
		"o            503  nothing of it is kept: the full archive is downloaded, if the "
		"upstream has it\n");
	drop(&f, &f.difference);
	check(&f, first, with_content);
	drop(&f, &f.full[0]);
	drop(&f, &f.full[1]);
	drop(&f, &(struct record){.kind = RECORD_CONTENT, .ident = f.v.header[0]->ident});
	check(&f, NULL, without);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_why__no_difference_leads_to_an_older_version)
{
	struct cached f;

	cached_set_up(&f);
	unit_listen();
	ck_assert_int_eq(cache_why(&f.c, "t", &f.v.header[2]->ident.edition, false), 0);
	ck_assert_ptr_nonnull(strstr(
		unit_output(), "\no pv pc      301  no difference leads to an older version\no  "));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_why__a_full_archive_that_is_kept_or_can_be_built_here)
{
	struct cached f;
	AUTO_IDENTS struct idents query = {0};

	cached_set_up(&f);
	idents_add(&query, &f.v.header[0]->ident);
	ck_assert_int_eq(depot_put_query(cached_depot(&f), &query, NULL), 0);
	cached_open_again(&f);
	ck_assert_int_eq(cache_why(&f.c, "t", NULL, false), 0);
	ck_assert_ptr_nonnull(strstr(
		unit_output(), "\no            200  the full archive is in the cache: guts2ar2"));
	drop(&f, &f.full[1]);
	drop(&f, &f.full[0]);
	ck_assert_int_eq(cache_why(&f.c, "t", NULL, false), 0);
	ck_assert_ptr_nonnull(strstr(
		unit_output(), "\no            503  it is built from the content that is kept\n"));
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_why__a_type_that_is_not_announced)
{
	static const struct {
		const char *channels;
		const char *type;
		bool announced; /* something is */
		const char *words;
	} rows[] = {
		{"{}", "u", true, "o            404  not announced here: "},
		{"{}", "u", false, "o            503  what is announced is not known: "},
		{"{\"types\":{\"t\":{\"enabled\":false}}}", "t", true,
			"o            404  config/channels.json says that this type is not "
			"enabled\n"},
	};

	for (size_t i = 0; i < 3; i++) {
		struct cached f;
		AUTO_DOC json_t *got = NULL;

		cached_set_up(&f);
		cached_put_channels(&f, rows[i].channels);
		if (!rows[i].announced)
			ck_assert_int_eq(fs_remove(f.v.dir, "q", NULL), 0);
		cached_open_again(&f);
		ck_assert_int_eq(cache_why(&f.c, rows[i].type, NULL, false), 1);
		ck_assert_int_eq(strncmp(unit_output(), rows[i].words, strlen(rows[i].words)), 0);
		ck_assert_ptr_nonnull(strstr(unit_complaints(), ": the type is not announced"));
		unit_listen();
		(void)cache_why(&f.c, rows[i].type, NULL, true);
		got = cached_output();
		ck_assert_uint_eq(json_array_size(json_object_get(got, "answers")), 1);
		cached_tear_down(&f);
	}
}
END_TEST

START_TEST(cache_why__the_document_says_the_same)
{
	static const int statuses[] = {200, 200, 503};
	static const char *const requests[] = {"q", "o pv pc", "o"};
	struct cached f;
	AUTO_DOC json_t *got = NULL;
	const json_t *answers;

	cached_set_up(&f);
	ck_assert_int_eq(cache_why(&f.c, "t", &f.v.header[0]->ident.edition, true), 0);
	got = cached_output();
	ck_assert_str_eq(json_string_value(json_object_get(got, "type")), "t");
	answers = json_object_get(got, "answers");
	ck_assert_uint_eq(json_array_size(answers), 3);
	for (size_t i = 0; i < 3; i++) {
		const json_t *answer = json_array_get(answers, i);

		ck_assert_str_eq(
			json_string_value(json_object_get(answer, "request")), requests[i]);
		ck_assert_int_eq(
			json_integer_value(json_object_get(answer, "status")), statuses[i]);
	}
	cached_tear_down(&f);
}
END_TEST

void
cache_why_tests(TCase *c)
{
	tcase_add_test(c, cache_why__what_is_kept_is_given);
	tcase_add_test(c, cache_why__what_is_not_kept_is_obtained);
	tcase_add_test(c, cache_why__no_difference_leads_to_an_older_version);
	tcase_add_test(c, cache_why__a_full_archive_that_is_kept_or_can_be_built_here);
	tcase_add_test(c, cache_why__a_type_that_is_not_announced);
	tcase_add_test(c, cache_why__the_document_says_the_same);
}
