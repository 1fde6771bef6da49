/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sign/sign_init.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "base/mem.h"
#include "sign/sign_tree.h"
#include "store/repo.h"

enum { TARGETS_KEY = SIGN_INIT_ROOTS, TYPES_KEY, ONLINE_KEY, ALL_KEYS };

static const char *const names[ALL_KEYS] = {
	"root-1", "root-2", "root-3", "targets", "types", "online"};

struct ceremony {
	const struct sign_init *init;
	struct keys keys; /* in the order of their names */
	char *root;
	char *targets;
	struct sign_state state;
};

static char *
below(const struct ceremony *c, const char *name)
{
	return mem_printf("%s/%s", c->init->directory, name);
}

/* Keys of another repository, or of a run that was interrupted before anything was signed. */
static int
check_empty(struct ceremony *c, int directory, struct err *e)
{
	for (int i = 0; i < ALL_KEYS; i++)
		if (fs_exists(directory, names[i]))
			return err_set(e, ERR_INPUT,
				"%s/%s: there is a key already: give another directory; keys that "
				"an interrupted init left sign nothing, and can be removed",
				c->init->directory, names[i]);
	return 0;
}

/* All are somebody's but that of a timer. */
static int
make_keys(struct ceremony *c, struct err *e)
{
	static const struct keys_passphrase none = {.none = true};

	for (int i = 0; i < ALL_KEYS; i++) {
		AUTO_FREE char *path = below(c, names[i]);

		c->keys.at[i] = keys_new(
			path, c->init->scheme, i == ONLINE_KEY ? &none : c->init->passphrase, e);
		if (c->keys.at[i] == NULL)
			return -1;
		c->keys.count++;
	}
	return 0;
}

static int
sign_by(struct ceremony *c, const char *path, size_t first, size_t count, struct err *e)
{
	struct keys some = {.count = count};

	for (size_t i = 0; i < count; i++)
		some.at[i] = c->keys.at[first + i];
	return sign_document_sign(path, &some, &c->state, e);
}

static int
make_root(struct ceremony *c, struct err *e)
{
	static const enum role others[] = {ROLE_TARGETS, ROLE_SNAPSHOT, ROLE_TIMESTAMP};
	static const int keys[] = {TARGETS_KEY, ONLINE_KEY, ONLINE_KEY};
	struct sign_changes changes = {0};
	char *paths[ALL_KEYS];
	int result;

	for (int i = 0; i < ALL_KEYS; i++)
		paths[i] = mem_printf("%s/%s.pub", c->init->directory, names[i]);
	for (int i = 0; i < SIGN_INIT_ROOTS; i++)
		changes.at[changes.count++] =
			(struct sign_change){.what = SIGN_ADD, .role = ROLE_ROOT, .text = paths[i]};
	changes.at[changes.count++] = (struct sign_change){
		.what = SIGN_THRESHOLD, .role = ROLE_ROOT, .threshold = SIGN_INIT_ROOTS_NEEDED};
	for (int i = 0; i < 3; i++)
		changes.at[changes.count++] = (struct sign_change){
			.what = SIGN_ADD, .role = others[i], .text = paths[keys[i]]};
	result = sign_document_root(c->root, &changes, &c->state, e);
	for (int i = 0; i < ALL_KEYS; i++)
		free(paths[i]);
	return result == 0 ? sign_by(c, c->root, 0, SIGN_INIT_ROOTS_NEEDED, e) : -1;
}

static int
delegate(struct ceremony *c, const char *type, struct err *e)
{
	AUTO_FREE char *pub = below(c, "types.pub");
	const char *const pubs[] = {pub};

	return sign_document_delegate(c->targets, type, pubs, 1, 1, 0, &c->state, e);
}

static int
make_targets(struct ceremony *c, const struct idents *announced, struct err *e)
{
	for (size_t i = 0; i < announced->count; i++)
		if (delegate(c, announced->at[i].type, e) != 0)
			return -1;
	for (size_t i = 0; i < c->init->type_count; i++)
		if (delegate(c, c->init->types[i], e) != 0)
			return -1;
	return sign_by(c, c->targets, TARGETS_KEY, 1, e);
}

/* What is announced; an error where it is nothing, or signed already. */
static int
look(const struct sign_init *init, struct idents *ret, struct err *e)
{
	AUTO_REPO struct repo *repo = NULL;

	if (repo_open(init->repo, false, &repo, e) != 0 || repo_read_query(repo, ret, e) != 0)
		return -1;
	if (ret->count + init->type_count == 0)
		return err_set(
			e, ERR_INPUT, "%s announces no type; name one with --type", init->repo);
	return repo_has(repo, "tuf/1.root.json")
		       ? err_set(e, ERR_INPUT, "%s is signed already; see guts2-sign status",
				 init->repo)
		       : 0;
}

static int
publish(struct ceremony *c, struct err *e)
{
	const struct keys online = {.at = {c->keys.at[ONLINE_KEY]}, .count = 1};

	if (sign_tree_publish(c->init->repo, c->root, NULL, &c->state, e) != 0 ||
		sign_tree_publish(c->init->repo, c->targets, NULL, &c->state, e) != 0)
		return -1;
	return sign_tree_refresh(c->init->repo, &online, &c->state, e);
}

int
sign_init(const struct sign_init *init, struct err *e)
{
	struct ceremony c = {.init = init};
	AUTO_IDENTS struct idents announced = {0};
	AUTO_CLOSE int directory = -1;
	int result = -1;

	if (look(init, &announced, e) != 0)
		return -1;
	directory = fs_make_dirs(AT_FDCWD, init->directory, e);
	if (directory < 0)
		return -1;
	c.root = below(&c, "root.json");
	c.targets = below(&c, "targets.json");
	if (check_empty(&c, directory, e) == 0 && make_keys(&c, e) == 0 && make_root(&c, e) == 0 &&
		make_targets(&c, &announced, e) == 0)
		result = publish(&c, e);
	free(c.root);
	free(c.targets);
	keys_close(&c.keys);
	return result;
}
