/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_install.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/map.h"
#include "base/mem.h"
#include "client/installed.h"
#include "codec/archived.h"
#include "faults.h"
#include "unit.h"

/* What is installed, looked at, and all that a newer version takes. */
struct fixture {
	struct installed at;
	struct home h;
	struct installation what;
	struct header *header;
	struct buf header_bytes;
	struct map archive;
};

static void
read_version(struct fixture *f, const struct ident *ident, const struct edition *base)
{
	const struct archive_ref ref = published_archive(&f->at.cloud, ident, base, FORMAT_AR2);
	char name[IDENT_NAME_MAX];

	ck_assert_int_eq(fs_read(f->at.cloud.dir, ident_header_name(ident, name), HEADER_BYTES_MAX,
				 &f->header_bytes, NULL),
		0);
	f->what = (struct installation){
		.header_bytes = span_of(f->header_bytes.at, f->header_bytes.len),
		.difference = base != NULL};
	ck_assert_int_eq(header_parse_of(f->what.header_bytes, ident, &f->header, NULL), 0);
	ck_assert_int_eq(
		map_open(f->at.cloud.dir, ident_file_name(&ref.id, name), &f->archive, NULL), 0);
	f->what.header = f->header;
	f->what.archive = map_span(&f->archive);
}

/* Version 1 is installed, what was put since is published as version 2. */
static void
publish(struct fixture *f, bool difference)
{
	installed_publish(&f->at, 2);
	read_version(f, &f->at.version[2], difference ? &f->at.version[1].edition : NULL);
	ck_assert_int_eq(client_home_open(&f->h, f->at.path, "t", NULL), 0);
	client_home_look(&f->h, false);
	ck_assert(f->h.whole);
}

static void
set_up(struct fixture *f)
{
	*f = (struct fixture){0};
	installed_set_up(&f->at);
	ck_assert_int_eq(installed_run(&f->at), UPDATE_UPDATED);
}

static void
tear_down(struct fixture *f)
{
	client_home_close(&f->h);
	map_close(&f->archive);
	header_free(f->header);
	buf_free(&f->header_bytes);
	installed_tear_down(&f->at);
}

/* The name of a file of the version before. */
static char *
before(const struct fixture *f, const char *name)
{
	char tree[HOME_NAME_MAX];

	return mem_printf("%s/%s", client_home_tree(&f->at.version[1].edition, tree), name);
}

static bool
is_one_file(const struct fixture *f, const char *a, const char *b)
{
	struct stat left;
	struct stat right;

	ck_assert_int_eq(fstatat(f->at.dir, a, &left, 0), 0);
	ck_assert_int_eq(fstatat(f->at.dir, b, &right, 0), 0);
	return left.st_ino == right.st_ino;
}

static void
install(struct fixture *f)
{
	struct err e = {0};

	ck_assert_msg(client_install(&f->h, &f->what, &e) == 0, "%s", e.text);
}

/* Nothing is left of it, and what was installed is what is. */
static void
check_nothing_came(struct fixture *f, enum err_code code)
{
	struct err e = {0};

	ck_assert_int_eq(client_install(&f->h, &f->what, &e), -1);
	ck_assert_msg(e.code == code, "%d: %s", e.code, e.text);
	ck_assert_uint_eq(f->h.named.version, 1);
	ck_assert_uint_eq(installed_count(&f->at, "."), 3);	 /* .state, current, version 1 */
	ck_assert_uint_eq(installed_count(&f->at, ".state"), 3); /* lock, header, record */
}

START_TEST(client_install__what_it_installed_is_whole_and_known)
{
	for (int difference = 0; difference < 2; difference++) {
		struct fixture f;
		uint64_t now_s = clock_wall_ms() / 1000;

		set_up(&f);
		publish(&f, difference);
		faults_follow();
		install(&f);
		/* All files; header, record, directory; and what leads to them. */
		ck_assert_str_eq(faults_named(), "|h/2/2/c/");
		ck_assert(ident_edition_equal(&f.h.named, &f.at.version[2].edition));
		ck_assert(f.h.whole && f.h.header_known);
		ck_assert_uint_ge(f.h.seen.verified_s, now_s);
		ck_assert(installed_is_whole(&f.at, 2));
		ck_assert(!installed_has(&f.at, ".state/new"));
		ck_assert(!installed_has(&f.at, ".state/tree"));
		client_home_close(&f.h);
		/* Its record and its header fit: a look has nothing to read, and says so. */
		installed_write_quietly(&f.at, "current/run", "#!/bin/XX\n");
		ck_assert_int_eq(client_home_open(&f.h, f.at.path, "t", NULL), 0);
		client_home_look(&f.h, false);
		ck_assert(f.h.whole && f.h.header_known);
		tear_down(&f);
	}
}
END_TEST

START_TEST(client_install__what_did_not_change_is_one_file_unless_copies_are_wanted)
{
	for (int copy = 0; copy < 2; copy++) {
		struct fixture f;
		AUTO_FREE char *same = NULL;

		set_up(&f);
		same = before(&f, "same");
		published_put(&f.at.cloud, "again", "always the same", false);
		published_put(&f.at.cloud, "new/one", "new", false);
		published_put(&f.at.cloud, "new/two", "new", false);
		publish(&f, true);
		f.what.copy = copy;
		install(&f);
		ck_assert(installed_is_whole(&f.at, 2));
		ck_assert_int_eq(is_one_file(&f, "current/same", same), !copy);
		ck_assert_int_eq(is_one_file(&f, "current/same", "current/again"), !copy);
		ck_assert_int_eq(is_one_file(&f, "current/new/one", "current/new/two"), !copy);
		ck_assert_uint_eq(installed_links(&f.at, "current/same"), copy ? 1 : 3);
		ck_assert_uint_eq(installed_links(&f.at, "current/new/one"), copy ? 1 : 2);
		tear_down(&f);
	}
}
END_TEST

START_TEST(client_install__the_executable_bit_alone_makes_another_file)
{
	for (int difference = 0; difference < 2; difference++) {
		struct fixture f;
		AUTO_FREE char *same = NULL;

		set_up(&f);
		same = before(&f, "same");
		published_put(&f.at.cloud, "plain", "#!/bin/sh\n", false);
		published_put(&f.at.cloud, "same", "always the same", true);
		publish(&f, difference);
		install(&f);
		ck_assert_uint_eq(installed_mode(&f.at, "current/run"), 0755);
		ck_assert_uint_eq(installed_mode(&f.at, "current/plain"), 0644);
		ck_assert_uint_eq(installed_mode(&f.at, "current/same"), 0755);
		ck_assert_uint_eq(installed_mode(&f.at, same), 0644);
		tear_down(&f);
	}
}
END_TEST

START_TEST(client_install__a_mode_that_was_changed_is_not_taken_over)
{
	static const mode_t modes[] = {0600, 0755, 04644, 0666};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		struct fixture f;
		AUTO_FREE char *same = NULL;

		set_up(&f);
		same = before(&f, "same");
		publish(&f, true);
		ck_assert_int_eq(fchmodat(f.at.dir, same, modes[i], 0), 0);
		install(&f);
		ck_assert_uint_eq(installed_mode(&f.at, "current/same"), 0644);
		ck_assert_uint_eq(installed_mode(&f.at, same), modes[i]);
		ck_assert(installed_is_whole(&f.at, 2));
		tear_down(&f);
	}
}
END_TEST

/* One that is taken over, whose time tells, and one that a delta is from, which is read. */
START_TEST(client_install__what_was_changed_since_the_look_does_not_get_into_the_new_version)
{
	static const char *const names[] = {"same", "sub/changes"};
	static const struct timespec later[] = {{2000000000, 0}, {2000000000, 0}};

	for (size_t i = 0; i < 2; i++) {
		struct fixture f;
		AUTO_FREE char *name = NULL;
		AUTO_FREE char *text = NULL;
		struct err e = {0};

		set_up(&f);
		name = before(&f, names[i]);
		publish(&f, true);
		text = installed_read(&f.at, name);
		text[strlen(text) / 2] ^= 1;
		installed_write_quietly(&f.at, name, text);
		if (i == 0)
			ck_assert_int_eq(utimensat(f.at.dir, name, later, 0), 0);
		check_nothing_came(&f, ERR_DIGEST);
		ck_assert_int_eq(client_install(&f.h, &f.what, &e), -1);
		ck_assert_ptr_nonnull(strstr(e.text, "was changed since it was installed"));
		ck_assert_ptr_nonnull(strstr(e.text, names[i]));
		tear_down(&f);
	}
}
END_TEST

START_TEST(client_install__what_is_behind_a_link_is_not_taken_over)
{
	struct fixture f;
	AUTO_FREE char *sub = NULL;
	struct err e = {0};

	set_up(&f);
	sub = before(&f, "sub");
	published_put(&f.at.cloud, "sub/stays", "stays", false);
	ck_assert_int_eq(fs_remove(f.at.dir, "current", NULL), 0);
	installed_publish(&f.at, 2);
	f.at.version[1] = f.at.version[2];
	ck_assert_int_eq(installed_run(&f.at), UPDATE_UPDATED);
	free(sub);
	sub = before(&f, "sub");
	installed_publish(&f.at, 3);
	read_version(&f, &f.at.version[3], &f.at.version[2].edition);
	ck_assert_int_eq(client_home_open(&f.h, f.at.path, "t", NULL), 0);
	client_home_look(&f.h, false);
	ck_assert_int_eq(renameat(f.at.dir, sub, f.at.dir, "elsewhere"), 0);
	ck_assert_int_eq(symlinkat("../elsewhere", f.at.dir, sub), 0);
	ck_assert_int_eq(client_install(&f.h, &f.what, &e), -1);
	ck_assert_uint_eq(f.h.named.version, 2);
	ck_assert_uint_eq(installed_links(&f.at, "elsewhere/stays"), 1);
	tear_down(&f);
}
END_TEST

START_TEST(client_install__a_base_that_went_since_the_look_is_named)
{
	struct fixture f;
	AUTO_FREE char *name = NULL;
	struct err e = {0};

	set_up(&f);
	publish(&f, true);
	name = before(&f, "");
	name[strlen(name) - 1] = '\0'; /* the slash */
	ck_assert_int_eq(fs_remove(f.at.dir, name, NULL), 0);
	ck_assert_int_eq(client_install(&f.h, &f.what, &e), -1);
	ck_assert_int_eq(e.code, ERR_MISSING);
	ck_assert_msg(strstr(e.text, name) != NULL, "%s", e.text);
	ck_assert_uint_eq(f.h.named.version, 1);
	tear_down(&f);
}
END_TEST

/* The archive is of something else; old: from all of its files, which are installed. */
static void
make_wrong(struct fixture *f, const struct header *old, struct buf *ret)
{
	AUTO_BUF struct buf base = {0};

	for (size_t i = 0; old != NULL && i < old->count; i++) {
		AUTO_FREE char *name = before(f, old->files[i].path);

		ck_assert_int_eq(fs_read(f->at.dir, name, 1 << 20, &base, NULL), 0);
	}
	archived_make_wrong(f->header, old, span_of(base.at, base.len), ret);
	f->what.archive = span_of(ret->at, ret->len);
}

START_TEST(client_install__an_archive_of_no_use_leaves_nothing)
{
	struct fixture f;
	AUTO_BUF struct buf wrong = {0};
	uint8_t *bytes;

	set_up(&f);
	publish(&f, false);
	/* Without its end, with other bytes, and of something else. */
	f.what.archive.len -= 8;
	check_nothing_came(&f, ERR_INPUT);
	f.what.archive.len += 8;
	bytes = mem_new(f.what.archive.len, 1);
	memcpy(bytes, f.what.archive.at, f.what.archive.len);
	bytes[8] ^= 0x40; /* the encoding of its first entry */
	f.what.archive.at = bytes;
	check_nothing_came(&f, ERR_INPUT);
	free(bytes);
	make_wrong(&f, NULL, &wrong);
	check_nothing_came(&f, ERR_DIGEST);
	tear_down(&f);
}
END_TEST

/* What was installed is right, and is not said to have been changed. */
START_TEST(client_install__a_difference_that_decodes_to_something_else)
{
	struct fixture f;
	AUTO_BUF struct buf bytes = {0};
	AUTO_BUF struct buf wrong = {0};
	AUTO_HEADER struct header *old = NULL;
	struct err e = {0};
	char name[IDENT_NAME_MAX];

	set_up(&f);
	publish(&f, true);
	ck_assert_int_eq(fs_read(f.at.cloud.dir, ident_header_name(&f.at.version[1], name),
				 HEADER_BYTES_MAX, &bytes, NULL),
		0);
	ck_assert_int_eq(header_parse(span_of(bytes.at, bytes.len), &old, NULL), 0);
	make_wrong(&f, old, &wrong);
	ck_assert_int_eq(client_install(&f.h, &f.what, &e), -1);
	ck_assert_msg(e.code == ERR_DIGEST && strstr(e.text, "another SHA-256"), "%s", e.text);
	tear_down(&f);
}
END_TEST

START_TEST(client_install__a_damaged_version_is_exchanged_as_a_whole)
{
	struct fixture f;
	AUTO_FREE char *more = NULL;

	set_up(&f);
	more = before(&f, "more");
	read_version(&f, &f.at.version[1], NULL);
	installed_write(&f.at, "current/same", "damaged");
	installed_write(&f.at, "current/more", "more than there was");
	ck_assert_int_eq(client_home_open(&f.h, f.at.path, "t", NULL), 0);
	client_home_look(&f.h, false);
	ck_assert(!f.h.whole);
	faults_follow();
	install(&f);
	ck_assert_str_eq(faults_named(), "|h/1/1/c/");
	ck_assert(f.h.whole && installed_is_whole(&f.at, 1));
	ck_assert(!installed_has(&f.at, more));
	ck_assert_uint_eq(installed_count(&f.at, "."), 3);
	ck_assert_uint_eq(installed_count(&f.at, ".state"), 3);
	tear_down(&f);
}
END_TEST

START_TEST(client_install__whatever_is_in_the_place_of_current_or_of_its_own_makes_way)
{
	static const char *const names[] = {
		"current", ".state/current", ".state/new", ".state/tree", ".state/aside"};

	for (size_t i = 0; i < 5; i++) {
		struct fixture f;

		set_up(&f);
		read_version(&f, &f.at.version[1], NULL);
		ck_assert_int_eq(fs_remove(f.at.dir, names[i], NULL), 0);
		if (i == 4) /* what was in the place of `current` before */
			ck_assert_int_eq(fs_remove(f.at.dir, "current", NULL), 0);
		for (int n = i == 4 ? 0 : 1; n < 2; n++) {
			const char *name = n == 0 ? "current" : names[i];
			AUTO_CLOSE int dir = fs_make_dirs(f.at.dir, name, NULL);

			ck_assert_int_eq(fs_put(dir, "x", "something", unit_text("x"), NULL), 0);
		}
		ck_assert_int_eq(client_home_open(&f.h, f.at.path, "t", NULL), 0);
		install(&f);
		ck_assert_msg(installed_is_whole(&f.at, 1), "%s", names[i]);
		tear_down(&f);
	}
}
END_TEST

/* What a look at version 2 goes by. */
static bool
has_record(const struct fixture *f)
{
	char seen[HOME_NAME_MAX];
	AUTO_FREE char *name =
		mem_printf(".state/%s", client_home_seen(&f->at.version[2].edition, seen));

	return installed_has(&f->at, name);
}

/*
 * The calls that remove what is left over at the end may fail: then it is whole all the same. Any
 * other one that fails is told.
 */
START_TEST(client_install__a_disk_that_fails_at_any_call_leaves_one_version_or_the_other)
{
	bool failed = true;
	unsigned failures = 0;

	for (unsigned n = 1; failed; n++) {
		struct fixture f;
		struct err e = {0};
		enum update_result next;
		int result;

		set_up(&f);
		publish(&f, true);
		faults_begin(n);
		result = client_install(&f.h, &f.what, &e);
		failed = faults_stop();
		ck_assert(failed || result == 0);
		failures += result != 0;
		ck_assert_uint_eq(f.h.named.version, result == 0 ? 2 : 1);
		ck_assert(result == 0
				  ? installed_is_whole(&f.at, 2) && has_record(&f)
				  : installed_is_whole(&f.at, 1) || installed_is_whole(&f.at, 2));
		client_home_close(&f.h);
		next = installed_is_whole(&f.at, 2) ? UPDATE_CURRENT : UPDATE_UPDATED;
		ck_assert_int_eq(installed_run(&f.at), next);
		ck_assert(installed_is_whole(&f.at, 2));
		tear_down(&f);
	}
	ck_assert_uint_gt(failures, 10);
}
END_TEST

START_TEST(client_install__a_disk_that_fails_at_any_call_mends_what_is_damaged_or_says_so)
{
	bool failed = true;
	unsigned failures = 0;

	for (unsigned n = 1; failed; n++) {
		struct fixture f;
		int result;

		set_up(&f);
		read_version(&f, &f.at.version[1], NULL);
		installed_write(&f.at, "current/same", "damaged");
		ck_assert_int_eq(client_home_open(&f.h, f.at.path, "t", NULL), 0);
		client_home_look(&f.h, false);
		faults_begin(n);
		result = client_install(&f.h, &f.what, NULL);
		failed = faults_stop();
		ck_assert(failed || result == 0);
		failures += result != 0;
		ck_assert_int_eq(f.h.whole, result == 0);
		ck_assert_msg(result != 0 || installed_is_whole(&f.at, 1), "fault %u", n);
		client_home_close(&f.h);
		(void)installed_run(&f.at);
		ck_assert(installed_is_whole(&f.at, 1));
		tear_down(&f);
	}
	ck_assert_uint_gt(failures, 10);
}
END_TEST

void
client_install_tests(TCase *c)
{
	tcase_add_test(c, client_install__what_it_installed_is_whole_and_known);
	tcase_add_test(c, client_install__what_did_not_change_is_one_file_unless_copies_are_wanted);
	tcase_add_test(c, client_install__the_executable_bit_alone_makes_another_file);
	tcase_add_test(c, client_install__a_mode_that_was_changed_is_not_taken_over);
	tcase_add_test(c,
		client_install__what_was_changed_since_the_look_does_not_get_into_the_new_version);
	tcase_add_test(c, client_install__what_is_behind_a_link_is_not_taken_over);
	tcase_add_test(c, client_install__a_base_that_went_since_the_look_is_named);
	tcase_add_test(c, client_install__an_archive_of_no_use_leaves_nothing);
	tcase_add_test(c, client_install__a_difference_that_decodes_to_something_else);
	tcase_add_test(c, client_install__a_damaged_version_is_exchanged_as_a_whole);
	tcase_add_test(
		c, client_install__whatever_is_in_the_place_of_current_or_of_its_own_makes_way);
	tcase_add_test(
		c, client_install__a_disk_that_fails_at_any_call_leaves_one_version_or_the_other);
	tcase_add_test(
		c, client_install__a_disk_that_fails_at_any_call_mends_what_is_damaged_or_says_so);
}
