/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signed_tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "signed_tree_look.h"
#include "trust/trust.h"

/* ---- What is there */

uint64_t
signed_tree_newest(const struct signed_tree *t, const char *name)
{
	const struct numbered *role = signed_tree_look_find(t, name);

	return role != NULL ? role->version : 0;
}

/* The time: whatever was lost, or was copied back from before, no client has seen a higher one. */
uint64_t
signed_tree_next(const struct signed_tree *t, const char *name)
{
	const struct numbered *role = signed_tree_look_find(t, name);
	uint64_t next = clock_wall_ms();

	if (role != NULL && role->version >= next)
		next = role->version + 1;
	if (role != NULL && role->listed >= next)
		next = role->listed + 1;
	return next;
}

/* What a version that was lost had listed, or taken back, nobody knows; a snapshot is made anew. */
static int
check_not_lost(const struct signed_tree *t, const char *name, struct err *e)
{
	const struct numbered *role = signed_tree_look_find(t, name);

	if (role == NULL || role->version >= role->listed || strcmp(name, "snapshot.json") == 0)
		return 0;
	return err_set(e, ERR_INPUT,
		"tuf/%" PRIu64 ".%s: it was published, and is not there: copy it back from a "
		"mirror, or from tuf/ of a server's cache (guts2-sign(1), LOSS)",
		role->listed, name);
}

static int
check_vouched(const struct signed_tree *t, const char *name, struct err *e)
{
	const struct numbered *role = signed_tree_look_find(t, name);

	if (role == NULL || !role->unvouched || role->accepted)
		return 0;
	return err_set(e, ERR_DIGEST,
		"tuf/%" PRIu64 ".%s: nobody who may sign it any more made it: look at what it "
		"lists, and say that it is right: guts2-publish sign --type",
		role->version, name);
}

int
signed_tree_read(const struct signed_tree *t, const char *name, struct buf *ret, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%" PRIu64 ".%s", signed_tree_newest(t, name), name);
	const struct listed *listed = t->snapshot != NULL ? metadata_find(t->snapshot, name) : NULL;

	if (check_not_lost(t, name, e) != 0 || check_vouched(t, name, e) != 0)
		return -1;
	if (fs_read(t->dir, file, TRUST_TARGETS_BYTES_MAX, ret, e) != 0)
		return err_wrap(e, "tuf");
	if (listed == NULL || listed->version != signed_tree_newest(t, name) ||
		metadata_check(listed, span_of(ret->at, ret->len), e) == 0)
		return 0;
	return err_wrap(e,
		"tuf/%s: it is not what was published: copy it back from a mirror, or from tuf/ "
		"of a server's cache (guts2-sign(1), LOSS)",
		file);
}

int
signed_tree_open(struct repo *repo, struct signed_tree **ret, struct err *e)
{
	struct signed_tree *t = mem_new(1, sizeof(*t));
	struct err why = {0};
	int result = 0;

	t->repo = repo;
	t->dir = fs_open_dir(repo_dir(repo), "tuf", &why);
	if (t->dir >= 0 && signed_tree_look(t, e) != 0)
		result = -1;
	else if (t->dir < 0 && why.code != ERR_MISSING)
		result = err_set(e, why.code, "%s", why.text);
	if (result == 0)
		*ret = t;
	else
		signed_tree_close(t);
	return result;
}

void
signed_tree_close(struct signed_tree *t)
{
	if (t == NULL)
		return;
	fs_close(&t->dir);
	metadata_free(t->timestamp);
	metadata_free(t->snapshot);
	metadata_free(t->root);
	metadata_free(t->targets);
	free(t->roles);
	free(t);
}

bool
signed_tree_has_root(const struct signed_tree *t)
{
	return t->root != NULL;
}

int64_t
signed_tree_expiry(enum role role, bool of_type)
{
	/* guts2-trust(7), ROLES. */
	static const int days[ROLE_COUNT] = {[ROLE_ROOT] = 365,
		[ROLE_TIMESTAMP] = 3,
		[ROLE_SNAPSHOT] = 30,
		[ROLE_TARGETS] = 365};

	return time(NULL) + (int64_t)(of_type ? 90 : days[role]) * 86400;
}

char *
signed_tree_role_name(const char *type)
{
	return type != NULL ? mem_printf("t-%s", type) : mem_string("targets");
}

/* ---- A role */

int
signed_tree_no_targets(struct err *e)
{
	return err_set(e, ERR_INPUT,
		"tuf: there are no targets signed by those whom the root names; publish that "
		"first");
}

int
signed_tree_basis(const struct signed_tree *t, enum role role, const char *type,
	struct verdict_basis *ret, struct err *e)
{
	AUTO_FREE char *name = signed_tree_role_name(type);
	const struct delegation *d;

	*ret = (struct verdict_basis){0};
	if (t->root == NULL && role == ROLE_ROOT)
		return 0;
	if (t->root == NULL) {
		(void)err_set(e, ERR_INPUT, "tuf: there is no root yet; publish that first");
		return -1;
	}
	ret->keys = &t->root->keys;
	ret->who = &t->root->signers[role];
	if (type == NULL)
		return 0;
	if (t->targets == NULL)
		return signed_tree_no_targets(e);
	d = metadata_delegation(t->targets, name);
	if (d == NULL)
		return err_set(
			e, ERR_INPUT, "nothing is delegated to %s; see guts2-sign delegate", name);
	ret->keys = &t->targets->keys;
	ret->who = &d->signers;
	return 0;
}

static int
check_keys(
	const struct verdict_basis *basis, const char *role, const struct keys *keys, struct err *e)
{
	unsigned count = keys_count(keys, basis->keys, basis->who);

	return count >= basis->who->threshold
		       ? 0
		       : err_set(e, ERR_INPUT,
				 "%s: %u of the keys given may sign it, and %u have to; see --key",
				 role, count, basis->who->threshold);
}

int
signed_tree_check_keys(
	const struct signed_tree *t, const char *type, const struct keys *keys, struct err *e)
{
	AUTO_FREE char *name = signed_tree_role_name(type);
	struct verdict_basis basis;

	if (verdict_check_clock(time(NULL), e) != 0 ||
		signed_tree_basis(t, ROLE_TARGETS, type, &basis, e) != 0 ||
		check_keys(&basis, name, keys, e) != 0)
		return -1;
	for (int i = 0; i < 2; i++) {
		enum role role = i == 0 ? ROLE_SNAPSHOT : ROLE_TIMESTAMP;

		if (signed_tree_basis(t, role, NULL, &basis, e) != 0 ||
			check_keys(&basis, metadata_role_name(role), keys, e) != 0)
			return -1;
	}
	return 0;
}

struct draft *
signed_tree_draft(const struct signed_tree *t, const char *type, bool *ret_new, struct err *e)
{
	const int64_t expires_s = signed_tree_expiry(ROLE_TARGETS, true);
	AUTO_FREE char *role = signed_tree_role_name(type);
	AUTO_FREE char *name = mem_printf("%s.json", role);
	AUTO_BUF struct buf bytes = {0};
	struct draft *d;

	*ret_new = signed_tree_newest(t, name) == 0;
	if (*ret_new && check_not_lost(t, name, e) != 0)
		return NULL;
	if (!*ret_new && signed_tree_read(t, name, &bytes, e) != 0)
		return NULL;
	d = *ret_new ? draft_new(ROLE_TARGETS, expires_s)
		     : draft_read(span_of(bytes.at, bytes.len), ROLE_TARGETS, e);
	if (d == NULL) {
		(void)err_wrap(e, "tuf/%" PRIu64 ".%s", signed_tree_newest(t, name), name);
		return NULL;
	}
	draft_set_expiry(d, expires_s);
	draft_set_version(d, signed_tree_next(t, name));
	return d;
}

int
signed_tree_each_type(const struct signed_tree *t,
	int (*visit)(void *context, const char *type, struct err *e), void *context, struct err *e)
{
	for (size_t i = 0; t->targets != NULL && i < t->targets->delegation_count; i++) {
		const char *name = t->targets->delegations[i].name;

		if (strncmp(name, "t-", 2) == 0 && ident_type_valid(name + 2) &&
			visit(context, name + 2, e) != 0)
			return -1;
	}
	return 0;
}

struct metadata *
signed_tree_role_of_type(const struct signed_tree *t, const char *type)
{
	AUTO_FREE char *name = mem_printf("t-%s.json", type);
	AUTO_BUF struct buf bytes = {0};
	struct verdict_basis basis;
	struct metadata *m = NULL;

	if (signed_tree_newest(t, name) > 0 &&
		signed_tree_basis(t, ROLE_TARGETS, type, &basis, NULL) == 0 &&
		signed_tree_read(t, name, &bytes, NULL) == 0)
		(void)verdict_read(&basis, ROLE_TARGETS, span_of(bytes.at, bytes.len), &m, NULL);
	return m;
}

void
signed_tree_accept(struct signed_tree *t, const char *type)
{
	AUTO_FREE char *name = mem_printf("t-%s.json", type);
	struct numbered *role = signed_tree_look_find(t, name);

	if (role != NULL)
		role->accepted = true;
}

bool
signed_tree_is_revoked(const struct signed_tree *t, const char *type)
{
	AUTO_FREE char *role = signed_tree_role_name(type);
	AUTO_FREE char *name = mem_printf("%s.json", role);

	return t->targets != NULL && signed_tree_newest(t, name) > 0 &&
	       metadata_delegation(t->targets, role) == NULL;
}

int
signed_tree_put_file(
	struct signed_tree *t, uint64_t version, const char *name, struct span bytes, struct err *e)
{
	AUTO_FREE char *file =
		version > 0 ? mem_printf("%" PRIu64 ".%s", version, name) : mem_string(name);
	int stage = repo_stage_dir(t->repo);

	if (t->dir < 0 && (t->dir = fs_make_dirs(repo_dir(t->repo), "tuf", e)) < 0)
		return -1;
	if (fs_put(stage, "signed.new", "signed", bytes, e) != 0 ||
		fs_publish(stage, "signed", t->dir, file, e) != 0)
		return -1;
	return signed_tree_look_note(t, file, e);
}

/* What people sign is counted: several work on it, one after the other. */
static int
check_number(const struct signed_tree *t, const char *type, const char *file,
	const struct metadata *m, struct err *e)
{
	uint64_t newest = signed_tree_newest(t, file);

	if (type != NULL && m->version > newest)
		return 0;
	return verdict_version(m, newest + 1, e) == VERDICT_GOOD ? 0 : -1;
}

int
signed_tree_put(struct signed_tree *t, enum role role, const char *type, struct span bytes,
	uint64_t *ret_version, struct err *e)
{
	AUTO_FREE char *name = role == ROLE_TARGETS ? signed_tree_role_name(type)
						    : mem_string(metadata_role_name(role));
	AUTO_FREE char *file = mem_printf("%s.json", name);
	struct verdict_basis basis;
	struct metadata *m = NULL;
	int result = -1;

	/* What is signed by a wrong clock is expired, or nobody's idea of when it does. */
	if (verdict_check_clock(time(NULL), e) == 0 && check_not_lost(t, file, e) == 0 &&
		signed_tree_basis(t, role, type, &basis, e) == 0 &&
		verdict_read(&basis, role, bytes, &m, e) == VERDICT_GOOD &&
		check_number(t, type, file, m, e) == 0 &&
		verdict_expiry(m, time(NULL), e) == VERDICT_GOOD) {
		*ret_version = m->version;
		result = signed_tree_put_file(t, m->version, file, bytes, e);
	}
	metadata_free(m);
	if (result == 0 && type == NULL)
		signed_tree_look_signers(t);
	return result;
}
