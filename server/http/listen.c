/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"

enum { BACKLOG = 4096 }; /* the kernel lowers it to net.core.somaxconn (listen(2)) */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int
open_at(const union address *at, socklen_t len, struct err *e)
{
	/*
	 * Not blocking: all threads of the library wait for it, and who comes too late for a
	 * connection must not wait in accept(2).
	 */
	AUTO_CLOSE int fd =
		socket(at->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int on = 1;
	int off = 0;

	if (fd < 0)
		return err_sys(e, "socket");
	/* A restart finds connections of the last run in TIME_WAIT (ip(7)). */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at->any.sa_family == AF_INET6)
		/* One socket for both families, whatever the machine's default is (ipv6(7)). */
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, &at->any, len) != 0 || listen(fd, BACKLOG) != 0)
		return err_sys(e, "listen");
	return fs_take(&fd);
}

int
listen_open(const char *address, uint16_t port, struct err *e)
{
	union address v4 = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
	union address v6 = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
	int fd = -1;

	if (inet_pton(AF_INET, address, &v4.v4.sin_addr) == 1)
		fd = open_at(&v4, sizeof(v4.v4), e);
	else if (inet_pton(AF_INET6, address, &v6.v6.sin6_addr) == 1)
		fd = open_at(&v6, sizeof(v6.v6), e);
	else if ((fd = open_at(&v6, sizeof(v6.v6), e)) < 0 &&
		 (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) /* a machine without IPv6 */
		fd = open_at(&v4, sizeof(v4.v4), e);
	return fd < 0 ? err_wrap(e, "hostModuleAddress %s port %u",
				address[0] != '\0' ? address : "*", port)
		      : fd;
}

char *
listen_address_text(const struct sockaddr *address, char *ret, size_t size)
{
	union address copy = {.any.sa_family = address->sa_family};

	(void)snprintf(ret, size, "?");
	if (address->sa_family == AF_INET) {
		memcpy(&copy.v4, address, sizeof(copy.v4));
		(void)inet_ntop(AF_INET, &copy.v4.sin_addr, ret, (socklen_t)size);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&copy.v6, address, sizeof(copy.v6));
		if (IN6_IS_ADDR_V4MAPPED(&copy.v6.sin6_addr))
			(void)inet_ntop(
				AF_INET, &copy.v6.sin6_addr.s6_addr[12], ret, (socklen_t)size);
		else
			(void)inet_ntop(AF_INET6, &copy.v6.sin6_addr, ret, (socklen_t)size);
	}
	return ret;
}

int
listen_name(int fd, char *ret, size_t size, struct err *e)
{
	union address at = {0};
	socklen_t len = sizeof(at);
	char text[64];

	if (getsockname(fd, &at.any, &len) != 0)
		return err_sys(e, "getsockname");
	(void)listen_address_text(&at.any, text, sizeof(text));
	(void)snprintf(ret, size, strchr(text, ':') != NULL ? "[%s]:%u" : "%s:%u", text,
		ntohs(at.any.sa_family == AF_INET6 ? at.v6.sin6_port : at.v4.sin_port));
	return 0;
}
