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
	int to;
	struct header *header;
};

/*
 * Copies what it hashes, so that what is stored is what the header says; its size as it was read,
 * not as fstat says: the file may grow meanwhile.
 */
static int
copy_and_hash(int from, int to, struct header_file *file, struct err *e)
{
	struct digester *d = digester_new();
	AUTO_FREE char *block = mem_new(1, 1 << 18);
	int result = 0;
	ssize_t got;

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

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/*
 * A file that somebody writes to while it is read may be copied as it never was. Where anything of
 * it is not as it was before, it is read once more: what is the same twice was not written to in
 * between (a new name, or a new mode, changes st_ctime as well).
 */
static int
check_unchanged(int fd, const struct stat *before, const struct header_file *file, struct err *e)
{
	struct digest again;
	struct stat after;
	uint64_t bytes;

	if (fstat(fd, &after) != 0)
		return err_sys(e, "stat");
	if (file->size == (uint64_t)before->st_size && after.st_size == before->st_size &&
		is_same_time(&after.st_mtim, &before->st_mtim) &&
		is_same_time(&after.st_ctim, &before->st_ctim))
		return 0;
	if (digest_of_file(fd, NULL, &again, &bytes, e) != 0)
		return -1;
	if (bytes == file->size && digest_equal(&again, &file->digest))
		return 0;
	return err_set(e, ERR_INPUT,
		"changed while it was read; nothing was published, try again when nobody writes "
		"there");
}

/* Under its digest, which is known only when all of it was read. */
static int
store(const struct scan *s, int from, const struct stat *st, struct header_file *file,
	struct err *e)
{
	static const char stage[] = "reading"; /* one file at a time */
	AUTO_CLOSE int to =
		openat(s->to, stage, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	char hex[DIGEST_HEX + 1];

	if (to < 0)
		return err_sys(e, "stage");
	if (copy_and_hash(from, to, file, e) != 0 || check_unchanged(from, st, file, e) != 0)
		return -1;
	if (renameat(s->to, stage, s->to, digest_hex(&file->digest, hex)) != 0)
		return err_sys(e, "stage");
	return 0;
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

	if (fd < 0 && errno == ELOOP) /* O_NOFOLLOW */
		return err_set(e, ERR_INPUT, "%s: is a link, and links are not followed", path);
	if (fd < 0 ? errno != ENXIO : fstat(fd, &st) != 0)
		return err_sys(e, "%s", path);
	if (fd < 0 || !S_ISREG(st.st_mode)) /* ENXIO: a socket */
		return err_set(e, ERR_INPUT, "%s: not a regular file or directory", path);
	file.executable = (st.st_mode & S_IXUSR) != 0;
	if (store(s, fd, &st, &file, e) != 0 || header_add(s->header, &file, e) != 0)
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

/*
 * Where a client's disk knows no case, of two such names one file would be left. The rules of a
 * header find them, once all letters are small.
 */
static int
check_case(const struct header *h, struct err *e)
{
	static const char large[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char small[] = "abcdefghijklmnopqrstuvwxyz";
	AUTO_HEADER struct header *folded = header_new();

	for (size_t i = 0; i < h->count; i++) {
		AUTO_FREE char *path = mem_string(h->files[i].path);
		struct header_file file = h->files[i];

		for (char *c = path; *c != '\0'; c++) {
			const char *found = strchr(large, *c);

			if (found != NULL)
				*c = small[found - large];
		}
		file.path = path;
		if (header_add(folded, &file, e) != 0)
			return -1;
	}
	if (header_seal(folded, e) != 0)
		return err_wrap(e, "names that differ only in the case of letters");
	return 0;
}

int
publish_scan(const char *directory, int to, struct header *h, struct err *e)
{
	struct scan s = {to, h};
	struct level top = {&s, "", false};
	AUTO_CLOSE int dir = fs_open_dir(AT_FDCWD, directory, e);

	if (dir < 0)
		return -1;
	if (fs_each(dir, ".", take_entry, &top, e) != 0)
		return err_wrap(e, "%s", directory);
	if (!top.any)
		return err_set(
			e, ERR_INPUT, "%s: an empty directory cannot be published", directory);
	if (header_seal(h, e) != 0 || check_case(h, e) != 0)
		return err_wrap(e, "%s", directory);
	return 0;
}
