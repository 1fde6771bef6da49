/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libmicrohttpd calls instead of the system's send.
 *
 * It sends files as they are, but not one that is still growing: what a callback gives it it has
 * copied from there, and copies once more. That was half of the processor time of an archive that
 * many take as it arrives.
 */
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "http/zerocopy.h"

/* By its number: see recv.c. */
ssize_t
send(int fd, const void *at, size_t len, int flags)
{
	off_t offset;
	int file = zerocopy_file(fd, at, &offset);

	return file < 0 ? syscall(SYS_sendto, fd, at, len, flags, NULL, 0)
			: sendfile(fd, file, &offset, len);
}
