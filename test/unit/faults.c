/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/digest.h"
#include "unit.h"

static atomic_uint left; /* calls until the one that fails, itself included; 0: none does */
static bool failed;
static int code; /* that it fails with */
static void (*look)(void *context);
static void *look_context;
/* By a test of one thread: its calls are looked at, and of them the names below are kept. */
static bool following;
/* What is not synced: bytes, of whatever file; names, of whatever directory. */
static atomic_bool bytes_only_here, names_only_here;
static atomic_bool named_too_early;
static char named[32];
static const char *refused; /* NULL: nothing is */
static unsigned refused_left;
static int refused_with;

static void
begin(unsigned n, int with)
{
	failed = false;
	code = with;
	left = n;
}

void
faults_begin(unsigned n)
{
	begin(n, EIO);
}

void
faults_begin_full(unsigned n)
{
	begin(n, ENOSPC);
}

void
faults_look(void (*call)(void *context), void *context)
{
	look = call;
	look_context = context;
}

bool
faults_stop(void)
{
	left = 0;
	return failed;
}

bool
faults_end(int result, const struct err *e)
{
	left = 0;
	ck_assert_msg(result == (failed ? -1 : 0), "%d after %s: %s", result,
		failed ? "a fault" : "none", e->text);
	ck_assert_msg(!failed || strstr(e->text, strerror(code)) != NULL, "%s", e->text);
	return failed;
}

static bool
fails(void)
{
	if (look != NULL)
		look(look_context);
	if (left == 0 || --left > 0)
		return false;
	failed = true;
	errno = code;
	return true;
}

void
faults_refuse(const char *name, unsigned n, int error)
{
	refused = name;
	refused_left = n;
	refused_with = error;
}

void
faults_follow(void)
{
	following = true;
	bytes_only_here = names_only_here = named_too_early = false;
	memset(named, 0, sizeof(named));
}

const char *
faults_named(void)
{
	return named;
}

bool
faults_would_lose(void)
{
	return named_too_early || names_only_here;
}

static void
note_bytes(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		bytes_only_here = true;
}

static void
note(char letter)
{
	size_t len = following ? strlen(named) : 0;

	if (following && len + 1 < sizeof(named) && (len == 0 || named[len - 1] != letter))
		named[len] = letter;
}

static void
note_name(const char *name)
{
	if (strlen(name) != DIGEST_HEX) /* what has no other name is in a stage yet */
		note(name[0]);
	named_too_early = named_too_early || bytes_only_here;
	names_only_here = true;
}

#define CALL(type, name, note, parameters, ...)                                                    \
	type name parameters                                                                       \
	{                                                                                          \
		type(*real) parameters = (type(*) parameters)dlsym(RTLD_NEXT, #name);              \
		note;                                                                              \
		return fails() ? -1 : real(__VA_ARGS__);                                           \
	}

CALL(ssize_t, write, note_bytes(fd), (int fd, const void *bytes, size_t len), fd, bytes, len)
CALL(int, renameat, note_name(new), (int from, const char *old, int to, const char *new), from, old,
	to, new)
CALL(int, renameat2, note_name(new),
	(int from, const char *old, int to, const char *new, unsigned flags), from, old, to, new,
	flags)
CALL(int, unlinkat, (void)0, (int dir, const char *path, int flags), dir, path, flags)
CALL(int, mkdirat, names_only_here = true, (int dir, const char *path, mode_t mode), dir, path,
	mode)

int
openat(int dir, const char *path, int flags, ...)
{
	int (*real)(int, const char *, int, ...) =
		(int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, "openat");
	mode_t mode = 0;
	va_list more;

	va_start(more, flags);
	if ((flags & O_CREAT) != 0)
		mode = va_arg(more, mode_t);
	va_end(more);
	if (refused == NULL || strcmp(path, refused) != 0 || --refused_left > 0)
		return real(dir, path, flags, mode);
	refused = NULL;
	errno = refused_with;
	return -1;
}

/* But for the number in a lock, which is for people: without it the lock is as good. */
ssize_t
pwrite(int fd, const void *bytes, size_t len, off_t at)
{
	ssize_t (*real)(int, const void *, size_t, off_t) =
		(ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");

	return len > 32 && fails() ? -1 : real(fd, bytes, len, at);
}

/* Nothing of a test has to outlast the power, and a disk takes its time. */
int
fsync(int fd)
{
	struct stat st;

	if (fails())
		return -1;
	if (fstat(fd, &st) != 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		note('/');
	*(S_ISDIR(st.st_mode) ? &names_only_here : &bytes_only_here) = false;
	return 0;
}

int
syncfs(int fd)
{
	(void)fd;
	if (fails())
		return -1;
	note('|');
	bytes_only_here = names_only_here = false;
	return 0;
}

static long disk_free_blocks;

void
faults_disk(long free_blocks)
{
	disk_free_blocks = free_blocks;
}

int
fstatvfs(int fd, struct statvfs *ret)
{
	int (*real)(int, struct statvfs *) =
		(int (*)(int, struct statvfs *))dlsym(RTLD_NEXT, "fstatvfs");

	if (disk_free_blocks == 0)
		return real(fd, ret);
	*ret = (struct statvfs){.f_frsize = FAULTS_BLOCK,
		.f_blocks = FAULTS_BLOCKS,
		.f_bavail = (fsblkcnt_t)disk_free_blocks};
	return disk_free_blocks == FAULTS_DISK_SILENT ? -1 : 0;
}
