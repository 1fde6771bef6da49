/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory is asked, which needs no network; what a redirect means is in scenario 511. */
#include "client/client_update.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "client/installed.h"
#include "faults.h"
#include "unit.h"

/* Other bytes under the name of an archive's id, or none. */
static void
damage(const struct installed *f, unsigned n, unsigned base, enum format format, const char *bytes)
{
	const struct archive_ref ref = published_archive(
		&f->cloud, &f->version[n], base > 0 ? &f->version[base].edition : NULL, format);
	char name[IDENT_NAME_MAX];

	(void)ident_file_name(&ref.id, name);
	ck_assert_int_eq(unlinkat(f->cloud.dir, name, 0), 0);
	if (bytes != NULL)
		ck_assert_int_eq(fs_put(f->cloud.dir, "stage/x", name, unit_text(bytes), NULL), 0);
}

/* An offer that leads to what is no archive of the version; in both formats where ar1 is. */
static uint64_t
mislead(const struct installed *f, unsigned n, unsigned base, bool ar1)
{
	static const char bytes[] = "no archive at all";
	const struct edition *edition = base > 0 ? &f->version[base].edition : NULL;
	struct offer offer = {0};
	AUTO_BUF struct buf document = {0};
	char name[IDENT_NAME_MAX];

	offer.archive[FORMAT_AR1] =
		ar1 ? (struct archive_ref){digest_of(unit_text(bytes)), strlen(bytes)}
		    : published_archive(&f->cloud, &f->version[n], edition, FORMAT_AR1);
	offer.archive[FORMAT_AR2] =
		(struct archive_ref){digest_of(unit_text(bytes)), strlen(bytes)};
	wire_offer_format(&offer, &document);
	ck_assert_int_eq(
		fs_put(f->cloud.dir, "stage/x", ident_offer_name(&f->version[n], edition, name),
			span_of(document.at, document.len), NULL),
		0);
	(void)ident_file_name(&offer.archive[FORMAT_AR2].id, name);
	ck_assert_int_eq(fs_put(f->cloud.dir, "stage/x", name, unit_text(bytes), NULL), 0);
	return strlen(bytes);
}

/* With version 1 installed, and 2 published. */
static void
set_up(struct installed *f)
{
	installed_set_up(f);
	ck_assert_int_eq(installed_run(f), UPDATE_UPDATED);
	installed_publish(f, 2);
}

START_TEST(client_update__first_the_full_archive_then_differences_then_nothing)
{
	struct installed f;
	uint64_t now_s = clock_wall_ms() / 1000;

	installed_set_up(&f);
	(void)installed_run(&f);
	installed_check_taken(&f, 1, "full", installed_archive_bytes(&f, 1, 0, FORMAT_AR2));
	ck_assert_uint_eq(f.u->from.version, 0);
	ck_assert_uint_ge(f.u->verified_s, now_s);
	for (unsigned n = 2; n < 4; n++) {
		installed_publish(&f, n);
		(void)installed_run(&f);
		installed_check_taken(
			&f, n, "difference", installed_archive_bytes(&f, n, n - 1, FORMAT_AR2));
		ck_assert(ident_edition_equal(&f.u->from, &f.version[n - 1].edition));
	}
	ck_assert_uint_eq(installed_count(&f, "."), 4);	     /* .state, current, two versions */
	ck_assert_uint_eq(installed_count(&f, ".state"), 5); /* lock, of each header and record */
	ck_assert_int_eq(installed_run(&f), UPDATE_CURRENT);
	ck_assert(ident_edition_equal(&f.u->to, &f.version[3].edition));
	ck_assert(ident_edition_equal(&f.u->from, &f.version[3].edition));
	ck_assert_ptr_null(f.u->via);
	ck_assert_uint_eq(f.u->bytes, 0);
	ck_assert_uint_ge(f.u->verified_s, now_s);
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_update__what_is_damaged_is_mended_in_the_same_version)
{
	struct installed f;

	installed_set_up(&f);
	(void)installed_run(&f);
	installed_write(&f, "current/same", "damage");
	(void)installed_run(&f);
	installed_check_taken(&f, 1, "full", installed_archive_bytes(&f, 1, 0, FORMAT_AR2));
	ck_assert_ptr_nonnull(strstr(unit_complaints(),
		"t: version 1 is damaged: 1 of 3 files missing or changed, such as same"));
	ck_assert_int_eq(installed_run(&f), UPDATE_CURRENT);
	/* Under a newer version a difference from what is damaged is not tried. */
	installed_publish(&f, 2);
	installed_write(&f, "current/same", "damage");
	(void)installed_run(&f);
	installed_check_taken(&f, 2, "full", installed_archive_bytes(&f, 2, 0, FORMAT_AR2));
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_update__verify_reads_what_a_look_does_not)
{
	struct installed f;

	installed_set_up(&f);
	(void)installed_run(&f);
	installed_write_quietly(&f, "current/same", "ALWAYS THE SAME");
	ck_assert_int_eq(installed_run(&f), UPDATE_CURRENT);
	f.session.client.verify = true;
	ck_assert_int_eq(installed_run(&f), UPDATE_REPAIRED);
	ck_assert(installed_is_whole(&f, 1));
	installed_tear_down(&f);
}
END_TEST

/* Its time was set back: no look sees it, until all are read, as they are once a day. */
START_TEST(client_update__what_no_look_sees_is_mended_when_all_are_read)
{
	struct installed f;

	set_up(&f);
	installed_write_quietly(&f, "current/same", "ALWAYS THE SAME");
	ck_assert_int_eq(installed_run(&f), UPDATE_UPDATED);
	ck_assert_str_eq(f.u->via, "difference");
	f.session.client.verify = true;
	ck_assert_int_eq(installed_run(&f), UPDATE_REPAIRED);
	ck_assert(installed_is_whole(&f, 2));
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_update__no_copy_is_linked_where_copies_are_wanted)
{
	struct installed f;

	set_up(&f);
	f.session.client.copy = true;
	(void)installed_run(&f);
	installed_check_taken(&f, 2, "difference", installed_archive_bytes(&f, 2, 1, FORMAT_AR2));
	ck_assert_uint_eq(installed_links(&f, "current/same"), 1);
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_update__a_file_that_cannot_be_read_is_not_copied_as_an_empty_one)
{
	unsigned failures = 0;

	for (unsigned n = 1; n <= 8; n++) {
		struct installed f;
		bool updated;

		installed_set_up(&f);
		ck_assert_int_eq(installed_run(&f), UPDATE_UPDATED);
		published_put(&f.cloud, "again", "always the same", false);
		installed_publish(&f, 2);
		f.session.client.copy = true;
		faults_refuse("again", n, EIO);
		updated = installed_run(&f) == UPDATE_UPDATED;
		faults_refuse(NULL, 0, 0);
		ck_assert_msg(installed_is_whole(&f, updated ? 2 : 1), "the open of number %u", n);
		failures += !updated;
		installed_tear_down(&f);
	}
	ck_assert_uint_ge(failures, 1);
}
END_TEST

/* The disk's fault is not the file's: the full archive would be taken in vain. */
START_TEST(client_update__a_base_that_cannot_be_read_just_now_was_not_changed)
{
	unsigned failures = 0;
	bool updated = false;

	for (unsigned n = 1; !updated; n++) {
		struct installed f;

		set_up(&f);
		faults_refuse("changes", n, EIO);
		updated = installed_run(&f) == UPDATE_UPDATED;
		faults_refuse(NULL, 0, 0);
		if (updated)
			installed_check_taken(
				&f, 2, "difference", installed_archive_bytes(&f, 2, 1, FORMAT_AR2));
		ck_assert_ptr_null(strstr(unit_complaints(), "was changed since"));
		failures += !updated;
		installed_tear_down(&f);
	}
	ck_assert_uint_ge(failures, 1);
}
END_TEST

START_TEST(client_update__without_a_difference_the_full_archive)
{
	struct installed f;
	char name[IDENT_NAME_MAX];

	set_up(&f);
	(void)ident_offer_name(&f.version[2], &f.version[1].edition, name);
	ck_assert_int_eq(unlinkat(f.cloud.dir, name, 0), 0);
	(void)installed_run(&f);
	installed_check_taken(&f, 2, "full", installed_archive_bytes(&f, 2, 0, FORMAT_AR2));
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_update__without_a_full_archive_or_a_header_it_fails)
{
	for (int header = 0; header < 2; header++) {
		struct installed f;
		char name[IDENT_NAME_MAX];

		installed_set_up(&f);
		(void)(header ? ident_header_name(&f.version[1], name)
			      : ident_offer_name(&f.version[1], NULL, name));
		ck_assert_int_eq(unlinkat(f.cloud.dir, name, 0), 0);
		(void)installed_run(&f);
		installed_check_result(&f, UPDATE_FAILED, name);
		ck_assert(!f.u->may_recover);
		ck_assert_uint_eq(f.u->to.version, 0);
		ck_assert_ptr_null(f.u->via);
		ck_assert(!installed_has(&f, "current"));
		installed_tear_down(&f);
	}
}
END_TEST

START_TEST(client_update__an_offer_without_a_known_format_is_refused)
{
	struct installed f;
	char name[IDENT_NAME_MAX];

	installed_set_up(&f);
	(void)ident_offer_name(&f.version[1], NULL, name);
	ck_assert_int_eq(fs_put(f.cloud.dir, "stage/x", name, unit_text("{}"), NULL), 0);
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED, name);
	ck_assert_int_eq(f.u->why.code, ERR_INPUT);
	installed_tear_down(&f);
}
END_TEST

/* ---- Archives of no use */

START_TEST(client_update__where_an_archive_is_of_no_use_the_next_way_is_taken)
{
	struct installed f;
	uint64_t bytes;

	set_up(&f);
	bytes = mislead(&f, 2, 1, false);
	(void)installed_run(&f);
	installed_check_taken(&f, 2, "full", bytes + installed_archive_bytes(&f, 2, 0, FORMAT_AR2));
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "t: difference not used: "));
	ck_assert_ptr_null(strstr(unit_complaints(), "full archive not used"));
	installed_publish(&f, 3);
	bytes = mislead(&f, 3, 0, false);
	installed_write(&f, "current/same", "damage");
	(void)installed_run(&f);
	installed_check_taken(&f, 3, "full", bytes + installed_archive_bytes(&f, 3, 0, FORMAT_AR1));
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "t: full archive not used: "));
	ck_assert_uint_eq(installed_count(&f, ".state"), 5); /* no mark, no part */
	installed_tear_down(&f);
}
END_TEST

/* The same archive in both formats: it is loaded once. */
START_TEST(client_update__an_archive_of_no_use_is_not_loaded_again_for_a_day)
{
	struct installed f;
	uint64_t bytes;

	set_up(&f);
	(void)mislead(&f, 2, 1, true);
	bytes = mislead(&f, 2, 0, true);
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED, "found of no use within the last day: ");
	ck_assert(!f.u->may_recover);
	ck_assert_uint_eq(f.u->bytes, bytes);
	ck_assert(installed_is_whole(&f, 1));
	ck_assert_uint_eq(installed_count(&f, ".state"), 4); /* and the mark, no part */
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED, "of no use within the last day: not a GUTS2");
	ck_assert_int_eq(f.u->why.code, ERR_INPUT);
	ck_assert_uint_eq(f.u->bytes, 0);
	unit_clock_advance_ms((HOME_MARKED_S - 60) * UINT64_C(1000));
	(void)installed_run(&f);
	ck_assert_uint_eq(f.u->bytes, 0);
	unit_clock_advance_ms(60 * 1000);
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED, "not a GUTS2");
	ck_assert_uint_ge(f.u->bytes, bytes);
	installed_tear_down(&f);
}
END_TEST

static int
make_directory(void *context, int dir, const char *name, struct err *e)
{
	(void)context;
	if (strstr(name, ".bad") == NULL)
		return 0;
	ck_assert_int_eq(fs_remove(dir, name, e), 0);
	return mkdirat(dir, name, 0700);
}

START_TEST(client_update__a_mark_that_cannot_be_read_is_none)
{
	struct installed f;
	uint64_t bytes;

	installed_set_up(&f);
	bytes = mislead(&f, 1, 0, true);
	(void)installed_run(&f);
	ck_assert_int_eq(fs_each(f.dir, ".state", make_directory, NULL, NULL), 0);
	(void)installed_run(&f);
	ck_assert_uint_eq(f.u->bytes, bytes);
	installed_tear_down(&f);
}
END_TEST

/* Which of the two is wrong is not known. */
START_TEST(client_update__with_another_header_an_archive_is_another_question)
{
	struct installed f;
	AUTO_BUF struct buf header = {0};
	char name[IDENT_NAME_MAX];
	uint64_t bytes;

	installed_set_up(&f);
	bytes = mislead(&f, 1, 0, true);
	(void)installed_run(&f);
	ck_assert_uint_eq(f.u->bytes, bytes);
	(void)ident_header_name(&f.version[1], name);
	ck_assert_int_eq(fs_read(f.cloud.dir, name, HEADER_BYTES_MAX, &header, NULL), 0);
	*(strstr(header.at, "\"title\":\"t\"") + strlen("\"title\":\"")) = 'u';
	ck_assert_int_eq(
		fs_put(f.cloud.dir, "stage/x", name, span_of(header.at, header.len), NULL), 0);
	(void)installed_run(&f);
	ck_assert_uint_eq(f.u->bytes, bytes);
	installed_check_result(&f, UPDATE_FAILED, "");
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_update__what_is_whole_and_cannot_be_updated_is_not_called_damaged)
{
	struct installed f;

	set_up(&f);
	damage(&f, 2, 1, FORMAT_AR2, NULL);
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED, "f/");
	ck_assert_ptr_null(strstr(f.u->why.text, "damaged"));
	ck_assert(installed_is_whole(&f, 1));
	installed_tear_down(&f);
}
END_TEST

/* It makes way on a full disk alone. */
START_TEST(client_update__the_tree_before_stays_where_an_update_fails)
{
	struct installed f;

	set_up(&f);
	(void)installed_run(&f);
	installed_publish(&f, 3);
	ck_assert_uint_eq(installed_count(&f, "."), 4); /* .state, current, two versions */
	damage(&f, 3, 2, FORMAT_AR2, NULL);
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED, "f/");
	ck_assert_uint_eq(installed_count(&f, "."), 4);
	installed_tear_down(&f);
}
END_TEST

/* ---- Leftovers */

START_TEST(client_update__a_run_that_takes_nothing_tidies_too)
{
	struct installed f;

	installed_set_up(&f);
	(void)installed_run(&f);
	installed_write(&f, ".state/left.part", "left");
	ck_assert_int_eq(installed_run(&f), UPDATE_CURRENT);
	ck_assert(!installed_has(&f, ".state/left.part"));
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_update__what_cannot_be_removed_is_told_and_no_failure)
{
	struct installed f;
	bool failed = true;
	bool told = false;

	installed_set_up(&f);
	(void)installed_run(&f);
	for (unsigned n = 1; failed && !told; n++) {
		installed_write(&f, ".state/left.part", "left");
		faults_begin(n);
		(void)installed_run(&f);
		failed = faults_stop();
		told = strstr(unit_complaints(), "t: leftovers are not removed: ") != NULL;
		ck_assert(!told || f.u->result == UPDATE_CURRENT);
	}
	ck_assert(told);
	installed_tear_down(&f);
}
END_TEST

/* Before its download: it may need the room. */
START_TEST(client_update__what_earlier_runs_left_goes_before_a_download)
{
	struct installed f;
	AUTO_FREE char *part = NULL;
	const struct archive_ref *ref;
	struct archive_ref archive;

	set_up(&f);
	archive = published_archive(&f.cloud, &f.version[2], &f.version[1].edition, FORMAT_AR2);
	ref = &archive;
	part = installed_part(ref);
	damage(&f, 2, 1, FORMAT_AR2, NULL);
	installed_write(&f, ".state/left.part", "left");
	installed_write(&f, part, "GUTS");
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED, "f/");
	ck_assert(!installed_has(&f, ".state/left.part"));
	ck_assert(installed_has(&f, part)); /* it goes on another time */
	installed_tear_down(&f);
}
END_TEST

void
client_update_tests(TCase *c)
{
	tcase_add_test(c, client_update__the_tree_before_stays_where_an_update_fails);
	tcase_add_test(c, client_update__what_is_whole_and_cannot_be_updated_is_not_called_damaged);
	tcase_add_test(c, client_update__first_the_full_archive_then_differences_then_nothing);
	tcase_add_test(c, client_update__what_is_damaged_is_mended_in_the_same_version);
	tcase_add_test(c, client_update__verify_reads_what_a_look_does_not);
	tcase_add_test(c, client_update__what_no_look_sees_is_mended_when_all_are_read);
	tcase_add_test(c, client_update__a_file_that_cannot_be_read_is_not_copied_as_an_empty_one);
	tcase_add_test(c, client_update__no_copy_is_linked_where_copies_are_wanted);
	tcase_add_test(c, client_update__a_base_that_cannot_be_read_just_now_was_not_changed);
	tcase_add_test(c, client_update__without_a_difference_the_full_archive);
	tcase_add_test(c, client_update__without_a_full_archive_or_a_header_it_fails);
	tcase_add_test(c, client_update__an_offer_without_a_known_format_is_refused);
	tcase_add_test(c, client_update__where_an_archive_is_of_no_use_the_next_way_is_taken);
	tcase_add_test(c, client_update__an_archive_of_no_use_is_not_loaded_again_for_a_day);
	tcase_add_test(c, client_update__with_another_header_an_archive_is_another_question);
	tcase_add_test(c, client_update__a_mark_that_cannot_be_read_is_none);
	tcase_add_test(c, client_update__what_cannot_be_removed_is_told_and_no_failure);
	tcase_add_test(c, client_update__a_run_that_takes_nothing_tidies_too);
	tcase_add_test(c, client_update__what_earlier_runs_left_goes_before_a_download);
}
