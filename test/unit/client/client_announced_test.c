/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the announcement means to an update, and what cannot be mended. */
#include "client/client_update.h"

#include <fcntl.h>

#include "base/fs.h"
#include "base/mem.h"
#include "client/installed.h"
#include "unit.h"

/* With version 1 installed, and 2 published. */
static void
set_up(struct installed *f)
{
	installed_set_up(f);
	ck_assert_int_eq(installed_run(f), UPDATE_UPDATED);
	installed_publish(f, 2);
}

START_TEST(client_announced__an_older_version_is_not_taken)
{
	struct installed f;

	set_up(&f);
	(void)installed_run(&f);
	published_announce(&f.cloud, &f.version[1], 1);
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_OLDER,
		"the server announces an older version, 1; the installed one stays");
	ck_assert_int_eq(f.u->why.code, ERR_INPUT);
	ck_assert(f.u->may_recover);
	ck_assert_uint_eq(f.u->to.version, 2);
	ck_assert(installed_is_whole(&f, 2));
	/* What is damaged is mended, and no way back. */
	installed_write(&f, "current/same", "damage");
	(void)installed_run(&f);
	installed_check_taken(&f, 2, "full", installed_archive_bytes(&f, 2, 0, FORMAT_AR2));
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_announced__what_cannot_be_mended_says_what_a_person_can_do)
{
	struct installed f;
	char name[IDENT_NAME_MAX];

	set_up(&f);
	(void)installed_run(&f);
	installed_write(&f, "current/same", "damage");
	(void)ident_offer_name(&f.version[2], NULL, name);
	ck_assert_int_eq(unlinkat(f.cloud.dir, name, 0), 0);
	(void)installed_run(&f);
	installed_check_result(
		&f, UPDATE_FAILED, "the installed version is damaged, and is not mended");
	ck_assert_ptr_null(strstr(f.u->why.text, "remove"));
	published_announce(&f.cloud, &f.version[1], 1);
	(void)installed_run(&f);
	installed_check_result(
		&f, UPDATE_FAILED, "the installed version is damaged, and is not mended");
	installed_check_result(
		&f, UPDATE_FAILED, "; what the server announces, version 1, is not newer");
	ck_assert_ptr_nonnull(strstr(f.u->why.text, "/t/current"));
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_announced__other_content_under_the_installed_version_is_refused)
{
	struct installed f;
	struct ident other;

	set_up(&f);
	(void)installed_run(&f);
	other = f.version[2];
	memcpy(other.edition.cookie, "deadbeef", 8);
	published_announce(&f.cloud, &other, 1);
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED,
		"the server has other content under the installed version: cookie deadbeef");
	ck_assert_int_eq(f.u->why.code, ERR_INPUT);
	ck_assert(f.u->may_recover);
	ck_assert_ptr_null(strstr(f.u->why.text, "remove"));
	installed_write(&f, "current/same", "damage");
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED, "to install it all the same, remove");
	installed_tear_down(&f);
}
END_TEST

/* The record says which header the files were of. */
START_TEST(client_announced__another_header_under_the_installed_version_is_refused)
{
	struct installed f;
	AUTO_BUF struct buf header = {0};
	char name[IDENT_NAME_MAX];

	installed_set_up(&f);
	(void)installed_run(&f);
	(void)ident_header_name(&f.version[1], name);
	ck_assert_int_eq(fs_read(f.cloud.dir, name, HEADER_BYTES_MAX, &header, NULL), 0);
	*(strstr(header.at, "\"title\":\"t\"") + strlen("\"title\":\"")) = 'u';
	ck_assert_int_eq(
		fs_put(f.cloud.dir, "stage/x", name, span_of(header.at, header.len), NULL), 0);
	installed_write(&f, "current/same", "damage");
	(void)installed_run(&f);
	installed_check_result(
		&f, UPDATE_FAILED, "the server has other content under the installed version");
	ck_assert_int_eq(f.u->why.code, ERR_INPUT);
	ck_assert(f.u->may_recover);
	/* A newer version has a header of its own. */
	installed_publish(&f, 2);
	(void)installed_run(&f);
	installed_check_taken(&f, 2, "full", installed_archive_bytes(&f, 2, 0, FORMAT_AR2));
	installed_tear_down(&f);
}
END_TEST

START_TEST(client_announced__a_type_that_is_not_announced)
{
	struct installed f;

	installed_set_up(&f);
	published_announce(&f.cloud, NULL, 0);
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_FAILED, "the server does not announce this type");
	ck_assert_int_eq(f.u->why.code, ERR_MISSING);
	ck_assert_ptr_null(strstr(f.u->why.text, "any more"));
	ck_assert(f.u->may_recover);
	published_announce(&f.cloud, &f.version[1], 1);
	(void)installed_run(&f);
	published_announce(&f.cloud, NULL, 0);
	(void)installed_run(&f);
	installed_check_result(&f, UPDATE_WITHDRAWN, "any more; what is installed stays");
	ck_assert(installed_is_whole(&f, 1));
	installed_write(&f, "current/same", "damage");
	(void)installed_run(&f);
	installed_check_result(
		&f, UPDATE_FAILED, "the installed version is damaged, and is not mended");
	installed_tear_down(&f);
}
END_TEST

void
client_announced_tests(TCase *c)
{
	tcase_add_test(c, client_announced__an_older_version_is_not_taken);
	tcase_add_test(c, client_announced__what_cannot_be_mended_says_what_a_person_can_do);
	tcase_add_test(c, client_announced__other_content_under_the_installed_version_is_refused);
	tcase_add_test(c, client_announced__another_header_under_the_installed_version_is_refused);
	tcase_add_test(c, client_announced__a_type_that_is_not_announced);
}
