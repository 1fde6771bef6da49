/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/answers.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "unit.h"

static void
add_byte(struct answers *a, bool first, char byte)
{
	(void)pthread_mutex_lock(&a->lock);
	if (first) /* what was asked stays until then */
		buf_clear(&a->asked);
	buf_add(&a->asked, &byte, 1);
	(void)pthread_mutex_unlock(&a->lock);
}

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
		add_byte(a, first, byte);
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
	const char *answer;
	bool stays;
	char byte;

	(void)pthread_mutex_lock(&a->lock);
	answer = a->answer[a->requests > 0];
	a->requests++;
	(void)pthread_mutex_unlock(&a->lock);
	stays = answer != NULL && strstr(answer, "Content-Length") != NULL &&
		strstr(answer, "Connection: close") == NULL;
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
		(void)pthread_mutex_lock(&a->lock);
		a->connections++;
		(void)pthread_mutex_unlock(&a->lock);
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
	(void)pthread_mutex_init(&a->lock, NULL);
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
	for (unsigned i = 0; i < a->said_count; i++)
		free(a->said[i]);
	buf_free(&a->asked);
	buf_free(&a->shown);
	(void)pthread_mutex_destroy(&a->lock);
}

static const char *
keep(struct answers *a, const char *answer)
{
	if (answer == NULL)
		return NULL;
	ck_assert_uint_lt(a->said_count, ANSWERS_SAID_MAX);
	a->said[a->said_count] = mem_string(answer);
	return a->said[a->said_count++];
}

void
answers_say(struct answers *a, const char *first, const char *second)
{
	(void)pthread_mutex_lock(&a->lock);
	a->answer[0] = keep(a, first);
	a->answer[1] = second != NULL ? keep(a, second) : a->answer[0];
	a->requests = a->connections = 0;
	(void)pthread_mutex_unlock(&a->lock);
}

const char *
answers_asked(struct answers *a)
{
	(void)pthread_mutex_lock(&a->lock);
	buf_clear(&a->shown);
	buf_add(&a->shown, a->asked.at, a->asked.len);
	(void)pthread_mutex_unlock(&a->lock);
	return a->shown.at;
}

static unsigned
number(struct answers *a, const unsigned *of)
{
	unsigned n;

	(void)pthread_mutex_lock(&a->lock);
	n = *of;
	(void)pthread_mutex_unlock(&a->lock);
	return n;
}

unsigned
answers_requests(struct answers *a)
{
	return number(a, &a->requests);
}

unsigned
answers_connections(struct answers *a)
{
	return number(a, &a->connections);
}
