/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/served.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/mem.h"
#include "logged.h"
#include "unit.h"

void
served_set_up(struct served *v, uint64_t connections_per_address)
{
	struct err e = {0};

	site_set_up(&v->site);
	v->site.options.hostModuleAddress = (char *)(uintptr_t) "127.0.0.1";
	v->site.options.maxConnections = 64;
	v->site.options.maxConnectionsPerAddress = connections_per_address;
	v->site.options.maxSynchronousPackageRetrievalRequests = 2;
	logged_begin();
	ck_assert_msg(http_start(&v->site.c.parts, &v->http, &e) == 0, "%s", e.text);
}

const char *
served_stop(struct served *v)
{
	jobs_stop(v->site.c.parts.jobs);
	http_stop(v->http, 1000);
	v->http = NULL;
	return logged();
}

void
served_tear_down(struct served *v)
{
	(void)served_stop(v);
	buf_free(&v->got);
	site_tear_down(&v->site);
}

void
served_put_header(struct served *v, unsigned bytes)
{
	const struct ident ident = {"t", site_newest};
	AUTO_FREE char *text = mem_printf("{%*s}", (int)bytes - 2, "");
	struct record record;

	ck_assert_int_eq(
		stock_put_header(v->site.c.parts.stock, &ident, unit_text(text), &record, NULL), 0);
}

int
served_say(const struct http *http, const char *text)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons((uint16_t)atoi(strrchr(http_address(http), ':') + 1))};
	const struct timeval patience = {.tv_sec = 60};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	return fd;
}

const char *
served_hear(struct served *v, int fd)
{
	char bytes[4096];
	char *date;
	ssize_t n;

	buf_clear(&v->got);
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		buf_add(&v->got, bytes, (size_t)n);
	fs_close(&fd);
	ck_assert_uint_gt(v->got.len, 0);
	date = strstr(v->got.at, "Date: ");
	if (date != NULL)
		memmove(date, strchr(date, '\n') + 1, strlen(strchr(date, '\n')));
	return v->got.at;
}

const char *
served_ask(struct served *v, const char *line, const char *fields)
{
	AUTO_FREE char *text =
		mem_printf("%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", line, fields);

	return served_hear(v, served_say(v->http, text));
}
