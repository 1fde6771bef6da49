/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fs.h"

/* mmap refuses length 0; an empty file is an empty span that is not NULL. */
static uint8_t nothing;

enum { ANONYMOUS_MAX = 4 << 20, DIGEST_STEP = 1 << 20 };

/* fd -1: anonymous memory. */
static int
map_fd(int fd, size_t len, int protection, struct map *ret, struct err *e)
{
	void *at = &nothing;

	if (len > 0)
		at = mmap(NULL, len, protection, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED,
			fd, 0);
	if (at == MAP_FAILED)
		return err_sys(e, "map");
	*ret = (struct map){at, len, fd >= 0};
	return 0;
}

int
map_open(int dir, const char *name, struct map *ret, struct err *e)
{
	uint64_t bytes;
	AUTO_CLOSE int fd = fs_open(dir, name, &bytes, e);

	return fd < 0 ? -1 : map_fd(fd, (size_t)bytes, PROT_READ, ret, e);
}

int
map_create(int dir, const char *name, size_t len, struct map *ret, struct err *e)
{
	AUTO_CLOSE int fd = -1;

	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		return err_sys(e, "%s", name);
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_sys(e, "%s", name);
	if (len > 0 && (errno = posix_fallocate(fd, 0, (off_t)len)) != 0) {
		(void)err_sys(e, "%s", name);
		(void)unlinkat(dir, name, 0);
		return -1;
	}
	return map_fd(fd, len, PROT_READ | PROT_WRITE, ret, e);
}

int
map_scratch(int dir, size_t len, struct map *ret, struct err *e)
{
	static atomic_uint counter;
	AUTO_CLOSE int fd = -1;
	char name[48];

	if (len <= ANONYMOUS_MAX)
		return map_fd(-1, len, PROT_READ | PROT_WRITE, ret, e);
	/* Not O_TMPFILE, which overlay and network file systems may refuse. */
	(void)snprintf(
		name, sizeof(name), "scratch-%d-%u", (int)getpid(), atomic_fetch_add(&counter, 1));
	fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0)
		(void)unlinkat(dir, name, 0);
	if (fd < 0 || (errno = posix_fallocate(fd, 0, (off_t)len)) != 0)
		return err_sys(e, "scratch file");
	return map_fd(fd, len, PROT_READ | PROT_WRITE, ret, e);
}

void
map_close(struct map *m)
{
	if (m->len > 0)
		(void)munmap(m->at, m->len);
	*m = (struct map){0};
}

void
map_let_go(const struct map *m)
{
	if (m->of_file && m->len > 0)
		(void)madvise(m->at, m->len, MADV_DONTNEED);
}

struct digest
map_digest(const struct map *m)
{
	struct digester *digester = digester_new();
	struct digest ret;

	for (size_t at = 0; at < m->len; at += DIGEST_STEP) {
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
