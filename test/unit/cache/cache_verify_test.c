/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_verify.h"

#include "base/fs.h"
#include "base/mem.h"
#include "cache/cached.h"
#include "store/depot.h"
#include "unit.h"

struct found {
	json_t *document;
	json_int_t checked;
	size_t wrong;
	const char *name; /* of the first */
	const char *why;
	const char *done;
};

static struct found
verify(struct cached *f, const char *type, bool repair)
{
	struct found got;
	int code;
	const json_t *first;

	cached_open_again(f);
	code = cache_verify(&f->c, type, repair, true);
	got.document = cached_output();
	got.checked = json_integer_value(json_object_get(got.document, "checked"));
	got.wrong = json_array_size(json_object_get(got.document, "wrong"));
	first = json_array_get(json_object_get(got.document, "wrong"), 0);
	got.name = json_string_value(json_object_get(first, "name"));
	got.why = json_string_value(json_object_get(first, "why"));
	got.done = json_string_value(json_object_get(first, "done"));
	ck_assert_int_eq(code, got.wrong > 0 ? 1 : 0);
	return got;
}

/* Other bytes, of the same size, under this name. */
static void
damage(const struct cached *f, const char *name)
{
	AUTO_BUF struct buf bytes = {0};

	ck_assert_int_eq(fs_read(f->v.dir, name, 1 << 20, &bytes, NULL), 0);
	bytes.at[bytes.len / 2] ^= 1;
	ck_assert_int_eq(fs_put(f->v.dir, "stage/x", name, span_of(bytes.at, bytes.len), NULL), 0);
}

static void
check_clean(struct cached *f, json_int_t checked)
{
	struct found got = verify(f, NULL, false);

	ck_assert_int_eq(got.checked, checked);
	ck_assert_uint_eq(got.wrong, 0);
	json_decref(got.document);
}

START_TEST(cache_verify__what_is_right_is_counted)
{
	struct cached f;
	struct found got;

	cached_set_up(&f);
	check_clean(&f, CACHED_RECORDS);
	got = verify(&f, "t", false);
	ck_assert_int_eq(got.checked, CACHED_RECORDS);
	json_decref(got.document);
	unit_listen();
	ck_assert_int_eq(cache_verify(&f.c, NULL, false, false), 0);
	ck_assert_str_eq(unit_output(), "7 checked, 0 wrong\n");
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_verify__a_type_of_which_nothing_is_there_is_a_failure)
{
	struct cached f;

	cached_set_up(&f);
	ck_assert_int_eq(cache_verify(&f.c, "u", false, false), 1);
	ck_assert_str_eq(unit_output(), "0 checked, 0 wrong\n");
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "u: nothing of this type"));
	cached_tear_down(&f);
}
END_TEST

/* A file of each kind, and what it takes with it. */
START_TEST(cache_verify__what_is_damaged_is_named_and_goes_to_quarantine_where_that_is_asked_for)
{
	for (int i = 0; i < 4; i++) {
		struct cached f;
		struct found got;
		char file[IDENT_NAME_MAX];
		char name[IDENT_NAME_MAX];

		cached_set_up(&f);
		(void)record_name(i < 2 ? &f.full[i] : &f.difference, name);
		switch (i) {
		case 0:
		case 1:
			(void)ident_file_name(&f.full[i].ref.id, file);
			break;
		case 2:
			(void)ident_file_name(&f.difference.ref.id, file);
			break;
		default:
			(void)ident_blob_name(&f.v.header[0]->files[1].digest, file);
			(void)ident_content_name(&f.v.header[0]->ident, name);
			break;
		}
		damage(&f, file);
		got = verify(&f, "t", false);
		ck_assert_uint_eq(got.wrong, 1);
		ck_assert_int_eq(got.checked, CACHED_RECORDS);
		ck_assert_str_eq(got.name, name);
		ck_assert_ptr_ne(strstr(got.why, name), got.why); /* it is said once */
		ck_assert_str_eq(got.done, "");
		ck_assert(fs_exists(f.v.dir, file));
		json_decref(got.document);
		unit_listen();
		ck_assert_int_eq(cache_verify(&f.c, NULL, false, false), 1);
		ck_assert_int_eq(strncmp(unit_output(), name, strlen(name)), 0);
		ck_assert_ptr_nonnull(strstr(unit_output(), "\n7 checked, 1 wrong\n"));
		got = verify(&f, NULL, true);
		ck_assert_uint_eq(got.wrong, 1);
		ck_assert_str_eq(got.done, "moved to quarantine/");
		ck_assert(!fs_exists(f.v.dir, file));
		json_decref(got.document);
		check_clean(&f, CACHED_RECORDS - 1);
		cached_tear_down(&f);
	}
}
END_TEST

/* What a header was is in the index alone. */
START_TEST(cache_verify__a_header_that_is_another_than_came)
{
	struct cached f;
	struct found got;
	char name[IDENT_NAME_MAX];
	AUTO_BUF struct buf bytes = {0};

	cached_set_up(&f);
	(void)ident_header_name(&f.v.header[2]->ident, name);
	ck_assert_int_eq(fs_read(f.v.dir, name, HEADER_BYTES_MAX, &bytes, NULL), 0);
	*(strstr(bytes.at, "\"title\":\"T\"") + strlen("\"title\":\"")) = 'U';
	ck_assert_int_eq(fs_put(f.v.dir, "stage/x", name, span_of(bytes.at, bytes.len), NULL), 0);
	got = verify(&f, NULL, false);
	ck_assert_uint_eq(got.wrong, 1);
	ck_assert_str_eq(got.name, name);
	json_decref(got.document);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_verify__documents_that_are_none)
{
	struct cached f;
	struct found got;
	char name[IDENT_NAME_MAX];

	cached_set_up(&f);
	(void)ident_header_name(&f.v.header[2]->ident, name);
	ck_assert_int_eq(fs_put(f.v.dir, "stage/x", name, unit_text("{"), NULL), 0);
	cached_open_again(&f);
	ck_assert_int_eq(cache_verify(&f.c, "u", false, false), 1);
	ck_assert_str_eq(unit_output(), "0 checked, 0 wrong\n"); /* it is of another type */
	got = verify(&f, "t", false);
	ck_assert_uint_eq(got.wrong, 1);
	ck_assert_str_eq(got.name, name);
	ck_assert_str_eq(got.done, "");
	json_decref(got.document);
	ck_assert_int_eq(fs_put(f.v.dir, "stage/x", "q", unit_text("{"), NULL), 0);
	got = verify(&f, "t", false); /* the announcement is of no type */
	ck_assert_uint_eq(got.wrong, 1);
	json_decref(got.document);
	got = verify(&f, NULL, true);
	ck_assert_uint_eq(got.wrong, 2);
	ck_assert_str_eq(got.done, "moved to quarantine/");
	ck_assert(!fs_exists(f.v.dir, name));
	json_decref(got.document);
	cached_tear_down(&f);
}
END_TEST

START_TEST(cache_verify__after_a_repair_the_index_is_to_be_trusted)
{
	for (int documents = 0; documents < 2; documents++) {
		struct cached f;
		struct found got;
		char name[IDENT_NAME_MAX];
		bool rebuilt;

		cached_set_up(&f);
		if (documents)
			ck_assert_int_eq(fs_put(f.v.dir, "stage/x",
						 ident_header_name(&f.v.header[2]->ident, name),
						 unit_text("{"), NULL),
				0);
		else
			damage(&f, ident_file_name(&f.full[0].ref.id, name));
		got = verify(&f, NULL, true);
		ck_assert_uint_eq(got.wrong, 1);
		json_decref(got.document);
		/* Nobody has the cache any more, and the next one need not look at all files. */
		ck_assert_int_eq(depot_open(f.v.path, &f.v.depot, &rebuilt, NULL), 0);
		ck_assert(!rebuilt);
		cached_tear_down(&f);
	}
}
END_TEST

START_TEST(cache_verify__where_another_program_has_the_cache_nothing_is_moved)
{
	struct cached f;
	char file[IDENT_NAME_MAX];

	cached_set_up(&f);
	(void)ident_file_name(&f.full[0].ref.id, file);
	damage(&f, file);
	(void)cached_depot(&f);
	unit_listen();
	ck_assert_int_eq(cache_verify(&f.c, NULL, true, true), 75);
	ck_assert_str_eq(unit_output(), "");
	ck_assert_ptr_nonnull(strstr(unit_complaints(), "in use by process"));
	ck_assert(fs_exists(f.v.dir, file));
	cached_tear_down(&f);
}
END_TEST

void
cache_verify_tests(TCase *c)
{
	tcase_add_test(c, cache_verify__what_is_right_is_counted);
	tcase_add_test(c, cache_verify__a_type_of_which_nothing_is_there_is_a_failure);
	tcase_add_test(c,
		cache_verify__what_is_damaged_is_named_and_goes_to_quarantine_where_that_is_asked_for);
	tcase_add_test(c, cache_verify__a_header_that_is_another_than_came);
	tcase_add_test(c, cache_verify__documents_that_are_none);
	tcase_add_test(c, cache_verify__after_a_repair_the_index_is_to_be_trusted);
	tcase_add_test(c, cache_verify__where_another_program_has_the_cache_nothing_is_moved);
}
