/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/retention.h"

#include <string.h>

#include "base/mem.h"

/*
 * Two passes over the types, in the order of guts2d(8), CACHE: what the newest version has made
 * superfluous, then versions past the number; and where that did not make enough room, archives by
 * their use. Nothing is removed here: a list of actions is written, and gone[] and the flags of a
 * version say what would be left after it, so that each rule sees the work of those before. The
 * last full content of a type survives every rule, which is what is_sole and is_spare are for.
 *
 * Equal facts give equal actions in the same order: guts2-cache plan shows what the server is about
 * to do.
 */
/* The records of one version: [first, end). content, full: whether it has these before anything
 * goes. */
struct version {
	size_t first;
	size_t end;
	bool content;
	bool full;
	bool busy;
	bool gone;
};

struct decision {
	const struct retention_facts *facts;
	const struct record *at;
	bool *gone;	      /* of each record */
	uint64_t freed_bytes; /* by the records that are gone */
	struct retention_actions *actions;
};

const char *
retention_verb_name(enum retention_verb verb)
{
	static const char *const names[] = {"build", "hold", "remove"};

	return names[verb];
}

const char *
retention_reason_text(enum retention_reason reason)
{
	static const char *const texts[] = {
		"the oldest version has the only full content",
		"it is being sent or used",
		"more versions than are kept",
		"the newest version has content",
		"not one of the two newest versions",
		"room is needed, and it was not asked for the longest",
		"room is needed, and nobody can have it as it is",
	};

	return texts[reason];
}

void
retention_actions_free(struct retention_actions *actions)
{
	free(actions->at);
	*actions = (struct retention_actions){0};
}

/* The only place where something becomes gone, so that freed_bytes and gone[] agree. */
static void
act(struct decision *d, enum retention_verb verb, enum retention_reason reason, size_t record)
{
	struct retention_action action = {.verb = verb, .reason = reason, .record = d->at[record]};
	struct retention_actions *list = d->actions;

	if (verb == RETENTION_REMOVE) {
		d->gone[record] = true;
		if (d->facts->tally != NULL)
			action.freed_bytes = tally_remove(d->facts->tally, record);
		d->freed_bytes += action.freed_bytes;
	}
	list->at = mem_grow(list->at, list->count, &list->capacity, sizeof(*list->at));
	list->at[list->count++] = action;
}

static bool
is_busy(const struct decision *d, size_t record)
{
	return d->facts->busy != NULL && d->facts->busy[record];
}

/* ---- One type */

struct type {
	struct version *versions; /* newest first */
	size_t count;
};

/* Records are sorted: those of a version are neighbours, and the newest version comes first. */
static void
read_type(const struct decision *d, size_t first, size_t count, struct type *ret)
{
	ret->versions = mem_new(count, sizeof(*ret->versions));
	ret->count = 0;
	for (size_t i = first; i < first + count; i++) {
		struct version *v = ret->count > 0 ? &ret->versions[ret->count - 1] : NULL;

		if (v == NULL || !ident_edition_equal(
					 &d->at[v->first].ident.edition, &d->at[i].ident.edition)) {
			v = &ret->versions[ret->count++];
			v->first = i;
		}
		v->end = i + 1;
		v->content |= d->at[i].kind == RECORD_CONTENT;
		v->full |= record_is_full(&d->at[i]);
		v->busy |= is_busy(d, i);
	}
}

/*
 * After the newest version was built or downloaded whole: one content, and full
 * archives for two versions. Before that everything stays, since it may be what the
 * newest is made from.
 */
static void
clean_up(struct decision *d, const struct type *t)
{
	if (!t->versions[0].content && !t->versions[0].full)
		return;
	for (size_t i = 1; i < t->count; i++) {
		const struct version *v = &t->versions[i];

		for (size_t r = v->first; r < v->end; r++) {
			if (is_busy(d, r))
				continue;
			if (d->at[r].kind == RECORD_CONTENT && t->versions[0].content)
				act(d, RETENTION_REMOVE, RETENTION_OLDER_CONTENT, r);
			if (record_is_full(&d->at[r]) && i >= 2)
				act(d, RETENTION_REMOVE, RETENTION_OLDER_FULL, r);
		}
	}
}

/*
 * Whether a version has what no other has: the only content of the type, or its only full archive
 * where no other version is whole.
 */
static bool
is_sole(const struct type *t, size_t index)
{
	const struct version *v = &t->versions[index];
	bool other_content = false;
	bool other_whole = false;

	for (size_t i = 0; i < t->count; i++) {
		const struct version *other = &t->versions[i];

		if (i == index || other->gone)
			continue;
		other_content |= other->content;
		other_whole |= other->content || other->full;
	}
	return (v->content && !other_content) || (v->full && !other_whole);
}

/* The header goes last: it says which files the content has. */
static void
remove_version(struct decision *d, struct version *v)
{
	for (size_t r = v->end; r > v->first; r--)
		if (!d->gone[r - 1])
			act(d, RETENTION_REMOVE, RETENTION_TOO_MANY, r - 1);
	v->gone = true;
}

/* What channels.json says of the type goes before the setting. */
static size_t
versions_to_keep(const struct decision *d, const struct type *t)
{
	const char *type = d->facts->records->at[t->versions[0].first].ident.type;
	uint64_t own =
		d->facts->channels != NULL ? channels_policy(d->facts->channels, type).keep : 0;

	return own > 0 ? (size_t)own : d->facts->versions;
}

/*
 * One version more than the number stays where it has the only full content, but no two: it is
 * counted as gone, so that no other one has to go for it. Once the newest version's content is
 * built, the next call finds that it is not the only one any more. The newest version itself (0) is
 * never looked at.
 */
static void
limit_versions(struct decision *d, struct type *t)
{
	size_t left = t->count;
	size_t keep = versions_to_keep(d, t);

	for (size_t i = t->count - 1; i > 0 && left > keep; i--) {
		struct version *v = &t->versions[i];

		if (is_sole(t, i)) {
			act(d, RETENTION_BUILD, RETENTION_SOLE_CONTENT, t->versions[0].first);
			act(d, RETENTION_SPARE, RETENTION_SOLE_CONTENT, v->first);
			left--;
			continue;
		}
		left--;
		if (v->busy)
			act(d, RETENTION_SPARE, RETENTION_IN_USE, v->first);
		else
			remove_version(d, v);
	}
}

/* ---- Room */

/*
 * The order in which they go. Nobody is served by a header without anything else, which may have 16
 * MiB, nor by what is of a type that is not announced. No client is served from content, and it can
 * be unpacked again.
 */
enum turn { TURN_UNSERVED, TURN_CONTENT, TURN_DIFFERENCE, TURN_FULL, TURN_SOLE_CONTENT };

struct candidate {
	size_t record;
	enum turn turn;
	uint64_t version;
	uint64_t used_ms;
};

/*
 * Whether the type of a record has its full content elsewhere, too. A walk over all: it is asked
 * for what is whole only.
 */
static bool
is_spare(const struct decision *d, size_t record)
{
	const struct records *all = d->facts->records;
	const char *type = d->at[record].ident.type;

	for (size_t i = 0; i < all->count; i++)
		if (i != record && !d->gone[i] && strcmp(d->at[i].ident.type, type) == 0 &&
			record_is_whole(&d->at[i]))
			return true;
	return false;
}

static enum turn
turn_of(const struct decision *d, size_t record)
{
	if (d->at[record].kind == RECORD_HEADER ||
		(d->facts->withdrawn != NULL && d->facts->withdrawn[record]))
		return TURN_UNSERVED;
	if (d->at[record].kind == RECORD_CONTENT)
		return is_spare(d, record) ? TURN_CONTENT : TURN_SOLE_CONTENT;
	return record_is_full(&d->at[record]) ? TURN_FULL : TURN_DIFFERENCE;
}

/*
 * Differences go by the time nobody asked for them; full archives and contents the oldest first.
 * Two are never equal, since qsort may put equal ones in any order.
 */
static int
compare_candidates(const void *a, const void *b)
{
	const struct candidate *left = a;
	const struct candidate *right = b;

	if (left->turn != right->turn)
		return left->turn < right->turn ? -1 : 1;
	if (left->turn != TURN_DIFFERENCE && left->version != right->version)
		return left->version < right->version ? -1 : 1;
	if (left->used_ms != right->used_ms)
		return left->used_ms < right->used_ms ? -1 : 1;
	return left->record > right->record ? -1 : 1;
}

/* Whether of a header's version there is more: the header says what that is. */
static bool
is_needed(const struct decision *d, size_t header)
{
	const struct records *all = d->facts->records;

	for (size_t i = header + 1; i < all->count; i++) {
		if (strcmp(d->at[i].ident.type, d->at[header].ident.type) != 0 ||
			!ident_edition_equal(&d->at[i].ident.edition, &d->at[header].ident.edition))
			break;
		if (!d->gone[i])
			return true;
	}
	return false;
}

static bool
may_go(const struct decision *d, size_t record)
{
	return !d->gone[record] && !is_busy(d, record) &&
	       (d->at[record].kind != RECORD_HEADER || !is_needed(d, record)) &&
	       (d->facts->offered == NULL || !d->facts->offered[record]);
}

/* What just landed counts as used, or it would be the first to go, before who wanted it came. */
static size_t
list_candidates(const struct decision *d, struct candidate *ret)
{
	size_t count = 0;

	for (size_t i = 0; i < d->facts->records->count; i++) {
		const struct record *r = &d->at[i];

		if (!may_go(d, i))
			continue;
		ret[count++] = (struct candidate){.record = i,
			.turn = turn_of(d, i),
			.version = r->ident.edition.version,
			.used_ms = r->served_ms > r->landed_ms ? r->served_ms : r->landed_ms};
	}
	return count;
}

/*
 * The last full archive of a type stays, and of its contents and archives one. But what this server
 * unpacked itself gives way in the end, where nothing else is left: else it would lock all
 * downloads for ever, and it can be had again. What serves nobody is not kept for its own sake.
 */
static void
free_room(struct decision *d)
{
	AUTO_FREE struct candidate *list = mem_new(d->facts->records->count, sizeof(*list));
	size_t count = list_candidates(d, list);

	mem_sort(list, count, sizeof(*list), compare_candidates);
	for (size_t i = 0; i < count && d->freed_bytes < d->facts->excess_bytes; i++) {
		size_t record = list[i].record;

		if (list[i].turn == TURN_UNSERVED)
			act(d, RETENTION_REMOVE, RETENTION_UNSERVED, record);
		else if (list[i].turn == TURN_DIFFERENCE || list[i].turn == TURN_SOLE_CONTENT ||
			 is_spare(d, record))
			act(d, RETENTION_REMOVE, RETENTION_LEAST_RECENT, record);
	}
}

uint64_t
retention_min_free_bytes(uint64_t standard_bytes, uint64_t disk_bytes)
{
	return standard_bytes < disk_bytes / 10 ? standard_bytes : disk_bytes / 10;
}

/*
 * The larger of two demands, not their sum: what goes from the cache makes the disk emptier, too.
 */
uint64_t
retention_excess_bytes(const struct retention_room *r)
{
	uint64_t floor = r->min_free_bytes;
	uint64_t over = 0;

	if (r->max_bytes > 0 && r->cache_bytes + r->wanted_bytes > r->max_bytes)
		over = r->cache_bytes + r->wanted_bytes - r->max_bytes;
	if (floor + r->wanted_bytes > r->disk_free_bytes &&
		floor + r->wanted_bytes - r->disk_free_bytes > over)
		over = floor + r->wanted_bytes - r->disk_free_bytes;
	return over;
}

void
retention_decide(const struct retention_facts *facts, struct retention_actions *ret)
{
	AUTO_FREE bool *gone = mem_new(facts->records->count, sizeof(*gone));
	struct decision d = {
		.facts = facts, .at = facts->records->at, .gone = gone, .actions = ret};
	size_t count;

	for (size_t first = 0; first < facts->records->count; first += count) {
		struct type t;

		count = records_type_count(facts->records, first);
		read_type(&d, first, count, &t);
		clean_up(&d, &t);
		limit_versions(&d, &t);
		free(t.versions);
	}
	/* What went by the rules above has made room already. */
	if (d.freed_bytes < facts->excess_bytes)
		free_room(&d);
}
