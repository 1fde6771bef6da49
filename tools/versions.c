/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "versions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Grows while the repository is walked, which gives names in no order. */
struct list {
	const char *type;
	struct ident *at;
	size_t count;
	size_t capacity;
};

static int
note_version(void *context, const struct target *t, struct err *e)
{
	struct list *l = context;

	(void)e;
	/* Each version has one header; offers and contents would count it several times. */
	if (t->kind != TARGET_HEADER || (l->type != NULL && strcmp(l->type, t->ident.type) != 0))
		return 0;
	l->at = mem_grow(l->at, l->count, &l->capacity, sizeof(*l->at));
	l->at[l->count++] = t->ident;
	return 0;
}

/* By type, so that versions of one stand together, then the newest first. */
static int
compare_newest_first(const void *a, const void *b)
{
	const struct ident *left = a;
	const struct ident *right = b;
	int types = strcmp(left->type, right->type);

	if (types != 0)
		return types;
	if (left->edition.version != right->edition.version)
		return left->edition.version > right->edition.version ? -1 : 1;
	return strcmp(left->edition.cookie, right->edition.cookie);
}

int
versions_read(
	struct repo *repo, const char *type, struct ident **ret, size_t *ret_count, struct err *e)
{
	struct list l = {.type = type};

	if (repo_walk(repo, note_version, &l, e) != 0) {
		free(l.at);
		return -1;
	}
	mem_sort(l.at, l.count, sizeof(*l.at), compare_newest_first);
	*ret = l.at;
	*ret_count = l.count;
	return 0;
}
