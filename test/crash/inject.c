/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inject.c - LD_PRELOAD: the N-th call that changes something on disk does not
 * come through. The count is that of the whole process, whichever thread calls:
 * strace can inject the same, but counts for each thread on its own, so that most
 * points of a process with many threads are out of its reach.
 *
 * INJECT_COUNTER  a file of 8 bytes that the count is kept in, readable from outside
 * INJECT_AT       N; 0: only count
 * INJECT_DO       kill (SIGKILL before the call), EIO, ENOSPC (it fails once)
 * INJECT_SYNC     none: syncs do nothing and say that they did, so that the power's end is seen to
 *                 lose something
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static _Atomic unsigned long *counter;
static unsigned long at;
static int error; /* 0: kill */
static int no_sync;

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("INJECT_COUNTER");
	const char *when = getenv("INJECT_AT");
	const char *what = getenv("INJECT_DO");
	const char *sync = getenv("INJECT_SYNC");
	int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
	int fd = path != NULL ? real_open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page;

	if (fd < 0)
		return;
	page = mmap(NULL, sizeof(*counter), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (page != MAP_FAILED)
		counter = page;
	at = when != NULL ? strtoul(when, NULL, 10) : 0;
	if (what != NULL && strcmp(what, "EIO") == 0)
		error = EIO;
	if (what != NULL && strcmp(what, "ENOSPC") == 0)
		error = ENOSPC;
	no_sync = sync != NULL && strcmp(sync, "none") == 0;
}

/* Whether this call is to fail, with errno set. */
static int
hit(void)
{
	if (counter == NULL || atomic_fetch_add(counter, 1) + 1 != at)
		return 0;
	if (error == 0)
		(void)kill(getpid(), SIGKILL);
	errno = error;
	return 1;
}

static int
is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* An error can come to every open; killing makes sense where a file is made. */
static int
open_hits(int flags)
{
	return (error != 0 || (flags & (O_CREAT | O_TRUNC)) != 0) && hit();
}

#define REAL(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

#define OPEN(name)                                                                                 \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list ap;                                                                        \
		mode_t mode;                                                                       \
		va_start(ap, flags);                                                               \
		mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;              \
		va_end(ap);                                                                        \
		return open_hits(flags) ? -1 : REAL(name, path, flags, mode);                      \
	}
#define OPENAT(name)                                                                               \
	int name(int dir, const char *path, int flags, ...)                                        \
	{                                                                                          \
		va_list ap;                                                                        \
		mode_t mode;                                                                       \
		va_start(ap, flags);                                                               \
		mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;              \
		va_end(ap);                                                                        \
		return open_hits(flags) ? -1 : REAL(name, dir, path, flags, mode);                 \
	}
#define WRITE(name, type, parameters, ...)                                                         \
	type name parameters                                                                       \
	{                                                                                          \
		return is_file(fd) && hit() ? -1 : REAL(name, __VA_ARGS__);                        \
	}
#define CALL(name, parameters, ...)                                                                \
	int name parameters                                                                        \
	{                                                                                          \
		return hit() ? -1 : REAL(name, __VA_ARGS__);                                       \
	}

#define SYNC(name)                                                                                 \
	int name(int fd)                                                                           \
	{                                                                                          \
		if (hit())                                                                         \
			return -1;                                                                 \
		return no_sync ? 0 : REAL(name, fd);                                               \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
WRITE(write, ssize_t, (int fd, const void *bytes, size_t len), fd, bytes, len)
WRITE(pwrite, ssize_t, (int fd, const void *bytes, size_t len, off_t to), fd, bytes, len, to)
WRITE(pwrite64, ssize_t, (int fd, const void *bytes, size_t len, off64_t to), fd, bytes, len, to)
SYNC(fsync)
SYNC(fdatasync)
SYNC(syncfs)
CALL(ftruncate, (int fd, off_t len), fd, len)
CALL(ftruncate64, (int fd, off64_t len), fd, len)
CALL(rename, (const char *old, const char *new), old, new)
CALL(renameat, (int from, const char *old, int to, const char *new), from, old, to, new)
CALL(renameat2, (int from, const char *old, int to, const char *new, unsigned flags), from, old, to,
	new, flags)
CALL(linkat, (int from, const char *old, int to, const char *new, int flags), from, old, to, new,
	flags)
CALL(symlinkat, (const char *target, int dir, const char *path), target, dir, path)
CALL(fchmod, (int fd, mode_t mode), fd, mode)
CALL(fchmodat, (int dir, const char *path, mode_t mode, int flags), dir, path, mode, flags)
CALL(unlink, (const char *path), path)
CALL(unlinkat, (int dir, const char *path, int flags), dir, path, flags)
CALL(mkdir, (const char *path, mode_t mode), path, mode)
CALL(mkdirat, (int dir, const char *path, mode_t mode), dir, path, mode)

int
posix_fallocate(int fd, off_t from, off_t len)
{
	return hit() ? errno : REAL(posix_fallocate, fd, from, len);
}

int
posix_fallocate64(int fd, off64_t from, off64_t len)
{
	return hit() ? errno : REAL(posix_fallocate64, fd, from, len);
}
