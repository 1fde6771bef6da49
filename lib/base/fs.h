/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fs.h - files and directories, done durably.
 *
 * Does:     work below a directory descriptor, never through a symbolic link in
 *           the last component; directories below a descriptor are reached through
 *           no link at all; a file that fs_put made is whole or absent.
 * Owner:    descriptors are O_CLOEXEC; AUTO_CLOSE closes a local at scope end
 * Errors:   ERR_FULL no space, ERR_MISSING not there, ERR_LIMIT too large,
 *           ERR_INPUT a link, or no regular file; ERR_SYS
 * Source:   open(2), rename(2), fsync(2)
 */
#ifndef FS_H
#define FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"

#define AUTO_CLOSE __attribute__((cleanup(fs_close)))

/*
 * For a program's first line: standard streams that are closed lead to /dev/null from now on. What
 * is opened would have their numbers, and be read, or complained into. 0, or -1 (ERR_SYS).
 */
int fs_open_standard(struct err *e);

/* For its end: -1 where not all that was said on standard output could be written. */
int fs_flush_standard(struct err *e);

/* Closes *fd unless it is -1, and makes it -1. */
void fs_close(int *fd);

/* *fd, which is -1 from now on: what leaves a scope that would close it. */
static inline int
fs_take(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/*
 * A descriptor of a directory below dir. No component of path may be a link, unless dir is AT_FDCWD
 * or path begins at the root: then they are followed.
 */
int fs_open_dir(int dir, const char *path, struct err *e);

/* The same for the directory that a file is in; *ret_name is the file's name there, within path. */
int fs_open_dir_of(int dir, const char *path, const char **ret_name, struct err *e);

/* As fs_open_dir; it and its parents are made where they are missing. */
int fs_make_dirs(int dir, const char *path, struct err *e);

/* A regular file, opened for reading; ret_bytes may be NULL. */
int fs_open(int dir, const char *name, uint64_t *ret_bytes, struct err *e);

int fs_write(int fd, const void *bytes, size_t len, struct err *e);
int fs_write_at(int fd, uint64_t offset, const void *bytes, size_t len, struct err *e);
int fs_sync(int fd, const char *name, struct err *e);

/* A whole file of at most max bytes into *ret (appended). */
int fs_read(int dir, const char *name, size_t max, struct buf *ret, struct err *e);

/* Write beside (stage is a name in the same file system), sync, rename, sync the directory. */
int fs_put(int dir, const char *stage, const char *name, struct span bytes, struct err *e);

/* The same in a directory that is ours alone: a directory in the place of either goes. */
int fs_put_over(int dir, const char *stage, const char *name, struct span bytes, struct err *e);

/* Rename within one file system and sync the directory that name is in. */
int fs_publish(int from, const char *stage, int dir, const char *name, struct err *e);

bool fs_exists(int dir, const char *name);

/* Nobody can find what is open here any more. */
bool fs_is_removed(int fd);

/*
 * Call visit with each name in a directory and the directory's descriptor, in no
 * order; it may remove what it is given. What it returns other than 0 ends the
 * walk and is returned.
 */
int fs_each(int dir, const char *path,
	int (*visit)(void *context, int dir, const char *name, struct err *e), void *context,
	struct err *e);

/* Remove everything in a directory, which stays. */
int fs_clear(int dir, const char *path, struct err *e);

/* Remove a file or a whole tree; what is absent is removed already. */
int fs_remove(int dir, const char *name, struct err *e);

/* Take the exclusive lock of a file, made if missing, holding our process id, mode 0600. ERR_BUSY
 * names the other's. */
int fs_lock(int dir, const char *name, struct err *e);

#endif
