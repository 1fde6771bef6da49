/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/mem.h"

int
fs_open_standard(struct err *e)
{
	/* One that is opened has the lowest number that is free. */
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			return err_sys(e, "/dev/null");
	return 0;
}

int
fs_flush_standard(struct err *e)
{
	if (fflush(stdout) != 0)
		return err_sys(e, "standard output");
	return ferror(stdout) == 0 ? 0 : err_set(e, ERR_SYS, "standard output: some of it is lost");
}

void
fs_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static const char link_text[] = "is a link, and links are not followed";

static int
fail_kind(const char *name, struct err *e)
{
	return err_set(e, ERR_INPUT, "%s: not a regular file", name);
}

/*
 * Why a file could not be opened with O_NOFOLLOW. ENXIO: a socket, a device without a driver, or a
 * FIFO that nobody reads, open(2).
 */
static int
fail_open(const char *name, struct err *e)
{
	if (errno == ELOOP)
		return err_set(e, ERR_INPUT, "%s: %s", name, link_text);
	return errno == ENXIO ? fail_kind(name, e) : err_sys(e, "%s", name);
}

/* path is for people. Linux calls a link "not a directory" here, which helps nobody. */
static int
open_real_dir(int dir, const char *name, const char *path, struct err *e)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int error = errno;
	struct stat st;

	if (fd >= 0)
		return fd;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		return err_set(e, ERR_INPUT, "%s: %s", path, link_text);
	errno = error;
	return err_sys(e, "%s", path);
}

/* One component after another: a link may stand anywhere in the path. */
static int
walk_down(int dir, const char *path, bool make, struct err *e)
{
	AUTO_FREE char *copy = mem_string(path);
	AUTO_CLOSE int at = -1;
	char *tail = NULL;
	char *name = strtok_r(copy, "/", &tail);

	do {
		int above = at;

		/* EEXIST: there already, or made just now. */
		if (make && mkdirat(above < 0 ? dir : above, name, 0755) != 0 && errno != EEXIST)
			return err_sys(e, "%s", path);
		at = open_real_dir(above < 0 ? dir : above, name, path, e);
		fs_close(&above);
		name = strtok_r(NULL, "/", &tail);
	} while (at >= 0 && name != NULL);
	return fs_take(&at);
}

/* Whoever wrote a path from the root or from where we are may lead it over links. */
static bool
is_below(int dir, const char *path)
{
	return dir != AT_FDCWD && *path != '/' && *path != '\0';
}

int
fs_open_dir(int dir, const char *path, struct err *e)
{
	int fd;

	if (is_below(dir, path))
		return walk_down(dir, path, false, e);
	fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "%s", path) : fd;
}

int
fs_make_dirs(int dir, const char *path, struct err *e)
{
	AUTO_FREE char *copy = mem_string(path);

	if (is_below(dir, path))
		return walk_down(dir, path, true, e);

	/* From the second byte on: a slash at the beginning ends no component. */
	for (char *p = copy + 1; *copy != '\0'; p++) {
		char end = *p;

		if (end != '/' && end != '\0')
			continue;
		*p = '\0';
		/* EEXIST: there already, or made just now. Opening finds what is no directory. */
		if (mkdirat(dir, copy, 0755) != 0 && errno != EEXIST)
			return err_sys(e, "%s", copy);
		*p = end;
		if (end == '\0')
			break;
	}
	return fs_open_dir(dir, path, e);
}

/*
 * O_NONBLOCK: a FIFO under the name would hold the open until somebody writes to it; for regular
 * files it changes nothing. What it is is asked of the descriptor, since a name can come to mean
 * something else between two calls.
 */
int
fs_open(int dir, const char *name, uint64_t *ret_bytes, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return fail_open(name, e);
	if (fstat(fd, &st) != 0)
		return err_sys(e, "%s", name);
	if (!S_ISREG(st.st_mode))
		return fail_kind(name, e);
	if (ret_bytes != NULL)
		*ret_bytes = (uint64_t)st.st_size;
	return fs_take(&fd);
}

/*
 * offset -1: where the descriptor stands. A write may do less than it was asked to, write(2): the
 * next one then says why.
 */
static int
write_all(int fd, off_t offset, const char *at, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t put = offset < 0 ? write(fd, at, len) : pwrite(fd, at, len, offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_sys(e, "write");
		at += put;
		offset += offset < 0 ? 0 : put;
		len -= (size_t)put;
	}
	return 0;
}

int
fs_write(int fd, const void *bytes, size_t len, struct err *e)
{
	return write_all(fd, -1, bytes, len, e);
}

int
fs_write_at(int fd, uint64_t offset, const void *bytes, size_t len, struct err *e)
{
	return write_all(fd, (off_t)offset, bytes, len, e);
}

int
fs_sync(int fd, const char *name, struct err *e)
{
	return fsync(fd) != 0 ? err_sys(e, "%s: sync", name) : 0;
}

/*
 * Counted as it comes, since a file may grow after its size was asked. max is for all that ret has,
 * what was in it before included.
 */
int
fs_read(int dir, const char *name, size_t max, struct buf *ret, struct err *e)
{
	AUTO_CLOSE int fd = fs_open(dir, name, NULL, e);
	char block[1 << 16]; /* a header has megabytes */
	ssize_t got;

	if (fd < 0)
		return -1;
	while ((got = read(fd, block, sizeof(block))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "%s", name);
		if ((size_t)got > max - ret->len)
			return err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", name, max);
		buf_add(ret, block, (size_t)got);
	}
	return 0;
}

int
fs_open_dir_of(int dir, const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *parent =
		slash ? mem_string_n(path, (size_t)(slash - path)) : mem_string(".");

	*ret_name = slash ? slash + 1 : path;
	return fs_open_dir(dir, *parent != '\0' ? parent : "/", e);
}

/*
 * The caller has synced the file: otherwise the name could survive a power cut and the bytes not.
 * The directory that it comes from is not synced: at worst the file is there under its old name as
 * well, to which nothing refers. A rename is durable only when the directory is that it changed;
 * all that can fail but that last sync is done before.
 */
int
fs_publish(int from, const char *stage, int dir, const char *name, struct err *e)
{
	const char *last;
	AUTO_CLOSE int parent = fs_open_dir_of(dir, name, &last, e);

	if (parent < 0)
		return -1;
	if (renameat(from, stage, parent, last) != 0)
		return err_sys(e, "%s", name);
	return fs_sync(parent, name, e);
}

/*
 * O_TRUNC: whatever a process that was ended left under this name is overwritten. O_NONBLOCK: as in
 * fs_open, a FIFO would be waited for.
 */
static int
write_new(int dir, const char *name, struct span bytes, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, name,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	struct stat st;

	if (fd < 0)
		return fail_open(name, e);
	if (fstat(fd, &st) != 0)
		return err_sys(e, "%s", name);
	if (!S_ISREG(st.st_mode))
		return fail_kind(name, e);
	if (fs_write(fd, bytes.at, bytes.len, e) != 0)
		return err_wrap(e, "%s", name);
	return fs_sync(fd, name, e);
}

/*
 * Power goes before the rename: what was there is there still, and the stage is a file that nobody
 * reads. After it: the new file, whole. The name is durable once the directory is synced, and not
 * before.
 */
int
fs_put(int dir, const char *stage, const char *name, struct span bytes, struct err *e)
{
	if (write_new(dir, stage, bytes, e) != 0 || fs_publish(dir, stage, dir, name, e) != 0) {
		(void)unlinkat(dir, stage, 0);
		return -1;
	}
	return 0;
}

static bool
is_dir(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

int
fs_put_over(int dir, const char *stage, const char *name, struct span bytes, struct err *e)
{
	const char *const names[] = {stage, name};
	struct err why = {0};
	bool gone = false;

	if (fs_put(dir, stage, name, bytes, &why) == 0)
		return 0;
	for (size_t i = 0; i < 2; i++)
		gone = (is_dir(dir, names[i]) && fs_remove(dir, names[i], NULL) == 0) || gone;
	if (gone)
		return fs_put(dir, stage, name, bytes, e);
	if (e != NULL)
		*e = why;
	return -1;
}

bool
fs_exists(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool
fs_is_removed(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink == 0;
}

/* All names first: removing while reading may skip some. */
static int
read_names(int fd, const char *path, char ***ret, size_t *ret_count, struct err *e)
{
	DIR *list = fdopendir(fd);
	struct dirent *entry;
	size_t capacity = 0;
	int result = 0;

	if (list == NULL)
		return err_sys(e, "%s", path);
	/* readdir(3) tells an error from the end by errno alone. */
	while ((errno = 0, entry = readdir(list)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		*ret = mem_grow(*ret, *ret_count, &capacity, sizeof(**ret));
		(*ret)[(*ret_count)++] = mem_string(entry->d_name);
	}
	if (errno != 0)
		result = err_sys(e, "%s", path);
	(void)closedir(list);
	return result;
}

int
fs_each(int dir, const char *path,
	int (*visit)(void *context, int dir, const char *name, struct err *e), void *context,
	struct err *e)
{
	AUTO_CLOSE int fd = open_real_dir(dir, path, path, e);
	/* One of its own for the list: closedir closes it, and visit works below the other. */
	int list_fd = fd < 0 ? -1 : open_real_dir(fd, ".", path, e);
	char **names = NULL;
	size_t count = 0;
	int result;

	if (list_fd < 0)
		return -1;
	result = read_names(list_fd, path, &names, &count, e);
	for (size_t i = 0; i < count; i++) {
		if (result == 0)
			result = visit(context, fd, names[i], e);
		free(names[i]);
	}
	free(names);
	return result;
}

static int
remove_one(void *context, int dir, const char *name, struct err *e)
{
	(void)context;
	return fs_remove(dir, name, e);
}

/*
 * Its owner may remove what is in a directory, and first let himself in. By way of a descriptor,
 * so that no symlink is followed.
 */
static void
open_up(int dir, const char *name)
{
	AUTO_CLOSE int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0)
		(void)chmod(path, 0700);
}

int
fs_clear(int dir, const char *path, struct err *e)
{
	return fs_each(dir, path, remove_one, NULL, e);
}

int
fs_remove(int dir, const char *name, struct err *e)
{
	struct err why = {0};

	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	/* What Linux says of a directory, unlink(2), where POSIX says EPERM. */
	if (errno != EISDIR)
		return err_sys(e, "%s", name);
	if (fs_clear(dir, name, &why) != 0) {
		if (faccessat(dir, name, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
			return err_set(e, why.code, "%s", why.text);
		open_up(dir, name);
		if (fs_clear(dir, name, e) != 0)
			return -1;
	}
	return unlinkat(dir, name, AT_REMOVEDIR) != 0 ? err_sys(e, "%s", name) : 0;
}

/*
 * The file stays when the lock goes: were it removed, somebody could lock a new one while another
 * still has the old. The lock goes with the process, however that ends, and O_CLOEXEC keeps it from
 * programs that it starts: flock(2). Whoever can open the file can hold the lock, which needs no
 * more than reading: so it is closed to others. The number in the file is for people only, and may
 * be that of nobody.
 */
int
fs_lock(int dir, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[32] = "";

	if (fd < 0)
		return fail_open(name, e);
	/* One of a former version may be open to all; who is not its owner cannot close it. */
	(void)fchmod(fd, 0600);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

		if (errno != EWOULDBLOCK)
			return err_sys(e, "%s", name);
		/* Digits alone: the text goes into an error, and anybody may have written it. */
		text[got > 0 ? strspn(text, "0123456789") : 0] = '\0';
		return err_set(e, ERR_BUSY, "in use by process %s", *text != '\0' ? text : "?");
	}
	/* The lock is what counts; a full disk has no room for the number that names us. */
	(void)snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	if (pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text))
		text[0] = '\0';
	if (ftruncate(fd, (off_t)strlen(text)) != 0)
		return err_sys(e, "%s", name);
	return fs_take(&fd);
}
