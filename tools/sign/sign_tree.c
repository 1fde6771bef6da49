/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign/sign_tree.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "store/repo.h"
#include "trust/trust.h"

enum { NAMES_MAX = 1 << 16 };

/* The newest version of a role whose files are numbered. */
struct numbered {
	char name[ROLE_FILE_MAX]; /* "targets.json" */
	uint64_t version;
};

struct tree {
	struct repo *repo;
	int dir; /* tuf/ */
	struct numbered *roles;
	size_t count, capacity;
	struct metadata *root;	  /* the newest; NULL: there is none */
	struct metadata *targets; /* the newest; NULL: there is none */
};

/* ---- What is there */

static int
note_name(void *context, int dir, const char *name, struct err *e)
{
	struct tree *t = context;
	size_t digits = strspn(name, "0123456789");
	struct numbered *role = t->roles;
	uint64_t version;

	(void)dir;
	if (name[digits] != '.' || !num_parse(name, digits, INT64_MAX, &version) ||
		strlen(name) >= ROLE_FILE_MAX)
		return 0;
	name += digits + 1;
	while (role < t->roles + t->count && strcmp(role->name, name) != 0)
		role++;
	if (role == t->roles + t->count) {
		if (t->count == NAMES_MAX)
			return err_set(e, ERR_LIMIT, "tuf: more than %d roles", NAMES_MAX);
		t->roles = mem_grow(t->roles, t->count, &t->capacity, sizeof(*t->roles));
		role = &t->roles[t->count++];
		*role = (struct numbered){0};
		memcpy(role->name, name, strlen(name));
	}
	role->version = version > role->version ? version : role->version;
	return 0;
}

static uint64_t
newest(const struct tree *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->roles[i].name, name) == 0)
			return t->roles[i].version;
	return 0;
}

static int
read_numbered(const struct tree *t, const char *name, struct buf *ret, struct err *e)
{
	AUTO_FREE char *file = mem_printf("%" PRIu64 ".%s", newest(t, name), name);

	if (fs_read(t->dir, file, TRUST_TARGETS_BYTES_MAX, ret, e) != 0)
		return err_wrap(e, "tuf");
	return 0;
}

/* The newest of a role of the root's, which has to be what the root wants of it. */
static int
read_role(const struct tree *t, enum role role, struct metadata **ret, struct err *e)
{
	AUTO_FREE char *name = mem_printf("%s.json", metadata_role_name(role));
	AUTO_BUF struct buf bytes = {0};
	struct verdict_basis basis = {0};

	*ret = NULL;
	if (newest(t, name) == 0)
		return 0;
	if (role != ROLE_ROOT) {
		basis.keys = &t->root->keys;
		basis.who = &t->root->signers[role];
	}
	if (read_numbered(t, name, &bytes, e) != 0)
		return -1;
	if (verdict_read(&basis, role, span_of(bytes.at, bytes.len), ret, e) != VERDICT_GOOD)
		return err_wrap(e, "tuf/%" PRIu64 ".%s", newest(t, name), name);
	return 0;
}

static void
tree_close(struct tree *t)
{
	fs_close(&t->dir);
	metadata_free(t->root);
	metadata_free(t->targets);
	free(t->roles);
	repo_close(t->repo);
}

static int
tree_open(struct tree *t, const char *path, struct err *e)
{
	*t = (struct tree){.dir = -1};
	if (repo_open(path, false, &t->repo, e) != 0 || repo_lock(t->repo, e) != 0)
		return -1;
	t->dir = fs_make_dirs(repo_dir(t->repo), "tuf", e);
	if (t->dir < 0 || fs_each(t->dir, ".", note_name, t, e) != 0 ||
		read_role(t, ROLE_ROOT, &t->root, e) != 0)
		return -1;
	return t->root != NULL ? read_role(t, ROLE_TARGETS, &t->targets, e) : 0;
}

static int
put(const struct tree *t, uint64_t version, const char *name, struct span bytes, struct err *e)
{
	AUTO_FREE char *file =
		version > 0 ? mem_printf("%" PRIu64 ".%s", version, name) : mem_string(name);
	int stage = repo_stage_dir(t->repo);

	if (fs_put(stage, "signed.new", "signed", bytes, e) != 0)
		return -1;
	return fs_publish(stage, "signed", t->dir, file, e);
}

/* ---- Publishing */

static const struct delegation *
find_delegation(const struct tree *t, const char *role)
{
	for (size_t i = 0; t->targets != NULL && i < t->targets->delegation_count; i++)
		if (strcmp(t->targets->delegations[i].name, role) == 0)
			return &t->targets->delegations[i];
	return NULL;
}

/* Who has to have signed it. */
static int
find_basis(const struct tree *t, enum role role, const char *name, struct verdict_basis *ret,
	struct err *e)
{
	const struct delegation *d;

	*ret = (struct verdict_basis){0};
	if (t->root == NULL)
		return role == ROLE_ROOT ? 0
					 : err_set(e, ERR_INPUT,
						   "tuf: there is no root yet; publish that first");
	ret->keys = &t->root->keys;
	ret->who = &t->root->signers[role];
	if (name == NULL)
		return 0;
	d = find_delegation(t, name);
	if (d == NULL)
		return err_set(e, ERR_INPUT, "nothing is delegated to %s", name);
	ret->keys = &t->targets->keys;
	ret->who = &d->signers;
	return 0;
}

static int
check_and_put(struct tree *t, enum role role, const char *name, struct span bytes,
	struct sign_state *ret, struct err *e)
{
	AUTO_FREE char *file =
		mem_printf("%s.json", name != NULL ? name : metadata_role_name(role));
	struct verdict_basis basis;
	struct metadata *m = NULL;
	int result = -1;

	if (find_basis(t, role, name, &basis, e) == 0 &&
		verdict_read(&basis, role, bytes, &m, e) == VERDICT_GOOD &&
		verdict_version(m, newest(t, file) + 1, e) == VERDICT_GOOD &&
		verdict_expiry(m, time(NULL), e) == VERDICT_GOOD) {
		*ret = (struct sign_state){.role = role, .version = m->version};
		result = put(t, m->version, file, bytes, e);
	}
	metadata_free(m);
	return result;
}

static int
role_of(struct span bytes, enum role *ret, struct err *e)
{
	struct envelope *v = envelope_read(bytes, e);
	int result = v != NULL ? metadata_role(v, ret, e) : -1;

	envelope_free(v);
	if (result == 0 && *ret != ROLE_ROOT && *ret != ROLE_TARGETS)
		return err_set(e, ERR_INPUT, "%s is made by: guts2-sign refresh",
			metadata_role_name(*ret));
	return result;
}

int
sign_tree_publish(
	const char *repo, const char *file, const char *type, struct sign_state *ret, struct err *e)
{
	AUTO_FREE char *name = type != NULL ? mem_printf("t-%s", type) : NULL;
	AUTO_BUF struct buf bytes = {0};
	struct tree t;
	enum role role;
	int result = -1;

	if (fs_read(AT_FDCWD, file, TRUST_TARGETS_BYTES_MAX, &bytes, e) != 0)
		return -1;
	if (role_of(span_of(bytes.at, bytes.len), &role, e) != 0)
		return err_wrap(e, "%s", file);
	if (tree_open(&t, repo, e) == 0) {
		result = check_and_put(&t, role, name, span_of(bytes.at, bytes.len), ret, e);
		if (result != 0)
			(void)err_wrap(e, "%s", file);
	}
	tree_close(&t);
	return result;
}

/* ---- Snapshot and timestamp */

static bool
is_role_of_targets(const char *name)
{
	return strcmp(name, "targets.json") == 0 || strncmp(name, "t-", 2) == 0;
}

/* The bytes are those of the role as it is now; what is listed already is as it was. */
static int
list_all(const struct tree *t, struct draft *snapshot, struct err *e)
{
	for (size_t i = 0; i < t->count; i++) {
		AUTO_BUF struct buf bytes = {0};

		if (!is_role_of_targets(t->roles[i].name))
			continue;
		if (read_numbered(t, t->roles[i].name, &bytes, e) != 0)
			return -1;
		draft_list(snapshot, t->roles[i].name, t->roles[i].version,
			span_of(bytes.at, bytes.len));
	}
	return 0;
}

static bool
lists_all(const struct tree *t, const struct metadata *snapshot)
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
sign_for(const struct tree *t, enum role role, struct draft *d, const struct key *const *keys,
	size_t count, struct buf *ret, struct err *e)
{
	const struct verdict_basis basis = {.keys = &t->root->keys, .who = &t->root->signers[role]};
	struct metadata *m;

	for (size_t i = 0; i < count; i++)
		draft_sign(d, keys[i]);
	draft_format(d, ret);
	if (verdict_read(&basis, role, span_of(ret->at, ret->len), &m, e) != VERDICT_GOOD)
		return err_wrap(e, "%s", metadata_role_name(role));
	metadata_free(m);
	return 0;
}

static int64_t
life_s(enum role role)
{
	return (role == ROLE_TIMESTAMP ? 3 : 30) * 86400;
}

/* The next version of what there is, or the first. */
static struct draft *
next_of(struct span bytes, enum role role, struct err *e)
{
	struct draft *d = bytes.len > 0 ? draft_read(bytes, role, e)
					: draft_new(role, time(NULL) + life_s(role));

	if (d != NULL && bytes.len > 0)
		draft_renew(d, time(NULL) + life_s(role));
	return d;
}

/* *ret_version and *ret: the snapshot that is good from now on. */
static int
renew_snapshot(const struct tree *t, const struct key *const *keys, size_t count,
	uint64_t *ret_version, struct buf *ret, struct err *e)
{
	AUTO_BUF struct buf old = {0};
	struct metadata *m = NULL;
	struct draft *d;
	int result;
	bool good;

	*ret_version = newest(t, "snapshot.json");
	if (*ret_version > 0 && read_numbered(t, "snapshot.json", &old, e) != 0)
		return -1;
	/* One that a former key has signed is no more than what is to be listed again. */
	(void)read_role(t, ROLE_SNAPSHOT, &m, NULL);
	good = m != NULL && lists_all(t, m) &&
	       m->expires_s > time(NULL) + life_s(ROLE_SNAPSHOT) / 2;
	metadata_free(m);
	if (good) {
		buf_add(ret, old.at, old.len);
		return 0;
	}
	d = next_of(span_of(old.at, old.len), ROLE_SNAPSHOT, e);
	result = d != NULL && list_all(t, d, e) == 0 &&
				 sign_for(t, ROLE_SNAPSHOT, d, keys, count, ret, e) == 0
			 ? 0
			 : -1;
	if (result == 0) {
		*ret_version = draft_version(d);
		result = put(t, *ret_version, "snapshot.json", span_of(ret->at, ret->len), e);
	}
	draft_free(d);
	return result;
}

static int
renew_timestamp(const struct tree *t, const struct key *const *keys, size_t count,
	uint64_t snapshot_version, struct span snapshot, struct sign_state *ret, struct err *e)
{
	AUTO_BUF struct buf old = {0};
	AUTO_BUF struct buf new = {0};
	struct err why = {0};
	struct draft *d = NULL;
	int result = -1;

	if (fs_read(t->dir, "timestamp.json", TRUST_TIMESTAMP_BYTES_MAX, &old, &why) == 0 ||
		why.code == ERR_MISSING)
		d = next_of(span_of(old.at, old.len), ROLE_TIMESTAMP, e);
	else if (e != NULL)
		*e = why;
	if (d != NULL) {
		draft_list(d, "snapshot.json", snapshot_version, snapshot);
		if (sign_for(t, ROLE_TIMESTAMP, d, keys, count, &new, e) == 0)
			result = put(t, 0, "timestamp.json", span_of(new.at, new.len), e);
		*ret = (struct sign_state){.role = ROLE_TIMESTAMP, .version = draft_version(d)};
	}
	draft_free(d);
	return result;
}

int
sign_tree_refresh(const char *repo, const struct key *const *keys, size_t count,
	struct sign_state *ret, struct err *e)
{
	AUTO_BUF struct buf snapshot = {0};
	struct tree t;
	uint64_t version;
	int result = -1;

	if (tree_open(&t, repo, e) == 0) {
		if (t.root == NULL || t.targets == NULL)
			(void)err_set(e, ERR_INPUT,
				"%s: publish a root and targets first: guts2-sign publish", repo);
		else if (renew_snapshot(&t, keys, count, &version, &snapshot, e) == 0)
			result = renew_timestamp(&t, keys, count, version,
				span_of(snapshot.at, snapshot.len), ret, e);
	}
	tree_close(&t);
	return result;
}
