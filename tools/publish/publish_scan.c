/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "publish/publish_scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

struct scan {
	struct repo *repo;
	struct header *header;
};

/* Copies what it hashes, so that what is stored is what the header says. */
static int
copy_and_hash(int from, int to, struct header_file *file, struct err *e)
{
	struct digester *d = digester_new();
	AUTO_FREE char *block = mem_new(1, 1 << 18);
	int result = 0;
	ssize_t got;

	/* As read, not as fstat says: the file may grow meanwhile. */
	file->size = 0;
	while (result == 0 && (got = read(from, block, 1 << 18)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			result = err_sys(e, "read");
			break;
		}
		digester_add(d, block, (size_t)got);
		file->size += (uint64_t)got;
		result = fs_write(to, block, (size_t)got, e);
	}
	file->digest = digester_end(d);
	digester_free(d);
	return result;
}

/* Under its digest, which is known only when all of it was read: so it is staged first. */
static int
store(struct scan *s, int from, struct header_file *file, struct err *e)
{
	static const char stage[] = "content"; /* one file at a time is staged */
	char name[IDENT_NAME_MAX];
	AUTO_CLOSE int to = openat(
		repo_stage_dir(s->repo), stage, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (to < 0)
		return err_sys(e, "stage");
	if (copy_and_hash(from, to, file, e) != 0)
		return -1;
	return repo_move(s->repo, stage, ident_blob_name(&file->digest, name), e);
}

/*
 * What is opened is looked at, not the name: it can be exchanged in between. No link is followed:
 * it may lead out of the directory.
 */
static int
take_file(struct scan *s, int dir, const char *name, char *path, struct err *e)
{
	/* Without O_NONBLOCK a fifo would be waited for, before fstat tells that it is one. */
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct header_file file = {.path = path};
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return err_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INPUT, "%s: not a regular file or directory", path);
	file.executable = (st.st_mode & S_IXUSR) != 0;
	if (store(s, fd, &file, e) != 0 || header_add(s->header, &file, e) != 0)
		return err_wrap(e, "%s", path);
	return 0;
}

/* Where the walk is: path is that of the directory, "" for the top. */
struct level {
	struct scan *scan;
	const char *path;
	bool any;
};

static int
take_entry(void *context, int dir, const char *name, struct err *e)
{
	struct level *level = context;
	AUTO_FREE char *path =
		level->path[0] != '\0' ? mem_printf("%s/%s", level->path, name) : mem_string(name);
	/* A header lists files: an empty directory would be lost without a word. */
	struct level below = {level->scan, path, false};
	struct stat st;

	level->any = true;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return err_sys(e, "%s", path);
	if (!S_ISDIR(st.st_mode))
		return take_file(level->scan, dir, name, path, e);
	if (fs_each(dir, name, take_entry, &below, e) != 0)
		return -1;
	return below.any
		       ? 0
		       : err_set(e, ERR_INPUT, "%s: an empty directory cannot be published", path);
}

int
publish_scan(struct repo *repo, const char *directory, struct header *h, struct err *e)
{
	struct scan s = {repo, h};
	struct level top = {&s, "", false};
	AUTO_CLOSE int dir = fs_open_dir(AT_FDCWD, directory, e);

	if (dir < 0)
		return -1;
	if (fs_each(dir, ".", take_entry, &top, e) != 0)
		return err_wrap(e, "%s", directory);
	if (!top.any)
		return err_set(
			e, ERR_INPUT, "%s: an empty directory cannot be published", directory);
	return header_seal(h, e);
}
