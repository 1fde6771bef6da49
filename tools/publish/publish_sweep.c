/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_sweep.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cli.h"
#include "model/header.h"
#include "publish/publish_add.h"
#include "publish/publish_scan.h"

struct sweep {
	struct repo *repo;
	const struct idents *last;
	bool found;	     /* something that was never announced, or was staged */
	struct digest *used; /* what is still referred to; sorted once it is complete */
	size_t count;
	size_t capacity;
};

static void
use(struct sweep *s, const struct digest *digest)
{
	s->used = mem_grow(s->used, s->count, &s->capacity, sizeof(*s->used));
	s->used[s->count++] = *digest;
}

static int
find_staged(void *context, int dir, const char *name, struct err *e)
{
	(void)dir;
	(void)name;
	(void)e;
	((struct sweep *)context)->found = true;
	return 0;
}

/* Offers go with the version they lead to, and lead to it only once it is announced. */
static int
remove_unannounced(void *context, const struct target *t, struct err *e)
{
	struct sweep *s = context;
	const struct ident *last = idents_find(s->last, t->ident.type);
	char name[IDENT_NAME_MAX];

	if (last != NULL && t->ident.edition.version <= last->edition.version)
		return 0;
	s->found = true;
	return repo_remove(s->repo, ident_target_name(t, name), e);
}

static int
use_offer(struct sweep *s, const struct target *t, struct err *e)
{
	char name[IDENT_NAME_MAX];
	struct offer offer;

	if (repo_read_offer(s->repo, ident_target_name(t, name), &offer, e) != 0)
		return err_wrap(e, "%s", name);
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (offer.archive[i].bytes > 0)
			use(s, &offer.archive[i].id);
	return 0;
}

/* What a version that stays refers to: the archives of its offers, the files of its header. */
static int
use_target(void *context, const struct target *t, struct err *e)
{
	struct sweep *s = context;
	AUTO_HEADER struct header *header = NULL;

	if (t->kind == TARGET_OFFER)
		return use_offer(s, t, e);
	if (t->kind == TARGET_CONTENT) /* a server's; its files are the header's */
		return 0;
	if (repo_read_header(s->repo, &t->ident, &header, NULL, e) != 0)
		return -1;
	for (size_t i = 0; i < header->count; i++)
		use(s, &header->files[i].digest);
	return 0;
}

/* By the digest that its name begins with; a name that is none is not the publisher's to remove. */
static int
remove_if_unused(void *context, int dir, const char *name, struct err *e)
{
	const struct sweep *s = context;
	struct digest digest;

	if (strlen(name) < DIGEST_HEX || !digest_parse(name, &digest))
		return 0;
	if (s->count > 0 &&
		bsearch(&digest, s->used, s->count, sizeof(*s->used), digest_compare) != NULL)
		return 0;
	return fs_remove(dir, name, e);
}

/*
 * Where a document that stays cannot be read nobody knows what it refers to, and all files stay: a
 * new version needs none of the room.
 */
static int
remove_unused(struct sweep *s, struct err *e)
{
	if (repo_walk(s->repo, use_target, s, e) != 0) {
		cli_complain(
			"warning: what an interrupted run left in f/ and c/ stays: %s", e->text);
		return 0;
	}
	/* For remove_if_unused, which looks up every file there is. */
	mem_sort(s->used, s->count, sizeof(*s->used), digest_compare);
	return fs_each(repo_dir(s->repo), "f", remove_if_unused, s, e) != 0
		       ? -1
		       : fs_each(repo_dir(s->repo), "c", remove_if_unused, s, e);
}

int
publish_sweep(struct repo *repo, const struct idents *last, struct err *e)
{
	struct sweep s = {.repo = repo, .last = last};
	int result;

	if (fs_each(repo_stage_dir(repo), ".", find_staged, &s, e) != 0 ||
		repo_walk(repo, remove_unannounced, &s, e) != 0)
		return -1;
	/* As after every run that ended well; reading each offer and header would take long. */
	if (!s.found)
		return 0;
	result = remove_unused(&s, e);
	free(s.used);
	/* Last: were it empty before, and this run interrupted, the next would look no further. */
	return result == 0 ? repo_stage_clear(repo, e) : -1;
}
