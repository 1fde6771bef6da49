/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signed_tree_commit.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cli.h"
#include "model/wire.h"
#include "trust/trust.h"

/* ---- Snapshot and timestamp */

static bool
is_role_of_targets(const char *name)
{
	return strcmp(name, "targets.json") == 0 || strncmp(name, "t-", 2) == 0;
}

/* The role as it is now. A file that was damaged since it was listed keeps no other type back. */
static int
list_all(const struct signed_tree *t, struct draft *snapshot, struct err *e)
{
	for (size_t i = 0; i < t->count; i++) {
		AUTO_BUF struct buf bytes = {0};
		struct err why = {0};

		if (!is_role_of_targets(t->roles[i].name))
			continue;
		if (signed_tree_read(t, t->roles[i].name, &bytes, &why) != 0) {
			if (why.code != ERR_DIGEST)
				return err_set(e, why.code, "%s", why.text);
			cli_complain("warning: %s", why.text);
			continue;
		}
		draft_list(snapshot, t->roles[i].name, t->roles[i].version,
			span_of(bytes.at, bytes.len));
	}
	return 0;
}

static bool
lists_all(const struct signed_tree *t, const struct metadata *snapshot)
{
	for (size_t i = 0; i < t->count; i++) {
		const struct listed *listed = metadata_find(snapshot, t->roles[i].name);

		if (is_role_of_targets(t->roles[i].name) &&
			(listed == NULL || listed->version != t->roles[i].version))
			return false;
	}
	return true;
}

/* Signed by those of the keys that may, who have to be enough. */
static int
sign_for(const struct signed_tree *t, enum role role, struct draft *d, const struct keys *keys,
	struct buf *ret, struct err *e)
{
	const struct verdict_basis basis = {.keys = &t->root->keys, .who = &t->root->signers[role]};
	struct metadata *m;

	if (keys_sign(keys, basis.keys, basis.who, d, e) != 0)
		return -1;
	draft_format(d, ret);
	if (verdict_read(&basis, role, span_of(ret->at, ret->len), &m, e) != VERDICT_GOOD)
		return err_wrap(e, "%s", metadata_role_name(role));
	metadata_free(m);
	return 0;
}

/*
 * The next version of what there is, whose members that are not known here stay; what is damaged
 * says nothing that the rest does not say.
 */
static struct draft *
next_of(const struct signed_tree *t, enum role role, struct span bytes)
{
	AUTO_FREE char *name = mem_printf("%s.json", metadata_role_name(role));
	const int64_t expires_s = signed_tree_expiry(role, false);
	struct draft *d = bytes.len > 0 ? draft_read(bytes, role, NULL) : NULL;

	if (d == NULL)
		d = draft_new(role, expires_s);
	draft_set_expiry(d, expires_s);
	draft_set_version(d, signed_tree_next(t, name));
	return d;
}

/* *ret_version and *ret: the snapshot that is good from now on. */
static int
renew_snapshot(struct signed_tree *t, const struct keys *keys, uint64_t *ret_version,
	struct buf *ret, struct err *e)
{
	AUTO_BUF struct buf old = {0};
	const struct metadata *m = t->snapshot;
	struct draft *d;
	int result;
	bool good;

	*ret_version = signed_tree_newest(t, "snapshot.json");
	if (t->lost_snapshot)
		cli_complain(
			"warning: the timestamp of tuf/, or the snapshot that it lists, is not "
			"there: it is made again; whether newer roles were lost with it is "
			"not known: compare with a mirror (guts2-sign(1), LOSS)");
	/* Of one that a former key has signed, or nobody, nothing is taken. */
	if (m != NULL && signed_tree_read(t, "snapshot.json", &old, e) != 0)
		return -1;
	good = m != NULL && lists_all(t, m) && !t->lost_snapshot &&
	       m->expires_s - time(NULL) >
		       (signed_tree_expiry(ROLE_SNAPSHOT, false) - time(NULL)) / 2;
	if (good) {
		buf_add(ret, old.at, old.len);
		return 0;
	}
	d = next_of(t, ROLE_SNAPSHOT, span_of(old.at, old.len));
	result = list_all(t, d, e) == 0 ? sign_for(t, ROLE_SNAPSHOT, d, keys, ret, e) : -1;
	if (result == 0) {
		*ret_version = draft_version(d);
		result = signed_tree_put_file(
			t, *ret_version, "snapshot.json", span_of(ret->at, ret->len), e);
	}
	draft_free(d);
	return result;
}

static int
renew_timestamp(struct signed_tree *t, const struct keys *keys, uint64_t snapshot_version,
	struct span snapshot, uint64_t *ret_version, struct err *e)
{
	AUTO_BUF struct buf old = {0};
	AUTO_BUF struct buf new = {0};
	struct err why = {0};
	struct draft *d;
	int result = -1;

	if (t->timestamp != NULL &&
		fs_read(t->dir, "timestamp.json", TRUST_TIMESTAMP_BYTES_MAX, &old, &why) != 0 &&
		why.code != ERR_MISSING)
		return err_set(e, why.code, "tuf: %s", why.text);
	d = next_of(t, ROLE_TIMESTAMP, span_of(old.at, old.len));
	draft_list(d, "snapshot.json", snapshot_version, snapshot);
	if (sign_for(t, ROLE_TIMESTAMP, d, keys, &new, e) == 0)
		result = signed_tree_put_file(t, 0, "timestamp.json", span_of(new.at, new.len), e);
	*ret_version = draft_version(d);
	draft_free(d);
	return result;
}

/* What is published all the same reaches nobody. */
static void
warn_of_expired(const struct metadata *m, const char *name)
{
	const int64_t days = (time(NULL) - m->expires_s) / 86400;

	if (m->expires_s <= time(NULL))
		cli_complain("warning: %s expired %" PRId64
			     " days ago: clients take nothing new until it is signed again",
			name, days);
}

/* ---- What is announced */

/* The newest header of the type that is listed and there. False: there is none. */
static bool
newest_listed(
	const struct signed_tree *t, const struct metadata *m, const char *type, struct ident *ret)
{
	*ret = (struct ident){0};
	for (size_t i = 0; i < m->file_count; i++) {
		const char *name = m->files[i].name;
		struct ident ident;

		if (ident_header_parse(name, type, &ident) &&
			ident.edition.version > ret->edition.version && repo_has(t->repo, name))
			*ret = ident;
	}
	return ret->edition.version > 0;
}

struct announcing {
	const struct signed_tree *tree;
	struct idents *query;
	bool changed;
};

static int
announce_type(void *context, const char *type, struct err *e)
{
	struct announcing *a = context;
	const struct ident *now = idents_find(a->query, type);
	AUTO_FREE char *role = signed_tree_role_name(type);
	struct metadata *m = signed_tree_role_of_type(a->tree, type);
	struct ident ident;

	(void)e;
	if (m == NULL)
		return 0;
	warn_of_expired(m, role);
	if (!newest_listed(a->tree, m, type, &ident)) {
		a->changed = idents_remove(a->query, type, 0) || a->changed;
	} else if (now == NULL || !ident_equal(now, &ident)) {
		(void)idents_remove(a->query, type, 0);
		idents_add(a->query, &ident);
		(void)idents_sort(a->query);
		a->changed = true;
	}
	metadata_free(m);
	return 0;
}

/* No client that has a root would take it. */
static void
leave_revoked(struct announcing *a)
{
	size_t left = 0;

	for (size_t i = 0; i < a->query->count; i++)
		if (!signed_tree_is_revoked(a->tree, a->query->at[i].type))
			a->query->at[left++] = a->query->at[i];
	a->changed = a->changed || left < a->query->count;
	a->query->count = left;
}

bool
signed_tree_commit_announce(const struct signed_tree *t, struct idents *query)
{
	struct announcing a = {t, query, false};

	(void)signed_tree_each_type(t, announce_type, &a, NULL);
	leave_revoked(&a);
	return a.changed;
}

static int
commit_query(const struct signed_tree *t, struct err *e)
{
	AUTO_IDENTS struct idents query = {0};
	AUTO_BUF struct buf bytes = {0};

	/* A tree of documents alone, which has nothing to announce. */
	if (!repo_has(t->repo, "q"))
		return 0;
	if (repo_read_query(t->repo, &query, e) != 0)
		return -1;
	if (!signed_tree_commit_announce(t, &query))
		return 0;
	wire_query_format(&query, &bytes);
	return repo_put(t->repo, "q", span_of(bytes.at, bytes.len), e);
}

/* ---- All of it */

int
signed_tree_commit(
	struct signed_tree *t, const struct keys *keys, uint64_t *ret_version, struct err *e)
{
	AUTO_BUF struct buf snapshot = {0};
	uint64_t version;

	if (t->root == NULL || t->targets == NULL)
		return signed_tree_no_targets(e);
	/* What it signs would be expired, or nobody's idea of when it does. */
	if (verdict_check_clock(time(NULL), e) != 0)
		return -1;
	if (renew_snapshot(t, keys, &version, &snapshot, e) != 0 ||
		renew_timestamp(
			t, keys, version, span_of(snapshot.at, snapshot.len), ret_version, e) != 0)
		return -1;
	warn_of_expired(t->root, "root");
	warn_of_expired(t->targets, "targets");
	return commit_query(t, e);
}
