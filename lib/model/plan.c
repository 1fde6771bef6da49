/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/plan.h"

#include <stdint.h>

#include "base/mem.h"

/*
 * Versions are nodes, and kept differences the ways between them. From the kept contents and full
 * archives all versions are found that can be built without the cloud. Where the target is one of
 * them it is built. Otherwise the cheapest last step is looked for: a difference from any of those
 * nodes to the target, or the full archive.
 *
 * One call says one step and knows nothing of the calls before: what they led to is in the facts.
 * So a price that was asked, an archive that failed or a record that went meanwhile need no state
 * here, and every order of events ends, since each step adds a fact.
 */
enum { NONE = -1 };

/* A version that content can be had of without the cloud. */
struct node {
	const struct edition *edition;
	const struct record *start; /* content or full archive of the version itself */
	const struct record *via;   /* or the difference that leads here */
	int from;		    /* and the node where it starts */
	size_t steps;
};

struct search {
	const struct plan_facts *facts;
	struct node *nodes;
	size_t count;
	bool failed; /* something would do if it could be had */
};

/* Of a header or content, which have no base; no other kind is asked for. */
static const struct record *
find(const struct plan_facts *f, const struct edition *edition, enum record_kind kind)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->records[i].kind == kind && f->records[i].base.version == 0 &&
			ident_edition_equal(&f->records[i].ident.edition, edition))
			return &f->records[i];
	return NULL;
}

static const struct record *
find_full(const struct plan_facts *f, const struct edition *edition, enum format format)
{
	for (size_t i = 0; i < f->count; i++)
		if (record_is_full(&f->records[i]) && f->records[i].format == format &&
			ident_edition_equal(&f->records[i].ident.edition, edition))
			return &f->records[i];
	return NULL;
}

static int
find_node(const struct search *s, const struct edition *edition)
{
	for (size_t i = 0; i < s->count; i++)
		if (ident_edition_equal(s->nodes[i].edition, edition))
			return (int)i;
	return NONE;
}

/*
 * What is asked of the cloud first: PLAN_DONE where nothing is. STUCK: the version is of no use,
 * now or at all.
 */
static enum plan_step
want_header(struct search *s, const struct edition *edition)
{
	enum plan_known known;

	if (find(s->facts, edition, RECORD_HEADER) != NULL)
		return PLAN_DONE;
	known = s->facts->header(s->facts->context, edition);
	s->failed |= known == PLAN_FAILED || known == PLAN_NO_ROOM;
	return known == PLAN_UNASKED || known == PLAN_THERE ? PLAN_GET_HEADER : PLAN_STUCK;
}

static void
add_node(struct search *s, const struct record *start, const struct record *via, int from)
{
	const struct record *at = start != NULL ? start : via;

	s->nodes[s->count++] = (struct node){.edition = &at->ident.edition,
		.start = start,
		.via = via,
		.from = from,
		.steps = from == NONE ? 0 : s->nodes[from].steps + 1};
}

/*
 * Contents first, then full archives, since a content need not be decoded; then what kept
 * differences lead to, fewest steps first: new nodes go to the end of the list that is walked. A
 * version becomes a node once, by the first way that is found, so that there are no more nodes than
 * records. Each node looks at each record once: the square of the records of one type.
 */
static void
find_nodes(struct search *s)
{
	const struct plan_facts *f = s->facts;

	for (size_t i = 0; i < f->count; i++)
		if (f->records[i].kind == RECORD_CONTENT)
			add_node(s, &f->records[i], NULL, NONE);
	for (size_t i = 0; i < f->count; i++)
		if (record_is_full(&f->records[i]) &&
			find_node(s, &f->records[i].ident.edition) == NONE)
			add_node(s, &f->records[i], NULL, NONE);
	for (size_t n = 0; n < s->count; n++)
		for (size_t i = 0; i < f->count && s->nodes[n].steps < PLAN_CHAIN_MAX; i++)
			if (record_is_difference(&f->records[i]) &&
				ident_edition_equal(&f->records[i].base, s->nodes[n].edition) &&
				find_node(s, &f->records[i].ident.edition) == NONE)
				add_node(s, NULL, &f->records[i], (int)n);
}

/*
 * Headers of the whole way have to be there before it is gone. The way is followed from its end;
 * the number of steps says where in the plan each difference belongs.
 */
static struct plan
build(struct search *s, int node)
{
	struct plan p = {.step = PLAN_BUILD_CONTENT};

	p.count = s->nodes[node].steps;
	for (int n = node; n != NONE; n = s->nodes[n].from) {
		enum plan_step header = want_header(s, s->nodes[n].edition);

		if (header != PLAN_DONE)
			return (struct plan){.step = header, .base = *s->nodes[n].edition};
		if (s->nodes[n].via != NULL)
			p.differences[s->nodes[n].steps - 1] = *s->nodes[n].via;
		else
			p.start = *s->nodes[n].start;
	}
	return p;
}

/* The smallest archive of an offer that may still come; bytes 0: none. */
static struct archive_ref
cheapest(struct search *s, const struct edition *base, const struct offer *offer,
	enum format *ret_format)
{
	struct archive_ref best = {0};

	for (int i = 0; i < FORMAT_COUNT; i++) {
		enum plan_known known;
		bool wanted;

		if (offer->archive[i].bytes == 0)
			continue;
		/* What is wanted as an archive is best had as it is wanted. */
		wanted = base->version == 0 && !s->facts->content &&
			 (enum format)i == s->facts->format;
		if (s->facts->no_room && !wanted)
			continue;
		known = s->facts->archive(s->facts->context, base, (enum format)i);
		s->failed |= known == PLAN_FAILED || known == PLAN_NO_ROOM;
		/* Another format would take more room: it would have to be unpacked and packed. */
		if (known == PLAN_NO_ROOM && wanted)
			return (struct archive_ref){0};
		if (known == PLAN_FAILED || known == PLAN_NO_ROOM || known == PLAN_ABSENT)
			continue;
		if (best.bytes == 0 || offer->archive[i].bytes < best.bytes || wanted) {
			best = offer->archive[i];
			*ret_format = (enum format)i;
		}
		if (wanted)
			break;
	}
	return best;
}

struct choice {
	struct plan plan;
	uint64_t bytes;
	bool found;
};

/* False: its price has to be asked first; then *choice says so. */
static bool
consider(struct search *s, const struct edition *base, struct choice *choice)
{
	struct offer offer = {0};
	enum format format = FORMAT_AR1;
	struct archive_ref archive;

	switch (s->facts->price(s->facts->context, base, &offer)) {
	case PLAN_UNASKED:
		choice->plan = (struct plan){.step = PLAN_ASK_PRICE, .base = *base};
		return false;
	case PLAN_THERE:
		break;
	case PLAN_FAILED:
	case PLAN_NO_ROOM:
		s->failed = true;
		return true;
	case PLAN_ABSENT:
		return true;
	}
	archive = cheapest(s, base, &offer, &format);
	if (archive.bytes == 0 || (choice->found && archive.bytes >= choice->bytes))
		return true;
	choice->plan = (struct plan){.step = PLAN_GET_ARCHIVE, .base = *base, .format = format};
	choice->bytes = archive.bytes;
	choice->found = true;
	return true;
}

/*
 * Less than half of what a full archive of the type has: the newest one's price
 * need not be asked, which a server above would have to obtain it for.
 */
static bool
is_clearly_cheaper(const struct plan_facts *f, const struct choice *choice)
{
	for (size_t i = 0; choice->found && i < f->count; i++)
		if (record_is_full(&f->records[i]) && choice->bytes < f->records[i].ref.bytes / 2)
			return true;
	return false;
}

/*
 * What costs the cloud nothing goes first. Then differences, of which each price has to be known;
 * the full archive comes last, because a server above has to obtain it to name its price.
 */
static struct plan
next(struct search *s)
{
	static const struct edition full;
	const struct plan_facts *f = s->facts;
	struct choice choice = {0};
	enum plan_step header;
	int target;

	if (!f->content && find_full(f, &f->target, f->format) != NULL)
		return (struct plan){.step = PLAN_DONE};
	if (find(f, &f->target, RECORD_CONTENT) != NULL)
		return (struct plan){.step = f->content ? PLAN_DONE : PLAN_BUILD_FULL};
	if (f->no_room) /* there may be some later */
		s->failed = true;
	else
		find_nodes(s);
	target = find_node(s, &f->target);
	if (target != NONE) {
		struct plan p = build(s, target);

		/* Without a header of this way only those are left whose last step is new. */
		if (p.step != PLAN_STUCK)
			return p;
	}
	/* Without its header only a ready archive of the target is of use. */
	header = want_header(s, &f->target);
	if (header == PLAN_GET_HEADER)
		return (struct plan){.step = header, .base = f->target};
	for (size_t n = 0; header == PLAN_DONE && n < s->count; n++)
		if (s->nodes[n].edition->version < f->target.version &&
			!consider(s, s->nodes[n].edition, &choice))
			return choice.plan;
	if (f->may_download && !is_clearly_cheaper(f, &choice) && !consider(s, &full, &choice))
		return choice.plan;
	if (choice.found)
		return choice.plan;
	/* Whatever could not be had just now may make a way later; what does not exist will not. */
	return (struct plan){.step = PLAN_STUCK, .temporary = s->failed};
}

struct plan
plan_next(const struct plan_facts *facts)
{
	AUTO_FREE struct node *nodes = mem_new(facts->count, sizeof(*nodes));
	struct search s = {.facts = facts, .nodes = nodes};

	return next(&s);
}
