/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/admin_conns.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/mem.h"

enum {
	CONNECTIONS_MAX = 32,
	CONNECTIONS_MIN = 2,
	FILES_SHARE = 32, /* of the files that may be open */
};

struct admin_conn {
	int fd;
	uint64_t until_ms; /* 0: it is being answered */
	bool cut;	   /* it was shut down; its thread closes it */
	TAILQ_ENTRY(admin_conn) link;
};

struct admin_conns {
	unsigned max;
	pthread_mutex_t lock;			     /* everything below */
	TAILQ_HEAD(admin_conn_list, admin_conn) all; /* the oldest first */
	unsigned count;				     /* that are not cut */
};

/* Part of what is left for all that is not a client's connection: see conns.c. */
static unsigned
files_share(void)
{
	struct rlimit limit;
	rlim_t share = CONNECTIONS_MAX;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		share = limit.rlim_cur / FILES_SHARE;
	if (share < CONNECTIONS_MIN)
		return CONNECTIONS_MIN;
	return share < CONNECTIONS_MAX ? (unsigned)share : CONNECTIONS_MAX;
}

struct admin_conns *
admin_conns_new(void)
{
	struct admin_conns *c = mem_new(1, sizeof(*c));

	c->max = files_share();
	(void)pthread_mutex_init(&c->lock, NULL);
	TAILQ_INIT(&c->all);
	return c;
}

void
admin_conns_free(struct admin_conns *c)
{
	free(c);
}

unsigned
admin_conns_max(const struct admin_conns *c)
{
	return c->max;
}

static void
cut(struct admin_conns *c, struct admin_conn *conn)
{
	conn->cut = true;
	c->count--;
	(void)shutdown(conn->fd, SHUT_RDWR);
}

static void
make_room(struct admin_conns *c)
{
	struct admin_conn *conn;

	TAILQ_FOREACH (conn, &c->all, link)
		if (conn->until_ms != 0 && !conn->cut) {
			cut(c, conn);
			return;
		}
}

struct admin_conn *
admin_conns_add(struct admin_conns *c, int fd, uint64_t until_ms)
{
	struct admin_conn *conn = mem_new(1, sizeof(*conn));

	conn->fd = fd;
	conn->until_ms = until_ms;
	(void)pthread_mutex_lock(&c->lock);
	if (c->count >= c->max)
		make_room(c);
	c->count++;
	TAILQ_INSERT_TAIL(&c->all, conn, link);
	(void)pthread_mutex_unlock(&c->lock);
	return conn;
}

void
admin_conns_remove(struct admin_conns *c, struct admin_conn *conn)
{
	(void)pthread_mutex_lock(&c->lock);
	TAILQ_REMOVE(&c->all, conn, link);
	c->count -= !conn->cut;
	(void)pthread_mutex_unlock(&c->lock);
	free(conn);
}

void
admin_conns_set_deadline(struct admin_conns *c, struct admin_conn *conn, uint64_t until_ms)
{
	(void)pthread_mutex_lock(&c->lock);
	conn->until_ms = until_ms;
	(void)pthread_mutex_unlock(&c->lock);
}

void
admin_conns_reap(struct admin_conns *c, uint64_t now_ms)
{
	struct admin_conn *conn;

	(void)pthread_mutex_lock(&c->lock);
	TAILQ_FOREACH (conn, &c->all, link)
		if (conn->until_ms != 0 && now_ms >= conn->until_ms && !conn->cut)
			cut(c, conn);
	(void)pthread_mutex_unlock(&c->lock);
}
