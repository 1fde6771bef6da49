/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

/* Scratch beyond MEMORY_MAX is a file, whose pages the kernel can write out. */
enum { MEMORY_MAX = 4 << 20, DIGEST_STEP = 1 << 20 };

/* A length of 0, which malloc and mmap make trouble of, gets a byte. */
static void
map_memory(size_t len, struct map *ret)
{
	*ret = (struct map){mem_resize(NULL, len > 0 ? len : 1, 1), len, MAP_OF_MEMORY};
}

/*
 * Shared for reading too: the pages are those of the page cache, and no second copy. The descriptor
 * is not needed afterwards, mmap(2).
 */
static int
map_file(int fd, size_t len, int protection, struct map *ret, struct err *e)
{
	void *at;

	if (len == 0) {
		map_memory(0, ret);
		return 0;
	}
	at = mmap(NULL, len, protection, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return err_sys(e, "map");
	*ret = (struct map){at, len, MAP_OF_FILE};
	return 0;
}

static int
read_small(int fd, const char *name, size_t len, struct map *ret, struct err *e)
{
	size_t at = 0;

	map_memory(len, ret);
	while (at < len) {
		ssize_t got = read(fd, ret->at + at, len - at);

		if (got < 0 && errno == EINTR)
			continue;
		/* A file that became shorter is an error here; mapped it would be a signal. */
		if (got <= 0) {
			map_close(ret);
			return got < 0 ? err_sys(e, "%s", name)
				       : err_set(e, ERR_INPUT, "%s: became shorter", name);
		}
		at += (size_t)got;
	}
	return 0;
}

static int
read_or_map(int fd, const char *name, uint64_t bytes, struct map *ret, struct err *e)
{
	return bytes <= MAP_SMALL_BYTES ? read_small(fd, name, (size_t)bytes, ret, e)
					: map_file(fd, (size_t)bytes, PROT_READ, ret, e);
}

/*
 * Nothing keeps a mapped file from being made shorter, and touching what is gone raises SIGBUS,
 * mmap(2). Hence stored files are never written again, only replaced by rename.
 */
int
map_open(int dir, const char *name, struct map *ret, struct err *e)
{
	uint64_t bytes;
	AUTO_CLOSE int fd = fs_open(dir, name, &bytes, e);

	return fd < 0 ? -1 : read_or_map(fd, name, bytes, ret, e);
}

int
map_open_read(int dir, const char *name, const struct stop *stop, struct map *ret,
	struct digest *ret_digest, struct err *e)
{
	uint64_t bytes;
	AUTO_CLOSE int fd = fs_open(dir, name, &bytes, e);

	if (fd < 0)
		return -1;
	/* A small one is read into memory anyway and digested there: one pass instead of two. */
	if (bytes > MAP_SMALL_BYTES && digest_of_file(fd, stop, ret_digest, &bytes, e) != 0)
		return -1;
	if (read_or_map(fd, name, bytes, ret, e) != 0)
		return -1;
	if (ret->kind == MAP_OF_MEMORY && ret_digest != NULL)
		*ret_digest = digest_of(map_span(ret));
	return 0;
}

int
map_create(int dir, const char *name, size_t len, struct map *ret, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	/* Removed and not truncated: whoever has the old file mapped keeps its bytes. */
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		return err_sys(e, "%s", name);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_sys(e, "%s", name);
	/*
	 * A hole that the disk has no room for would be SIGBUS at the first write through the
	 * mapping. It returns its error and leaves errno alone: posix_fallocate(3).
	 */
	if (len > 0 && (errno = posix_fallocate(fd, 0, (off_t)len)) != 0) {
		(void)err_sys(e, "%s", name);
		(void)unlinkat(dir, name, 0);
		return -1;
	}
	return map_file(fd, len, PROT_READ | PROT_WRITE, ret, e);
}

int
map_scratch(int dir, size_t len, struct map *ret, struct err *e)
{
	static atomic_uint counter;
	AUTO_CLOSE int fd = -1;
	char name[48];

	if (len <= MEMORY_MAX) {
		map_memory(len, ret);
		return 0;
	}
	/* Not O_TMPFILE, which overlay and network file systems may refuse. */
	(void)snprintf(
		name, sizeof(name), "scratch-%d-%u", (int)getpid(), atomic_fetch_add(&counter, 1));
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* Without a name it goes with the process, however that ends. */
	if (fd >= 0)
		(void)unlinkat(dir, name, 0);
	if (fd < 0 || (errno = posix_fallocate(fd, 0, (off_t)len)) != 0)
		return err_sys(e, "scratch file");
	return map_file(fd, len, PROT_READ | PROT_WRITE, ret, e);
}

int
map_join(int dir, size_t bytes, size_t count,
	int (*open)(void *context, size_t index, struct map *ret, struct err *e), void *context,
	struct map *ret, struct err *e)
{
	size_t at = 0;

	if (map_scratch(dir, bytes, ret, e) != 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		AUTO_MAP struct map one = {0};

		if (open(context, i, &one, e) != 0)
			return -1;
		if (one.len > bytes - at)
			return err_set(e, ERR_DIGEST, "longer than it was");
		if (one.len > 0)
			memcpy(ret->at + at, one.at, one.len);
		at += one.len;
	}
	return at == bytes ? 0 : err_set(e, ERR_DIGEST, "shorter than it was");
}

void
map_close(struct map *m)
{
	if (m->kind == MAP_OF_MEMORY)
		free(m->at);
	else if (m->at != NULL)
		(void)munmap(m->at, m->len);
	*m = (struct map){0};
}

/*
 * Of a shared mapping nothing is lost: pages that were written stay in the page cache, madvise(2).
 * Memory would come back as zeros, so that it is left alone.
 */
void
map_let_go(const struct map *m)
{
	if (m->kind == MAP_OF_FILE && m->at != NULL)
		(void)madvise(m->at, m->len, MADV_DONTNEED);
}

struct digest
map_digest(const struct map *m, const struct stop *stop)
{
	struct digester *digester = digester_new();
	struct digest ret;

	for (size_t at = 0; at < m->len && !stop_wanted(stop); at += DIGEST_STEP) {
		digester_add(digester, m->at + at,
			m->len - at < DIGEST_STEP ? m->len - at : DIGEST_STEP);
		map_let_go(m);
	}
	ret = digester_end(digester);
	digester_free(digester);
	return ret;
}

struct span
map_span(const struct map *m)
{
	return span_of(m->at, m->len);
}
