/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_init.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "publish/published.h"
#include "unit.h"

/* Two versions of "t". */
struct fixture {
	struct published p;
	struct ident version[2];
};

static void
set_up(struct fixture *f)
{
	published_set_up(&f->p);
	for (unsigned n = 0; n < 2; n++) {
		published_put(&f->p, "a", n == 0 ? "one" : "two", false);
		f->version[n] = published_add(&f->p, "t", n + 1);
	}
}

static void
remove_file(const struct fixture *f, const char *name)
{
	ck_assert_int_eq(fs_remove(f->p.dir, name, NULL), 0);
}

/* Which version is found to be announced; 0: none. */
static uint64_t
init(const struct fixture *f)
{
	AUTO_IDENTS struct idents found = {0};
	struct err e = {0};

	ck_assert_msg(publish_init(f->p.path, &found, &e) == 0, "%s", e.text);
	ck_assert_uint_le(found.count, 1);
	return found.count > 0 ? found.at[0].edition.version : 0;
}

static uint64_t
announced(const struct fixture *f)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_IDENTS struct idents query = {0};

	ck_assert_int_eq(repo_open(f->p.path, false, &repo, NULL), 0);
	ck_assert_int_eq(repo_read_query(repo, &query, NULL), 0);
	return query.count > 0 ? query.at[0].edition.version : 0;
}

START_TEST(publish_init__an_announcement_that_can_be_read_stays)
{
	struct fixture f;

	set_up(&f);
	published_announce(&f.p, &f.version[0], 1);
	ck_assert_uint_eq(init(&f), 0);
	ck_assert_uint_eq(announced(&f), 1);
	published_tear_down(&f.p);
}
END_TEST

START_TEST(publish_init__one_that_is_lost_or_damaged_names_the_newest_again)
{
	struct fixture f;

	set_up(&f);
	remove_file(&f, "q");
	ck_assert_uint_eq(init(&f), 2);
	ck_assert_uint_eq(announced(&f), 2);
	ck_assert_int_eq(fs_put(f.p.dir, "stage/x", "q", unit_text("{"), NULL), 0);
	ck_assert_uint_eq(init(&f), 2);
	ck_assert_uint_eq(announced(&f), 2);
	published_tear_down(&f.p);
}
END_TEST

/* Of the newest version one thing is missing, or damaged. */
START_TEST(publish_init__what_is_not_whole_is_not_announced)
{
	for (int i = 0; i < 5; i++) {
		struct archive_ref ref;
		AUTO_BUF struct buf bytes = {0};
		char name[IDENT_NAME_MAX];
		struct fixture f;

		set_up(&f);
		remove_file(&f, "q");
		ref = published_archive(
			&f.p, &f.version[1], NULL, i == 0 ? FORMAT_AR1 : FORMAT_AR2);
		(void)ident_file_name(&ref.id, name);
		ck_assert_int_eq(fs_read(f.p.dir, name, 1 << 20, &bytes, NULL), 0);
		bytes.at[bytes.len / 2] ^= 1;
		switch (i) {
		case 0:
		case 1:
			remove_file(&f, name);
			break;
		case 2:
			ck_assert_int_eq(fs_put(f.p.dir, "stage/x", name,
						 span_of(bytes.at, bytes.len), NULL),
				0);
			break;
		case 3:
			remove_file(&f, ident_header_name(&f.version[1], name));
			break;
		default:
			remove_file(&f, ident_offer_name(&f.version[1], NULL, name));
			break;
		}
		ck_assert_msg(init(&f) == 1, "%d", i);
		ck_assert_uint_eq(announced(&f), 1);
		published_tear_down(&f.p);
	}
}
END_TEST

/* Of a repository that can be read in part, a part would be announced for all. */
START_TEST(publish_init__what_cannot_be_listed_is_not_announced_in_part)
{
	bool refused = true;
	unsigned n;

	for (n = 1; refused; n++) {
		AUTO_IDENTS struct idents found = {0};
		struct fixture f;
		struct err e = {0};

		set_up(&f);
		remove_file(&f, "q");
		faults_refuse(".", n, EIO);
		refused = publish_init(f.p.path, &found, &e) != 0;
		faults_refuse(NULL, 0, 0);
		ck_assert(refused ? !fs_exists(f.p.dir, "q") : announced(&f) == 2);
		published_tear_down(&f.p);
	}
	ck_assert_uint_gt(n, 2);
}
END_TEST

START_TEST(publish_init__one_publisher_at_a_time)
{
	AUTO_REPO struct repo *repo = NULL;
	AUTO_IDENTS struct idents found = {0};
	struct err e = {0};
	struct fixture f;

	set_up(&f);
	remove_file(&f, "q");
	ck_assert_int_eq(repo_open(f.p.path, false, &repo, NULL), 0);
	ck_assert_int_eq(repo_lock(repo, NULL), 0);
	ck_assert_int_eq(publish_init(f.p.path, &found, &e), -1);
	ck_assert_int_eq(e.code, ERR_BUSY);
	ck_assert(!fs_exists(f.p.dir, "q"));
	published_tear_down(&f.p);
}
END_TEST

START_TEST(publish_init__a_path_that_cannot_be_a_directory_is_an_error)
{
	AUTO_IDENTS struct idents found = {0};
	AUTO_FREE char *path = NULL;
	struct fixture f;

	set_up(&f);
	path = mem_printf("%s/q", f.p.path);
	ck_assert_int_eq(publish_init(path, &found, NULL), -1);
	ck_assert_uint_eq(found.count, 0);
	published_tear_down(&f.p);
}
END_TEST

void
publish_init_tests(TCase *c)
{
	tcase_add_test(c, publish_init__an_announcement_that_can_be_read_stays);
	tcase_add_test(c, publish_init__one_that_is_lost_or_damaged_names_the_newest_again);
	tcase_add_test(c, publish_init__what_is_not_whole_is_not_announced);
	tcase_add_test(c, publish_init__what_cannot_be_listed_is_not_announced_in_part);
	tcase_add_test(c, publish_init__one_publisher_at_a_time);
	tcase_add_test(c, publish_init__a_path_that_cannot_be_a_directory_is_an_error);
}
