/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/trusted.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "trust/vouched.h"
#include "unit.h"

/* A client's directory, to which the root was given, and a repository's tuf/. */
struct both {
	struct trusted kept;
	char *path;
	int tuf;
	char *tuf_path;
};

static void
set_up(struct both *b)
{
	vouched_set_up();
	*b = (struct both){0};
	b->kept.dir = unit_dir(&b->path);
	b->tuf = unit_dir(&b->tuf_path);
	for (size_t i = 0; i < vouched_repository.count; i++)
		ck_assert_int_eq(fs_put(b->tuf, "new", vouched_repository.at[i].name,
					 signed_span(&vouched_repository.at[i].bytes), NULL),
			0);
	ck_assert_int_eq(
		trusted_pin(&b->kept, signed_span(&vouched_get(&vouched_kept, "root.json")->bytes),
			NULL),
		0);
}

static void
tear_down(struct both *b)
{
	trusted_clear(&b->kept);
	fs_close(&b->kept.dir);
	fs_close(&b->tuf);
	free(b->path);
	free(b->tuf_path);
	vouched_tear_down();
}

/* From what is kept, and that directory; what comes of it. -1: an error. */
static int
follow(struct both *b, int tuf, const char *path)
{
	struct trust *t = trusted_begin(&b->kept, vouched_now_s, NULL);
	int result = trusted_follow(&b->kept, tuf, t, NULL);

	if (result == 0 && trust_verdict(t) == VERDICT_GOOD && path != NULL) {
		trust_find(t, path);
		result = trusted_follow(&b->kept, tuf, t, NULL);
		ck_assert(result != 0 || trust_found(t) != NULL);
	}
	result = result == 0 ? (int)trust_verdict(t) : -1;
	trust_free(t);
	return result;
}

START_TEST(trusted_follow__what_is_trusted_is_kept_and_enough)
{
	struct both b;

	set_up(&b);
	ck_assert_int_eq(follow(&b, b.tuf, "xa"), VERDICT_GOOD);
	ck_assert(fs_exists(b.kept.dir, "timestamp.json") && fs_exists(b.kept.dir, "a.json"));
	ck_assert(!fs_exists(b.kept.dir, "b.json"));
	{
		struct trust *t = trusted_begin(&b.kept, vouched_now_s, NULL);

		trusted_replay(&b.kept, t);
		ck_assert_int_eq(trust_verdict(t), VERDICT_GOOD);
		trust_find(t, "xa");
		trusted_replay(&b.kept, t);
		ck_assert_ptr_nonnull(trust_found(t));
		trust_free(t);
	}
	tear_down(&b);
}
END_TEST

START_TEST(trusted_follow__a_timestamp_that_leads_nowhere_is_not_kept)
{
	struct both b;

	set_up(&b);
	ck_assert_int_eq(fs_remove(b.tuf, "1.snapshot.json", NULL), 0);
	ck_assert_int_eq(follow(&b, b.tuf, NULL), VERDICT_MISSING);
	ck_assert(!fs_exists(b.kept.dir, "timestamp.json"));
	tear_down(&b);
}
END_TEST

START_TEST(trusted_follow__what_cannot_be_read_or_kept_is_an_error_and_what_is_too_long_none)
{
	static char long_text[TRUST_TIMESTAMP_BYTES_MAX + 2];
	struct both b;

	set_up(&b);
	ck_assert_int_eq(fs_remove(b.tuf, "timestamp.json", NULL), 0);
	ck_assert_int_eq(mkdirat(b.tuf, "timestamp.json", 0700), 0);
	ck_assert_int_eq(follow(&b, b.tuf, NULL), -1);
	ck_assert_int_eq(fs_remove(b.tuf, "timestamp.json", NULL), 0);
	memset(long_text, ' ', sizeof(long_text) - 1);
	ck_assert_int_eq(fs_put(b.tuf, "new", "timestamp.json", unit_text(long_text), NULL), 0);
	ck_assert_int_eq(follow(&b, b.tuf, NULL), VERDICT_MALFORMED);
	tear_down(&b);
	/* Its own directory is gone. */
	set_up(&b);
	{
		struct trust *t = trusted_begin(&b.kept, vouched_now_s, NULL);

		ck_assert_int_eq(fs_remove(AT_FDCWD, b.path, NULL), 0);
		ck_assert_int_eq(trusted_follow(&b.kept, b.tuf, t, NULL), -1);
		trust_free(t);
	}
	tear_down(&b);
}
END_TEST

START_TEST(trusted_follow__without_a_directory_of_ones_own_nothing_is_kept)
{
	struct both b;
	struct trusted nothing = {.dir = -1};
	struct trust *t;

	set_up(&b);
	t = trusted_begin(&b.kept, vouched_now_s, NULL);
	ck_assert_int_eq(trusted_follow(&nothing, b.tuf, t, NULL), 0);
	ck_assert_int_eq(trust_verdict(t), VERDICT_GOOD);
	ck_assert(!fs_exists(b.kept.dir, "snapshot.json"));
	trust_free(t);
	tear_down(&b);
}
END_TEST

void
trusted_tests(TCase *c)
{
	signed_use(c);
	tcase_add_test(c, trusted_follow__what_is_trusted_is_kept_and_enough);
	tcase_add_test(c, trusted_follow__a_timestamp_that_leads_nowhere_is_not_kept);
	tcase_add_test(c,
		trusted_follow__what_cannot_be_read_or_kept_is_an_error_and_what_is_too_long_none);
	tcase_add_test(c, trusted_follow__without_a_directory_of_ones_own_nothing_is_kept);
}
