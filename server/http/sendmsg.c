/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libmicrohttpd calls instead of the system's sendmsg, with a head and a body.
 *
 * The kernel copies what a program has in its memory, and does not copy what is in a file: 20 kB
 * are a fifth of all the processor time of an answer. The library (0.9.75) has files as well, but
 * sends the head in a packet of its own then, and holds a lock of the response meanwhile.
 */
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "http/bodies.h"

/*
 * What the library does after an error it does after a part as well, and finds the error itself:
 * whatever of the body is left it sends from memory.
 */
static ssize_t
send_body(int fd, const struct iovec *head, const struct iovec *body, int file, off_t offset,
	int flags)
{
	ssize_t sent =
		syscall(SYS_sendto, fd, head->iov_base, head->iov_len, flags | MSG_MORE, NULL, 0);
	ssize_t more;

	if (sent < 0 || (size_t)sent < head->iov_len)
		return sent;
	more = sendfile(fd, file, &offset, body->iov_len);
	return more < 0 ? sent : sent + more;
}

/* By its number: see recv.c. */
ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	const struct iovec *parts = message->msg_iov;
	off_t offset;
	int file = message->msg_iovlen == 2 ? bodies_file(parts[1].iov_base, &offset) : -1;

	return file < 0 ? syscall(SYS_sendmsg, fd, message, flags)
			: send_body(fd, &parts[0], &parts[1], file, offset, flags);
}
