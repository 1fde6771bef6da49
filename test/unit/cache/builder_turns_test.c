/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Three builds of one type, in every order in which their steps can follow one another. A build is
 * a short program: T takes the turn, W waits for another job first (which gives the turn back, and
 * ends at any later moment); then it leaves.
 */
#include "cache/builder_turns.h"

#include <stdio.h>

#include "unit.h"

enum { BUILDS = 3, STEPS_MAX = 64 };

static const char *const programs[] = {"", "T", "W", "TT", "TW", "WT", "WW", "TWT"};
enum { PROGRAMS = sizeof(programs) / sizeof(programs[0]) };

struct build {
	const char *at; /* what is left of its program */
	struct turn turn;
	bool blocked; /* until it is named */
	bool left;
};

struct world {
	struct builder_turns *turns;
	struct build builds[BUILDS];
};

static void
give(struct world *w, struct build *b)
{
	struct turn *next = builder_turns_give(w->turns, &b->turn);

	if (next != NULL)
		((struct build *)next->context)->blocked = false;
}

static void
step(struct world *w, struct build *b)
{
	switch (*b->at) {
	case 'T':
		/* One that is blocked looks again once it is named: perhaps it wants something
		 * else. */
		b->blocked = !builder_turns_take(w->turns, &b->turn);
		b->at++;
		break;
	case 'W':
		give(w, b);
		b->at++;
		break;
	default:
		give(w, b);
		builder_turns_leave(w->turns, &b->turn);
		b->left = true;
	}
}

static void
check(const struct world *w)
{
	unsigned building = 0;
	unsigned waiting = 0;

	for (int i = 0; i < BUILDS; i++) {
		building += w->builds[i].turn.state == TURN_BUILDING;
		waiting += w->builds[i].turn.state == TURN_WAITING;
	}
	/* An assertion that holds costs more than a step, and there are a million. */
	if (building > 1)
		ck_abort_msg("two build at a time");
	if (waiting > 0 && building == 0)
		ck_abort_msg("somebody waits for a turn that nobody has");
}

/*
 * One run, which takes at each step the choice that stands in choices; where there is none yet, the
 * first. Returns the number of steps; options[i] is how many there were at step i.
 */
static int
run(const int *which, const unsigned *choices, int known, unsigned *options)
{
	static const struct job_spec spec = {.kind = JOB_BUILD, .ident = {.type = "t"}};
	struct world w = {.turns = builder_turns_new()};
	int steps = 0;

	for (int i = 0; i < BUILDS; i++) {
		w.builds[i].at = programs[which[i]];
		w.builds[i].turn = (struct turn){.spec = &spec, .context = &w.builds[i]};
		builder_turns_join(w.turns, &w.builds[i].turn);
	}
	for (;; steps++) {
		struct build *ready[BUILDS];
		unsigned count = 0;
		bool all_left = true;

		for (int i = 0; i < BUILDS; i++) {
			all_left &= w.builds[i].left;
			if (!w.builds[i].left && !w.builds[i].blocked)
				ready[count++] = &w.builds[i];
		}
		if (all_left)
			break;
		if (count == 0)
			ck_abort_msg("%s, %s, %s: one waits for ever", programs[which[0]],
				programs[which[1]], programs[which[2]]);
		if (steps >= STEPS_MAX)
			ck_abort_msg("no end");
		options[steps] = count;
		step(&w, ready[steps < known ? choices[steps] : 0]);
		check(&w);
	}
	builder_turns_free(w.turns);
	return steps;
}

/* Depth first: the last choice that had another option left is changed. */
static unsigned
run_all(const int *which)
{
	unsigned choices[STEPS_MAX] = {0};
	unsigned options[STEPS_MAX];
	unsigned runs = 0;
	int known = 0;

	do {
		known = run(which, choices, known, options);
		runs++;
		while (known > 0 && choices[known - 1] + 1 >= options[known - 1])
			choices[--known] = 0;
		if (known > 0)
			choices[known - 1]++;
	} while (known > 0);
	return runs;
}

START_TEST(builder_turns__nobody_waits_for_ever_in_any_order_of_three_builds)
{
	unsigned long runs = 0;

	/* The order of the three says nothing: only programs that do not go down. */
	for (int a = 0; a < PROGRAMS; a++)
		for (int b = a; b < PROGRAMS; b++)
			for (int c = b; c < PROGRAMS; c++)
				runs += run_all((const int[]){a, b, c});
	ck_assert_uint_gt(runs, 10000);
}
END_TEST

START_TEST(builder_turns__types_do_not_wait_for_each_other)
{
	static const struct job_spec specs[] = {{.kind = JOB_BUILD, .ident = {.type = "a"}},
		{.kind = JOB_BUILD, .ident = {.type = "b"}}};
	struct builder_turns *turns = builder_turns_new();
	struct turn a = {.spec = &specs[0]};
	struct turn b = {.spec = &specs[1]};

	builder_turns_join(turns, &a);
	builder_turns_join(turns, &b);
	ck_assert(builder_turns_take(turns, &a) && builder_turns_take(turns, &b));
	ck_assert_ptr_null(builder_turns_give(turns, &a));
	ck_assert_ptr_null(builder_turns_give(turns, &b));
	builder_turns_leave(turns, &a);
	builder_turns_leave(turns, &b);
	builder_turns_free(turns);
}
END_TEST

START_TEST(builder_turns__of_those_that_wait_the_first_of_the_type_goes_on)
{
	static const struct job_spec a = {.kind = JOB_BUILD, .ident = {.type = "a"}};
	static const struct job_spec b = {.kind = JOB_BUILD, .ident = {.type = "b"}};
	struct builder_turns *turns = builder_turns_new();
	struct turn t[4] = {{.spec = &a}, {.spec = &b}, {.spec = &a}, {.spec = &a}};
	bool building[4] = {true, true, false, false};

	for (unsigned i = 0; i < 4; i++) {
		builder_turns_join(turns, &t[i]);
		ck_assert_uint_eq(t[i].number, i);
		ck_assert(builder_turns_take(turns, &t[i]) == building[i]);
		/* For the next thing that its job builds. */
		ck_assert(!building[i] || builder_turns_take(turns, &t[i]));
	}
	ck_assert_ptr_null(builder_turns_give(turns, &t[1]));
	ck_assert_ptr_eq(builder_turns_give(turns, &t[0]), &t[2]);
	ck_assert_ptr_null(builder_turns_give(turns, &t[0])); /* it has none any more */
	ck_assert_ptr_eq(builder_turns_give(turns, &t[2]), &t[3]);
	ck_assert_ptr_null(builder_turns_give(turns, &t[3]));
	for (unsigned i = 0; i < 4; i++)
		builder_turns_leave(turns, &t[i]);
	builder_turns_free(turns);
}
END_TEST

START_TEST(builder_turns_need__the_versions_of_a_job_and_while_it_builds_all_of_its_type)
{
	static const struct job_spec spec = {
		.kind = JOB_BUILD, .ident = {"t", {5, "00000005"}}, .base = {3, "00000003"}};
	static const struct {
		struct ident ident;
		bool waits, builds;
	} rows[] = {{{"t", {5, "00000005"}}, true, true}, {{"t", {3, "00000003"}}, true, true},
		{{"t", {4, "00000004"}}, false, true}, {{"t", {5, "00000004"}}, false, true},
		{{"u", {5, "00000005"}}, false, false}};
	struct builder_turns *turns = builder_turns_new();
	struct turn t = {.spec = &spec};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert(!builder_turns_need(turns, &rows[i].ident));
		builder_turns_join(turns, &t);
		ck_assert(builder_turns_need(turns, &rows[i].ident) == rows[i].waits);
		ck_assert(builder_turns_take(turns, &t));
		ck_assert(builder_turns_need(turns, &rows[i].ident) == rows[i].builds);
		(void)builder_turns_give(turns, &t);
		ck_assert(builder_turns_need(turns, &rows[i].ident) == rows[i].waits);
		builder_turns_leave(turns, &t);
		ck_assert(!builder_turns_need(turns, &rows[i].ident));
	}
	builder_turns_free(turns);
}
END_TEST

static struct digest
digest_number(unsigned n)
{
	return digest_of(span_of((const char *)&n, sizeof(n)));
}

START_TEST(builder_turns_is_bad__the_last_of_many_are_known)
{
	enum { KNOWN = 64 };
	struct builder_turns *turns = builder_turns_new();

	ck_assert(!builder_turns_is_bad(turns, &(struct digest){{0}}));
	for (unsigned n = 0; n < 3 * KNOWN; n++) {
		struct digest one = digest_number(n);

		ck_assert(!builder_turns_is_bad(turns, &one));
		builder_turns_note_bad(turns, &one);
		ck_assert(builder_turns_is_bad(turns, &one));
		one = digest_number(n < KNOWN ? 0 : n - KNOWN + 1);
		ck_assert(builder_turns_is_bad(turns, &one));
	}
	builder_turns_free(turns);
}
END_TEST

void
builder_turns_tests(TCase *c)
{
	tcase_add_test(c, builder_turns__of_those_that_wait_the_first_of_the_type_goes_on);
	tcase_add_test(
		c, builder_turns_need__the_versions_of_a_job_and_while_it_builds_all_of_its_type);
	tcase_add_test(c, builder_turns_is_bad__the_last_of_many_are_known);
	tcase_add_test(c, builder_turns__nobody_waits_for_ever_in_any_order_of_three_builds);
	tcase_add_test(c, builder_turns__types_do_not_wait_for_each_other);
}
