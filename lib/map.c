/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fs.h"

/* mmap refuses length 0; an empty file is an empty span that is not NULL. */
static uint8_t nothing;

static int
map_fd(int fd, size_t len, int protection, struct map *ret, struct err *e)
{
	void *at = &nothing;

	if (len > 0)
		at = mmap(NULL, len, protection, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return err_sys(e, "map");
	*ret = (struct map){at, len};
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
map_shrink(int dir, const char *name, size_t len, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, name, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || ftruncate(fd, (off_t)len) != 0)
		return err_sys(e, "%s", name);
	return 0;
}

void
map_close(struct map *m)
{
	if (m->len > 0)
		(void)munmap(m->at, m->len);
	*m = (struct map){0};
}

struct span
map_span(const struct map *m)
{
	return span_of(m->at, m->len);
}
