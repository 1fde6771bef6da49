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
 * INJECT_ONLY     sync: no other calls are counted
 * INJECT_SYNC     none: syncs do nothing and say that they did, so that the power's end is seen to
 *                 lose something
 * INJECT_LOG      a file that gets a line for each call that came through and changed what is on
 *                 disk, in their order: what it did, the absolute path, and where there is more
 * that too, with a tab between. Of bytes that are written through a mapping nothing is said; the
 * file was created before. test/scenario/disk.py reads it.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
static int only_syncs;
static int log_fd = -1;					     /* -1: none */
static pthread_mutex_t in_order = PTHREAD_MUTEX_INITIALIZER; /* a call, and its line in the log */

__attribute__((constructor)) static void
begin(void)
{
	const char *path = getenv("INJECT_COUNTER");
	const char *when = getenv("INJECT_AT");
	const char *what = getenv("INJECT_DO");
	const char *sync = getenv("INJECT_SYNC");
	const char *only = getenv("INJECT_ONLY");
	const char *log = getenv("INJECT_LOG");
	int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
	int fd = path != NULL ? real_open(path, O_RDWR | O_CLOEXEC) : -1;
	void *page;

	if (log != NULL)
		log_fd = real_open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
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
	only_syncs = only != NULL && strcmp(only, "sync") == 0;
}

/* Whether this call is to fail, with errno set. */
static int
count(int is_sync)
{
	if (counter == NULL || (only_syncs && !is_sync) || atomic_fetch_add(counter, 1) + 1 != at)
		return 0;
	if (error == 0)
		(void)kill(getpid(), SIGKILL);
	errno = error;
	return 1;
}

static int
hit(void)
{
	return count(0);
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

/* ---- The log */

enum { PATH_BYTES = 4096, SHOWN_MAX = 4096 }; /* so many bytes of a write are in the log */

static void
log_begin(void)
{
	if (log_fd >= 0)
		(void)pthread_mutex_lock(&in_order);
}

/* name "": the descriptor's own. */
static const char *
path_of(int dir, const char *name, char ret[PATH_BYTES])
{
	char link[64] = "/proc/self/cwd";
	ssize_t len = 0;

	if (dir != AT_FDCWD)
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	if (*name != '/')
		len = readlink(link, ret, PATH_BYTES - 1);
	if (len < 0)
		len = 0;
	(void)snprintf(ret + len, (size_t)(PATH_BYTES - len), "%s%s",
		len > 0 && *name != '\0' ? "/" : "", name);
	return ret;
}

/* The end of what log_begin began; result: of the call. One write, and errno stays. */
static void
log_end(int result, const char *what, int dir, const char *name, const char *more)
{
	static char line[2 * PATH_BYTES + 2 * SHOWN_MAX + 64];
	char path[PATH_BYTES];
	int saved = errno;
	int len;

	if (log_fd < 0)
		return;
	if (result >= 0) {
		len = snprintf(
			line, sizeof(line), "%s\t%s\t%s\n", what, path_of(dir, name, path), more);
		if (REAL(write, log_fd, line, (size_t)len) != len)
			abort();
	}
	(void)pthread_mutex_unlock(&in_order);
	errno = saved;
}

/* Of a document its bytes are shown, so that it can be said what it refers to. */
static void
log_write(ssize_t result, int fd, const void *bytes)
{
	char hex[2 * SHOWN_MAX + 1] = "";

	for (ssize_t i = 0; log_fd >= 0 && result <= SHOWN_MAX && i < result; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)bytes)[i]);
	log_end((int)(result < 0 ? result : 0), "write", fd, "", hex);
}

/* A file that was there, and was not made empty, is not changed by being opened. */
static int
log_open(int fd, int dir, const char *path, int flags)
{
	struct stat st;
	int changed = fd >= 0 && (flags & (O_CREAT | O_TRUNC)) != 0 && fstat(fd, &st) == 0 &&
		      S_ISREG(st.st_mode) && st.st_size == 0;

	log_end(changed ? 0 : -1, "create", dir, path, "");
	return fd;
}

/* ---- The calls */

#define OPEN(name)                                                                                 \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list ap;                                                                        \
		mode_t mode;                                                                       \
		va_start(ap, flags);                                                               \
		mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;              \
		va_end(ap);                                                                        \
		if (open_hits(flags))                                                              \
			return -1;                                                                 \
		log_begin();                                                                       \
		return log_open(REAL(name, path, flags, mode), AT_FDCWD, path, flags);             \
	}
#define OPENAT(name)                                                                               \
	int name(int dir, const char *path, int flags, ...)                                        \
	{                                                                                          \
		va_list ap;                                                                        \
		mode_t mode;                                                                       \
		va_start(ap, flags);                                                               \
		mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;              \
		va_end(ap);                                                                        \
		if (open_hits(flags))                                                              \
			return -1;                                                                 \
		log_begin();                                                                       \
		return log_open(REAL(name, dir, path, flags, mode), dir, path, flags);             \
	}
#define WRITE(name, type, parameters, ...)                                                         \
	type name parameters                                                                       \
	{                                                                                          \
		type result;                                                                       \
		if (!is_file(fd))                                                                  \
			return REAL(name, __VA_ARGS__);                                            \
		if (hit())                                                                         \
			return -1;                                                                 \
		log_begin();                                                                       \
		result = REAL(name, __VA_ARGS__);                                                  \
		log_write(result, fd, bytes);                                                      \
		return result;                                                                     \
	}
/* At the end: what its line says. */
#define CALL(name, parameters, arguments, ...)                                                     \
	int name parameters                                                                        \
	{                                                                                          \
		int result;                                                                        \
		if (hit())                                                                         \
			return -1;                                                                 \
		log_begin();                                                                       \
		result = REAL(name, UNPACK arguments);                                             \
		log_end(result, __VA_ARGS__);                                                      \
		return result;                                                                     \
	}
#define UNPACK(...) __VA_ARGS__
#define PATH(dir, name) path_of(dir, name, (char[PATH_BYTES]){0})

#define SYNC(name)                                                                                 \
	int name(int fd)                                                                           \
	{                                                                                          \
		int result;                                                                        \
		if (count(1))                                                                      \
			return -1;                                                                 \
		log_begin();                                                                       \
		result = no_sync ? 0 : REAL(name, fd);                                             \
		log_end(result, #name, fd, "", "");                                                \
		return result;                                                                     \
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
CALL(ftruncate, (int fd, off_t len), (fd, len), "write", fd, "", "")
CALL(ftruncate64, (int fd, off64_t len), (fd, len), "write", fd, "", "")
CALL(rename, (const char *old, const char *new), (old, new), "rename", AT_FDCWD, old,
	PATH(AT_FDCWD, new))
CALL(renameat, (int from, const char *old, int to, const char *new), (from, old, to, new), "rename",
	from, old, PATH(to, new))
CALL(renameat2, (int from, const char *old, int to, const char *new, unsigned flags),
	(from, old, to, new, flags), (flags & RENAME_EXCHANGE) != 0 ? "exchange" : "rename", from,
	old, PATH(to, new))
CALL(linkat, (int from, const char *old, int to, const char *new, int flags),
	(from, old, to, new, flags), "link", from, old, PATH(to, new))
CALL(symlinkat, (const char *target, int dir, const char *path), (target, dir, path), "symlink",
	dir, path, target)
CALL(fchmod, (int fd, mode_t mode), (fd, mode), "chmod", fd, "", "")
CALL(fchmodat, (int dir, const char *path, mode_t mode, int flags), (dir, path, mode, flags),
	"chmod", dir, path, "")
CALL(unlink, (const char *path), (path), "remove", AT_FDCWD, path, "")
CALL(unlinkat, (int dir, const char *path, int flags), (dir, path, flags), "remove", dir, path, "")
CALL(mkdir, (const char *path, mode_t mode), (path, mode), "mkdir", AT_FDCWD, path, "")
CALL(mkdirat, (int dir, const char *path, mode_t mode), (dir, path, mode), "mkdir", dir, path, "")

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
