/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client_home_look, over what a client has installed. */
#include "client/client_home.h"

#include <fcntl.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "client/installed.h"
#include "unit.h"

static void
open_home(struct installed *f, struct home *h)
{
	ck_assert_int_eq(client_home_open(h, f->path, "t", NULL), 0);
}

static void
look(struct installed *f, bool verify, struct home *ret)
{
	open_home(f, ret);
	client_home_look(ret, verify);
	client_home_close(ret);
}

START_TEST(client_home_look__knows_the_header_and_when_all_was_read)
{
	struct installed f;
	struct home h;
	uint64_t now_s = clock_wall_ms() / 1000;
	char header[IDENT_NAME_MAX];
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *text = NULL;
	struct digest digest;

	installed_set_up(&f);
	look(&f, true, &h);
	ck_assert(!h.whole && !h.header_known);
	ck_assert_str_eq(h.damage, "");
	ck_assert_int_eq(installed_run(&f), UPDATE_UPDATED);
	look(&f, false, &h);
	ck_assert(h.whole && h.header_known);
	ck_assert_str_eq(h.damage, "");
	ck_assert_uint_ge(h.seen.verified_s, now_s);
	ck_assert_uint_le(h.seen.verified_s, clock_wall_ms() / 1000);
	name = mem_printf(".state/%s", ident_header_name(&f.version[1], header));
	text = installed_read(&f, name);
	digest = digest_of(unit_text(text));
	ck_assert(digest_equal(&h.header, &digest));
	installed_tear_down(&f);
}
END_TEST

static const struct {
	int64_t ago_s;
	bool verify;
	bool is_read;
} times[] = {
	{HOME_VERIFY_S - 60, false, false},
	{HOME_VERIFY_S - 60, true, true},
	{HOME_VERIFY_S, false, true},
	{HOME_VERIFY_S + 60, false, true},
	{-60, false, true},
	{0, false, false},
};

/* The record says that all was read so long ago. */
static void
set_verified(struct installed *f, int64_t ago_s, uint64_t *ret_s)
{
	AUTO_LOOK struct look l = {0};
	AUTO_CLOSE int state = fs_open_dir(f->dir, ".state", NULL);
	char name[HOME_NAME_MAX];

	client_look_new(&l, 3);
	(void)client_home_seen(&f->version[1].edition, name);
	ck_assert_int_eq(client_look_read(state, name, &l, NULL), 0);
	*ret_s = l.verified_s = (uint64_t)((int64_t)(clock_wall_ms() / 1000) - ago_s);
	ck_assert_int_eq(client_look_write(state, name, &l, NULL), 0);
}

START_TEST(client_home_look__all_is_read_when_asked_for_and_once_a_day)
{
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct installed f;
		struct home h;
		uint64_t verified_s;

		installed_set_up(&f);
		ck_assert_int_eq(installed_run(&f), UPDATE_UPDATED);
		installed_write_quietly(&f, "current/same", "ALWAYS THE SAME");
		set_verified(&f, times[i].ago_s, &verified_s);
		look(&f, times[i].verify, &h);
		ck_assert_msg(h.whole != times[i].is_read, "%zu", i);
		ck_assert(h.header_known);
		ck_assert((h.seen.verified_s == verified_s) == !times[i].is_read);
		/* It is known from then on. */
		look(&f, false, &h);
		ck_assert_msg(h.whole != times[i].is_read, "%zu", i);
		ck_assert((h.seen.verified_s == verified_s) == !times[i].is_read);
		installed_tear_down(&f);
	}
}
END_TEST

START_TEST(client_home_look__without_a_record_the_files_decide_whether_the_header_is_right)
{
	struct installed f;
	struct home h;
	char seen[HOME_NAME_MAX];
	AUTO_FREE char *name = NULL;

	installed_set_up(&f);
	ck_assert_int_eq(installed_run(&f), UPDATE_UPDATED);
	name = mem_printf(".state/%s", client_home_seen(&f.version[1].edition, seen));
	ck_assert_int_eq(unlinkat(f.dir, name, 0), 0);
	look(&f, false, &h);
	ck_assert(h.whole && h.header_known);
	ck_assert_uint_ne(h.seen.verified_s, 0);
	ck_assert(installed_has(&f, name)); /* made anew */
	ck_assert_int_eq(unlinkat(f.dir, name, 0), 0);
	installed_write_quietly(&f, "current/same", "ALWAYS THE SAME");
	look(&f, false, &h);
	ck_assert(!h.whole && !h.header_known);
	ck_assert_ptr_nonnull(strstr(h.damage, "1 of 3 files missing or changed, such as same"));
	/* Nor is it right because it was looked at before. */
	look(&f, false, &h);
	ck_assert(!h.whole && !h.header_known);
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_home_look__damage_is_told)
{
	static const struct {
		const char *name; /* NULL: the header */
		const char *text; /* NULL: it goes */
		const char *damage;
	} rows[] = {
		{"current/same", NULL, "1 of 3 files missing or changed, such as same"},
		{"current/run", "other", "1 of 3 files missing or changed, such as run"},
		{NULL, "", "not JSON"},
		{NULL, NULL, "h;t=t"},
		{NULL, "{}", "field title"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct installed f;
		struct home h;
		char header[IDENT_NAME_MAX];
		AUTO_FREE char *name = NULL;

		installed_set_up(&f);
		ck_assert_int_eq(installed_run(&f), UPDATE_UPDATED);
		name = rows[i].name != NULL
			       ? mem_string(rows[i].name)
			       : mem_printf(".state/%s", ident_header_name(&f.version[1], header));
		if (rows[i].text == NULL)
			ck_assert_int_eq(unlinkat(f.dir, name, 0), 0);
		else
			installed_write(&f, name, rows[i].text);
		look(&f, false, &h);
		ck_assert(!h.whole);
		ck_assert(h.header_known == (rows[i].name != NULL));
		ck_assert_msg(strstr(h.damage, rows[i].damage) != NULL, "%zu: %s", i, h.damage);
		installed_tear_down(&f);
	}
}
END_TEST

/* Another header that would fit the files as well, but for a title. */
START_TEST(client_home_look__a_header_that_its_record_does_not_know_says_nothing)
{
	struct installed f;
	struct home h;
	char header[IDENT_NAME_MAX];
	AUTO_FREE char *name = NULL;
	AUTO_FREE char *text = NULL;

	installed_set_up(&f);
	ck_assert_int_eq(installed_run(&f), UPDATE_UPDATED);
	name = mem_printf(".state/%s", ident_header_name(&f.version[1], header));
	text = installed_read(&f, name);
	*(strstr(text, "\"title\":\"t\"") + strlen("\"title\":\"")) = 'u';
	installed_write(&f, name, text);
	look(&f, false, &h);
	ck_assert(!h.whole && !h.header_known);
	ck_assert_str_eq(h.damage, "its header was changed");
	installed_tear_down(&f);
}
END_TEST

/* It is large, where there are many files. */
START_TEST(client_home_header__is_read_once)
{
	struct installed f;
	struct home h;
	char header[IDENT_NAME_MAX];
	AUTO_FREE char *name = NULL;
	const struct header *found;
	struct err e = {0};

	installed_set_up(&f);
	ck_assert_int_eq(installed_run(&f), UPDATE_UPDATED);
	name = mem_printf(".state/%s", ident_header_name(&f.version[1], header));
	open_home(&f, &h);
	client_home_look(&h, false);
	ck_assert_int_eq(fs_remove(f.dir, name, NULL), 0);
	found = client_home_header(&h, &e);
	ck_assert_msg(found != NULL, "%s", e.text);
	ck_assert_uint_eq(found->count, 3);
	/* Another look is another question. */
	client_home_look(&h, false);
	ck_assert(!h.whole);
	ck_assert_ptr_null(client_home_header(&h, &e));
	client_home_close(&h);
	installed_tear_down(&f);
}
END_TEST

void
client_home_look_tests(TCase *c)
{
	tcase_add_test(c, client_home_look__knows_the_header_and_when_all_was_read);
	tcase_add_test(c, client_home_look__all_is_read_when_asked_for_and_once_a_day);
	tcase_add_test(
		c, client_home_look__without_a_record_the_files_decide_whether_the_header_is_right);
	tcase_add_test(c, client_home_look__damage_is_told);
	tcase_add_test(c, client_home_look__a_header_that_its_record_does_not_know_says_nothing);
	tcase_add_test(c, client_home_header__is_read_once);
}
