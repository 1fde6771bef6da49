/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "settings.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "logged.h"
#include "unit.h"

#define PROXY "data/fspms.proxy.config"
#define CHANNELS "config/channels.json"

struct fixture {
	int dir;
	struct options options;
	struct settings *settings;
};

static void
put(const struct fixture *f, const char *name, const char *text)
{
	ck_assert_int_eq(fs_put(f->dir, "staged", name, unit_text(text), NULL), 0);
}

static void
set_up(struct fixture *f)
{
	*f = (struct fixture){0};
	f->dir = unit_dir(&f->options.root);
	fs_close(&(int){fs_make_dirs(f->dir, "data", NULL)});
	fs_close(&(int){fs_make_dirs(f->dir, "config", NULL)});
}

static void
start(struct fixture *f)
{
	struct err e = {0};

	ck_assert_msg(settings_new(&f->options, &f->settings, &e) == 0, "%s", e.text);
}

static void
tear_down(struct fixture *f)
{
	settings_free(f->settings);
	fs_close(&f->dir);
	free(f->options.root);
}

/* What is in force: the port of the proxy, and how many versions of "t" are kept; 0: not said. */
static void
check_policy(const struct policy *policy, unsigned port, unsigned keep)
{
	ck_assert_uint_eq(policy->proxy->http.host != NULL ? policy->proxy->http.port : 0, port);
	ck_assert_uint_eq(channels_policy(policy->channels, "t").keep, keep);
}

static void
check(struct fixture *f, unsigned port, unsigned keep)
{
	struct policy *policy = settings_take(f->settings);

	check_policy(policy, port, keep);
	settings_release(policy);
}

static const char keep_7[] = "{\"types\":{\"t\":{\"keep\":7}}}";
static const char keep_8[] = "{\"types\":{\"t\":{\"keep\":8}}}";
static const char port_1[] = "http_proxy=http://p:1/\n";
static const char port_2[] = "http_proxy=http://p:2/\n";

START_TEST(settings_new__without_files_nothing_is_said_and_with_a_bad_one_there_is_no_start)
{
	static const char *const names[] = {PROXY, CHANNELS};
	struct fixture f;

	set_up(&f);
	start(&f);
	check(&f, 0, 0);
	ck_assert(!settings_look(f.settings));
	settings_free(f.settings);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct err e = {0};

		put(&f, names[i], "bad");
		ck_assert_int_eq(settings_new(&f.options, &f.settings, &e), -1);
		ck_assert_ptr_nonnull(strstr(e.text, names[i]));
		ck_assert_int_eq(unlinkat(f.dir, names[i], 0), 0);
	}
	put(&f, PROXY, port_1);
	put(&f, CHANNELS, keep_7);
	start(&f);
	check(&f, 1, 7);
	tear_down(&f);
}
END_TEST

START_TEST(settings_reload__a_file_with_an_error_leaves_what_it_said_before_in_force)
{
	/* What lies there when they are read anew, whether anything is new, and what holds then. */
	static const struct {
		const char *proxy, *channels;
		bool news;
		unsigned port, keep;
	} rows[] = {{port_2, keep_8, true, 2, 8}, {"bad", keep_7, true, 2, 7},
		{"bad", "bad", false, 2, 7}, {port_1, "bad", true, 1, 7},
		{"bad", keep_8, true, 1, 8}, {"", "", true, 0, 0}};
	struct policy *first;
	struct fixture f;

	set_up(&f);
	logged_begin();
	put(&f, PROXY, port_1);
	put(&f, CHANNELS, keep_7);
	start(&f);
	first = settings_take(f.settings);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool bad_proxy = strcmp(rows[i].proxy, "bad") == 0;
		bool bad_channels = strcmp(rows[i].channels, "bad") == 0;
		const char *said;

		put(&f, PROXY, rows[i].proxy);
		put(&f, CHANNELS, rows[i].channels);
		ck_assert(settings_reload(f.settings) == rows[i].news);
		check(&f, rows[i].port, rows[i].keep);
		said = logged();
		ck_assert((strstr(said, "event=settings-bad") != NULL) ==
			  (bad_proxy || bad_channels));
		ck_assert((strstr(said, "event=settings ") != NULL) == rows[i].news);
		ck_assert_ptr_nonnull(strstr(said, PROXY));
		ck_assert_ptr_nonnull(strstr(said, CHANNELS));
		ck_assert((strstr(said, "reason=") != NULL) == (bad_proxy || bad_channels));
	}
	/* Who took it earlier has it as it was. */
	check_policy(first, 1, 7);
	settings_release(first);
	tear_down(&f);
}
END_TEST

START_TEST(settings_reload__a_file_that_stays_bad_holds_on_to_its_last_good_policy_alone)
{
	struct policy *policy;
	struct policy *owner;
	struct fixture f;

	set_up(&f);
	logged_begin();
	put(&f, CHANNELS, keep_7);
	start(&f);
	owner = settings_take(f.settings);
	put(&f, CHANNELS, "bad");
	for (unsigned i = 0; i < 3; i++)
		ck_assert(settings_reload(f.settings));
	policy = settings_take(f.settings);
	ck_assert_ptr_eq(policy->lender[SETTINGS_CHANNELS], owner);
	ck_assert_ptr_null(policy->lender[SETTINGS_PROXY]);
	/* The one that is in force, and this test. */
	ck_assert_uint_eq(owner->references, 2);
	ck_assert_uint_eq(policy->references, 2);
	settings_release(policy);
	put(&f, CHANNELS, keep_8);
	ck_assert(settings_reload(f.settings));
	ck_assert_uint_eq(owner->references, 1);
	settings_release(owner);
	tear_down(&f);
}
END_TEST

/* Changes of config/channels.json after which it has to be read again. */
static void
write_over(struct fixture *f)
{
	AUTO_CLOSE int fd = openat(f->dir, CHANNELS, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(fs_write(fd, keep_8, strlen(keep_8), NULL), 0);
}

/* With the times of its content as they were. */
static void
rename_over(struct fixture *f)
{
	struct timespec times[2];
	struct stat st;

	ck_assert_int_eq(fstatat(f->dir, CHANNELS, &st, 0), 0);
	put(f, CHANNELS, keep_8);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	ck_assert_int_eq(utimensat(f->dir, CHANNELS, times, 0), 0);
}

static void
drop(struct fixture *f)
{
	ck_assert_int_eq(unlinkat(f->dir, CHANNELS, 0), 0);
}

static void
put_proxy(struct fixture *f)
{
	put(f, PROXY, port_2);
}

START_TEST(settings_look__a_file_is_read_again_once_when_it_has_settled)
{
	static const struct {
		void (*change)(struct fixture *f);
		unsigned port, keep;
	} rows[] = {{write_over, 0, 8}, {rename_over, 0, 8}, {drop, 0, 0}, {put_proxy, 2, 7}};

	logged_begin();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture f;

		set_up(&f);
		put(&f, CHANNELS, keep_7);
		start(&f);
		ck_assert(!settings_look(f.settings));
		rows[i].change(&f);
		/* Somebody may be writing it. */
		ck_assert(!settings_look(f.settings));
		check(&f, 0, 7);
		ck_assert_msg(settings_look(f.settings), "row %zu", i);
		check(&f, rows[i].port, rows[i].keep);
		ck_assert(!settings_look(f.settings));
		tear_down(&f);
	}
}
END_TEST

START_TEST(settings_look__one_that_is_being_written_is_waited_for)
{
	struct fixture f;

	set_up(&f);
	logged_begin();
	put(&f, CHANNELS, keep_7);
	start(&f);
	for (unsigned i = 0; i < 3; i++) {
		put(&f, CHANNELS, i % 2 == 0 ? "{" : keep_8);
		ck_assert(!settings_look(f.settings));
	}
	/* As it was when it was read: there is nothing to do. */
	ck_assert_str_eq(logged(), "");
	put(&f, CHANNELS, "bad");
	put(&f, PROXY, "bad");
	ck_assert(!settings_look(f.settings));
	ck_assert(!settings_look(f.settings)); /* read, and nothing new is in force */
	ck_assert_ptr_nonnull(strstr(logged(), "event=settings-bad"));
	/* It is complained about once. */
	ck_assert(!settings_look(f.settings));
	ck_assert_str_eq(logged(), "");
	tear_down(&f);
}
END_TEST

START_TEST(settings_print__says_what_is_in_force_and_where_it_is_from)
{
	/* P and C stand for the paths of the files. */
	static const struct {
		const char *proxy, *channels, *expected;
	} rows[] = {
		{NULL, NULL,
			"http_proxy=  # none in P\n"
			"legacy=  # none in C\n"},
		{port_1, keep_7,
			"http_proxy=http://p:1/  # P:1\n"
			"legacy=  # none in C\n"
			"types.t.keep=7  # C\n"},
		{"\nhttps_proxy=http://u:secret@p:3/\nno_proxy=a,.b\n",
			"{\"legacy\":[\"b\",\"a\"],\"types\":{\"v*\":{\"enabled\":false,"
			"\"prefetch\":true}}}",
			"https_proxy=http://u@p:3/ (and a password)  # P:2\n"
			"no_proxy=a,.b  # P:3\n"
			"legacy=a,b  # C\n"
			"types.v*.enabled=false  # C\n"
			"types.v*.prefetch=true  # C\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_FREE char *text = NULL;
		AUTO_BUF struct buf expected = {0};
		size_t len;
		FILE *to = open_memstream(&text, &len);
		struct fixture f;

		set_up(&f);
		if (rows[i].proxy != NULL) {
			put(&f, PROXY, rows[i].proxy);
			/* As one with a password has to be. */
			ck_assert_int_eq(fchmodat(f.dir, PROXY, 0600, 0), 0);
		}
		if (rows[i].channels != NULL)
			put(&f, CHANNELS, rows[i].channels);
		start(&f);
		settings_print(f.settings, to);
		ck_assert_int_eq(fclose(to), 0);
		for (const char *at = rows[i].expected; *at != '\0'; at++)
			if (*at == 'P' || *at == 'C')
				buf_printf(&expected, "%s/%s", f.options.root,
					*at == 'P' ? PROXY : CHANNELS);
			else
				buf_add(&expected, at, 1);
		buf_add(&expected, "", 1);
		ck_assert_str_eq(text, expected.at);
		tear_down(&f);
	}
}
END_TEST

void
settings_tests(TCase *c)
{
	tcase_add_test(c,
		settings_new__without_files_nothing_is_said_and_with_a_bad_one_there_is_no_start);
	tcase_add_test(
		c, settings_reload__a_file_with_an_error_leaves_what_it_said_before_in_force);
	tcase_add_test(
		c, settings_reload__a_file_that_stays_bad_holds_on_to_its_last_good_policy_alone);
	tcase_add_test(c, settings_look__a_file_is_read_again_once_when_it_has_settled);
	tcase_add_test(c, settings_look__one_that_is_being_written_is_waited_for);
	tcase_add_test(c, settings_print__says_what_is_in_force_and_where_it_is_from);
}
