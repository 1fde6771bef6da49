/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is shown of a run, to the letter: for people, for scripts, and as a picture. */
#include <stdio.h>

#include "base/mem.h"
#include "load/load_stats.h"
#include "model/doc.h"
#include "unit.h"

static const struct load_sample samples[] = {
	{0, 0, 0}, {2, 0.25, 7}, {4, 0.5, 7}, {5, 0.45, 7}, {6, 0.9, 7}, {8, 1, 7}};

/* 200 clients in 4 s, twice as fast as real ones; two steps were asked for, and one went wrong. */
static void
set_up(struct load_report *r)
{
	struct load_counts *c = &r->counts;

	*r = (struct load_report){
		.samples = samples, .sample_count = 6, .clients = 200, .seconds = 4, .speed = 2};
	c->status[LOAD_QUERY][200] = 98;
	c->status[LOAD_QUERY][304] = 2;
	c->status[LOAD_FILE][0] = 1;
	c->status[LOAD_FILE][599] = 3;
	c->bytes[LOAD_FILE] = 4100;
	for (uint64_t us = 1000; us <= 100000; us += 1000)
		load_stats_note_latency(c, LOAD_QUERY, us);
	load_stats_note_latency(c, LOAD_FILE, 7);
	c->polls = 100;
	c->updates = 3;
}

static void
set_ends(struct load_counts *c)
{
	c->told_later = 4;
	c->late = 5;
	c->not_begun = 6;
	c->waiting = 7;
	c->unanswered = 8;
	c->unanswered_us = 2500000;
	c->wrong = 9;
	memcpy(c->error, "f/1: \x1b[2J", sizeof("f/1: \x1b[2J"));
}

START_TEST(load_stats_print_text__a_table_a_curve_and_how_it_ended)
{
	AUTO_FREE struct load_report *r = mem_new(1, sizeof(*r));
	const char *ends;

	set_up(r);
	unit_listen();
	load_stats_print_text(r);
	ck_assert_str_eq(unit_output(),
		"200 clients, 4 s (8 s of theirs): 100 polls (25/s), 3 updates, told to come back "
		"0 times\n"
		"\n"
		"    requests      bytes   p50 ms   p90 ms   p99 ms    max ms  status:"
		"count\n"
		"q        100        0 B    53.25    90.11   106.50    106.50  200:98 "
		"304:2\n"
		"f          4     4.1 kB     0.01     0.01     0.01      0.01  "
		"failed0:1 599:3\n"
		"\n"
		"Clients that are current:\n"
		" 100 % |                                                           #\n"
		"  90 % |                                            ################\n"
		"  80 % |                                            ################\n"
		"  70 % |                                            ################\n"
		"  60 % |                                            ################\n"
		"  50 % |                             ########.......################\n"
		"  40 % |                             ###############################\n"
		"  30 % |              ...............###############################\n"
		"  20 % |              ##############################################\n"
		"  10 % |              ##############################################\n"
		"       +------------------------------------------------------------\n"
		"        0 s                                                      8 s\n"
		" 50 % had the newest version 2.0 s after it was announced\n"
		" 90 % had the newest version 4.0 s after it was announced\n"
		" 99 % had the newest version 6.0 s after it was announced\n"
		"100 % had the newest version 6.0 s after it was announced\n");
	set_ends(&r->counts);
	r->sample_count = 1;
	unit_listen();
	load_stats_print_text(r);
	ck_assert_ptr_null(strstr(unit_output(), "current:"));
	ck_assert_ptr_null(strstr(unit_output(), "newest version"));
	ends = strstr(unit_output(), "599:3\n");
	ck_assert_ptr_nonnull(ends);
	ck_assert_str_eq(ends + strlen("599:3\n"),
		"5 visits began late: this machine makes no more load\n"
		"6 clients were due and never came: no place was free\n"
		"7 clients wait at the end, as a 503 told them\n"
		"8 requests had no answer at the end, the oldest for 2.5 s\n"
		"9 answers were wrong, or did not come\n"
		"the first error: f/1: ?[2J\n");
	r->counts.polls = 0;
	unit_listen();
	load_stats_print_text(r);
	ck_assert_ptr_nonnull(strstr(unit_output(), "no client was due yet: nothing was asked\n"));
}
END_TEST

START_TEST(load_stats_print_text__a_column_shows_the_lowest_of_its_samples)
{
	static const struct load_sample in_one_second[] = {{0, 0, 0}, {0.5, 1, 0}, {60, 1, 0}};
	AUTO_FREE struct load_report *r = mem_new(1, sizeof(*r));

	*r = (struct load_report){
		.samples = in_one_second, .sample_count = 3, .clients = 1, .seconds = 60};
	unit_listen();
	load_stats_print_text(r);
	ck_assert_ptr_nonnull(strstr(unit_output(), "\n  10 % | ####"));
}
END_TEST

START_TEST(load_stats_print_json__all_of_it)
{
	/* With ' for ". */
	static const char want[] =
		"{'clients':200,'seconds':4.0,'speed':2.0,'polls':100,'updates':3,'told_later':4,"
		"'late':5,'not_begun':6,'waiting':7,'unanswered':8,'unanswered_oldest_s':2.5,"
		"'wrong':9,'error':'f/1: \\u001b[2J','requests':{"
		"'q':{'requests':100,'bytes':0,'status':{'200':98,'304':2},'latency_ms':"
		"{'p50':53.247,'p90':90.111,'p99':106.495,'p999':106.495,'max':106.495}},"
		"'o':{'requests':0,'bytes':0,'status':{},'latency_ms':"
		"{'p50':0.0,'p90':0.0,'p99':0.0,'p999':0.0,'max':0.0}},"
		"'h':{'requests':0,'bytes':0,'status':{},'latency_ms':"
		"{'p50':0.0,'p90':0.0,'p99':0.0,'p999':0.0,'max':0.0}},"
		"'f':{'requests':4,'bytes':4100,'status':{'0':1,'599':3},'latency_ms':"
		"{'p50':0.007,'p90':0.007,'p99':0.007,'p999':0.007,'max':0.007}}},"
		"'seconds_until_percent_current':{'50':2.0,'90':4.0,'99':6.0,'100':6.0},"
		"'curve':[[0.0,0.0,0],[2.0,0.25,7],[4.0,0.5,7],[5.0,0.45,7],[6.0,0.9,7],"
		"[8.0,1.0,7]]}";
	AUTO_FREE struct load_report *r = mem_new(1, sizeof(*r));
	AUTO_FREE char *json = mem_string(want);
	AUTO_DOC json_t *wanted = NULL;
	AUTO_DOC json_t *got = NULL;

	for (char *c = json; *c != '\0'; c++)
		*c = *c == '\'' ? '"' : *c;
	set_up(r);
	set_ends(&r->counts);
	unit_listen();
	load_stats_print_json(r);
	wanted = json_loads(json, 0, NULL);
	got = json_loads(unit_output(), 0, NULL);
	ck_assert(wanted != NULL && got != NULL);
	ck_assert_msg(json_equal(wanted, got), "%s", unit_output());
}
END_TEST

/* What stands between the two, which are there once. */
static char *
between(const char *text, const char *begin, const char *end)
{
	const char *at = strstr(text, begin);
	const char *until = at != NULL ? strstr(at + strlen(begin), end) : NULL;

	ck_assert_msg(until != NULL, "%s", text);
	return mem_string_n(at + strlen(begin), (size_t)(until - at) - strlen(begin));
}

START_TEST(load_stats_print_svg__the_axes_and_the_curve)
{
	AUTO_FREE struct load_report *r = mem_new(1, sizeof(*r));
	AUTO_FREE char *points = NULL;
	AUTO_FREE char *none = NULL;

	set_up(r);
	unit_listen();
	load_stats_print_svg(r, stdout);
	ck_assert_int_eq(
		strncmp(unit_output(), "<svg xmlns=\"http://www.w3.org/2000/svg\" ", 40), 0);
	free(between(unit_output(),
		">Share of 200 clients that have the newest version</text>\n"
		"<line x1=\"60\" y1=\"310\" x2=\"620\" y2=\"310\" stroke=\"#ccc\"/>\n"
		"<text x=\"54\" y=\"314\" text-anchor=\"end\">0 %</text>\n"
		"<text x=\"60\" y=\"328\" text-anchor=\"middle\">0 s</text>\n",
		">25 %</text>"));
	free(between(unit_output(), ">75 %</text>",
		"<text x=\"54\" y=\"34\" text-anchor=\"end\">100 %</text>\n"
		"<text x=\"620\" y=\"328\" text-anchor=\"middle\">8 s</text>\n"
		"<polyline "));
	points = between(unit_output(), " points=\"", "\"/>\n</svg>\n");
	ck_assert_str_eq(
		points, "60.0,310.0 200.0,240.0 340.0,170.0 410.0,184.0 480.0,58.0 620.0,30.0 ");
	r->sample_count = 0;
	unit_listen();
	load_stats_print_svg(r, stdout);
	none = between(unit_output(),
		">1 s</text>\n<polyline fill=\"none\" stroke=\"#06c\" "
		"stroke-width=\"2\" points=\"",
		"\"/>\n</svg>\n");
	ck_assert_str_eq(none, "");
}
END_TEST

void
load_show_tests(TCase *c)
{
	tcase_add_test(c, load_stats_print_text__a_table_a_curve_and_how_it_ended);
	tcase_add_test(c, load_stats_print_text__a_column_shows_the_lowest_of_its_samples);
	tcase_add_test(c, load_stats_print_json__all_of_it);
	tcase_add_test(c, load_stats_print_svg__the_axes_and_the_curve);
}
