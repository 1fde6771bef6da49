/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/answers.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

/*
 * A head, and the body that its Content-Length says; or the first byte of TLS, in which nothing is
 * understood. False: the other side has gone.
 */
static bool
hear(struct answers *a, int fd)
{
	size_t wanted = SIZE_MAX;
	char byte;

	for (bool first = true; first || a->asked.len < wanted; first = false) {
		const char *length;

		if (recv(fd, &byte, 1, 0) != 1)
			return false;
		if (first) /* what was asked stays until then */
			buf_clear(&a->asked);
		buf_add(&a->asked, &byte, 1);
		if (first && byte == 0x16)
			return true;
		if (wanted != SIZE_MAX || strstr(a->asked.at, "\r\n\r\n") == NULL)
			continue;
		length = strstr(a->asked.at, "Content-Length: ");
		wanted = a->asked.len + (length != NULL ? (size_t)atoi(length + 16) : 0);
	}
	return true;
}

/* Whether the connection stays. */
static bool
say(struct answers *a, int fd)
{
	const char *answer =
		a->answer[a->requests < ANSWERS_MAX - 1 ? a->requests : ANSWERS_MAX - 1];
	bool stays = answer != NULL && strstr(answer, "Content-Length") != NULL &&
		     strstr(answer, "Connection: close") == NULL;
	char byte;

	a->requests++;
	if (answer == NULL) {
		(void)recv(fd, &byte, 1, 0);
		return false;
	}
	for (size_t len = strlen(answer); len > 0;) {
		ssize_t put = send(fd, answer, len, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		answer += put;
		len -= (size_t)put;
	}
	return stays;
}

static void *
run(void *context)
{
	struct answers *a = context;
	int fd;

	while ((fd = accept(a->fd, NULL, NULL)) >= 0) {
		a->connections++;
		while (hear(a, fd) && say(a, fd))
			continue;
		(void)close(fd);
	}
	return NULL;
}

void
answers_begin(struct answers *a)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	*a = (struct answers){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	ck_assert_int_eq(bind(a->fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(a->fd, 8), 0);
	ck_assert_int_eq(getsockname(a->fd, (struct sockaddr *)&address, &len), 0);
	a->port = ntohs(address.sin_port);
	ck_assert_int_eq(pthread_create(&a->thread, NULL, run, a), 0);
}

void
answers_end(struct answers *a)
{
	(void)shutdown(a->fd, SHUT_RDWR); /* what waits in accept is told */
	(void)pthread_join(a->thread, NULL);
	(void)close(a->fd);
	buf_free(&a->asked);
}

void
answers_say(struct answers *a, const char *first, const char *second)
{
	for (int i = 0; i < ANSWERS_MAX; i++)
		a->answer[i] = i > 0 && second != NULL ? second : first;
	a->requests = a->connections = 0;
}
