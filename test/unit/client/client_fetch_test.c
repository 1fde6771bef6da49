/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A directory is asked, which needs no network; redirects and answers of servers are in scenarios.
 */
#include "client/client_fetch.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"
#include "client/installed.h"
#include "unit.h"

/* The full archive of version 1, of which an earlier run has left a part. */
struct fixture {
	struct installed at;
	struct archive_ref archive;
	char *part; /* below DIR/t */
	struct buf bytes;
	struct update u;
	struct fetch fetch;
};

static void
set_up(struct fixture *f)
{
	char name[IDENT_NAME_MAX];

	*f = (struct fixture){0};
	installed_set_up(&f->at);
	f->archive = published_archive(&f->at.cloud, &f->at.version[1], NULL, FORMAT_AR2);
	f->part = installed_part(&f->archive);
	ck_assert_int_eq(fs_read(f->at.cloud.dir, ident_file_name(&f->archive.id, name), 1 << 20,
				 &f->bytes, NULL),
		0);
	f->u = (struct update){.type = "t", .directory = f->at.path};
	ck_assert_int_eq(client_update_begin(&f->at.session.client, &f->u), 0);
	f->fetch = (struct fetch){
		.client = &f->at.session.client, .u = &f->u, .target = f->at.version[1]};
}

static void
tear_down(struct fixture *f)
{
	client_fetch_free(&f->fetch);
	client_update_end(&f->u);
	buf_free(&f->bytes);
	free(f->part);
	installed_tear_down(&f->at);
}

static void
put_part(struct fixture *f, size_t len, bool damaged)
{
	char *bytes = f->bytes.at;

	bytes[len / 2] ^= (char)damaged;
	ck_assert_int_eq(fs_put(f->at.dir, ".state/x", f->part, span_of(bytes, len), NULL), 0);
	bytes[len / 2] ^= (char)damaged;
}

static enum fetch_result
fetch(struct fixture *f)
{
	f->u.bytes = 0;
	return client_fetch_archive(&f->fetch, &f->archive, f->part + strlen(".state/"));
}

/* Other bytes, or none, under the archive's name. */
static void
publish(struct fixture *f, const char *bytes, size_t len)
{
	char name[IDENT_NAME_MAX];

	(void)ident_file_name(&f->archive.id, name);
	ck_assert_int_eq(unlinkat(f->at.cloud.dir, name, 0), 0);
	if (bytes != NULL)
		ck_assert_int_eq(
			fs_put(f->at.cloud.dir, "stage/x", name, span_of(bytes, len), NULL), 0);
}

START_TEST(client_fetch_archive__goes_on_where_it_stopped)
{
	struct fixture f;
	struct stat st;

	set_up(&f);
	for (size_t have = 0; have <= f.archive.bytes; have += f.archive.bytes / 4) {
		put_part(&f, have, false);
		ck_assert_int_eq(fetch(&f), FETCH_GOT);
		ck_assert_uint_eq(f.u.bytes, f.archive.bytes - have);
	}
	put_part(&f, f.archive.bytes, false);
	ck_assert_int_eq(fetch(&f), FETCH_GOT);
	ck_assert_uint_eq(f.u.bytes, 0);
	ck_assert_int_eq(fstatat(f.at.dir, f.part, &st, 0), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, f.archive.bytes);
	tear_down(&f);
}
END_TEST

START_TEST(client_fetch_archive__a_part_with_wrong_bytes_is_begun_anew_in_the_same_run)
{
	struct fixture f;

	set_up(&f);
	put_part(&f, f.archive.bytes, true);
	ck_assert_int_eq(fetch(&f), FETCH_GOT);
	ck_assert_uint_eq(f.u.bytes, f.archive.bytes);
	put_part(&f, 100, true);
	ck_assert_int_eq(fetch(&f), FETCH_GOT);
	ck_assert_uint_eq(f.u.bytes, 2 * f.archive.bytes - 100);
	ck_assert_int_eq(fetch(&f), FETCH_GOT);
	ck_assert_uint_eq(f.u.bytes, 0);
	tear_down(&f);
}
END_TEST

START_TEST(client_fetch_archive__what_has_another_digest_is_told_and_leaves_nothing)
{
	struct fixture f;
	size_t have[] = {0, 100, 0};

	set_up(&f);
	have[2] = f.archive.bytes;
	f.bytes.at[f.bytes.len / 2] ^= 1;
	publish(&f, f.bytes.at, f.bytes.len);
	for (size_t i = 0; i < 3; i++) {
		put_part(&f, have[i], false);
		ck_assert_int_eq(fetch(&f), FETCH_FAILED);
		ck_assert_int_eq(f.u.result, UPDATE_FAILED);
		ck_assert_int_eq(f.u.why.code, ERR_DIGEST);
		ck_assert(f.u.may_recover);
		ck_assert_ptr_nonnull(strstr(f.u.why.text, "is not what its name says"));
		ck_assert(!installed_has(&f.at, f.part));
		/* Begun anew where there was a part, and once. */
		ck_assert_uint_eq(
			f.u.bytes, i == 1 ? 2 * f.archive.bytes - have[i] : f.archive.bytes);
	}
	tear_down(&f);
}
END_TEST

/* A file that is shorter or longer than was offered. */
START_TEST(client_fetch_archive__one_of_another_size_is_refused)
{
	static const int differences[] = {-100, -1, 1};

	for (size_t i = 0; i < 3; i++) {
		struct fixture f;

		set_up(&f);
		f.archive.bytes = (uint64_t)((int64_t)f.archive.bytes - differences[i]);
		for (size_t have = 0; have < 1000; have += 500) {
			put_part(&f, have, false);
			ck_assert_int_eq(fetch(&f), FETCH_FAILED);
			ck_assert_int_eq(f.u.result, UPDATE_FAILED);
		}
		tear_down(&f);
	}
}
END_TEST

START_TEST(client_fetch_archive__one_that_is_gone_is_absent_and_its_part_stays)
{
	struct fixture f;
	struct stat st;

	set_up(&f);
	publish(&f, NULL, 0);
	put_part(&f, 100, false);
	ck_assert_int_eq(fetch(&f), FETCH_ABSENT);
	ck_assert_int_eq(f.u.result, UPDATE_FAILED);
	ck_assert_int_eq(fstatat(f.at.dir, f.part, &st, 0), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, 100);
	tear_down(&f);
}
END_TEST

START_TEST(client_fetch_archive__what_is_no_file_in_the_place_of_a_part_makes_way)
{
	struct fixture f;

	set_up(&f);
	ck_assert_int_eq(mkfifoat(f.at.dir, f.part, 0600), 0);
	ck_assert_int_eq(fetch(&f), FETCH_GOT);
	ck_assert_uint_eq(f.u.bytes, f.archive.bytes);
	ck_assert_int_eq(unlinkat(f.at.dir, f.part, 0), 0);
	ck_assert_int_eq(mkdirat(f.at.dir, f.part, 0700), 0);
	ck_assert_int_eq(fetch(&f), FETCH_GOT);
	ck_assert_uint_eq(f.u.bytes, f.archive.bytes);
	tear_down(&f);
}
END_TEST

START_TEST(client_fetch_header__is_asked_for_once)
{
	struct fixture f;
	char name[IDENT_NAME_MAX];
	const struct header *first;

	set_up(&f);
	ck_assert_int_eq(client_fetch_header(&f.fetch), 0);
	first = f.fetch.header;
	ck_assert(ident_equal(&first->ident, &f.at.version[1]));
	ck_assert_int_eq(unlinkat(f.at.cloud.dir, ident_header_name(&f.at.version[1], name), 0), 0);
	ck_assert_int_eq(client_fetch_header(&f.fetch), 0);
	ck_assert_ptr_eq(f.fetch.header, first);
	/* That of another version is another one. */
	installed_publish(&f.at, 2);
	f.fetch.target = f.at.version[2];
	ck_assert_int_eq(client_fetch_header(&f.fetch), 0);
	ck_assert(ident_equal(&f.fetch.header->ident, &f.at.version[2]));
	f.fetch.target = f.at.version[1];
	ck_assert_int_eq(client_fetch_header(&f.fetch), -1);
	ck_assert_ptr_nonnull(strstr(f.u.why.text, name));
	tear_down(&f);
}
END_TEST

START_TEST(client_fetch_offer__says_which_archive_or_that_there_is_none)
{
	const struct edition none = {0};
	struct archive_ref got;
	struct fixture f;

	set_up(&f);
	for (int i = 0; i < FORMAT_COUNT; i++) {
		const struct archive_ref want =
			published_archive(&f.at.cloud, &f.at.version[1], NULL, (enum format)i);

		ck_assert_int_eq(
			client_fetch_offer(&f.fetch, &none, (enum format)i, &got), FETCH_GOT);
		ck_assert(digest_equal(&got.id, &want.id));
		ck_assert_uint_eq(got.bytes, want.bytes);
	}
	f.u.result = UPDATE_RETRY;
	ck_assert_int_eq(
		client_fetch_offer(&f.fetch, &(struct edition){9, "00000009"}, FORMAT_AR2, &got),
		FETCH_ABSENT);
	ck_assert_int_eq(f.u.result, UPDATE_RETRY);
	f.fetch.target.edition.version = 9;
	ck_assert_int_eq(client_fetch_offer(&f.fetch, &none, FORMAT_AR2, &got), FETCH_FAILED);
	ck_assert_int_eq(f.u.result, UPDATE_FAILED);
	ck_assert_ptr_nonnull(strstr(f.u.why.text, "o;t=t;v=9"));
	tear_down(&f);
}
END_TEST

START_TEST(client_fetch_offer__of_a_newer_format_alone_there_is_none_in_an_older_one)
{
	struct offer offer = {0};
	struct archive_ref got;
	AUTO_BUF struct buf bytes = {0};
	char name[IDENT_NAME_MAX];
	struct fixture f;

	set_up(&f);
	offer.archive[FORMAT_AR2] = f.archive;
	wire_offer_format(&offer, &bytes);
	(void)ident_offer_name(&f.at.version[1], NULL, name);
	ck_assert_int_eq(
		fs_put(f.at.cloud.dir, "stage/x", name, span_of(bytes.at, bytes.len), NULL), 0);
	ck_assert_int_eq(
		client_fetch_offer(&f.fetch, &(struct edition){0}, FORMAT_AR2, &got), FETCH_GOT);
	ck_assert_int_eq(
		client_fetch_offer(&f.fetch, &(struct edition){0}, FORMAT_AR1, &got), FETCH_FAILED);
	ck_assert_int_eq(f.u.result, UPDATE_FAILED);
	ck_assert_int_eq(f.u.why.code, ERR_INPUT);
	ck_assert_ptr_nonnull(strstr(f.u.why.text, name));
	ck_assert_ptr_nonnull(strstr(f.u.why.text, "no format that is understood here"));
	tear_down(&f);
}
END_TEST

START_TEST(client_fetch_query__is_the_announcement_or_fails_the_update)
{
	AUTO_IDENTS struct idents newest = {0};
	struct fixture f;

	set_up(&f);
	for (int i = 0; i < 2; i++) { /* what was there before goes */
		ck_assert_int_eq(client_fetch_query(&f.at.session.client, NULL, &newest, &f.u), 0);
		ck_assert_uint_eq(newest.count, 1);
		ck_assert(ident_equal(&newest.at[0], &f.at.version[1]));
	}
	ck_assert_int_eq(unlinkat(f.at.cloud.dir, "q", 0), 0);
	ck_assert_int_eq(client_fetch_query(&f.at.session.client, NULL, &newest, &f.u), -1);
	ck_assert_int_eq(f.u.result, UPDATE_FAILED);
	ck_assert_ptr_nonnull(strstr(f.u.why.text, "q: "));
	ck_assert_uint_eq(newest.count, 0);
	tear_down(&f);
}
END_TEST

void
client_fetch_tests(TCase *c)
{
	tcase_add_test(c, client_fetch_archive__goes_on_where_it_stopped);
	tcase_add_test(
		c, client_fetch_archive__a_part_with_wrong_bytes_is_begun_anew_in_the_same_run);
	tcase_add_test(c, client_fetch_archive__what_has_another_digest_is_told_and_leaves_nothing);
	tcase_add_test(c, client_fetch_archive__one_of_another_size_is_refused);
	tcase_add_test(c, client_fetch_archive__one_that_is_gone_is_absent_and_its_part_stays);
	tcase_add_test(c, client_fetch_archive__what_is_no_file_in_the_place_of_a_part_makes_way);
	tcase_add_test(c, client_fetch_header__is_asked_for_once);
	tcase_add_test(c, client_fetch_offer__says_which_archive_or_that_there_is_none);
	tcase_add_test(
		c, client_fetch_offer__of_a_newer_format_alone_there_is_none_in_an_older_one);
	tcase_add_test(c, client_fetch_query__is_the_announcement_or_fails_the_update);
}
