/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/decide.h"

#include <stdio.h>

#include "unit.h"

/*
 * The cache: type t, announced 9; kept 9 (header), 8 (header; difference from 5 in
 * guts2ar1, from 6 in both); type gone: kept, not announced any more.
 */
static struct view_holder *
sample(bool with_query)
{
	struct view_holder *h = view_holder_new();
	AUTO_IDENTS struct idents query = {0};
	struct record vr = {.ident = {"t", {9, "00000009"}}, .kind = RECORD_HEADER, .ref.bytes = 1};

	view_add(h, &vr, true);
	vr.ident.edition = (struct edition){8, "00000008"};
	view_add(h, &vr, false);
	vr.kind = RECORD_ARCHIVE;
	vr.base = (struct edition){5, "00000005"};
	vr.format = FORMAT_AR1;
	vr.ref.id.byte[0] = 1;
	view_add(h, &vr, true);
	vr.base = (struct edition){6, "00000006"};
	view_add(h, &vr, true);
	vr.format = FORMAT_AR2;
	vr.ref.id.byte[0] = 2;
	view_add(h, &vr, true);
	(void)snprintf(vr.ident.type, sizeof(vr.ident.type), "gone");
	view_add(h, &vr, true);
	idents_add(&query, &(struct ident){"t", {9, "00000009"}});
	if (with_query)
		view_set_query(h, &query);
	return h;
}

struct facts {
	enum job_state state[FORMAT_COUNT];
};

static enum job_state
state_of(void *context, const struct job_spec *spec)
{
	return ((struct facts *)context)->state[spec->format];
}

START_TEST(decide__follows_the_order_of_the_protocol)
{
	static const struct {
		const char *path;
		enum format best;
		enum job_state ar1, ar2;
		enum decision_kind kind;
		int format; /* of the record or job; -1: none */
	} rows[] = {
		{"/q", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_QUERY, -1},
		{"/h;t=t;v=9;c=00000009", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_FILE, -1},
		/* not looked at since the start: checked first */
		{"/h;t=t;v=8;c=00000008", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_PREPARE, -1},
		{"/h;t=t;v=7;c=00000007", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_NOT_FOUND, -1},
		{"/h;t=t;v=9;c=00000008", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_NOT_FOUND, -1},
		{"/h;t=x;v=9;c=00000009", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_NOT_FOUND, -1},
		{"/h;t=gone;v=8;c=00000008", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_NOT_FOUND, -1},
		{"/o;t=x;v=9;c=00000009", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_NOT_FOUND, -1},
		{"/o;t=t;v=7;c=00000007", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_MOVED, -1},
		{"/o;t=t;v=7;c=00000007;pv=6;pc=00000006", FORMAT_AR1, JOB_NONE, JOB_NONE,
			DECIDE_MOVED, -1},
		/* in the cache, in the best format the client knows */
		{"/o;t=t;v=8;c=00000008;pv=6;pc=00000006", FORMAT_AR1, JOB_NONE, JOB_NONE,
			DECIDE_OFFER, 0},
		{"/o;t=t;v=8;c=00000008;pv=6;pc=00000006", FORMAT_AR2, JOB_NONE, JOB_NONE,
			DECIDE_OFFER, 1},
		/* the better one may exist; a worse one is taken when it does not */
		{"/o;t=t;v=8;c=00000008;pv=5;pc=00000005", FORMAT_AR2, JOB_NONE, JOB_NONE,
			DECIDE_PREPARE, 1},
		{"/o;t=t;v=8;c=00000008;pv=5;pc=00000005", FORMAT_AR2, JOB_NONE, JOB_ABSENT,
			DECIDE_OFFER, 0},
		/* not there: a job, and 301 once it is known to be absent */
		{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR2, JOB_NONE, JOB_NONE,
			DECIDE_PREPARE, 1},
		{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR2, JOB_NONE, JOB_FAILED,
			DECIDE_PREPARE, 1},
		{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR2, JOB_NONE, JOB_ABSENT,
			DECIDE_PREPARE, 0},
		{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR2, JOB_ABSENT, JOB_ABSENT,
			DECIDE_MOVED, -1},
		{"/o;t=t;v=9;c=00000009;pv=4;pc=00000004", FORMAT_AR1, JOB_ABSENT, JOB_NONE,
			DECIDE_MOVED, -1},
		{"/o;t=t;v=9;c=00000009;pv=9;pc=00000009", FORMAT_AR2, JOB_NONE, JOB_NONE,
			DECIDE_MOVED, -1},
		/* the full archive */
		{"/o;t=t;v=9;c=00000009", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_PREPARE, 0},
		{"/o;t=t;v=9;c=00000009", FORMAT_AR1, JOB_ABSENT, JOB_NONE, DECIDE_NOT_FOUND, -1},
		{"/o;t=t;v=8;c=00000008", FORMAT_AR1, JOB_ABSENT, JOB_NONE, DECIDE_MOVED, -1},
		/* of an older version only where it is in the cache: retention would take it away
		 */
		{"/o;t=t;v=8;c=00000008", FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_MOVED, -1},
		{"/f/0200000000000000000000000000000000000000000000000000000000000000_archive",
			FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_FILE, 1},
		{"/f/0300000000000000000000000000000000000000000000000000000000000000_archive",
			FORMAT_AR1, JOB_NONE, JOB_NONE, DECIDE_NOT_FOUND, -1},
	};
	struct view_holder *h = sample(true);
	struct view *v = view_take(h);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct facts facts = {{rows[i].ar1, rows[i].ar2}};
		struct decide_jobs jobs = {state_of, &facts, false, false};
		struct target target;
		struct decision d;

		ck_assert_int_eq(ident_target_parse(rows[i].path, &target, NULL), 0);
		d = decide(v, &target, rows[i].best, &jobs);
		ck_assert_msg(
			d.kind == rows[i].kind, "row %zu %s: %d", i, rows[i].path, (int)d.kind);
		if (d.kind == DECIDE_MOVED)
			ck_assert_uint_eq(d.moved.edition.version, 9);
		if (rows[i].format >= 0)
			ck_assert_msg((int)(d.kind == DECIDE_PREPARE
						      ? d.job.format
						      : d.vr->record.format) == rows[i].format,
				"row %zu", i);
	}
	view_release(v);
	view_holder_free(h);
}
END_TEST

START_TEST(decide__without_metadata_everything_but_files_waits)
{
	static const char *const paths[] = {"/q", "/h;t=t;v=9;c=00000009", "/o;t=x;v=9;c=00000009"};
	struct view_holder *h = sample(false);
	struct view *v = view_take(h);
	struct facts facts = {{JOB_NONE, JOB_NONE}};
	struct decide_jobs jobs = {state_of, &facts, false, false};
	struct target target;

	for (size_t i = 0; i < 3; i++) {
		struct decision d;

		ck_assert_int_eq(ident_target_parse(paths[i], &target, NULL), 0);
		d = decide(v, &target, FORMAT_AR1, &jobs);
		ck_assert(d.kind == DECIDE_PREPARE && d.job.kind == JOB_QUERY);
	}
	view_release(v);
	view_holder_free(h);
}
END_TEST

/* A job's state by its kind. */
static enum job_state
state_by_kind(void *context, const struct job_spec *spec)
{
	return ((const enum job_state *)context)[spec->kind];
}

START_TEST(decide__makes_a_difference_where_the_upstream_has_none)
{
	static const struct {
		bool setting;
		bool whole; /* the newest version has content */
		enum job_state make;
		enum decision_kind kind;
	} rows[] = {
		{true, true, JOB_NONE, DECIDE_PREPARE},
		{true, true, JOB_RUNNING, DECIDE_PREPARE},
		{true, true, JOB_FAILED, DECIDE_MOVED},
		{true, true, JOB_ABSENT, DECIDE_MOVED},
		{true, false, JOB_NONE, DECIDE_MOVED},
		{false, true, JOB_NONE, DECIDE_MOVED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum job_state states[JOB_KINDS] = {
			[JOB_OFFER] = JOB_ABSENT, [JOB_BUILD] = rows[i].make};
		struct decide_jobs jobs = {state_by_kind, states, rows[i].setting, false};
		struct record content = {.kind = RECORD_CONTENT, .ident = {"t", {9, "00000009"}}};
		struct view_holder *h = sample(true);
		struct target target;
		struct decision d;
		struct view *v;

		if (rows[i].whole)
			view_add(h, &content, true);
		v = view_take(h);
		ck_assert_int_eq(
			ident_target_parse("/o;t=t;v=9;c=00000009;pv=4;pc=00000004", &target, NULL),
			0);
		d = decide(v, &target, FORMAT_AR2, &jobs);
		ck_assert_msg(d.kind == rows[i].kind, "row %zu: %d", i, (int)d.kind);
		if (d.kind == DECIDE_PREPARE)
			ck_assert(d.job.kind == JOB_BUILD && d.job.base.version == 4 &&
				  d.job.format == FORMAT_AR2);
		view_release(v);
		view_holder_free(h);
	}
}
END_TEST

START_TEST(decide__a_full_archive_is_made_in_the_cheapest_way)
{
	enum job_state states[JOB_KINDS] = {0};
	struct decide_jobs jobs = {state_by_kind, states, false, false};
	struct view_holder *h = sample(true);
	struct view *v = view_take(h);
	struct target target;

	ck_assert_int_eq(ident_target_parse("/o;t=t;v=9;c=00000009", &target, NULL), 0);
	ck_assert_int_eq(decide(v, &target, FORMAT_AR2, &jobs).job.kind, JOB_BUILD);
	view_release(v);
	view_holder_free(h);
}
END_TEST

void
decide_tests(TCase *c)
{
	tcase_add_test(c, decide__follows_the_order_of_the_protocol);
	tcase_add_test(c, decide__without_metadata_everything_but_files_waits);
	tcase_add_test(c, decide__makes_a_difference_where_the_upstream_has_none);
	tcase_add_test(c, decide__a_full_archive_is_made_in_the_cheapest_way);
}
