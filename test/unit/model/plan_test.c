/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/plan.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "unit.h"

/*
 * What the cloud has: "5=100" an offer from 5 of 100 bytes, "5-" none, "5!" cannot be had, "5#" for
 * want of room.
 */
struct cloud {
	const char *prices;
	const char *archives; /* the same for the archives themselves */
	const char *headers;
};

static enum plan_known
look(const char *text, uint64_t version, uint64_t *ret_bytes)
{
	char key[16];
	const char *at;

	(void)snprintf(key, sizeof(key), " %u", (unsigned)version);
	at = text != NULL ? strstr(text, key) : NULL;
	if (at == NULL)
		return PLAN_UNASKED;
	at += strlen(key);
	if (*at == '=' && ret_bytes != NULL)
		*ret_bytes = (uint64_t)atoi(at + 1);
	switch (*at) {
	case '=':
		return PLAN_THERE;
	case '-':
		return PLAN_ABSENT;
	case '#':
		return PLAN_NO_ROOM;
	default:
		return PLAN_FAILED;
	}
}

static enum plan_known
price(void *context, const struct edition *base, struct offer *ret)
{
	const struct cloud *cloud = context;

	return look(cloud->prices, base->version, &ret->archive[FORMAT_AR2].bytes);
}

static enum plan_known
archive(void *context, const struct edition *base, enum format format)
{
	(void)format;
	return look(((struct cloud *)context)->archives, base->version, NULL);
}

static enum plan_known
header(void *context, const struct edition *edition)
{
	return look(((struct cloud *)context)->headers, edition->version, NULL);
}

static struct edition
edition_of(unsigned version)
{
	return (struct edition){version, "00000000"};
}

static void
add(struct records *list, const char *text)
{
	struct record r = {.ident.type = "t", .ref.bytes = 10, .format = FORMAT_AR2};
	unsigned version;
	unsigned base = 0;
	char kind;

	ck_assert_int_ge(sscanf(text, "%u%c%u", &version, &kind, &base), 2);
	r.ident.edition = edition_of(version);
	r.kind = kind == 'h' ? RECORD_HEADER : kind == 'c' ? RECORD_CONTENT : RECORD_ARCHIVE;
	if (kind == 'd')
		r.base = edition_of(base);
	records_add(list, &r);
	if (kind == 'h')
		return;
	r.kind = RECORD_HEADER; /* every version has one, unless a row says otherwise */
	r.base = edition_of(0);
	for (size_t i = 0; i < list->count; i++)
		if (record_same(&list->at[i], &r))
			return;
	records_add(list, &r);
}

static void
describe(const struct plan *p, struct buf *ret)
{
	static const char *const steps[] = {
		"done", "price", "header", "get", "build", "pack", "stuck"};

	buf_add_string(ret, steps[p->step]);
	if (p->step == PLAN_ASK_PRICE || p->step == PLAN_GET_HEADER || p->step == PLAN_GET_ARCHIVE)
		buf_printf(ret, " %u", (unsigned)p->base.version);
	if (p->step == PLAN_STUCK && p->temporary)
		buf_add_string(ret, " for now");
	if (p->step != PLAN_BUILD_CONTENT)
		return;
	buf_printf(ret, " %u%c", (unsigned)p->start.ident.edition.version,
		p->start.kind == RECORD_CONTENT ? 'c' : 'f');
	for (size_t i = 0; i < p->count; i++)
		buf_printf(ret, " %u", (unsigned)p->differences[i].ident.edition.version);
}

/* The target is 9 in AR2, or its content. */
static const struct {
	bool content;
	bool may_download;
	const char *records[8];
	const char *prices, *archives, *headers; /* see struct cloud */
	const char *step;
} ways[] = {
	/* there already */
	{false, true, {"9f"}, NULL, NULL, NULL, "done"},
	{true, true, {"9c"}, NULL, NULL, NULL, "done"},
	{false, true, {"9c"}, NULL, NULL, NULL, "pack"},
	/* nothing is kept: the full archive is all there is */
	{false, true, {"9h"}, NULL, NULL, NULL, "price 0"},
	{false, true, {"9h"}, " 0=500", NULL, NULL, "get 0"},
	{false, true, {"9h"}, " 0-", NULL, NULL, "stuck"},
	{false, true, {"9h"}, " 0!", NULL, NULL, "stuck for now"},
	{false, true, {0}, NULL, NULL, NULL, "header 9"},
	{false, true, {0}, NULL, NULL, " 9-", "price 0"},
	/* a kept version, and the difference */
	{false, true, {"9h", "5c"}, NULL, NULL, NULL, "price 5"},
	{false, true, {"9h", "5c"}, " 5=20", NULL, NULL, "price 0"},
	{false, true, {"9h", "5c"}, " 5=20 0=500", NULL, NULL, "get 5"},
	{false, true, {"9h", "5c"}, " 5=600 0=500", NULL, NULL, "get 0"},
	{false, true, {"9h", "5c"}, " 5- 0=500", NULL, NULL, "get 0"},
	{false, true, {"9h", "5c"}, " 5=20 0=500", " 5!", NULL, "get 0"},
	{false, true, {"9h", "5c"}, " 5=20 0=500", " 5! 0!", NULL, "stuck for now"},
	{false, true, {"9h", "5c"}, " 5=20 0=500", " 5- 0-", NULL, "stuck"},
	{false, true, {"9d5", "5c"}, NULL, NULL, NULL, "build 5c 9"},
	{false, true, {"9d5", "5f"}, NULL, NULL, NULL, "build 5f 9"},
	{false, true, {"9d5", "5f", "5c"}, NULL, NULL, NULL, "build 5c 9"},
	/* the cheapest of several, over differences that are kept */
	{false, true, {"9h", "7d5", "5c"}, " 5=90 7=20 0=500", NULL, NULL, "get 7"},
	{false, true, {"9h", "7d5", "5c"}, " 5=20 7=90 0=500", NULL, NULL, "get 5"},
	{false, true, {"9d7", "7d5", "5c"}, NULL, NULL, NULL, "build 5c 7 9"},
	{false, true, {"9d7", "9d5", "7d5", "5c"}, NULL, NULL, NULL, "build 5c 9"},
	{false, true, {"9h", "7d5", "5c", "8f"}, " 5=90 7=80 8=70 0=500", NULL, NULL, "get 8"},
	/* one that there is no room for leaves the other way; and no other format is taken */
	{false, true, {"9h", "5c"}, " 5=20 0=500", " 5#", NULL, "get 0"},
	{false, true, {"9h", "5c"}, " 5=20 0=500", " 5# 0#", NULL, "stuck for now"},
	/* a difference that is small against a kept full archive of 10 */
	{false, true, {"9h", "5f"}, " 5=4", NULL, NULL, "get 5"},
	{false, true, {"9h", "5f"}, " 5=6", NULL, NULL, "price 0"},
	/* for retention the full archive is not loaded */
	{true, false, {"9h", "5c"}, " 5- 0=500", NULL, NULL, "stuck"},
	{true, false, {"9h", "5c"}, " 5!", NULL, NULL, "stuck for now"},
	{true, false, {"9f", "5c"}, NULL, NULL, NULL, "build 9f"},
	/* and where it is wanted for content it is decoded */
	{true, true, {"9f"}, NULL, NULL, NULL, "build 9f"},
};

START_TEST(plan__takes_the_cheapest_way)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct cloud cloud = {ways[i].prices, ways[i].archives, ways[i].headers};
		AUTO_RECORDS struct records records = {0};
		AUTO_BUF struct buf text = {0};
		struct plan p;

		for (size_t r = 0; r < 8 && ways[i].records[r] != NULL; r++)
			add(&records, ways[i].records[r]);
		records_sort(&records);
		p = plan_next(&(struct plan_facts){records.at, records.count, edition_of(9),
			ways[i].content, FORMAT_AR2, ways[i].may_download, price, archive, header,
			&cloud, false});
		describe(&p, &text);
		ck_assert_msg(strcmp(text.at, ways[i].step) == 0, "row %zu: got %s, want %s", i,
			text.at, ways[i].step);
	}
}
END_TEST

START_TEST(plan__headers_of_the_whole_way_come_first)
{
	struct cloud cloud = {0};
	AUTO_RECORDS struct records records = {0};
	struct plan_facts facts = {.target = edition_of(9),
		.format = FORMAT_AR2,
		.may_download = true,
		.price = price,
		.archive = archive,
		.header = header,
		.context = &cloud};
	struct plan p;
	size_t kept = 0;

	add(&records, "9d5");
	add(&records, "5f");
	for (size_t i = 0; i < records.count; i++)
		if (records.at[i].kind != RECORD_HEADER)
			records.at[kept++] = records.at[i];
	records.count = facts.count = kept;
	records_sort(&records);
	facts.records = records.at;
	p = plan_next(&facts);
	ck_assert(p.step == PLAN_GET_HEADER && p.base.version == 9);
	/* one that does not exist closes the way */
	cloud.headers = " 9-";
	cloud.prices = " 0=10";
	p = plan_next(&facts);
	ck_assert(p.step == PLAN_GET_ARCHIVE && p.base.version == 0);
}
END_TEST

START_TEST(plan__without_room_to_unpack_only_what_is_wanted_is_of_use)
{
	static const struct {
		const char *records[3];
		const char *prices;
		const char *step;
	} rows[] = {{{"9d5", "5c"}, NULL, "price 0"}, {{"9d5", "5c"}, " 0=500", "get 0"},
		{{"9h", "5f"}, " 5=1 0=500", "get 0"}, {{"9d5", "5c"}, " 0-", "stuck for now"},
		{{"9f"}, NULL, "done"}, {{"9c"}, NULL, "pack"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cloud cloud = {rows[i].prices, NULL, NULL};
		AUTO_RECORDS struct records records = {0};
		AUTO_BUF struct buf text = {0};
		struct plan_facts facts = {.target = edition_of(9),
			.format = FORMAT_AR2,
			.may_download = true,
			.no_room = true,
			.price = price,
			.archive = archive,
			.header = header,
			.context = &cloud};
		struct plan p;

		for (size_t r = 0; r < 3 && rows[i].records[r] != NULL; r++)
			add(&records, rows[i].records[r]);
		records_sort(&records);
		facts.records = records.at;
		facts.count = records.count;
		p = plan_next(&facts);
		describe(&p, &text);
		ck_assert_msg(strcmp(text.at, rows[i].step) == 0, "row %zu: got %s, want %s", i,
			text.at, rows[i].step);
	}
}
END_TEST

void
plan_tests(TCase *c)
{
	tcase_add_test(c, plan__without_room_to_unpack_only_what_is_wanted_is_of_use);
	tcase_add_test(c, plan__takes_the_cheapest_way);
	tcase_add_test(c, plan__headers_of_the_whole_way_come_first);
}
