/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/repo.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/fs.h"
#include "base/mem.h"
#include "model/header.h"

/* -1: not open. The lock is held as long as its descriptor is open. */
struct repo {
	int dir;
	int stage;
	int lock;
	char *path;
	const struct stop *stop;
};

/* What is missing of the parts is made; then *ret_made, and it is not synced. */
static int
make_parts(struct repo *r, bool *ret_made, struct err *e)
{
	static const char *const parts[] = {"f", "c", "stage"};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		bool missing = !fs_exists(r->dir, parts[i]);
		AUTO_CLOSE int fd = fs_make_dirs(r->dir, parts[i], e);

		if (fd < 0)
			return -1;
		*ret_made |= missing;
	}
	return 0;
}

static int
open_stage(struct repo *r, bool create, struct err *e)
{
	bool made = false;

	/* Without create nothing is made: a mistyped path is no repository. */
	if (create && make_parts(r, &made, e) != 0)
		return -1;
	/*
	 * Before an announcement all may be new, or made by a run that ended here: it is on the
	 * disk, with what leads to it, before anything is in it.
	 */
	if (create && !repo_has(r, "q") && repo_sync(r, e) != 0)
		return -1;
	r->stage = fs_open_dir(r->dir, "stage", e);
	return r->stage < 0 ? err_wrap(e, "not a repository") : 0;
}

int
repo_open(const char *path, bool create, struct repo **ret, struct err *e)
{
	AUTO_REPO struct repo *r = mem_new(1, sizeof(*r));

	r->stage = r->lock = -1;
	r->path = mem_string(path);
	r->dir = create ? fs_make_dirs(AT_FDCWD, path, e) : fs_open_dir(AT_FDCWD, path, e);
	if (r->dir < 0)
		return -1;
	if (open_stage(r, create, e) != 0)
		return err_wrap(e, "%s", path);
	*ret = r;
	r = NULL;
	return 0;
}

void
repo_close(struct repo *r)
{
	if (r == NULL)
		return;
	fs_close(&r->lock);
	fs_close(&r->stage);
	fs_close(&r->dir);
	free(r->path);
	free(r);
}

int
repo_lock(struct repo *r, struct err *e)
{
	r->lock = fs_lock(r->dir, "lock", e);
	if (r->lock < 0)
		return -1;
	/* Another owner's is as that one wants it. */
	(void)fchmod(r->stage, 0700);
	return 0;
}

/* Under the same number: other threads are at work with it. Takes new. */
static int
replace(int fd, int new, struct err *e)
{
	AUTO_CLOSE int taken = new;

	if (taken < 0)
		return -1;
	return dup3(taken, fd, O_CLOEXEC) < 0 ? err_sys(e, "dup3") : 0;
}

int
repo_mend(struct repo *r, bool *ret_mended, struct err *e)
{
	*ret_mended = fs_is_removed(r->dir);
	if (*ret_mended && replace(r->dir, fs_make_dirs(AT_FDCWD, r->path, e), e) != 0)
		return -1;
	/* Without it a second server could begin, and this one finds that it has. */
	if (fs_is_removed(r->lock) && replace(r->lock, fs_lock(r->dir, "lock", e), e) != 0)
		return -1;
	if (make_parts(r, ret_mended, e) != 0 || (*ret_mended && repo_sync(r, e) != 0))
		return -1;
	if (replace(r->stage, fs_open_dir(r->dir, "stage", e), e) != 0)
		return -1;
	(void)fchmod(r->stage, 0700);
	return 0;
}

void
repo_set_stop(struct repo *r, const struct stop *stop)
{
	r->stop = stop;
}

const struct stop *
repo_stop(const struct repo *r)
{
	return r->stop;
}

int
repo_dir(const struct repo *r)
{
	return r->dir;
}

int
repo_stage_dir(const struct repo *r)
{
	return r->stage;
}

/*
 * f_bavail, not f_bfree: what is reserved for root is not for us, statvfs(3). A quarter of the
 * largest number, so that sums with it do not wrap.
 */
void
repo_disk(const struct repo *r, uint64_t *ret_bytes, uint64_t *ret_free_bytes)
{
	struct statvfs fs;

	*ret_bytes = *ret_free_bytes = UINT64_MAX / 4;
	if (fstatvfs(r->dir, &fs) != 0)
		return;
	*ret_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
	*ret_free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
}

int
repo_stage_clear(struct repo *r, struct err *e)
{
	return fs_clear(r->stage, ".", e);
}

/* No file can take the place of a directory, which has no business there. */
static int
make_way(struct repo *r, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(r->dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	return repo_quarantine(r, name, e);
}

/* Of a name of its own in stage/, so that two documents on their way do not meet. */
int
repo_put(struct repo *r, const char *name, struct span bytes, struct err *e)
{
	char stage[IDENT_NAME_MAX + 16];

	(void)snprintf(stage, sizeof(stage), "stage/put;%s", name);
	if (make_way(r, name, e) != 0)
		return -1;
	return fs_put(r->dir, stage, name, bytes, e);
}

/* Synced before it has its name: whoever sees the name after a power cut sees all its bytes. */
int
repo_commit(struct repo *r, const char *stage, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = fs_open(r->stage, stage, NULL, e);

	if (fd < 0 || fs_sync(fd, stage, e) != 0 || make_way(r, name, e) != 0)
		return -1;
	return fs_publish(r->stage, stage, r->dir, name, e);
}

int
repo_sync_name(struct repo *r, const char *name, struct err *e)
{
	const char *last;
	AUTO_CLOSE int parent = fs_open_dir_of(r->dir, name, &last, e);

	return parent < 0 ? -1 : fs_sync(parent, name, e);
}

/* Not durable by itself: repo_sync stands before the first and behind the last of many. */
int
repo_move(struct repo *r, const char *stage, const char *name, struct err *e)
{
	if (make_way(r, name, e) != 0)
		return -1;
	return renameat(r->stage, stage, r->dir, name) != 0 ? err_sys(e, "%s", name) : 0;
}

/* All of the file system: syncfs(2) writes the directories that each rename changed, too. */
int
repo_sync(struct repo *r, struct err *e)
{
	return syncfs(r->dir) != 0 ? err_sys(e, "sync") : 0;
}

int
repo_read(struct repo *r, const char *name, size_t max, struct buf *ret, struct err *e)
{
	return fs_read(r->dir, name, max, ret, e);
}

bool
repo_has(const struct repo *r, const char *name)
{
	return fs_exists(r->dir, name);
}

/* A look at name and size: it is asked often, and for digests there is repo_check. */
bool
repo_has_archive(const struct repo *r, const struct archive_ref *ref)
{
	char name[IDENT_NAME_MAX];
	struct stat st;

	return fstatat(r->dir, ident_file_name(&ref->id, name), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == ref->bytes;
}

int
repo_check(struct repo *r, const char *name, const struct archive_ref *ref, struct err *e)
{
	uint64_t bytes;
	AUTO_CLOSE int fd = fs_open(r->dir, name, &bytes, e);
	bool same = fd >= 0 && bytes == ref->bytes;
	struct digest got;

	/* One of another size need not be read: it may be as large as a disk. */
	if (fd < 0 || (same && digest_of_file(fd, r->stop, &got, &bytes, e) != 0))
		return -1;
	if (!same || bytes != ref->bytes || !digest_equal(&got, &ref->id))
		return err_set(e, ERR_DIGEST, "%s: content is not what was stored", name);
	return 0;
}

int
repo_remove(struct repo *r, const char *name, struct err *e)
{
	return fs_remove(r->dir, name, e);
}

/*
 * By the last part of its name; of two of one name the later stays. The directory is made when it
 * is first needed, and in the same file system, so that it is a rename even on a full disk.
 */
int
repo_quarantine(struct repo *r, const char *name, struct err *e)
{
	const char *slash = strrchr(name, '/');
	AUTO_FREE char *to = mem_printf("quarantine/%s", slash != NULL ? slash + 1 : name);
	AUTO_CLOSE int fd = fs_make_dirs(r->dir, "quarantine", e);

	if (fd < 0)
		return -1;
	if (!fs_exists(r->dir, name))
		return 0;
	/* A directory takes the place of nothing. */
	if (fs_remove(r->dir, to, e) != 0)
		return -1;
	/* Not synced: were it in its place again after a power cut, it would be found again. */
	return renameat(r->dir, name, r->dir, to) != 0 ? err_sys(e, "%s", name) : 0;
}

int
repo_clear_quarantine(struct repo *r, struct err *e)
{
	return fs_exists(r->dir, "quarantine") ? fs_clear(r->dir, "quarantine", e) : 0;
}

/* With the digest of its bytes as they are: formatted anew they may be others. */
int
repo_read_header(struct repo *r, const struct ident *ident, struct header **ret,
	struct archive_ref *ret_ref, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	char name[IDENT_NAME_MAX];

	(void)ident_header_name(ident, name);
	if (repo_read(r, name, HEADER_BYTES_MAX, &bytes, e) != 0)
		return -1;
	if (header_parse_of(span_of(bytes.at, bytes.len), ident, ret, e) != 0)
		return err_wrap(e, "%s", name);
	if (ret_ref != NULL)
		*ret_ref = (struct archive_ref){digest_of(span_of(bytes.at, bytes.len)), bytes.len};
	return 0;
}

int
repo_read_query(struct repo *r, struct idents *ret, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};

	*ret = (struct idents){0};
	if (!repo_has(r, "q"))
		return 0;
	if (repo_read(r, "q", WIRE_QUERY_BYTES_MAX, &bytes, e) != 0)
		return -1;
	return wire_query_parse(span_of(bytes.at, bytes.len), ret, e) == 0 ? 0 : err_wrap(e, "q");
}

int
repo_read_offer(struct repo *r, const char *name, struct offer *ret, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};

	return repo_read(r, name, WIRE_OFFER_BYTES_MAX, &bytes, e) != 0
		       ? -1
		       : wire_offer_parse(span_of(bytes.at, bytes.len), ret, e);
}

struct walk {
	int (*visit)(void *context, const struct target *t, struct err *e);
	void *context;
};

/* Other names are somebody else's, or of a newer server: they are left alone. */
static int
visit_name(void *context, int dir, const char *name, struct err *e)
{
	const struct walk *walk = context;
	struct target target;

	(void)dir;
	return ident_target_parse_stored(name, &target) ? walk->visit(walk->context, &target, e)
							: 0;
}

int
repo_walk(struct repo *r, int (*visit)(void *context, const struct target *t, struct err *e),
	void *context, struct err *e)
{
	struct walk walk = {visit, context};

	return fs_each(r->dir, ".", visit_name, &walk, e);
}
