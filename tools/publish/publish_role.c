/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_role.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/mem.h"
#include "model/header.h"
#include "trust/trust.h"
#include "versions.h"

/* ---- What is listed */

struct listing {
	struct ident *at;
	size_t count, capacity;
};

static void
note_target(void *context, const char *path)
{
	struct listing *l = context;
	struct ident ident;

	if (!ident_header_parse(path, NULL, &ident))
		return;
	l->at = mem_grow(l->at, l->count, &l->capacity, sizeof(*l->at));
	l->at[l->count++] = ident;
}

static int
newest_first(const void *a, const void *b)
{
	uint64_t x = ((const struct ident *)a)->edition.version;
	uint64_t y = ((const struct ident *)b)->edition.version;

	return (x < y) - (x > y);
}

static struct listing
listing_of(const struct draft *d)
{
	struct listing l = {0};

	draft_each_target(d, note_target, &l);
	mem_sort(l.at, l.count, sizeof(*l.at), newest_first);
	return l;
}

static void
keep_newest(struct draft *d, uint64_t list)
{
	struct listing l = listing_of(d);
	char name[IDENT_NAME_MAX];

	for (size_t i = 0; i < l.count; i++)
		if (i >= list)
			(void)draft_remove_target(d, ident_header_name(&l.at[i], name), NULL);
	free(l.at);
}

/* ---- Headers */

/* The same file under the name that other clients of the framework ask for. */
static int
link_header(struct repo *repo, const char *name, struct span bytes, struct err *e)
{
	AUTO_CLOSE int dir = fs_make_dirs(repo_dir(repo), "tuf/targets", e);
	struct digest digest = digest_of(bytes);
	char hex[DIGEST_HEX + 1];
	AUTO_FREE char *other = mem_printf("%s.%s", digest_hex(&digest, hex), name);

	if (dir < 0)
		return -1;
	if (linkat(repo_dir(repo), name, dir, other, 0) != 0 && errno != EEXIST)
		return err_sys(e, "tuf/targets/%s", other);
	return fs_sync(dir, "tuf/targets", e);
}

static int
list_header(struct draft *d, struct repo *repo, const struct ident *ident,
	const struct publish_signing *s, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	char name[IDENT_NAME_MAX];
	json_t *custom;

	(void)ident_header_name(ident, name);
	if (repo_read(repo, name, HEADER_BYTES_MAX, &bytes, e) != 0 ||
		link_header(repo, name, span_of(bytes.at, bytes.len), e) != 0)
		return -1;
	custom = json_pack("{s:I,s:s}", "version", (json_int_t)ident->edition.version, "cookie",
		ident->edition.cookie);
	if (s->security)
		(void)json_object_set_new(custom, "security", json_true());
	if (s->advisory != NULL)
		(void)json_object_set_new(custom, "advisory", json_string(s->advisory));
	draft_add_target(d, name, span_of(bytes.at, bytes.len), custom);
	if (ident->edition.version > draft_last(d))
		draft_set_last(d, ident->edition.version);
	return 0;
}

/* The newest, of a type that has no role yet. */
static int
list_all(struct draft *d, struct repo *repo, const char *type, const struct publish_signing *s,
	struct err *e)
{
	AUTO_FREE struct ident *versions = NULL;
	const struct publish_signing plain = {.list = s->list};
	size_t count;

	if (versions_read(repo, type, &versions, &count, e) != 0)
		return -1;
	for (size_t i = 0; i < count && i < s->list; i++)
		if (list_header(d, repo, &versions[i], &plain, e) != 0)
			return -1;
	return 0;
}

/* ---- Signing */

static int
sign_and_put(struct signed_tree *t, const char *type, const struct publish_signing *s,
	struct draft *d, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct verdict_basis basis;
	uint64_t version;

	keep_newest(d, s->list);
	if (signed_tree_basis(t, ROLE_TARGETS, type, &basis, e) != 0 ||
		keys_sign(s->keys, basis.keys, basis.who, d, e) != 0)
		return -1;
	draft_format(d, &bytes);
	if (bytes.len > TRUST_TARGETS_BYTES_MAX)
		return err_set(e, ERR_INPUT, "t-%s would have more than %d bytes; see --listed",
			type, TRUST_TARGETS_BYTES_MAX);
	if (signed_tree_put(t, ROLE_TARGETS, type, span_of(bytes.at, bytes.len), &version, e) != 0)
		return err_wrap(e, "t-%s", type);
	return 0;
}

/* What comes after a version that was interrupted in here has listed that one, too. */
int
publish_role_add(struct signed_tree *t, struct repo *repo, const struct ident *ident,
	const struct publish_signing *s, struct err *e)
{
	bool is_new;
	struct draft *d = signed_tree_draft(t, ident->type, &is_new, e);
	int result = d != NULL ? 0 : -1;

	if (result == 0 && is_new)
		result = list_all(d, repo, ident->type, s, e);
	if (result == 0)
		result = list_header(d, repo, ident, s, e);
	if (result == 0)
		result = sign_and_put(t, ident->type, s, d, e);
	draft_free(d);
	return result;
}

int
publish_role_sign(struct signed_tree *t, struct repo *repo, const char *type,
	const struct publish_signing *s, struct err *e)
{
	bool is_new;
	struct draft *d = signed_tree_draft(t, type, &is_new, e);
	int result = d != NULL ? 0 : -1;

	if (result == 0 && is_new)
		result = list_all(d, repo, type, s, e);
	if (result == 0)
		result = sign_and_put(t, type, s, d, e);
	draft_free(d);
	return result;
}

/* Without a cookie: the one of this number that is listed; or, it is not any more, that is there.
 */
static int
find_version(const struct draft *d, struct repo *repo, const struct ident *wanted,
	struct ident *ret, struct err *e)
{
	AUTO_FREE struct ident *versions = NULL;
	struct listing l = listing_of(d);
	bool found = false;
	size_t count;

	for (size_t i = 0; i < l.count && !found; i++) {
		found = l.at[i].edition.version == wanted->edition.version;
		*ret = l.at[i];
	}
	free(l.at);
	if (found)
		return 0;
	if (versions_read(repo, wanted->type, &versions, &count, e) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (versions[i].edition.version == wanted->edition.version) {
			*ret = versions[i];
			return 0;
		}
	return err_set(e, ERR_MISSING, "there is no version %" PRIu64 " of %s",
		wanted->edition.version, wanted->type);
}

/* The role may have been put by a run that was interrupted before it was committed. */
int
publish_role_withdraw(struct signed_tree *t, struct repo *repo, const struct ident *ident,
	const struct publish_signing *s, struct err *e)
{
	struct ident found;
	char name[IDENT_NAME_MAX];
	bool is_new;
	struct draft *d = signed_tree_draft(t, ident->type, &is_new, e);
	int result = d != NULL ? find_version(d, repo, ident, &found, e) : -1;

	if (result == 0 && draft_remove_target(d, ident_header_name(&found, name), NULL) == 0)
		result = sign_and_put(t, ident->type, s, d, e);
	draft_free(d);
	return result;
}

/* ---- What was there */

struct last_look {
	const struct signed_tree *tree;
	const char *type;
	struct idents *last;
};

static int
note_last(void *context, const char *type, struct err *e)
{
	struct last_look *l = context;
	const struct ident *known = idents_find(l->last, type);
	bool is_new;
	struct draft *d = signed_tree_draft(l->tree, type, &is_new, e);
	struct ident ident;

	if (d == NULL && strcmp(type, l->type) == 0)
		return -1;
	/* Of a type whose role cannot be read nothing is a leftover; others go on. */
	ident = ident_of(
		type, &(struct edition){.version = d != NULL ? draft_last(d) : IDENT_VERSION_MAX});
	draft_free(d);
	if (ident.edition.version <= (known != NULL ? known->edition.version : 0))
		return 0;
	(void)idents_remove(l->last, type, 0);
	idents_add(l->last, &ident);
	(void)idents_sort(l->last);
	return 0;
}

int
publish_role_last(const struct signed_tree *t, const struct idents *query, const char *type,
	struct idents *ret, struct err *e)
{
	struct last_look l = {t, type, ret};

	for (size_t i = 0; i < query->count; i++)
		idents_add(ret, &query->at[i]);
	return signed_tree_each_type(t, note_last, &l, e);
}
