/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/trust.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "trust/delegation.h"

/* What is wanted now: of each role what was kept before what the repository has. */
enum stage { WANT_KEPT, WANT_FETCHED, WANT_NOTHING };

/* A role that is to be looked at, and who leaves targets to it. */
struct visit {
	const struct metadata *by;
	const struct delegation *how;
};

struct trust {
	int64_t now_s;
	struct metadata *top[ROLE_COUNT];
	enum stage stage;
	enum role role;
	unsigned roots; /* that came */
	bool refreshed; /* all roles of the root's are trusted, and of today */
	enum verdict verdict;
	struct err why;
	/* The search; while `path` is NULL there is none. */
	char *path;
	struct visit *visits; /* still to be made, the next one last */
	size_t visit_count, visit_capacity;
	struct visit at; /* that is made */
	struct metadata *seen[TRUST_ROLES_MAX];
	const char *seen_names[TRUST_ROLES_MAX];
	size_t seen_count;
	const struct listed *found;
};

/* ---- What is wanted now */

static const char *
role_wanted(const struct trust *t)
{
	return t->at.how != NULL ? t->at.how->name : metadata_role_name(t->role);
}

/* How what is wanted is listed; NULL: it is not, or nobody lists such. */
static const struct listed *
listing(const struct trust *t)
{
	AUTO_FREE char *name = NULL;

	if (t->role == ROLE_SNAPSHOT)
		return &t->top[ROLE_TIMESTAMP]->files[0];
	if (t->role != ROLE_TARGETS)
		return NULL;
	name = mem_printf("%s.json", role_wanted(t));
	return metadata_find(t->top[ROLE_SNAPSHOT], name);
}

/* ---- Failing */

/* t->why says it, but for whose it is. */
static bool
fail(struct trust *t, enum verdict reason)
{
	(void)err_wrap(&t->why, "%.128s", role_wanted(t));
	if (trust_more_roots(t))
		(void)err_wrap(&t->why, "after %u roots, which are not all; the next try goes on",
			t->roots);
	t->verdict = reason;
	t->stage = WANT_NOTHING;
	return false;
}

bool
trust_more_roots(const struct trust *t)
{
	return t->roots == TRUST_ROOTS_MAX;
}

enum verdict
trust_verdict(const struct trust *t)
{
	return t->verdict;
}

const char *
trust_why(const struct trust *t)
{
	return t->why.text;
}

/* ---- What is trusted, and wanted */

static void
put(struct trust *t, enum role role, struct metadata *take)
{
	metadata_free(t->top[role]);
	t->top[role] = take;
}

static void
want(struct trust *t, enum role role, enum stage stage)
{
	t->role = role;
	t->stage = stage;
}

/* Who vouches for what is wanted. */
static struct verdict_basis
basis_of(const struct trust *t)
{
	const struct metadata *by = t->at.how != NULL ? t->at.by : t->top[ROLE_ROOT];

	return (struct verdict_basis){
		.listed = listing(t),
		.keys = &by->keys,
		.who = t->at.how != NULL ? &t->at.how->signers : &by->signers[t->role],
	};
}

/* It is trusted from now on, or is no good; takes m. */
static bool
settle(struct trust *t, enum verdict verdict, struct metadata *take)
{
	if (verdict == VERDICT_GOOD) {
		put(t, t->role, take);
		return true;
	}
	metadata_free(take);
	return fail(t, verdict);
}

/* ---- Root */

struct trust *
trust_new(struct span root, int64_t now_s, struct err *e)
{
	struct metadata *m;
	struct trust *t;

	if (verdict_read(&(struct verdict_basis){0}, ROLE_ROOT, root, &m, e) != VERDICT_GOOD)
		return NULL;
	t = mem_new(1, sizeof(*t));
	t->now_s = now_s;
	want(t, ROLE_ROOT, WANT_FETCHED);
	put(t, ROLE_ROOT, m);
	return t;
}

/* That which is the last may have expired: it is trusted, and nothing it vouches for. */
static void
end_roots(struct trust *t)
{
	enum verdict verdict = verdict_expiry(t->top[ROLE_ROOT], t->now_s, &t->why);

	if (verdict != VERDICT_GOOD)
		(void)fail(t, verdict);
	else
		want(t, ROLE_TIMESTAMP, WANT_KEPT);
}

static bool
take_root(struct trust *t, struct span bytes)
{
	struct verdict_basis basis = basis_of(t);
	struct metadata *m;
	enum verdict verdict = verdict_read(&basis, ROLE_ROOT, bytes, &m, &t->why);

	if (verdict == VERDICT_GOOD)
		verdict = verdict_version(m, t->top[ROLE_ROOT]->version + 1, &t->why);
	if (!settle(t, verdict, m))
		return false;
	if (++t->roots == TRUST_ROOTS_MAX)
		end_roots(t);
	return true;
}

/* ---- Timestamp */

/* One that expired says all the same how old the next one must not be. */
static bool
take_kept_timestamp(struct trust *t, struct span bytes)
{
	struct verdict_basis basis = basis_of(t);
	struct metadata *m;

	if (verdict_read(&basis, ROLE_TIMESTAMP, bytes, &m, NULL) != VERDICT_GOOD)
		return false;
	put(t, ROLE_TIMESTAMP, m);
	t->stage = WANT_FETCHED;
	return true;
}

/* Of equal versions the one that was there stays, whatever the other one says. */
static bool
take_timestamp(struct trust *t, struct span bytes)
{
	const struct metadata *before = t->top[ROLE_TIMESTAMP];
	struct verdict_basis basis = basis_of(t);
	struct metadata *m;
	enum verdict verdict = verdict_read(&basis, ROLE_TIMESTAMP, bytes, &m, &t->why);
	bool same = m != NULL && before != NULL && m->version == before->version;

	if (verdict == VERDICT_GOOD && before != NULL && !same)
		verdict = verdict_timestamp(before, m, &t->why);
	if (verdict == VERDICT_GOOD)
		verdict = verdict_expiry(same ? before : m, t->now_s, &t->why);
	if (same && verdict == VERDICT_GOOD)
		metadata_free(m);
	else if (!settle(t, verdict, m))
		return false;
	want(t, ROLE_SNAPSHOT, WANT_KEPT);
	return !same;
}

/* ---- Snapshot */

/*
 * Its bytes were compared with what a timestamp said of them when they came; the timestamp of today
 * may say it of others. It counts as an older one, or as the one that is wanted.
 */
static bool
take_kept_snapshot(struct trust *t, struct span bytes)
{
	struct verdict_basis basis = basis_of(t);
	const uint64_t version = t->top[ROLE_TIMESTAMP]->files[0].version;
	struct metadata *m;

	basis.listed = NULL;
	if (verdict_read(&basis, ROLE_SNAPSHOT, bytes, &m, NULL) != VERDICT_GOOD)
		return false;
	put(t, ROLE_SNAPSHOT, m);
	if (verdict_version(m, version, NULL) != VERDICT_GOOD ||
		verdict_expiry(m, t->now_s, NULL) != VERDICT_GOOD)
		return false;
	want(t, ROLE_TARGETS, WANT_KEPT);
	return true;
}

static bool
take_snapshot(struct trust *t, struct span bytes)
{
	const struct metadata *before = t->top[ROLE_SNAPSHOT];
	struct verdict_basis basis = basis_of(t);
	struct metadata *m;
	enum verdict verdict = verdict_read(&basis, ROLE_SNAPSHOT, bytes, &m, &t->why);

	if (verdict == VERDICT_GOOD)
		verdict = verdict_version(m, t->top[ROLE_TIMESTAMP]->files[0].version, &t->why);
	if (verdict == VERDICT_GOOD && before != NULL)
		verdict = verdict_snapshot(before, m, &t->why);
	if (verdict == VERDICT_GOOD)
		verdict = verdict_expiry(m, t->now_s, &t->why);
	if (!settle(t, verdict, m))
		return false;
	want(t, ROLE_TARGETS, WANT_KEPT);
	return true;
}

/* ---- Targets, and the roles that these delegate to */

/* Which is to be looked at next; none: the search has ended. */
static void
next_visit(struct trust *t)
{
	while (t->visit_count > 0 && t->seen_count < TRUST_ROLES_MAX) {
		bool known = false;

		t->at = t->visits[--t->visit_count];
		for (size_t i = 0; i < t->seen_count; i++)
			known = known || strcmp(t->seen_names[i], t->at.how->name) == 0;
		if (!known) {
			want(t, ROLE_TARGETS, WANT_KEPT);
			return;
		}
	}
	t->stage = WANT_NOTHING;
}

static void
add_visit(struct trust *t, const struct metadata *by, const struct delegation *how)
{
	t->visits = mem_grow(t->visits, t->visit_count, &t->visit_capacity, sizeof(*t->visits));
	t->visits[t->visit_count++] = (struct visit){by, how};
}

/*
 * Of the roles that it delegates to, those that the path belongs to come before what was left to be
 * looked at; behind one that terminates there is nothing more.
 */
static void
visit(struct trust *t, const struct metadata *m)
{
	size_t count = 0;

	t->found = metadata_find(m, t->path);
	if (t->found != NULL) {
		t->stage = WANT_NOTHING;
		return;
	}
	while (count < m->delegation_count) {
		const struct delegation *d = &m->delegations[count++];

		if (d->terminating && delegation_covers(d, t->path)) {
			t->visit_count = 0;
			break;
		}
	}
	/* The first of them is taken first, and so is put last. */
	while (count-- > 0)
		if (delegation_covers(&m->delegations[count], t->path))
			add_visit(t, m, &m->delegations[count]);
	next_visit(t);
}

static bool
take_targets(struct trust *t, struct span bytes)
{
	struct err *why = t->stage == WANT_KEPT ? NULL : &t->why;
	struct verdict_basis basis = basis_of(t);
	struct metadata *m;
	enum verdict verdict = verdict_read(&basis, ROLE_TARGETS, bytes, &m, why);

	assert(basis.listed != NULL); /* trust_next wants no other */
	if (verdict == VERDICT_GOOD)
		verdict = verdict_version(m, basis.listed->version, why);
	if (verdict == VERDICT_GOOD)
		verdict = verdict_expiry(m, t->now_s, why);
	if (verdict != VERDICT_GOOD) {
		metadata_free(m);
		return why != NULL ? fail(t, verdict) : false;
	}
	if (t->path == NULL) {
		put(t, ROLE_TARGETS, m);
		t->refreshed = true;
		t->stage = WANT_NOTHING;
		return true;
	}
	t->seen_names[t->seen_count] = t->at.how->name;
	t->seen[t->seen_count++] = m;
	visit(t, m);
	return true;
}

static void
end_search(struct trust *t)
{
	for (size_t i = 0; i < t->seen_count; i++)
		metadata_free(t->seen[i]);
	t->seen_count = 0;
	t->visit_count = 0;
	t->at = (struct visit){0};
	t->found = NULL;
	free(t->path);
	t->path = NULL;
}

void
trust_find(struct trust *t, const char *path)
{
	assert(t->refreshed);
	/* The one before may have been given up: somebody could not be asked. */
	end_search(t);
	/* Another search may have failed of a role that has nothing to do with this one. */
	t->verdict = VERDICT_GOOD;
	t->why = (struct err){0};
	t->path = mem_string(path);
	visit(t, t->top[ROLE_TARGETS]);
}

const struct listed *
trust_found(const struct trust *t)
{
	return t->found;
}

const struct metadata *
trust_visited(const struct trust *t)
{
	return t->seen_count > 0 ? t->seen[t->seen_count - 1] : NULL;
}

/* ---- What is wanted */

static bool
describe(const struct trust *t, struct trust_want *ret)
{
	static const uint64_t max_bytes[ROLE_COUNT] = {
		[ROLE_ROOT] = TRUST_ROOT_BYTES_MAX,
		[ROLE_TIMESTAMP] = TRUST_TIMESTAMP_BYTES_MAX,
		[ROLE_SNAPSHOT] = TRUST_SNAPSHOT_BYTES_MAX,
		[ROLE_TARGETS] = TRUST_TARGETS_BYTES_MAX,
	};
	const struct metadata *root = t->top[ROLE_ROOT];
	const struct listed *listed = listing(t);
	uint64_t version = 0;

	*ret = (struct trust_want){
		.role = t->role,
		.kept = t->stage == WANT_KEPT,
		.max_bytes = max_bytes[t->role],
	};
	/* What was kept may be of another version, and says even so what must not be older. */
	if (listed != NULL && !ret->kept && listed->length < ret->max_bytes)
		ret->max_bytes = listed->length;
	if (t->role == ROLE_ROOT)
		version = root->version + 1;
	else if (listed != NULL && root->consistent_snapshot)
		version = listed->version;
	return role_file_name(ret->name, 0, role_wanted(t)) &&
	       role_file_name(ret->file, version, role_wanted(t));
}

bool
trust_next(struct trust *t, struct trust_want *ret)
{
	if (t->stage == WANT_NOTHING)
		return false;
	if (t->role == ROLE_TARGETS && listing(t) == NULL) {
		(void)err_set(&t->why, ERR_INPUT, "the snapshot does not list it");
		(void)fail(t, VERDICT_NOT_LISTED);
	} else if (!describe(t, ret)) {
		(void)err_set(&t->why, ERR_INPUT, "its name is too long");
		(void)fail(t, VERDICT_MALFORMED);
	}
	return t->stage != WANT_NOTHING;
}

bool
trust_take(struct trust *t, struct span bytes)
{
	static bool (*const take[][ROLE_COUNT])(struct trust *, struct span) = {
		[WANT_KEPT] = {NULL, take_kept_timestamp, take_kept_snapshot, take_targets},
		[WANT_FETCHED] = {take_root, take_timestamp, take_snapshot, take_targets},
	};
	const enum stage stage = t->stage;
	bool taken;

	assert(stage != WANT_NOTHING);
	taken = take[stage][t->role](t, bytes);
	/* What was kept and is no good is as if it had not been. */
	if (!taken && stage == WANT_KEPT)
		t->stage = WANT_FETCHED;
	return taken;
}

static void
go_without(struct trust *t, enum verdict verdict, const char *why)
{
	assert(t->stage != WANT_NOTHING);
	if (t->stage == WANT_KEPT) {
		t->stage = WANT_FETCHED;
		return;
	}
	(void)err_set(&t->why, ERR_INPUT, "%s", why);
	(void)fail(t, verdict);
}

void
trust_absent(struct trust *t)
{
	if (t->role == ROLE_ROOT && t->stage == WANT_FETCHED)
		end_roots(t);
	else
		go_without(t, VERDICT_MISSING, "it is not there");
}

void
trust_oversized(struct trust *t)
{
	go_without(t, listing(t) != NULL ? VERDICT_MIXED : VERDICT_MALFORMED,
		"it is longer than it may be");
}

const struct metadata *
trust_role(const struct trust *t, enum role role)
{
	return t->top[role];
}

void
trust_free(struct trust *t)
{
	if (t == NULL)
		return;
	end_search(t);
	free(t->visits);
	for (int role = 0; role < ROLE_COUNT; role++)
		metadata_free(t->top[role]);
	free(t);
}
