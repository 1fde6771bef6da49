/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What libmicrohttpd calls instead of the system's epoll_wait.
 *
 * Where an epoll_wait filled its array of 128 events the library (0.9.75) waits once more,
 * as long as the first time, before it looks at any of them: 128 requests of one moment
 * are not answered until something else happens. So an array is never filled.
 */
#include <stddef.h>
#include <sys/epoll.h>

int
epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms)
{
	return epoll_pwait(fd, events, max > 1 ? max - 1 : max, timeout_ms, NULL);
}
