/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/content.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

/* What it takes on the disk: files that are in it twice are there once. */
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

/* Name and size, as long as nobody asks for more: digests are looked at by content_check. */
static bool
has(struct repo *r, const struct header_file *file)
{
	char name[IDENT_NAME_MAX];
	struct stat st;

	return fstatat(repo_dir(r), ident_blob_name(&file->digest, name), &st,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == file->size;
}

uint64_t
content_missing_bytes(struct repo *r, const struct header *h)
{
	size_t count;
	AUTO_FREE const struct header_file **files = header_blobs(h, &count);
	uint64_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += has(r, files[i]) ? 0 : files[i]->size;
	return bytes;
}

bool
content_is_complete(struct repo *r, const struct header *h)
{
	for (size_t i = 0; i < h->count; i++)
		if (!has(r, &h->files[i]))
			return false;
	return true;
}

static int
check_file(struct repo *r, const struct header_file *file, char name[IDENT_NAME_MAX], struct err *e)
{
	const struct archive_ref ref = {file->digest, file->size};

	return repo_check(r, ident_blob_name(&file->digest, name), &ref, e);
}

int
content_check(struct repo *r, const struct header *h, struct err *e)
{
	size_t count;
	AUTO_FREE const struct header_file **files = header_blobs(h, &count);
	char name[IDENT_NAME_MAX];

	for (size_t i = 0; i < count; i++)
		if (check_file(r, files[i], name, e) != 0)
			return -1;
	return 0;
}

/* What cannot be looked at just now stays: another content may have it. */
int
content_quarantine(struct repo *r, const struct header *h, struct err *e)
{
	size_t count;
	AUTO_FREE const struct header_file **files = header_blobs(h, &count);
	char name[IDENT_NAME_MAX];
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		struct err why = {0};

		(void)check_file(r, files[i], name, &why);
		if ((why.code == ERR_DIGEST || why.code == ERR_INPUT) &&
			repo_quarantine(r, name, e) != 0)
			result = -1;
	}
	return result;
}

/*
 * One that is in c/ already is replaced by an equal one, which was checked just now: that mends
 * what may have been damaged since. ENOENT: it was not decoded, since c/ had it.
 */
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

/*
 * The order is that of safety. The first sync: the bytes are on the disk before they have names in
 * c/. The second: the names are, before the marker says that all are there. Power that goes before
 * the marker leaves files that no version has, which the next sweep removes; after it, a complete
 * content. Two syncs of the file system instead of two for each of thousands of files.
 */
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

/* Not synced: a marker that a power cut brings back has no files then, and counts for nothing. */
int
content_remove(struct repo *r, const struct ident *ident, struct err *e)
{
	char name[IDENT_NAME_MAX];

	return repo_remove(r, ident_content_name(ident, name), e);
}

enum { SWEEP_STEP = 64 }; /* so many files go at a time: some disks take milliseconds for one */

struct sweep {
	struct repo *repo;
	struct content_sweep *asked;
	unsigned removed;
	struct digest *used;
	size_t count;
	size_t capacity;
};

/*
 * A marker whose header cannot be read ends the sweep: its files would look as if nobody had them,
 * and go, while the version may only be unreadable just now.
 */
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

/* A file that somebody has open or mapped stays readable until it is let go. */
static int
remove_if_unused(void *context, int dir, const char *name, struct err *e)
{
	struct sweep *s = context;
	struct digest digest;

	if (strlen(name) == DIGEST_HEX && digest_parse(name, &digest) && s->count > 0 &&
		bsearch(&digest, s->used, s->count, sizeof(*s->used), digest_compare) != NULL)
		return 0;
	if (++s->removed % SWEEP_STEP == 0 && !s->asked->go_on(s->asked->context)) {
		s->asked->ended = true;
		return 1;
	}
	return fs_remove(dir, name, e);
}

/*
 * All digests of all contents are gathered first: O(n log n), and no counter on disk that could be
 * wrong after a crash. What is no digest at all is none of ours, and goes as well.
 */
int
content_sweep(struct repo *r, struct content_sweep *sweep, struct err *e)
{
	struct sweep s = {.repo = r, .asked = sweep};
	int result = repo_walk(r, use, &s, e);

	sweep->ended = false;
	if (result == 0) {
		mem_sort(s.used, s.count, sizeof(*s.used), digest_compare);
		result = fs_each(repo_dir(r), "c", remove_if_unused, &s, e);
	}
	free(s.used);
	return result < 0 ? -1 : 0;
}
