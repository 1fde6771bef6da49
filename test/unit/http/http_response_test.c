/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which responses are kept, and how many files stay open for them. */
#include "http/http_response.h"

#include "http/site.h"
#include "unit.h"

struct kept_files {
	struct site s;
	struct http_response_files files;
};

static void
set_up(struct kept_files *k)
{
	site_set_up(&k->s);
	view_record_response_free = http_response_release;
	k->files = (struct http_response_files){stock_repo(k->s.c.parts.stock), 1};
}

/* The response to what was asked for; the test has it where nobody else has. */
static void *
response(struct kept_files *k, bool *ret_own)
{
	void *r;

	*ret_own = k->s.r.body != REPLY_TEXT;
	r = http_response_new(&k->files, &k->s.r, ret_own);
	ck_assert_ptr_nonnull(r);
	if (*ret_own)
		MHD_destroy_response(r);
	return r;
}

START_TEST(http_response_new__a_whole_file_is_opened_once_and_so_many_stay_open)
{
	struct kept_files k;
	struct record one;
	struct record two;
	void *kept;
	bool own;

	set_up(&k);
	one = site_put(&k.s, "t", &site_before, FORMAT_AR1);
	two = site_put(&k.s, "t", &site_before, FORMAT_AR2);
	for (int round = 0; round < 2; round++) {
		/* What is not the file as it is for everybody is not kept. */
		k.s.facts.range = "bytes=2-4";
		(void)site_ask_file(&k.s, &one, false);
		(void)response(&k, &own);
		ck_assert(own);
		k.s.facts.range = NULL;
		(void)site_ask_file(&k.s, &one, false);
		k.s.r.alone = true;
		(void)response(&k, &own);
		ck_assert(own);
		(void)site_ask_file(&k.s, &one, false);
		kept = response(&k, &own);
		ck_assert(!own);
		ck_assert_ptr_eq(response(&k, &own), kept);
		ck_assert(!own);
		ck_assert_ptr_eq(site_shown(&k.s, &one)->response, kept);
		(void)site_ask_file(&k.s, &two, false);
		(void)response(&k, &own);
		ck_assert(own);
		ck_assert_ptr_null(site_shown(&k.s, &two)->response);
		/* Where the first has gone there is room again. */
		ck_assert_int_eq(stock_remove(k.s.c.parts.stock, &one, NULL), 0);
		reply_clear(&k.s.r);
		(void)site_put(&k.s, "t", &site_before, FORMAT_AR1);
	}
	site_tear_down(&k.s);
}
END_TEST

START_TEST(http_response_new__a_document_is_kept_and_a_text_is_not)
{
	struct kept_files k;
	void *kept;
	bool own;

	set_up(&k);
	(void)site_ask(&k.s, "/q", false);
	kept = response(&k, &own);
	ck_assert(!own);
	ck_assert_ptr_eq(response(&k, &own), kept);
	ck_assert(!own);
	ck_assert_str_eq(MHD_get_response_header(kept, "Cache-Control"), "no-cache");
	(void)site_ask(&k.s, "/nothing", false);
	(void)response(&k, &own);
	ck_assert(own);
	site_tear_down(&k.s);
}
END_TEST

void
http_response_tests(TCase *c)
{
	tcase_add_test(c, http_response_new__a_whole_file_is_opened_once_and_so_many_stay_open);
	tcase_add_test(c, http_response_new__a_document_is_kept_and_a_text_is_not);
}
