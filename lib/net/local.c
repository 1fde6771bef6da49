/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"

enum { BACKLOG = 64 };

/* The directory by its descriptor, since a path may be longer than an address can be. */
static void
address_in(int dir, const char *name, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void)snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir, name);
}

/*
 * No one can connect between bind and chmod, since it does not listen yet; and who may ask is
 * decided by local_is_ours in any case.
 */
int
local_listen(int dir, const char *name, struct err *e)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;

	address_in(dir, name, &address);
	if (fd < 0)
		return err_sys(e, "%s", name);
	if (fs_remove(dir, name, e) != 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
		fchmodat(dir, name, 0600, 0) != 0 || listen(fd, BACKLOG) != 0)
		return err_sys(e, "%s", name);
	return fs_take(&fd);
}

void
local_unlisten(int dir, const char *name, int *fd)
{
	fs_close(fd);
	(void)fs_remove(dir, name, NULL);
}

static int
connect_to(int dir, const char *name, int flags)
{
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	struct sockaddr_un address;

	address_in(dir, name, &address);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return fs_take(&fd);
}

int
local_connect(int dir, const char *name)
{
	return connect_to(dir, name, 0);
}

/* Who does not accept for the moment has a queue that is full: EAGAIN, where to wait would hang. */
bool
local_is_free(int dir, const char *name)
{
	AUTO_CLOSE int fd = connect_to(dir, name, SOCK_NONBLOCK);
	struct stat st;

	if (fd >= 0)
		return false;
	return errno == ENOENT ||
	       (errno == ECONNREFUSED && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		       S_ISSOCK(st.st_mode));
}

/* -1, which is nobody's: it is no such socket. */
static uid_t
user_of(int fd)
{
	struct ucred who;
	socklen_t len = sizeof(who);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 ? who.uid : (uid_t)-1;
}

bool
local_is_ours(int fd)
{
	uid_t user = user_of(fd);

	return user == 0 || (user == geteuid() && user != (uid_t)-1);
}

char *
local_name(int fd, char *ret, size_t size)
{
	(void)snprintf(ret, size, "user %u", (unsigned)user_of(fd));
	return ret;
}
