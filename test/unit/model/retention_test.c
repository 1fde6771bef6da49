/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/retention.h"

#include <stdio.h>

#include "base/mem.h"
#include "unit.h"

/* "t5 h", "t5 c", "t5 f1", "t5 f2", "t5 d3" (from 3), with "!" behind what is busy, "?" offered. */
static void
add(struct records *list, bool *busy, bool *offered, const char *text)
{
	struct record r = {.ref.bytes = 10, .format = FORMAT_AR2};
	unsigned version;
	unsigned number = 0;
	char type;
	char kind;

	ck_assert_int_ge(sscanf(text, "%c%u %c%u", &type, &version, &kind, &number), 3);
	(void)snprintf(r.ident.type, sizeof(r.ident.type), "%c", type);
	r.ident.edition.version = version;
	(void)snprintf(r.ident.edition.cookie, sizeof(r.ident.edition.cookie), "%08x", version);
	r.kind = kind == 'h' ? RECORD_HEADER : kind == 'c' ? RECORD_CONTENT : RECORD_ARCHIVE;
	if (kind == 'f')
		r.format = number == 1 ? FORMAT_AR1 : FORMAT_AR2;
	if (kind == 'd') {
		r.base.version = number;
		(void)snprintf(r.base.cookie, sizeof(r.base.cookie), "%08x", number);
	}
	r.landed_ms = version;
	r.served_ms = strchr(text, '@') != NULL ? (uint64_t)atoi(strchr(text, '@') + 1) : 0;
	busy[list->count] = strchr(text, '!') != NULL;
	offered[list->count] = strchr(text, '?') != NULL;
	records_add(list, &r);
}

static void
describe(const struct record *r, struct buf *ret)
{
	buf_printf(ret, "%s%u ", r->ident.type, (unsigned)r->ident.edition.version);
	if (r->kind == RECORD_HEADER)
		buf_add_string(ret, "h");
	else if (r->kind == RECORD_CONTENT)
		buf_add_string(ret, "c");
	else if (record_is_full(r))
		buf_printf(ret, "f%d", r->format + 1);
	else
		buf_printf(ret, "d%u", (unsigned)r->base.version);
}

/* Records stand in their order, newest version first. */
static const struct {
	size_t versions;
	uint64_t excess;
	const char *records[12];
	const char *actions;
} decisions[] = {
	{3, 0, {"t3 h", "t2 h", "t1 h"}, ""},
	{3, 0, {"t4 h", "t3 h", "t2 h", "t1 h"}, "remove t1 h;"},
	{1, 0, {"t4 h", "t3 h", "t2 h"}, "remove t2 h;remove t3 h;"},
	/* all that a version has goes with it, its header last */
	{1, 0, {"t2 f2", "t1 h", "t1 c", "t1 f1", "t1 d9"}, "build t2 f2;hold t1 h;"},
	{1, 0, {"t2 c", "t2 f2", "t1 h", "t1 f1", "t1 d9"},
		"remove t1 d9;remove t1 f1;remove t1 h;"},
	/* the only full content stays, and the newest is to be built */
	{2, 0, {"t3 h", "t3 d2", "t2 h", "t2 d1", "t1 h", "t1 f2"}, "build t3 h;hold t1 h;"},
	{2, 0, {"t3 h", "t2 h", "t1 h", "t1 c"}, "build t3 h;hold t1 h;"},
	/* but the versions between do not pile up */
	{2, 0, {"t4 h", "t3 h", "t2 h", "t1 c"},
		"build t4 h;hold t1 c;remove t2 h;"
		""},
	{2, 0, {"t5 h", "t4 h", "t3 h", "t2 h", "t1 c"},
		"build t5 h;hold t1 c;remove t2 h;remove t3 h;"},
	/* not the only one any more */
	{2, 0, {"t3 h", "t3 c", "t2 h", "t1 h", "t1 f2"}, "remove t1 f2;remove t1 h;"},
	/* a full archive of the newest is no content; it is what content is made from */
	{2, 0, {"t3 f2", "t2 h", "t1 c"}, "build t3 f2;hold t1 c;"},
	/* one content, full archives of two versions, once the newest is whole */
	{9, 0, {"t4 c", "t3 c", "t2 h"}, "remove t3 c;"},
	{9, 0, {"t4 c", "t4 f1", "t4 f2", "t3 f1", "t3 f2", "t2 f1", "t2 f2", "t1 f2"},
		"remove t2 f1;remove t2 f2;remove t1 f2;"},
	{9, 0, {"t4 f2", "t3 f2", "t2 f2", "t2 c"}, "remove t2 f2;"},
	/* and never before */
	{9, 0, {"t4 h", "t3 f2", "t2 f2", "t1 f2"}, ""},
	/* nothing that is being sent */
	{2, 0, {"t3 c", "t2 h", "t1 d9!"}, "hold t1 d9;"},
	{9, 0, {"t4 c", "t3 h", "t2 f1!", "t2 f2"}, "remove t2 f2;"},
	/* types do not look at each other */
	{1, 0, {"a2 h", "a1 c", "b2 c", "b1 h"}, "build a2 h;hold a1 c;remove b1 h;"},
	/* room: differences by their last use, then older archives, never the last one */
	{9, 15, {"t3 f2", "t3 d1 @50", "t3 d2 @40", "t2 f2"}, "remove t3 d2;remove t3 d1;"},
	{9, 25, {"t3 f2", "t3 d1 @50", "t3 d2 @40!", "t2 f2"}, "remove t3 d1;remove t2 f2;"},
	{9, 99, {"t3 f2"}, ""},
	/* what was unpacked here goes first, where there is something to unpack it from again */
	{9, 99, {"t3 f2", "t2 f2", "s3 c", "s3 f1"}, "remove s3 c;remove t2 f2;"},
	{9, 5, {"t3 c", "t3 d1 @50", "t2 f2"}, "remove t3 c;"},
	/* and last of all, where there is not */
	{9, 5, {"t3 c", "t3 d1 @50"}, "remove t3 d1;"},
	{9, 99, {"t3 c", "t3 d1 @50", "s3 f2"}, "remove t3 d1;remove t3 c;"},
	{9, 99, {"t3 c!"}, ""},
	/* a header without anything else serves nobody, and goes first; any other stays */
	{9, 25, {"t3 h", "t3 f2", "s3 h", "s2 h", "s2 d1"}, "remove s3 h;remove s2 d1;"},
	{9, 99, {"t3 h", "t3 c!", "s3 h!"}, ""},
	/* so does what is of a type that is not announced (w), where room is needed */
	{9, 35, {"t3 f2", "t3 d1", "t2 f2", "w3 h", "w3 f2", "w2 d1"},
		"remove w2 d1;remove w3 f2;remove t3 d1;remove t2 f2;"},
	{9, 0, {"w3 h", "w3 f2"}, ""},
	/* nor what a client was just told of; which does not keep a version that is too
	   many */
	{9, 15, {"t3 f2", "t3 d1 @50", "t3 d2 @40?"}, "remove t3 d1;"},
	{1, 0, {"t3 c", "t2 d1 ?"}, "remove t2 d1;"},
	/* an administrator wants another number of one type */
	{1, 0, {"k4 h", "k3 h", "k2 h", "k1 h", "t2 c", "t1 h"}, "remove k1 h;remove t1 h;"},
};

/* Each record has a file of its own. */
static void
weigh(const struct records *records, struct tally *ret)
{
	for (size_t i = 0; i < records->count; i++) {
		struct archive_ref file = records->at[i].ref;

		memcpy(file.id.byte, &i, sizeof(i));
		tally_add(ret, i, records->at[i].kind, &file);
	}
	(void)tally_total(ret);
}

START_TEST(retention__decides_by_the_table)
{
	static const char policy[] = "{\"types\":{\"k\":{\"keep\":3}}}";
	struct channels channels;

	ck_assert_int_eq(
		channels_parse(span_of(policy, strlen(policy)), "policy", &channels, NULL), 0);

	for (size_t i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
		struct retention_actions actions = {0};
		struct records records = {0};
		AUTO_TALLY struct tally tally = {0};
		AUTO_BUF struct buf text = {0};
		bool busy[12] = {0};
		bool offered[12] = {0};
		bool withdrawn[12] = {0};

		for (size_t r = 0; r < 12 && decisions[i].records[r] != NULL; r++) {
			add(&records, busy, offered, decisions[i].records[r]);
			withdrawn[r] = decisions[i].records[r][0] == 'w';
		}
		weigh(&records, &tally);
		retention_decide(
			&(struct retention_facts){&records, busy, offered, withdrawn,
				decisions[i].versions, decisions[i].excess, &tally, &channels},
			&actions);
		buf_add_string(&text, "");
		for (size_t a = 0; a < actions.count; a++) {
			buf_printf(&text, "%s ", retention_verb_name(actions.at[a].verb));
			describe(&actions.at[a].record, &text);
			buf_add_string(&text, ";");
		}
		ck_assert_msg(strcmp(text.at, decisions[i].actions) == 0,
			"row %zu: got %s, want %s", i, text.at, decisions[i].actions);
		retention_actions_free(&actions);
		records_free(&records);
	}
	channels_free(&channels);
}
END_TEST

/* ---- Ten thousand histories */

struct history {
	struct records all;
	bool busy[400];
	size_t versions;
	unsigned newest[2]; /* of each type */
	unsigned seed;
};

static unsigned
draw(struct history *h, unsigned below)
{
	h->seed = h->seed * 1103515245U + 12345U;
	return (h->seed >> 16) % below;
}

static void
put(struct history *h, const struct record *r)
{
	for (size_t i = 0; i < h->all.count; i++)
		if (record_same(&h->all.at[i], r))
			return;
	records_add(&h->all, r);
	records_sort(&h->all);
}

/* Something arrives. */
static void
arrive(struct history *h)
{
	unsigned type = draw(h, 2);
	unsigned version;
	struct record r = {.ref.bytes = 1 + draw(h, 100)};

	if (h->newest[type] == 0 || draw(h, 3) == 0)
		h->newest[type]++;
	version = h->newest[type] - draw(h, h->newest[type] < 3 ? h->newest[type] : 3);
	(void)snprintf(r.ident.type, sizeof(r.ident.type), "%c", 'a' + (char)type);
	r.ident.edition = (struct edition){version, "00000000"};
	r.kind = RECORD_HEADER;
	put(h, &r);
	r.kind = RECORD_ARCHIVE;
	r.format = (enum format)draw(h, FORMAT_COUNT);
	r.served_ms = draw(h, 1000);
	r.base.version = draw(h, 4) == 0 ? 0 : draw(h, version);
	put(h, &r);
}

struct whole {
	unsigned content;
	unsigned full;
	unsigned versions;
};

static struct whole
look(const struct records *all, char type)
{
	struct whole w = {0};
	uint64_t last = 0;

	for (size_t i = 0; i < all->count; i++) {
		const struct record *r = &all->at[i];

		if (r->ident.type[0] != type)
			continue;
		w.content += r->kind == RECORD_CONTENT;
		w.full += record_is_full(r);
		w.versions += r->ident.edition.version != last;
		last = r->ident.edition.version;
	}
	return w;
}

static void
remove_record(struct records *all, const struct record *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < all->count; i++)
		if (!record_same(&all->at[i], r))
			all->at[kept++] = all->at[i];
	ck_assert_uint_eq(kept + 1, all->count); /* it was there, once */
	all->count = kept;
}

/* After a content build of the newest version, the limits hold. */
static void
check_limits(const struct records *all, char type)
{
	const struct record *newest = NULL;
	uint64_t second = 0;
	struct whole w = look(all, type);
	bool built = false;

	for (size_t i = 0; i < all->count; i++) {
		const struct record *r = &all->at[i];

		if (r->ident.type[0] != type)
			continue;
		if (newest == NULL)
			newest = r;
		if (second == 0 && r->ident.edition.version != newest->ident.edition.version)
			second = r->ident.edition.version;
		built |= r->kind == RECORD_CONTENT &&
			 r->ident.edition.version == newest->ident.edition.version;
	}
	if (!built)
		return;
	ck_assert_uint_eq(w.content, 1);
	for (size_t i = 0; i < all->count; i++)
		if (all->at[i].ident.type[0] == type && record_is_full(&all->at[i]))
			ck_assert_uint_ge(all->at[i].ident.edition.version, second);
}

struct outcome {
	bool spared[2]; /* of each type */
	bool builds[2];
	struct record build[2];
	uint64_t freed;
};

static void
carry_out(struct history *h, const struct retention_actions *actions, struct outcome *ret)
{
	*ret = (struct outcome){0};
	for (size_t i = 0; i < actions->count; i++) {
		const struct retention_action *a = &actions->at[i];
		int type = a->record.ident.type[0] - 'a';

		if (a->verb == RETENTION_BUILD) {
			ret->builds[type] = true;
			ret->build[type] = a->record;
		} else if (a->verb == RETENTION_SPARE) {
			ret->spared[type] = true;
		} else {
			ret->freed += a->record.ref.bytes;
			remove_record(&h->all, &a->record);
		}
	}
}

static void
check_outcome(const struct history *h, const struct outcome *o, const struct whole before[2],
	bool any_busy, bool room_is_needed)
{
	for (int t = 0; t < 2; t++) {
		struct whole after = look(&h->all, (char)('a' + t));

		/* never the last full content, but for room */
		ck_assert(room_is_needed || before[t].content == 0 || after.content > 0);
		ck_assert(room_is_needed || before[t].content + before[t].full == 0 ||
			  after.content + after.full > 0);
		if (!any_busy) {
			ck_assert_uint_le(after.versions, h->versions + (o->spared[t] ? 1 : 0));
			check_limits(&h->all, (char)('a' + t));
		}
	}
}

static void
check_settled(struct retention_facts *facts)
{
	struct retention_actions actions = {0};

	facts->excess_bytes = 0;
	facts->tally = NULL;
	retention_decide(facts, &actions);
	for (size_t i = 0; i < actions.count; i++)
		ck_assert_int_ne(actions.at[i].verb, RETENTION_REMOVE);
	retention_actions_free(&actions);
}

static void
clean(struct history *h, bool any_busy)
{
	struct retention_actions actions = {0};
	struct whole before[2] = {look(&h->all, 'a'), look(&h->all, 'b')};
	AUTO_TALLY struct tally tally = {0};
	struct retention_facts facts = {
		&h->all, h->busy, NULL, NULL, h->versions, draw(h, 5) == 0 ? 150 : 0, &tally, NULL};
	struct outcome o;

	memset(h->busy, 0, sizeof(h->busy));
	for (size_t i = 0; any_busy && i < h->all.count; i++)
		h->busy[i] = draw(h, 20) == 0;
	weigh(&h->all, &tally);
	retention_decide(&facts, &actions);
	carry_out(h, &actions, &o);
	check_outcome(h, &o, before, any_busy, facts.excess_bytes > 0);
	for (size_t i = 0; facts.excess_bytes > o.freed && i < h->all.count; i++)
		ck_assert(any_busy || (!record_is_difference(&h->all.at[i]) &&
					      h->all.at[i].kind != RECORD_CONTENT));
	retention_actions_free(&actions);
	/* What was decided once is not decided again; without its content a version may go next. */
	if (!any_busy && facts.excess_bytes == 0)
		check_settled(&facts);
	/* A build succeeds, or not. */
	for (int t = 0; t < 2; t++) {
		if (!o.builds[t] || draw(h, 2) == 0)
			continue;
		o.build[t].kind = RECORD_CONTENT;
		o.build[t].base.version = 0;
		o.build[t].format = FORMAT_AR1;
		put(h, &o.build[t]);
	}
}

START_TEST(retention__ten_thousand_histories)
{
	for (unsigned i = 0; i < 10000; i++) {
		struct history h = {.versions = 1 + i % 5, .seed = i};

		for (unsigned step = 0; step < 30; step++) {
			arrive(&h);
			if (draw(&h, 2) == 0)
				clean(&h, draw(&h, 4) == 0);
		}
		records_free(&h.all);
	}
}
END_TEST

/* Records of two types, that have one file of 10 bytes, and of a third. */
START_TEST(retention__what_others_have_as_well_is_not_freed)
{
	static const char *const texts[] = {"a2 f2", "a2 d1", "b2 f2", "b2 d1", "c2 f2", "c2 d1@9"};
	struct records records = {0};
	bool flags[2][6] = {{0}};
	AUTO_TALLY struct tally tally = {0};
	struct retention_actions actions = {0};

	for (size_t i = 0; i < 6; i++) {
		struct archive_ref file = {
			.id.byte = {i % 2 == 1 && i < 4 ? 9 : (uint8_t)i}, .bytes = 10};

		add(&records, flags[0], flags[1], texts[i]);
		tally_add(&tally, i, RECORD_ARCHIVE, &file);
	}
	ck_assert_uint_eq(tally_total(&tally), 50);
	retention_decide(
		&(struct retention_facts){
			.records = &records, .versions = 9, .excess_bytes = 10, .tally = &tally},
		&actions);
	/* The second of the two makes the room that the first did not. */
	ck_assert_uint_eq(actions.count, 2);
	ck_assert_uint_eq(actions.at[0].freed_bytes, 0);
	ck_assert_uint_eq(actions.at[1].freed_bytes, 10);
	ck_assert_str_eq(actions.at[1].record.ident.type, "a");
	retention_actions_free(&actions);
	records_free(&records);
}
END_TEST

START_TEST(retention_min_free_bytes__is_a_tenth_of_a_small_disk)
{
	struct retention_room room = {
		.wanted_bytes = 1, .min_free_bytes = 512 << 20, .disk_free_bytes = 512 << 20};

	ck_assert_uint_eq(retention_min_free_bytes(512 << 20, 1000), 100);
	ck_assert_uint_eq(retention_min_free_bytes(512 << 20, 1ULL << 40), 512 << 20);
	/* What somebody set is taken as it is, however small the disk. */
	ck_assert_uint_eq(retention_excess_bytes(&room), 1);
	room.disk_free_bytes++;
	ck_assert_uint_eq(retention_excess_bytes(&room), 0);
}
END_TEST

void
retention_tests(TCase *c)
{
	tcase_add_test(c, retention_min_free_bytes__is_a_tenth_of_a_small_disk);
	tcase_add_test(c, retention__decides_by_the_table);
	tcase_add_test(c, retention__ten_thousand_histories);
	tcase_add_test(c, retention__what_others_have_as_well_is_not_freed);
}
