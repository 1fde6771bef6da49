/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/pack.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/mem.h"
#include "codec/archived.h"
#include "codec/pair.h"
#include "unit.h"

enum { LEN = 20000, LARGE = 1200000 };

static void
add_bytes(struct pair *p, struct header *h, const char *path, size_t len, unsigned seed)
{
	AUTO_FREE unsigned char *bytes = unit_bytes(len, seed);

	pair_add(p, h, path, span_of(bytes, len));
}

/*
 * Of everything some: a file that changed, one that was renamed and changed, one that was only
 * renamed, two that are the same, an empty one, a large one, and one that is as it was.
 */
static void
set_up(struct pair *p)
{
	AUTO_FREE unsigned char *changed = unit_bytes(LEN, 1);
	AUTO_FREE unsigned char *renamed = unit_bytes(LEN, 2);
	AUTO_FREE unsigned char *large = unit_bytes(LARGE, 7);

	pair_set_up(p);
	pair_add(p, p->old, "changed", span_of(changed, LEN));
	pair_add(p, p->old, "from", span_of(renamed, LEN));
	add_bytes(p, p->old, "moved", LEN, 3);
	add_bytes(p, p->old, "same", LEN, 4);
	pair_add(p, p->old, "large", span_of(large, LARGE));
	changed[500]++;
	renamed[700]++;
	large[LARGE / 2]++;
	pair_add(p, p->header, "changed", span_of(changed, LEN));
	pair_add(p, p->header, "dup1", unit_text("both"));
	pair_add(p, p->header, "dup2", unit_text("both"));
	pair_add(p, p->header, "empty1", span_of("", 0));
	pair_add(p, p->header, "empty2", span_of("", 0));
	pair_add(p, p->header, "large", span_of(large, LARGE));
	add_bytes(p, p->header, "moved to", LEN, 3);
	add_bytes(p, p->header, "same", LEN, 4);
	pair_add(p, p->header, "to", span_of(renamed, LEN));
	pair_seal(p);
}

static struct encode_settings
settings_of(struct pair *p, bool quick)
{
	return (struct encode_settings){.blobs = p->blobs, .stage = p->stage, .quick = quick};
}

static struct archive_ref
write_archive(const struct pair *p, const struct pack *pack, size_t number, struct buf *ret)
{
	AUTO_CLOSE int fd = openat(p->dir, "archive", O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct archive_ref ref;
	struct digest digest;
	struct err e = {0};

	ck_assert_msg(pack_write(pack, number, fd, &ref, &e) == 0, "%s", e.text);
	ck_assert_int_eq(fs_read(p->dir, "archive", 1 << 26, ret, NULL), 0);
	digest = digest_of(span_of(ret->at, ret->len));
	ck_assert(digest_equal(&digest, &ref.id) && ref.bytes == ret->len);
	return ref;
}

static void
check_applies(struct pair *p, const struct buf *archive, bool full)
{
	struct err e;

	ck_assert_msg(
		pair_apply(p, span_of(archive->at, archive->len), full, &e) == 0, "%s", e.text);
}

static void
encode(struct pack *pack)
{
	struct err e = {0};

	ck_assert_msg(pack_encode(pack, &e) == 0, "%s", e.text);
}

/* One archive alone. */
static void
make(struct pair *p, enum format format, bool full, bool quick, struct buf *ret)
{
	const struct encode_settings settings = settings_of(p, quick);
	struct pack *pack = pack_new(p->header, &settings);
	size_t number = pack_want(pack, format, full ? NULL : p->old);

	encode(pack);
	(void)write_archive(p, pack, number, ret);
	pack_free(pack);
}

/* All at once; each is what it would be alone. */
static void
check_all(struct pair *p, bool quick, size_t ret_bytes[FORMAT_COUNT][2])
{
	const struct encode_settings settings = settings_of(p, quick);
	struct pack *pack = pack_new(p->header, &settings);
	struct buf archives[2 * FORMAT_COUNT] = {0};
	size_t number[2 * FORMAT_COUNT];

	for (int i = 0; i < 2 * FORMAT_COUNT; i++)
		number[i] = pack_want(pack, (enum format)(i / 2), i % 2 > 0 ? NULL : p->old);
	encode(pack);
	for (int i = 0; i < 2 * FORMAT_COUNT; i++)
		(void)write_archive(p, pack, number[i], &archives[i]);
	pack_free(pack);
	for (int i = 0; i < 2 * FORMAT_COUNT; i++) {
		AUTO_BUF struct buf alone = {0};

		check_applies(p, &archives[i], i % 2 > 0);
		make(p, (enum format)(i / 2), i % 2 > 0, quick, &alone);
		ck_assert_uint_eq(alone.len, archives[i].len);
		ck_assert_mem_eq(alone.at, archives[i].at, alone.len);
		ret_bytes[i / 2][i % 2] = alone.len;
		buf_free(&archives[i]);
	}
}

START_TEST(pack_write__every_archive_gives_its_files_back)
{
	size_t best[FORMAT_COUNT][2];
	size_t quick[FORMAT_COUNT][2];
	struct pair p;

	set_up(&p);
	check_all(&p, false, best);
	check_all(&p, true, quick);
	/* One byte changed in each of three files, of which the older format has all. */
	ck_assert_uint_lt(best[FORMAT_AR2][0], 600);
	ck_assert_uint_lt(quick[FORMAT_AR2][0], 600);
	ck_assert_uint_gt(best[FORMAT_AR1][0], LARGE / 4);
	ck_assert_uint_lt(best[FORMAT_AR1][0], best[FORMAT_AR1][1]);
	pair_tear_down(&p);
}
END_TEST

/* Renamed and changed: found by what it has, and as a difference of a few bytes. */
START_TEST(pack_want__a_renamed_file_comes_from_what_it_was)
{
	for (int quick = 0; quick <= 1; quick++) {
		AUTO_FREE unsigned char *bytes = unit_bytes(4 * LEN, 1);
		AUTO_BUF struct buf archive = {0};
		struct pair p;

		pair_set_up(&p);
		pair_add(&p, p.old, "a/before", span_of(bytes, 4 * LEN));
		bytes[LEN] ^= 1;
		pair_add(&p, p.header, "b/after", span_of(bytes, 4 * LEN));
		pair_seal(&p);
		make(&p, FORMAT_AR2, false, quick, &archive);
		ck_assert_uint_lt(archive.len, 100);
		check_applies(&p, &archive, false);
		pair_tear_down(&p);
	}
}
END_TEST

START_TEST(pack_write__where_nothing_is_missing_there_is_the_magic)
{
	static const char *const expected[] = {"GUTS2AR1", "GUTS2AR2"};

	for (int format = 0; format < FORMAT_COUNT; format++) {
		AUTO_BUF struct buf archive = {0};
		struct pair p;

		pair_set_up(&p);
		add_bytes(&p, p.old, "a", LEN, 1);
		add_bytes(&p, p.header, "b", LEN, 1);
		pair_seal(&p);
		make(&p, (enum format)format, false, false, &archive);
		ck_assert_uint_eq(archive.len, 8);
		ck_assert_mem_eq(archive.at, expected[format], 8);
		check_applies(&p, &archive, false);
		pair_tear_down(&p);
	}
}
END_TEST

/* With a base, which is of no use to it; alone, and beside others. */
START_TEST(pack_write__a_file_that_became_empty_has_a_stream)
{
	for (int more = 0; more <= 1; more++)
		for (int quick = more; quick <= 1; quick++) {
			AUTO_BUF struct buf archive = {0};
			struct pair p;

			pair_set_up(&p);
			add_bytes(&p, p.old, "b", LEN, 1);
			pair_add(&p, p.header, "b", span_of("", 0));
			if (more) {
				add_bytes(&p, p.header, "a", LARGE, 2);
				add_bytes(&p, p.header, "c", LARGE, 3);
			}
			pair_seal(&p);
			make(&p, FORMAT_AR2, false, quick, &archive);
			check_applies(&p, &archive, false);
			pair_tear_down(&p);
		}
}
END_TEST

/* What is not there cannot be a base, and is no reason to fail. */
START_TEST(pack_encode__old_files_that_are_not_at_hand_are_done_without)
{
	AUTO_BUF struct buf archive = {0};
	struct pair p;

	set_up(&p);
	for (size_t i = 0; i < p.old->count; i++)
		/* The new version has these two. */
		if (strcmp(p.old->files[i].path, "same") != 0 &&
			strcmp(p.old->files[i].path, "moved") != 0)
			pair_drop(&p, p.old, p.old->files[i].path);
	make(&p, FORMAT_AR2, false, true, &archive);
	check_applies(&p, &archive, false);
	pair_tear_down(&p);
}
END_TEST

/* Large files that hardly changed: one group, or each alone, whichever is smaller. */
START_TEST(pack_write__takes_the_smaller_of_two_ways)
{
	AUTO_BUF struct buf archive = {0};
	struct archive_reader r;
	struct archive_entry entry;
	struct pair p;

	pair_set_up(&p);
	for (unsigned i = 0; i < 3; i++) {
		const char path[] = {(char)('a' + i), 0};
		AUTO_FREE unsigned char *bytes = unit_bytes(LARGE, i);

		pair_add(&p, p.old, path, span_of(bytes, LARGE));
		bytes[LARGE / 3] ^= 1;
		pair_add(&p, p.header, path, span_of(bytes, LARGE));
	}
	pair_seal(&p);
	make(&p, FORMAT_AR2, false, true, &archive);
	check_applies(&p, &archive, false);
	ck_assert_int_eq(archive_open(&r, span_of(archive.at, archive.len), NULL), 0);
	ck_assert_int_eq(archive_next(&r, &entry, NULL), ARCHIVE_ENTRY);
	ck_assert_uint_eq(entry.count, 3);
	ck_assert_int_eq(archive_next(&r, &entry, NULL), ARCHIVE_END);
	pair_tear_down(&p);
}
END_TEST

/* Flipped anywhere, of one that this program made: refused, or right. */
START_TEST(pack_write__of_a_damaged_archive_comes_nothing_that_is_wrong)
{
	AUTO_BUF struct buf archive = {0};
	struct pair p;
	struct err e;
	unsigned refused = 0;

	pair_set_up(&p);
	add_bytes(&p, p.old, "a", 3000, 1);
	add_bytes(&p, p.old, "b", 2000, 2);
	add_bytes(&p, p.header, "a", 3001, 1);
	add_bytes(&p, p.header, "c", 700, 3);
	add_bytes(&p, p.header, "d", 2100, 2);
	pair_seal(&p);
	make(&p, FORMAT_AR2, false, _i == 1, &archive);
	check_applies(&p, &archive, false);
	for (size_t i = 0; i < archive.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			archive.at[i] ^= (char)(1U << bit);
			if (pair_apply(&p, span_of(archive.at, archive.len), false, &e) != 0) {
				ck_assert(e.code == ERR_INPUT || e.code == ERR_DIGEST);
				ck_assert_msg(strstr(e.text, "base: ") == NULL, "%s", e.text);
				refused++;
			}
			archive.at[i] ^= (char)(1U << bit);
		}
	ck_assert_uint_gt(refused, archive.len * 7);
	for (size_t len = 0; len < archive.len; len++)
		ck_assert_int_eq(pair_apply(&p, span_of(archive.at, len), false, &e), -1);
	pair_tear_down(&p);
}
END_TEST

/* ---- Donors */

struct done {
	uint64_t bytes;
};

static void
add(void *context, uint64_t bytes)
{
	((struct done *)context)->bytes += bytes;
}

/* From an archive that was made before. Returns how many bytes had to be encoded for it. */
static uint64_t
make_with_donor(struct pair *p, enum format format, bool full, struct span donor,
	const struct header *donor_old, bool trusted, struct buf *ret)
{
	struct done done = {0};
	const struct encode_crew crew = {.each = archived_each, .add = add, .context = &done};
	struct encode_settings settings = settings_of(p, true);
	struct pack *pack;
	size_t number;

	settings.crew = &crew;
	pack = pack_new(p->header, &settings);
	number = pack_want(pack, format, full ? NULL : p->old);
	pack_donor(pack, donor, p->header, donor_old, trusted);
	encode(pack);
	(void)write_archive(p, pack, number, ret);
	pack_free(pack);
	check_applies(p, ret, full);
	return done.bytes;
}

START_TEST(pack_donor__gives_what_is_asked_for)
{
	struct pair p;

	set_up(&p);
	for (int i = 0; i < 2 * FORMAT_COUNT; i++) {
		const enum format format = (enum format)(i / 2);
		const bool full = i % 2 == 1;

		for (int trusted = 0; trusted <= 1; trusted++) {
			AUTO_BUF struct buf donor = {0};
			AUTO_BUF struct buf got = {0};
			uint64_t bytes;

			make(&p, format, full, true, &donor);
			bytes = make_with_donor(&p, format, full, span_of(donor.at, donor.len),
				full ? NULL : p.old, trusted, &got);
			/* Of two ways a difference has one. */
			ck_assert(bytes == 0 || (!full && format == FORMAT_AR2));
			ck_assert_uint_eq(got.len, donor.len);
			ck_assert_mem_eq(got.at, donor.at, got.len);
		}
	}
	pair_tear_down(&p);
}
END_TEST

/* One that is cut, or of another version, or of the other format, or none, or wrong. */
START_TEST(pack_donor__of_no_use_is_none)
{
	AUTO_BUF struct buf alone = {0};
	AUTO_BUF struct buf wrong = {0};
	AUTO_BUF struct buf older = {0};
	struct pair p;

	set_up(&p);
	make(&p, FORMAT_AR2, true, true, &alone);
	make(&p, FORMAT_AR1, true, true, &older);
	archived_make_wrong(p.header, NULL, span_of("", 0), &wrong);
	for (int i = 0; i < 6; i++) {
		const struct span donors[] = {span_of(alone.at, 7), span_of(alone.at, 20),
			span_of("not an archive", 14), span_of(older.at, older.len),
			span_of(wrong.at, wrong.len), span_of(alone.at, alone.len)};
		AUTO_BUF struct buf got = {0};
		/* The last is said to be a difference, which it is for as long as the files agree.
		 */
		uint64_t bytes = make_with_donor(
			&p, FORMAT_AR2, true, donors[i], i == 5 ? p.old : NULL, false, &got);

		ck_assert_msg(bytes > (i == 5 ? LEN : LARGE), "donor %d: %d", i, (int)bytes);
		ck_assert_uint_eq(got.len, alone.len);
		ck_assert_mem_eq(got.at, alone.at, got.len);
	}
	pair_tear_down(&p);
}
END_TEST

START_TEST(pack_is_worth_it__a_tenth_has_to_be_spared)
{
	ck_assert(pack_is_worth_it(90, 100) && !pack_is_worth_it(91, 100));
	ck_assert(pack_is_worth_it(0, 0) && !pack_is_worth_it(1, 9));
	ck_assert(!pack_is_worth_it(UINT64_MAX, UINT64_MAX));
}
END_TEST

void
pack_tests(TCase *c)
{
	tcase_add_test(c, pack_write__every_archive_gives_its_files_back);
	tcase_add_test(c, pack_want__a_renamed_file_comes_from_what_it_was);
	tcase_add_test(c, pack_write__where_nothing_is_missing_there_is_the_magic);
	tcase_add_test(c, pack_write__a_file_that_became_empty_has_a_stream);
	tcase_add_test(c, pack_encode__old_files_that_are_not_at_hand_are_done_without);
	tcase_add_test(c, pack_write__takes_the_smaller_of_two_ways);
	tcase_add_loop_test(c, pack_write__of_a_damaged_archive_comes_nothing_that_is_wrong, 0, 2);
	tcase_add_test(c, pack_donor__gives_what_is_asked_for);
	tcase_add_test(c, pack_donor__of_no_use_is_none);
	tcase_add_test(c, pack_is_worth_it__a_tenth_has_to_be_spared);
}
