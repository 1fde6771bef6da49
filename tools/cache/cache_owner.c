/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_owner.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "cli.h"

int
cache_owner_become(const char *path, struct err *e)
{
	struct stat st;

	/* A path that leads nowhere is for who opens the cache to tell of. */
	if (geteuid() != 0 || stat(path, &st) != 0 || st.st_uid == 0)
		return 0;
	/* Groups first: who is not root any more may not change them. */
	if (setgroups(1, &st.st_gid) != 0 || setresgid(st.st_gid, st.st_gid, st.st_gid) != 0 ||
		setresuid(st.st_uid, st.st_uid, st.st_uid) != 0)
		return err_sys(e, "cannot become user %lu, the owner of %s",
			(unsigned long)st.st_uid, path);
	return 0;
}

/* The first is enough: the way out is the same for all. */
static int
complain_foreign(void *context, int dir, const char *name, struct err *e)
{
	const char *path = context;
	struct stat st;

	(void)e;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || st.st_uid == geteuid())
		return 0;
	cli_complain(
		"%s/%s belongs to user %lu and not to the owner of the cache, and may be in the "
		"way: chown -R --reference=%s %s",
		path, name, (unsigned long)st.st_uid, path, path);
	return 1;
}

void
cache_owner_complain(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && st.st_uid == geteuid())
		(void)fs_each(AT_FDCWD, path, complain_foreign, (void *)(uintptr_t)path, NULL);
}
