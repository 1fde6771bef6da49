/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "signed_tree_look.h"

#include <inttypes.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "cli.h"
#include "trust/trust.h"

enum { SIGNED_TREE_ROLES_MAX = 1 << 16 };

/* ---- What is there */

struct numbered *
signed_tree_look_find(const struct signed_tree *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->roles[i].name, name) == 0)
			return &t->roles[i];
	return NULL;
}

/* NULL: ERR_LIMIT. */
static struct numbered *
role_called(struct signed_tree *t, const char *name, struct err *e)
{
	struct numbered *role = signed_tree_look_find(t, name);

	if (role != NULL)
		return role;
	if (t->count == SIGNED_TREE_ROLES_MAX) {
		(void)err_set(e, ERR_LIMIT, "tuf: more than %d roles", SIGNED_TREE_ROLES_MAX);
		return NULL;
	}
	t->roles = mem_grow(t->roles, t->count, &t->capacity, sizeof(*t->roles));
	role = &t->roles[t->count++];
	*role = (struct numbered){0};
	memcpy(role->name, name, strlen(name));
	return role;
}

/* NULL: it is not the name of a numbered file. */
static const char *
parse_name(const char *file, uint64_t *ret_version)
{
	size_t digits = strspn(file, "0123456789");

	return file[digits] == '.' && num_parse(file, digits, INT64_MAX, ret_version) &&
			       strlen(file) < ROLE_FILE_MAX
		       ? file + digits + 1
		       : NULL;
}

static int
note_name(void *context, int dir, const char *file, struct err *e)
{
	uint64_t version;
	const char *name = parse_name(file, &version);
	struct numbered *role;

	(void)dir;
	if (name == NULL)
		return 0;
	role = role_called(context, name, e);
	if (role == NULL)
		return -1;
	role->version = version > role->version ? version : role->version;
	return 0;
}

int
signed_tree_look_note(struct signed_tree *t, const char *file, struct err *e)
{
	return note_name(t, t->dir, file, e);
}

/* ---- Which of them count */

/* As much as such a document may have; NULL: it cannot be read, or does not say this number. */
static struct metadata *
read_numbered(const struct signed_tree *t, const char *file, enum role role,
	const struct verdict_basis *basis, uint64_t version)
{
	AUTO_BUF struct buf bytes = {0};
	struct metadata *m = NULL;

	if (fs_read(t->dir, file, TRUST_TARGETS_BYTES_MAX, &bytes, NULL) == 0)
		(void)verdict_read(basis, role, span_of(bytes.at, bytes.len), &m, NULL);
	if (m == NULL || version == 0 || m->version == version)
		return m;
	metadata_free(m);
	return NULL;
}

struct below {
	const char *name;
	uint64_t bound, version;
};

static int
note_below(void *context, int dir, const char *file, struct err *e)
{
	struct below *b = context;
	uint64_t version;
	const char *name = parse_name(file, &version);

	(void)dir, (void)e;
	if (name != NULL && strcmp(name, b->name) == 0 && version < b->bound &&
		version > b->version)
		b->version = version;
	return 0;
}

/* From that number down; 0: none counts. */
static uint64_t
newest_that_counts(const struct signed_tree *t, const struct numbered *r, enum role role,
	const struct verdict_basis *basis)
{
	struct below b = {.name = r->name, .version = r->version};

	while (b.version > 0 && b.version != r->listed) {
		AUTO_FREE char *file = mem_printf("%" PRIu64 ".%s", b.version, r->name);
		struct metadata *m = read_numbered(t, file, role, basis, b.version);

		if (m != NULL) {
			metadata_free(m);
			break;
		}
		b.bound = b.version;
		b.version = 0;
		if (fs_each(t->dir, ".", note_below, &b, NULL) != 0)
			return 0;
	}
	return b.version;
}

static void
pass_over(const struct signed_tree *t, struct numbered *r, enum role role,
	const struct verdict_basis *basis)
{
	static const struct verdict_basis nobody;
	uint64_t version = newest_that_counts(t, r, role, basis);

	r->unvouched = version == 0 && basis->keys != NULL;
	if (r->unvouched)
		version = newest_that_counts(t, r, role, &nobody);
	if (version < r->version)
		cli_complain("warning: tuf/%" PRIu64 ".%s counts for nothing: nobody who may sign "
			     "it made it; remove it",
			r->version, r->name);
	r->version = version;
}

static struct verdict_basis
basis_of(const struct signed_tree *t, enum role role)
{
	return (struct verdict_basis){.keys = &t->root->keys, .who = &t->root->signers[role]};
}

/* ---- Root, snapshot and timestamp */

static bool
is_of_type(const char *name)
{
	size_t len = strlen(name);

	return strncmp(name, "t-", 2) == 0 && len > strlen("t-.json") &&
	       strcmp(name + len - strlen(".json"), ".json") == 0;
}

static bool
has_types(const struct signed_tree *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (is_of_type(t->roles[i].name))
			return true;
	return false;
}

static int
note_rows(struct signed_tree *t, const struct metadata *by, struct err *e)
{
	for (size_t i = 0; by != NULL && i < by->file_count; i++) {
		const struct listed *listed = &by->files[i];
		struct numbered *role;

		/* No role of ours. */
		if (strlen(listed->name) >= ROLE_FILE_MAX)
			continue;
		role = role_called(t, listed->name, e);
		if (role == NULL)
			return -1;
		role->listed = listed->version;
	}
	return 0;
}

/* One by a former key is there, and its number says nothing. */
static int
look_at_timestamp(struct signed_tree *t, struct err *e)
{
	static const struct verdict_basis nobody;
	const struct verdict_basis basis = basis_of(t, ROLE_TIMESTAMP);
	struct metadata *any = read_numbered(t, "timestamp.json", ROLE_TIMESTAMP, &nobody, 0);
	struct numbered *role = any != NULL ? role_called(t, "timestamp.json", e) : NULL;
	int result = any != NULL && role == NULL ? -1 : 0;

	metadata_free(any);
	if (role == NULL)
		return result;
	role->version = 1;
	t->timestamp = read_numbered(t, "timestamp.json", ROLE_TIMESTAMP, &basis, 0);
	if (t->timestamp != NULL)
		role->version = t->timestamp->version;
	return note_rows(t, t->timestamp, e);
}

static int
look_at_snapshot(struct signed_tree *t, struct err *e)
{
	static const struct verdict_basis nobody;
	const struct verdict_basis basis = basis_of(t, ROLE_SNAPSHOT);
	struct numbered *role = signed_tree_look_find(t, "snapshot.json");
	struct metadata *any;
	AUTO_FREE char *file = NULL;

	t->lost_snapshot = has_types(t);
	if (role == NULL)
		return 0;
	pass_over(t, role, ROLE_SNAPSHOT, &basis);
	file = mem_printf("%" PRIu64 ".snapshot.json", role->version);
	any = read_numbered(t, file, ROLE_SNAPSHOT, &nobody, role->version);
	t->lost_snapshot = any == NULL || role->version < role->listed ||
			   signed_tree_look_find(t, "timestamp.json") == NULL;
	metadata_free(any);
	t->snapshot = read_numbered(t, file, ROLE_SNAPSHOT, &basis, role->version);
	return note_rows(t, t->snapshot, e);
}

/* ---- Root, targets, and the roles of types */

/* The newest of it; NULL: there is none, or it is not what it has to be. */
static struct metadata *
read_newest(const struct signed_tree *t, const char *name, enum role role,
	const struct verdict_basis *basis)
{
	const struct numbered *r = signed_tree_look_find(t, name);
	AUTO_FREE char *file = NULL;

	if (r == NULL || r->version == 0)
		return NULL;
	file = mem_printf("%" PRIu64 ".%s", r->version, name);
	return read_numbered(t, file, role, basis, r->version);
}

void
signed_tree_look_signers(struct signed_tree *t)
{
	static const struct verdict_basis nobody;
	struct verdict_basis basis;

	metadata_free(t->root);
	metadata_free(t->targets);
	t->targets = NULL;
	t->root = read_newest(t, "root.json", ROLE_ROOT, &nobody);
	if (t->root == NULL)
		return;
	/* A root with other keys for targets comes first, and targets that they signed after it. */
	basis = basis_of(t, ROLE_TARGETS);
	t->targets = read_newest(t, "targets.json", ROLE_TARGETS, &basis);
}

static void
look_at_type(struct signed_tree *t, struct numbered *role)
{
	AUTO_FREE char *name = mem_string(role->name);
	const struct delegation *d;
	struct verdict_basis basis = {.keys = &t->targets->keys};

	name[strlen(name) - strlen(".json")] = '\0';
	d = metadata_delegation(t->targets, name);
	/* That of a type which is nobody's any more is good as it was listed. */
	if (d != NULL)
		basis.who = &d->signers;
	else
		basis = basis_of(t, ROLE_TARGETS);
	pass_over(t, role, ROLE_TARGETS, &basis);
}

/* ---- All of it */

int
signed_tree_look(struct signed_tree *t, struct err *e)
{
	static const struct verdict_basis nobody;
	struct numbered *role;

	if (fs_each(t->dir, ".", note_name, t, e) != 0)
		return -1;
	role = signed_tree_look_find(t, "root.json");
	if (role != NULL)
		pass_over(t, role, ROLE_ROOT, &nobody);
	if (t->count > 0 && (role == NULL || role->version == 0))
		return err_set(e, ERR_INPUT,
			"tuf: it is signed, and its roots (N.root.json) are not there: copy them "
			"back from a mirror, or from tuf/ of a server's cache (guts2-sign(1), "
			"LOSS)");
	signed_tree_look_signers(t);
	if (t->root == NULL)
		return 0;
	if (look_at_timestamp(t, e) != 0 || look_at_snapshot(t, e) != 0)
		return -1;
	/* People number them, whoever is to sign them today. */
	role = signed_tree_look_find(t, "targets.json");
	if (role != NULL)
		pass_over(t, role, ROLE_TARGETS, &nobody);
	signed_tree_look_signers(t);
	for (size_t i = 0; t->targets != NULL && i < t->count; i++)
		if (is_of_type(t->roles[i].name))
			look_at_type(t, &t->roles[i]);
	return 0;
}
