/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "depot.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs.h"
#include "header.h"
#include "mem.h"

static const char index_name[] = "index.sqlite";

struct depot {
	struct repo *repo;
	struct catalog *catalog;
	char *path;
	pthread_mutex_t lock; /* one writer: catalog, and offers that are read and replaced */
};

struct repo *
depot_repo(struct depot *d)
{
	return d->repo;
}

static char *
item_name(const struct catalog_item *item, char ret[IDENT_NAME_MAX])
{
	return item->is_header ? ident_header_name(&item->ident, ret)
			       : ident_offer_name(&item->ident, &item->base, ret);
}

/* ---- The index from the files */

static int
index_header(struct depot *d, const struct target *t, struct err *e)
{
	AUTO_HEADER struct header *header = NULL;
	AUTO_BUF struct buf bytes = {0};
	struct catalog_item item = {.ident = t->ident, .is_header = true};
	char name[IDENT_NAME_MAX];

	if (repo_read(d->repo, target_name(t, name), HEADER_BYTES_MAX, &bytes, e) != 0)
		return -1;
	if (header_parse(span_of(bytes.at, bytes.len), &header, NULL) != 0 ||
		!ident_equal(&header->ident, &t->ident))
		return repo_remove(d->repo, name, e); /* it can be had again */
	item.ref.id = digest_of(span_of(bytes.at, bytes.len));
	item.ref.bytes = bytes.len;
	return catalog_put(d->catalog, &item, e);
}

bool
depot_has_archive(struct depot *d, const struct archive_ref *ref)
{
	char name[IDENT_NAME_MAX];
	struct stat st;

	return fstatat(repo_dir(d->repo), ident_file_name(&ref->id, name), &st,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == ref->bytes;
}

static int
index_offer(struct depot *d, const struct target *t, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	struct catalog_item item = {.ident = t->ident, .base = t->base};
	struct offer offer;
	char name[IDENT_NAME_MAX];
	int result = 0;

	if (repo_read(d->repo, target_name(t, name), ANSWER_OFFER_BYTES_MAX, &bytes, e) != 0)
		return -1;
	if (answer_offer_parse(span_of(bytes.at, bytes.len), &offer, NULL) != 0)
		return repo_remove(d->repo, name, e);
	for (int i = 0; result == 0 && i < FORMAT_COUNT; i++) {
		item.format = (enum format)i;
		item.ref = offer.archive[i];
		if (item.ref.bytes > 0 && depot_has_archive(d, &item.ref))
			result = catalog_put(d->catalog, &item, e);
	}
	return result;
}

static int
index_target(void *context, const struct target *t, struct err *e)
{
	return t->kind == TARGET_HEADER ? index_header(context, t, e) : index_offer(context, t, e);
}

/* An archive whose offer was never written: a crash came between. */
static int
remove_if_orphan(void *context, int dir, const char *name, struct err *e)
{
	struct depot *d = context;
	struct digest id;
	bool used;

	if (strlen(name) < DIGEST_HEX || !digest_parse(name, &id))
		return 0;
	if (catalog_uses(d->catalog, &id, &used, e) != 0)
		return -1;
	return used ? 0 : fs_remove(dir, name, e);
}

static int
reindex(struct depot *d, struct err *e)
{
	if (catalog_begin(d->catalog, e) != 0 || catalog_clear(d->catalog, e) != 0 ||
		repo_walk(d->repo, index_target, d, e) != 0 || catalog_commit(d->catalog, e) != 0)
		return -1;
	return fs_each(repo_dir(d->repo), "f", remove_if_orphan, d, e);
}

static int
open_catalog(struct depot *d, bool *ret_reindexed, struct err *e)
{
	AUTO_FREE char *path = mem_printf("%s/%s", d->path, index_name);
	bool trusted = false;

	if (catalog_open(path, &d->catalog, &trusted, e) != 0) {
		static const char *const suffixes[] = {"", "-wal", "-shm"};

		if (e->code != ERR_INPUT)
			return -1;
		for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
			AUTO_FREE char *file = mem_printf("%s%s", index_name, suffixes[i]);

			if (fs_remove(repo_dir(d->repo), file, e) != 0)
				return -1;
		}
		if (catalog_open(path, &d->catalog, &trusted, e) != 0)
			return -1;
	}
	*ret_reindexed = !trusted;
	return trusted ? 0 : reindex(d, e);
}

int
depot_open(const char *path, struct depot **ret, bool *ret_reindexed, struct err *e)
{
	struct depot *d = mem_new(1, sizeof(*d));

	(void)pthread_mutex_init(&d->lock, NULL);
	d->path = mem_string(path);
	if (repo_open(path, true, &d->repo, e) != 0 || repo_lock(d->repo, e) != 0 ||
		open_catalog(d, ret_reindexed, e) != 0) {
		depot_close(d);
		return err_wrap(e, "cache %s", path);
	}
	*ret = d;
	return 0;
}

void
depot_close(struct depot *d)
{
	if (d == NULL)
		return;
	catalog_close(d->catalog);
	repo_close(d->repo);
	(void)pthread_mutex_destroy(&d->lock);
	free(d->path);
	free(d);
}

/* ---- Putting */

int
depot_query(struct depot *d, struct idents *ret, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};

	*ret = (struct idents){0};
	if (!repo_has(d->repo, "q"))
		return 0;
	if (repo_read(d->repo, "q", ANSWER_QUERY_BYTES_MAX, &bytes, e) != 0)
		return -1;
	/* Ours was written whole; another one is worth nothing, and comes again with the next poll.
	 */
	if (answer_query_parse(span_of(bytes.at, bytes.len), ret, NULL) != 0)
		return repo_remove(d->repo, "q", e);
	return 0;
}

int
depot_put_query(struct depot *d, const struct idents *query, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	int result;

	answer_query_format(query, &bytes);
	(void)pthread_mutex_lock(&d->lock);
	result = repo_put(d->repo, "q", span_of(bytes.at, bytes.len), e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

int
depot_put_header(struct depot *d, const struct ident *ident, struct span bytes,
	struct archive_ref *ret, struct err *e)
{
	struct catalog_item item = {.ident = *ident, .is_header = true};
	char name[IDENT_NAME_MAX];
	int result;

	item.ref.id = digest_of(bytes);
	item.ref.bytes = bytes.len;
	*ret = item.ref;
	(void)pthread_mutex_lock(&d->lock);
	result = repo_put(d->repo, ident_header_name(ident, name), bytes, e);
	if (result == 0)
		result = catalog_put(d->catalog, &item, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

/* Of a file below the repository's directory. */
static int
check_archive(struct depot *d, const struct archive_ref *ref, const char *path, struct err *e)
{
	AUTO_CLOSE int fd = fs_open(repo_dir(d->repo), path, NULL, e);
	struct digest got;
	uint64_t bytes;

	if (fd < 0 || digest_of_file(fd, &got, &bytes, e) != 0)
		return -1;
	if (bytes == ref->bytes && digest_equal(&got, &ref->id))
		return 0;
	(void)repo_remove(d->repo, path, NULL);
	return err_set(e, ERR_DIGEST, "content is not what the id says");
}

/* What the offer names already, without formats whose archive is not here. */
static void
read_offer(struct depot *d, const char *name, struct offer *ret)
{
	AUTO_BUF struct buf bytes = {0};

	*ret = (struct offer){0};
	if (repo_read(d->repo, name, ANSWER_OFFER_BYTES_MAX, &bytes, NULL) != 0 ||
		answer_offer_parse(span_of(bytes.at, bytes.len), ret, NULL) != 0)
		*ret = (struct offer){0};
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (!depot_has_archive(d, &ret->archive[i]))
			ret->archive[i] = (struct archive_ref){0};
}

/* An offer that names nothing is none. */
static int
write_offer(struct depot *d, const char *name, const struct offer *offer, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	bool any = false;

	for (int i = 0; i < FORMAT_COUNT; i++)
		any = any || offer->archive[i].bytes > 0;
	if (!any)
		return repo_remove(d->repo, name, e);
	answer_offer_format(offer, &bytes);
	return repo_put(d->repo, name, span_of(bytes.at, bytes.len), e);
}

static int
put_archive(struct depot *d, const struct catalog_item *item, const char *stage, struct err *e)
{
	char file[IDENT_NAME_MAX];
	char name[IDENT_NAME_MAX];
	struct offer offer;

	(void)ident_file_name(&item->ref.id, file);
	if (!depot_has_archive(d, &item->ref) && repo_commit(d->repo, stage, file, e) != 0)
		return -1;
	read_offer(d, item_name(item, name), &offer);
	offer.archive[item->format] = item->ref;
	if (write_offer(d, name, &offer, e) != 0)
		return -1;
	return catalog_put(d->catalog, item, e);
}

int
depot_put_archive(
	struct depot *d, const struct catalog_item *item, const char *stage, struct err *e)
{
	char path[IDENT_NAME_MAX + 16];
	int result;

	if (depot_has_archive(d, &item->ref))
		(void)ident_file_name(&item->ref.id, path);
	else
		(void)snprintf(path, sizeof(path), "stage/%s", stage);
	/* Reading it all takes time, and needs no lock. */
	if (check_archive(d, &item->ref, path, e) != 0)
		return -1;
	(void)pthread_mutex_lock(&d->lock);
	result = put_archive(d, item, stage, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

static int
forget(struct depot *d, const struct catalog_item *item, struct err *e)
{
	char name[IDENT_NAME_MAX];
	char file[IDENT_NAME_MAX];
	struct offer offer;

	(void)item_name(item, name);
	if (catalog_remove(d->catalog, item, e) != 0)
		return -1;
	if (item->is_header)
		return repo_remove(d->repo, name, e);
	read_offer(d, name, &offer);
	offer.archive[item->format] = (struct archive_ref){0};
	if (write_offer(d, name, &offer, e) != 0)
		return -1;
	return repo_remove(d->repo, ident_file_name(&item->ref.id, file), e);
}

int
depot_forget(struct depot *d, const struct catalog_item *item, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&d->lock);
	result = forget(d, item, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}

int
depot_each(struct depot *d, int (*visit)(void *context, const struct catalog_item *item),
	void *context, struct err *e)
{
	int result;

	(void)pthread_mutex_lock(&d->lock);
	result = catalog_each(d->catalog, visit, context, e);
	(void)pthread_mutex_unlock(&d->lock);
	return result;
}
