/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/prefetch.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "unit.h"

enum { AR1 = 1 << FORMAT_AR1, AR2 = 1 << FORMAT_AR2 };

static const struct ident newest = {"t", {9, "00000000"}};

static struct record
record_of(uint64_t version, uint64_t from, enum format format)
{
	return (struct record){.ident = {"t", {version, "00000000"}},
		.base = {from, "00000000"},
		.format = format,
		.ref.bytes = 1};
}

/* What is to be obtained, in text: "format<base" of each, and h for the header. */
static void
jobs_text(const struct prefetch *p, const struct view *view, struct buf *ret)
{
	AUTO_FREE struct job_spec *specs = NULL;
	size_t count = prefetch_jobs(p, view_find_type(view, "t"), &newest, &specs);

	buf_add_string(ret, "");
	for (size_t i = 0; i < count; i++) {
		ck_assert(ident_equal(&specs[i].ident, &newest));
		if (specs[i].kind == JOB_HEADER)
			buf_printf(ret, "h ");
		else
			buf_printf(ret, "%d<%d ", (int)specs[i].format + 1,
				(int)specs[i].base.version);
		ck_assert(specs[i].kind == JOB_HEADER || specs[i].kind == JOB_OFFER);
	}
}

START_TEST(prefetch_jobs__what_most_clients_will_ask_for_and_is_not_here)
{
	/* kept: version, base and format of each archive that is here; 8 was announced before. */
	static const struct {
		struct {
			uint64_t version, from;
			enum format format;
		} kept[3];
		bool header; /* of the new version is here */
		size_t versions;
		bool previous;
		const char *expected;
	} rows[] = {{{{0}}, false, 2, false, "2<7 1<6 h "}, {{{0}}, false, 1, false, "2<7 h "},
		{{{0}}, true, 1, false, "2<7 "}, {{{0}}, false, 0, false, ""},
		{{{9, 7, FORMAT_AR2}}, false, 2, false, "1<6 h "},
		{{{9, 7, FORMAT_AR1}}, false, 1, false, "2<7 h "},
		{{{9, 7, FORMAT_AR2}}, false, 1, false, ""},
		/* From the one before only where somebody has it from here, by what he took. */
		{{{0}}, false, 0, true, ""}, {{{8, 5, FORMAT_AR1}}, false, 0, true, "1<8 h "},
		{{{8, 5, FORMAT_AR1}, {8, 5, FORMAT_AR2}}, false, 0, true, "1<8 2<8 h "},
		{{{8, 5, FORMAT_AR1}}, false, 0, false, ""},
		{{{8, 5, FORMAT_AR1}}, true, 1, true, "2<7 1<8 "}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const uint64_t had[] = {7, 7, 7, 6, 6};
		struct view_holder *h = view_holder_new();
		struct prefetch p = {usage_new(), rows[i].versions, rows[i].previous};
		AUTO_IDENTS struct idents query = {0};
		AUTO_BUF struct buf text = {0};
		struct view *view;

		idents_add(&query, &(struct ident){"t", {8, "00000000"}});
		view_set_query(h, &query, false);
		for (size_t k = 0; k < 3 && rows[i].kept[k].version != 0; k++) {
			struct record r = record_of(rows[i].kept[k].version, rows[i].kept[k].from,
				rows[i].kept[k].format);

			view_add(h, &r, true);
		}
		if (rows[i].header) {
			struct record r = {.kind = RECORD_HEADER, .ident = newest};

			view_add(h, &r, true);
		}
		for (size_t k = 0; k < sizeof(had) / sizeof(had[0]); k++) {
			struct ident has = {"t", {had[k], "00000000"}};
			char client[16];

			(void)snprintf(client, sizeof(client), "pc-%zu", k);
			usage_note(p.usage, client, &has, had[k] == 6 ? FORMAT_AR1 : FORMAT_AR2,
				clock_mono_ms() / 1000);
		}
		view = view_take(h);
		jobs_text(&p, view, &text);
		ck_assert_msg(strcmp(text.at, rows[i].expected) == 0, "row %zu: %s", i, text.at);
		view_release(view);
		view_holder_free(h);
		usage_free(p.usage);
	}
}
END_TEST

START_TEST(prefetch_jobs__no_difference_leads_backwards)
{
	static const uint64_t had[] = {9, 10};

	for (size_t i = 0; i < sizeof(had) / sizeof(had[0]); i++) {
		struct view_holder *h = view_holder_new();
		struct prefetch p = {usage_new(), 4, false};
		struct record r = record_of(8, 0, FORMAT_AR1);
		AUTO_BUF struct buf text = {0};
		struct view *view;

		view_add(h, &r, true);
		usage_note(p.usage, "pc", &(struct ident){"t", {had[i], "00000000"}}, -1,
			clock_mono_ms() / 1000);
		view = view_take(h);
		jobs_text(&p, view, &text);
		ck_assert_str_eq(text.at, "");
		view_release(view);
		view_holder_free(h);
		usage_free(p.usage);
	}
}
END_TEST

void
prefetch_tests(TCase *c)
{
	tcase_add_test(c, prefetch_jobs__what_most_clients_will_ask_for_and_is_not_here);
	tcase_add_test(c, prefetch_jobs__no_difference_leads_backwards);
}
