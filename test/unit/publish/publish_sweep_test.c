/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_sweep.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "faults.h"
#include "publish/published.h"
#include "unit.h"

/* Two versions, of which the first alone is announced: as where the second was interrupted. */
struct fixture {
	struct published p;
	struct ident version[2];
	struct archive_ref archive[2]; /* full */
	struct digest file[2];	       /* that each alone has */
	struct repo *repo;
};

static const char *const texts[] = {"one", "two"};

static void
set_up(struct fixture *f)
{
	published_set_up(&f->p);
	published_put(&f->p, "same", "the same", false);
	for (unsigned n = 0; n < 2; n++) {
		published_put(&f->p, "a", texts[n], false);
		f->file[n] = digest_of(unit_text(texts[n]));
		f->version[n] = published_add(&f->p, "t", n + 1);
		f->archive[n] = published_archive(&f->p, &f->version[n], NULL, FORMAT_AR1);
	}
	ck_assert_int_eq(repo_open(f->p.path, false, &f->repo, NULL), 0);
	ck_assert_int_eq(repo_lock(f->repo, NULL), 0);
}

static void
tear_down(struct fixture *f)
{
	repo_close(f->repo);
	published_tear_down(&f->p);
}

static void
put(struct fixture *f, const char *name)
{
	ck_assert_int_eq(fs_put(f->p.dir, "x", name, unit_text("x"), NULL), 0);
}

static bool
has(struct fixture *f, const char *name)
{
	return fs_exists(f->p.dir, name);
}

static bool
has_version(struct fixture *f, unsigned n)
{
	char header[IDENT_NAME_MAX];
	char offer[IDENT_NAME_MAX];
	char archive[IDENT_NAME_MAX];
	char file[IDENT_NAME_MAX];
	unsigned count = 0;

	count += has(f, ident_header_name(&f->version[n], header));
	count += has(f, ident_offer_name(&f->version[n], NULL, offer));
	count += has(f, ident_file_name(&f->archive[n].id, archive));
	count += has(f, ident_blob_name(&f->file[n], file));
	ck_assert_msg(count == 0 || count == 4, "%u of version %u", count, n);
	return count > 0;
}

/* What is announced: this version; NULL: nothing. */
static void
sweep(struct fixture *f, const struct ident *announced)
{
	AUTO_IDENTS struct idents query = {0};
	struct err e = {0};

	if (announced != NULL)
		idents_add(&query, announced);
	ck_assert_msg(publish_sweep(f->repo, &query, &e) == 0, "%s", e.text);
}

START_TEST(publish_sweep__what_is_newer_than_the_announcement_goes)
{
	const struct digest same = digest_of(unit_text("the same"));
	char name[IDENT_NAME_MAX];
	struct fixture f;

	set_up(&f);
	sweep(&f, &f.version[1]);
	ck_assert(has_version(&f, 0) && has_version(&f, 1));
	sweep(&f, &f.version[0]);
	ck_assert(has_version(&f, 0) && !has_version(&f, 1));
	ck_assert(has(&f, ident_blob_name(&same, name)));
	sweep(&f, NULL);
	ck_assert(!has_version(&f, 0));
	ck_assert(!has(&f, name));
	tear_down(&f);
}
END_TEST

START_TEST(publish_sweep__what_nothing_refers_to_goes_where_something_was_left)
{
	AUTO_FREE char *stray = NULL;
	AUTO_FREE char *archive = NULL;
	char hex[DIGEST_HEX + 1];
	const struct digest digest = digest_of(unit_text("stray"));
	const char *foreign[] = {"f/readme", "c/readme",
		"f/a-name-as-long-as-a-digest-is-which-is-none-and-is-somebody-else's",
		"c/a-name-as-long-as-a-digest-is-which-is-none-and-is-somebody-else's"};
	struct fixture f;

	set_up(&f);
	stray = mem_printf("c/%s", digest_hex(&digest, hex));
	archive = mem_printf("f/%s_archive", hex);
	for (int left = 0; left < 2; left++) {
		put(&f, stray);
		put(&f, archive);
		for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
			put(&f, foreign[i]);
		if (left)
			put(&f, "stage/left");
		sweep(&f, &f.version[1]);
		ck_assert_int_eq(has(&f, stray), !left);
		ck_assert_int_eq(has(&f, archive), !left);
		for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
			ck_assert_msg(has(&f, foreign[i]), "%s", foreign[i]);
		ck_assert(!has(&f, "stage/left"));
		ck_assert(has_version(&f, 0) && has_version(&f, 1));
	}
	tear_down(&f);
}
END_TEST

START_TEST(publish_sweep__where_a_document_cannot_be_read_all_files_stay)
{
	for (int header = 0; header < 2; header++) {
		char name[IDENT_NAME_MAX];
		char file[IDENT_NAME_MAX];
		struct fixture f;

		set_up(&f);
		(void)(header ? ident_header_name(&f.version[0], name)
			      : ident_offer_name(&f.version[0], NULL, name));
		put(&f, name);
		put(&f, "stage/left");
		unit_listen();
		sweep(&f, &f.version[0]);
		ck_assert_ptr_nonnull(strstr(unit_complaints(),
			"warning: what an interrupted run left in f/ and c/ stays: "));
		ck_assert(header || strstr(unit_complaints(), name) != NULL);
		ck_assert(has(&f, ident_file_name(&f.archive[0].id, file)));
		ck_assert(has(&f, ident_blob_name(&f.file[1], file)));
		/* The version that was never announced goes all the same, and so does the stage. */
		ck_assert(!has(&f, ident_header_name(&f.version[1], file)));
		ck_assert(!has(&f, "stage/left"));
		tear_down(&f);
	}
}
END_TEST

/* stage/, the documents, f/ and c/, in this order. */
START_TEST(publish_sweep__a_directory_that_cannot_be_read_is_an_error)
{
	static const struct {
		const char *name;
		unsigned n;
	} rows[] = {{".", 1}, {".", 3}, {"f", 1}, {"c", 1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		AUTO_IDENTS struct idents query = {0};
		struct fixture f;
		struct err e = {0};

		set_up(&f);
		put(&f, "stage/left");
		idents_add(&query, &f.version[1]);
		faults_refuse(rows[i].name, rows[i].n, EIO);
		ck_assert_int_eq(publish_sweep(f.repo, &query, &e), -1);
		ck_assert_int_eq(e.code, ERR_SYS);
		ck_assert_msg(strncmp(e.text, rows[i].name, 1) == 0, "%s", e.text);
		/* The next run looks again. */
		ck_assert(has(&f, "stage/left"));
		ck_assert(has_version(&f, 0) && has_version(&f, 1));
		tear_down(&f);
	}
}
END_TEST

void
publish_sweep_tests(TCase *c)
{
	tcase_add_test(c, publish_sweep__what_is_newer_than_the_announcement_goes);
	tcase_add_test(c, publish_sweep__what_nothing_refers_to_goes_where_something_was_left);
	tcase_add_test(c, publish_sweep__where_a_document_cannot_be_read_all_files_stay);
	tcase_add_test(c, publish_sweep__a_directory_that_cannot_be_read_is_an_error);
}
