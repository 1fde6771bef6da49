/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/decide_records.h"

#include <stdio.h>

#include "unit.h"

/*
 * The cache: type t, announced 9; kept 9 (header), 8 (header; difference from 5 in
 * guts2ar1, from 6 in both); type gone: kept, not announced any more.
 */
struct sample {
	struct records records;
	struct idents query;
	struct decide_records from;
};

static void
add(struct sample *s, const struct record *record, bool checked)
{
	struct record r = *record;

	r.checked_ms = checked ? 1 : 0;
	records_add(&s->records, &r);
	records_sort(&s->records);
}

static void
set_up(struct sample *s, bool with_query)
{
	struct record r = {.ident = {"t", {9, "00000009"}}, .kind = RECORD_HEADER, .ref.bytes = 1};

	*s = (struct sample){0};
	add(s, &r, true);
	r.ident.edition = (struct edition){8, "00000008"};
	add(s, &r, false);
	r.kind = RECORD_ARCHIVE;
	r.base = (struct edition){5, "00000005"};
	r.format = FORMAT_AR1;
	r.ref.id.byte[0] = 1;
	add(s, &r, true);
	r.base = (struct edition){6, "00000006"};
	add(s, &r, true);
	r.format = FORMAT_AR2;
	r.ref.id.byte[0] = 2;
	add(s, &r, true);
	(void)snprintf(r.ident.type, sizeof(r.ident.type), "gone");
	add(s, &r, true);
	idents_add(&s->query, &(struct ident){"t", {9, "00000009"}});
	s->from = (struct decide_records){&s->records, with_query ? &s->query : NULL, false};
}

static void
tear_down(struct sample *s)
{
	records_free(&s->records);
	idents_free(&s->query);
}

struct states {
	enum decide_known of[FORMAT_COUNT];
};

static enum decide_known
state_of(void *context, const struct decide_need *need)
{
	return ((struct states *)context)->of[need->format];
}

static const struct {
	const char *path;
	enum format best;
	enum decide_known ar1, ar2;
	enum decision_kind kind;
	int format; /* of the record or job; -1: none */
} protocol[] = {
	{"/q", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_QUERY, -1},
	{"/h;t=t;v=9;c=00000009", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_FILE, -1},
	/* not looked at since the start: checked first */
	{"/h;t=t;v=8;c=00000008", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_PREPARE, -1},
	{"/h;t=t;v=7;c=00000007", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_NOT_FOUND, -1},
	{"/h;t=t;v=9;c=00000008", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_NOT_FOUND, -1},
	{"/h;t=x;v=9;c=00000009", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_NOT_FOUND, -1},
	{"/h;t=gone;v=8;c=00000008", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_NOT_FOUND,
		-1},
	{"/o;t=x;v=9;c=00000009", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_NOT_FOUND, -1},
	{"/o;t=t;v=7;c=00000007", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_MOVED, -1},
	{"/o;t=t;v=7;c=00000007;pv=6;pc=00000006", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN,
		DECIDE_MOVED, -1},
	/* in the cache, in the best format the client knows */
	{"/o;t=t;v=8;c=00000008;pv=6;pc=00000006", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN,
		DECIDE_OFFER, 0},
	{"/o;t=t;v=8;c=00000008;pv=6;pc=00000006", FORMAT_AR2, DECIDE_UNKNOWN, DECIDE_UNKNOWN,
		DECIDE_OFFER, 1},
	/* the better one may exist; a worse one is taken when it does not */
	{"/o;t=t;v=8;c=00000008;pv=5;pc=00000005", FORMAT_AR2, DECIDE_UNKNOWN, DECIDE_UNKNOWN,
		DECIDE_PREPARE, 1},
	{"/o;t=t;v=8;c=00000008;pv=5;pc=00000005", FORMAT_AR2, DECIDE_UNKNOWN, DECIDE_ABSENT,
		DECIDE_OFFER, 0},
	/* not there: a job, and 301 once it is known to be absent */
	{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR2, DECIDE_UNKNOWN, DECIDE_UNKNOWN,
		DECIDE_PREPARE, 1},
	{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR2, DECIDE_UNKNOWN, DECIDE_FAILED,
		DECIDE_PREPARE, 1},
	{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR2, DECIDE_UNKNOWN, DECIDE_ABSENT,
		DECIDE_PREPARE, 0},
	{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR2, DECIDE_ABSENT, DECIDE_ABSENT,
		DECIDE_MOVED, -1},
	{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR1, DECIDE_ABSENT, DECIDE_UNKNOWN,
		DECIDE_MOVED, -1},
	{"/o;t=t;v=9;c=00000009;pv=9;pc=00000009", FORMAT_AR2, DECIDE_UNKNOWN, DECIDE_UNKNOWN,
		DECIDE_MOVED, -1},
	/* the full archive */
	{"/o;t=t;v=9;c=00000009", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_PREPARE, 0},
	{"/o;t=t;v=9;c=00000009", FORMAT_AR1, DECIDE_ABSENT, DECIDE_UNKNOWN, DECIDE_NOT_FOUND, -1},
	{"/o;t=t;v=8;c=00000008", FORMAT_AR1, DECIDE_ABSENT, DECIDE_UNKNOWN, DECIDE_MOVED, -1},
	/* of an older version only where it is in the cache: retention would take it away
	 */
	{"/o;t=t;v=8;c=00000008", FORMAT_AR1, DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_MOVED, -1},
	{"/f/0200000000000000000000000000000000000000000000000000000000000000_archive", FORMAT_AR1,
		DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_FILE, 1},
	{"/f/0300000000000000000000000000000000000000000000000000000000000000_archive", FORMAT_AR1,
		DECIDE_UNKNOWN, DECIDE_UNKNOWN, DECIDE_NOT_FOUND, -1},
};

START_TEST(decide__follows_the_order_of_the_protocol)
{
	struct sample s;

	set_up(&s, true);
	for (size_t i = 0; i < sizeof(protocol) / sizeof(protocol[0]); i++) {
		struct states states = {{protocol[i].ar1, protocol[i].ar2}};
		struct decide_facts facts = {
			decide_records_cache(&s.from), state_of, &states, false, false};
		struct target target;
		struct decision d;

		ck_assert_int_eq(ident_target_parse(protocol[i].path, &target, NULL), 0);
		d = decide(&facts, &target, protocol[i].best);
		ck_assert_msg(d.kind == protocol[i].kind, "row %zu %s: %d", i, protocol[i].path,
			(int)d.kind);
		if (d.kind == DECIDE_MOVED)
			ck_assert_uint_eq(d.moved.edition.version, 9);
		if (protocol[i].format >= 0)
			ck_assert_msg((int)(d.kind == DECIDE_PREPARE
						      ? d.need.format
						      : d.record->format) == protocol[i].format,
				"row %zu", i);
	}
	tear_down(&s);
}
END_TEST

START_TEST(decide__without_metadata_everything_but_files_waits)
{
	static const char *const paths[] = {"/q", "/h;t=t;v=9;c=00000009", "/o;t=x;v=9;c=00000009"};
	struct states states = {{DECIDE_UNKNOWN, DECIDE_UNKNOWN}};
	struct decide_facts facts = {.known = state_of, .context = &states};
	struct target target;
	struct sample s;

	set_up(&s, false);
	facts.cache = decide_records_cache(&s.from);

	for (size_t i = 0; i < 3; i++) {
		struct decision d;

		ck_assert_int_eq(ident_target_parse(paths[i], &target, NULL), 0);
		d = decide(&facts, &target, FORMAT_AR1);
		ck_assert(d.kind == DECIDE_PREPARE && d.need.kind == NEED_QUERY);
	}
	tear_down(&s);
}
END_TEST

START_TEST(decide__an_announcement_that_a_type_was_taken_from_is_not_the_last_word)
{
	static const struct {
		const char *path;
		enum decision_kind kind;
	} rows[] = {{"/h;t=x;v=9;c=00000009", DECIDE_PREPARE},
		{"/o;t=x;v=9;c=00000009", DECIDE_PREPARE},
		{"/o;t=x;v=9;c=00000009;pv=4;pc=00000004", DECIDE_PREPARE},
		/* the rest is as it was */
		{"/q", DECIDE_QUERY}, {"/h;t=t;v=9;c=00000009", DECIDE_FILE},
		{"/h;t=t;v=7;c=00000007", DECIDE_NOT_FOUND},
		{"/o;t=t;v=7;c=00000007", DECIDE_MOVED}};
	struct states states = {{DECIDE_UNKNOWN, DECIDE_UNKNOWN}};
	struct decide_facts facts = {.known = state_of, .context = &states};
	struct target target;
	struct sample s;

	set_up(&s, true);
	facts.cache = decide_records_cache(&s.from);
	facts.cache.query_due = true;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct decision d;

		ck_assert_int_eq(ident_target_parse(rows[i].path, &target, NULL), 0);
		d = decide(&facts, &target, FORMAT_AR1);
		ck_assert_msg(d.kind == rows[i].kind, "%s: %d", rows[i].path, (int)d.kind);
		if (d.kind == DECIDE_PREPARE)
			ck_assert(d.need.kind == NEED_QUERY && d.small);
	}
	tear_down(&s);
}
END_TEST

static enum decide_known
state_by_kind(void *context, const struct decide_need *need)
{
	return ((const enum decide_known *)context)[need->kind];
}

START_TEST(decide__makes_a_difference_where_the_upstream_has_none)
{
	static const struct {
		bool setting;
		bool whole; /* the newest version has content */
		enum decide_known build;
		enum decision_kind kind;
	} rows[] = {
		{true, true, DECIDE_UNKNOWN, DECIDE_PREPARE},
		{true, true, DECIDE_UNKNOWN, DECIDE_PREPARE},
		{true, true, DECIDE_FAILED, DECIDE_MOVED},
		{true, true, DECIDE_ABSENT, DECIDE_MOVED},
		{true, false, DECIDE_UNKNOWN, DECIDE_MOVED},
		{false, true, DECIDE_UNKNOWN, DECIDE_MOVED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum decide_known states[] = {
			[NEED_ARCHIVE] = DECIDE_ABSENT, [NEED_BUILD] = rows[i].build};
		struct record content = {.kind = RECORD_CONTENT, .ident = {"t", {9, "00000009"}}};
		struct decide_facts facts = {.known = state_by_kind,
			.context = states,
			.local_differences = rows[i].setting};
		struct target target;
		struct decision d;
		struct sample s;

		set_up(&s, true);
		if (rows[i].whole)
			add(&s, &content, true);
		facts.cache = decide_records_cache(&s.from);
		ck_assert_int_eq(
			ident_target_parse("/o;t=t;v=9;c=00000009;pv=4;pc=00000004", &target, NULL),
			0);
		d = decide(&facts, &target, FORMAT_AR2);
		ck_assert_msg(d.kind == rows[i].kind, "row %zu: %d", i, (int)d.kind);
		if (d.kind == DECIDE_PREPARE)
			ck_assert(d.need.kind == NEED_BUILD && d.need.base.version == 4 &&
				  d.need.format == FORMAT_AR2);
		tear_down(&s);
	}
}
END_TEST

START_TEST(decide__a_full_archive_is_made_in_the_cheapest_way)
{
	struct states states = {{DECIDE_UNKNOWN, DECIDE_UNKNOWN}};
	struct decide_facts facts = {.known = state_of, .context = &states};
	struct target target;
	struct sample s;

	set_up(&s, true);
	facts.cache = decide_records_cache(&s.from);
	ck_assert_int_eq(ident_target_parse("/o;t=t;v=9;c=00000009", &target, NULL), 0);
	ck_assert_int_eq(decide(&facts, &target, FORMAT_AR2).need.kind, NEED_BUILD);
	tear_down(&s);
}
END_TEST

static const struct {
	uint64_t full[3]; /* versions whose full archive is held; those above 9 have another cookie
			   */
	enum decision_kind kind;
	uint64_t version;
} legacy[] = {
	{{0}, DECIDE_PREPARE, 0},
	{{9, 8, 7}, DECIDE_FILE, 9},
	/* what was announced before, until the newest is here */
	{{7, 8}, DECIDE_FILE, 8},
	/* nobody goes back from what is announced to what was forgotten */
	{{10}, DECIDE_PREPARE, 0},
	{{10, 8}, DECIDE_FILE, 8},
};

START_TEST(decide__legacy_gets_the_newest_full_archive_that_is_here)
{
	const struct target target = {.kind = TARGET_LEGACY, .ident = {.type = "t"}};
	struct record r = {.kind = RECORD_ARCHIVE, .format = FORMAT_AR1, .ident = {.type = "t"}};
	struct states states = {0};
	struct sample s;
	struct decide_facts f = {.known = state_of, .context = &states, .legacy = true};
	struct decision d;

	set_up(&s, true);
	for (int i = 0; i < 3 && legacy[_i].full[i] != 0; i++) {
		r.ident.edition.version = legacy[_i].full[i];
		(void)snprintf(r.ident.edition.cookie, sizeof(r.ident.edition.cookie), "%08u",
			(unsigned)legacy[_i].full[i]);
		add(&s, &r, true);
		r.format = FORMAT_AR2; /* which they do not know */
		r.ident.edition.version += 20;
		add(&s, &r, true);
		r.format = FORMAT_AR1;
	}
	f.cache = decide_records_cache(&s.from);
	d = decide(&f, &target, FORMAT_AR1);
	ck_assert_int_eq(d.kind, legacy[_i].kind);
	if (d.kind == DECIDE_FILE)
		ck_assert_uint_eq(d.record->ident.edition.version, legacy[_i].version);
	tear_down(&s);
}
END_TEST

START_TEST(decide_records__what_is_no_more_in_a_list_is_not_found)
{
	struct sample s;
	struct decide_cache cache;
	const struct edition announced = {9, "00000009"};
	struct record full = {.ident = {"t", {7, "00000007"}}, .kind = RECORD_ARCHIVE};

	set_up(&s, true);
	full.ref.id.byte[0] = 3;
	cache = decide_records_cache(&s.from);
	records_add(&s.records, &full);
	ck_assert_ptr_nonnull(cache.find_id(cache.context, &full.ref.id));
	ck_assert_ptr_nonnull(cache.newest_full(cache.context, "t", &announced, FORMAT_AR1));
	s.records.count--;
	ck_assert(!cache.has_version(cache.context, &full.ident));
	ck_assert_ptr_null(cache.find_id(cache.context, &full.ref.id));
	ck_assert_ptr_null(cache.newest_full(cache.context, "t", &announced, FORMAT_AR1));
	tear_down(&s);
}
END_TEST

void
decide_tests(TCase *c)
{
	tcase_add_test(c, decide__follows_the_order_of_the_protocol);
	tcase_add_test(c, decide__without_metadata_everything_but_files_waits);
	tcase_add_test(c, decide__an_announcement_that_a_type_was_taken_from_is_not_the_last_word);
	tcase_add_test(c, decide__makes_a_difference_where_the_upstream_has_none);
	tcase_add_test(c, decide__a_full_archive_is_made_in_the_cheapest_way);
	tcase_add_loop_test(c, decide__legacy_gets_the_newest_full_archive_that_is_here, 0,
		sizeof(legacy) / sizeof(*legacy));
	tcase_add_test(c, decide_records__what_is_no_more_in_a_list_is_not_found);
}
