/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

uint64_t
content_bytes(const struct header *h)
{
	size_t count;
	AUTO_FREE const struct header_file **files = header_blobs(h, &count);
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += files[i]->size;
	return bytes;
}

static bool
has(struct repo *r, const struct header_file *file)
{
	char name[IDENT_NAME_MAX];
	struct stat st;

	return fstatat(repo_dir(r), ident_blob_name(&file->digest, name), &st,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == file->size;
}

bool
content_is_complete(struct repo *r, const struct header *h)
{
	for (size_t i = 0; i < h->count; i++)
		if (!has(r, &h->files[i]))
			return false;
	return true;
}

int
content_check(struct repo *r, const struct header *h, void (*bad)(void *context, const char *name),
	void *context, struct err *e)
{
	size_t count;
	AUTO_FREE const struct header_file **files = header_blobs(h, &count);
	char name[IDENT_NAME_MAX];
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		const struct archive_ref ref = {files[i]->digest, files[i]->size};
		struct err why = {0};

		(void)ident_blob_name(&files[i]->digest, name);
		if (repo_check(r, name, &ref, &why) == 0)
			continue;
		if (result == 0 && e != NULL)
			*e = why;
		result = -1;
		if (bad != NULL)
			bad(context, name);
	}
	return result;
}

static int
move_file(struct repo *r, const struct header_file *file, int from, struct err *e)
{
	char name[IDENT_NAME_MAX];
	char hex[DIGEST_HEX + 1];

	(void)ident_blob_name(&file->digest, name);
	if (renameat(from, digest_hex(&file->digest, hex), repo_dir(r), name) == 0)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, "%s", name);
	return has(r, file) ? 0 : err_set(e, ERR_MISSING, "%s: not there any more", name);
}

int
content_put(struct repo *r, const struct header *h, int from, struct err *e)
{
	size_t count;
	AUTO_FREE const struct header_file **files = header_blobs(h, &count);
	char name[IDENT_NAME_MAX];

	if (repo_sync(r, e) != 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (move_file(r, files[i], from, e) != 0)
			return -1;
	if (repo_sync(r, e) != 0)
		return -1;
	return repo_put(r, ident_content_name(&h->ident, name), span_of("", 0), e);
}

int
content_remove(struct repo *r, const struct ident *ident, struct err *e)
{
	char name[IDENT_NAME_MAX];
	AUTO_CLOSE int fd = -1;

	if (repo_remove(r, ident_content_name(ident, name), e) != 0)
		return -1;
	/* A file must not go while the disk still says that the version has it. */
	fd = fs_open_dir(repo_dir(r), ".", e);
	return fd < 0 ? -1 : fs_sync(fd, name, e);
}

struct sweep {
	struct repo *repo;
	struct digest *used;
	size_t count;
	size_t capacity;
};

static int
use(void *context, const struct target *t, struct err *e)
{
	struct sweep *s = context;
	AUTO_HEADER struct header *h = NULL;

	if (t->kind != TARGET_CONTENT)
		return 0;
	if (repo_read_header(s->repo, &t->ident, &h, NULL, e) != 0)
		return -1;
	for (size_t i = 0; i < h->count; i++) {
		s->used = mem_grow(s->used, s->count, &s->capacity, sizeof(*s->used));
		s->used[s->count++] = h->files[i].digest;
	}
	return 0;
}

static int
remove_if_unused(void *context, int dir, const char *name, struct err *e)
{
	const struct sweep *s = context;
	struct digest digest;

	if (strlen(name) == DIGEST_HEX && digest_parse(name, &digest) && s->count > 0 &&
		bsearch(&digest, s->used, s->count, sizeof(*s->used), digest_compare) != NULL)
		return 0;
	return fs_remove(dir, name, e);
}

int
content_sweep(struct repo *r, struct err *e)
{
	struct sweep s = {.repo = r};
	int result = repo_walk(r, use, &s, e);

	if (result == 0 && s.count > 0)
		qsort(s.used, s.count, sizeof(*s.used), digest_compare);
	if (result == 0)
		result = fs_each(repo_dir(r), "c", remove_if_unused, &s, e);
	free(s.used);
	return result;
}
