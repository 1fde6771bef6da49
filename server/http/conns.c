/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/conns.h"

#include <assert.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/mem.h"
#include "log.h"

/* guts2d(8), LIMITS. Absolute: a byte every few seconds renews nothing. */
enum {
	HEAD_MS = 10000,
	BODY_MS = 60000,
	IDLE_MS = 75000,
	WINDOW_MS = 60000,
	WINDOW_BYTES = 60000, /* 1 kB/s */
	FILES_MAX = 1024,
	OTHER_FILES = 128, /* logs, transfers, the index */
};

struct conns {
	pthread_mutex_t lock; /* the list */
	LIST_HEAD(conn_list, conn) all;
};

/*
 * The descriptors that the process may have at most are shared out: an eighth for files that stay
 * open, but no more than FILES_MAX; of the rest OTHER_FILES, but no more than a quarter, for what
 * is not HTTP; the rest are connections. So that a small limit leaves some of each.
 */
unsigned
conns_limit(unsigned wanted, unsigned *ret_files)
{
	struct rlimit limit = {.rlim_max = 1024};
	rlim_t room;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	*ret_files = limit.rlim_cur / 8 < FILES_MAX ? (unsigned)(limit.rlim_cur / 8) : FILES_MAX;
	room = limit.rlim_cur - *ret_files;
	room -= room / 4 < OTHER_FILES ? room / 4 : OTHER_FILES;
	if (room >= wanted)
		return wanted;
	log_note(EVENT_WARNING,
		"maxConnections %u lowered to %llu: the process may open %llu files", wanted,
		(unsigned long long)room, (unsigned long long)limit.rlim_cur);
	return (unsigned)room;
}

struct conns *
conns_new(void)
{
	struct conns *c = mem_new(1, sizeof(*c));

	(void)pthread_mutex_init(&c->lock, NULL);
	return c;
}

void
conns_free(struct conns *c)
{
	if (c == NULL)
		return;
	(void)pthread_mutex_destroy(&c->lock);
	free(c);
}

struct conn *
conns_add(struct conns *c, int fd, const char *address)
{
	struct conn *conn = mem_new(1, sizeof(*conn));

	conn->fd = fd;
	(void)snprintf(conn->address, sizeof(conn->address), "%s", address);
	conn->since_ms = clock_mono_ms(); /* CONN_NEW from now on */
	(void)pthread_mutex_lock(&c->lock);
	LIST_INSERT_HEAD(&c->all, conn, link);
	(void)pthread_mutex_unlock(&c->lock);
	return conn;
}

void
conns_remove(struct conns *c, struct conn *conn)
{
	(void)pthread_mutex_lock(&c->lock);
	LIST_REMOVE(conn, link);
	(void)pthread_mutex_unlock(&c->lock);
	free(conn);
}

void
conns_enter(struct conn *conn, enum conn_state state)
{
	static const bool allowed[][CONN_IDLE + 1] = {
		[CONN_NEW] = {[CONN_BODY] = true, [CONN_IDLE] = true},
		[CONN_HEAD] = {[CONN_BODY] = true, [CONN_IDLE] = true},
		[CONN_BODY] = {[CONN_HELD] = true, [CONN_SENDING] = true, [CONN_IDLE] = true},
		[CONN_HELD] = {[CONN_HELD] = true, [CONN_SENDING] = true, [CONN_IDLE] = true},
		[CONN_SENDING] = {[CONN_IDLE] = true},
		[CONN_IDLE] = {[CONN_HEAD] = true},
	};

	assert(allowed[conn->state][state]);
	conn->since_ms = clock_mono_ms();
	conn->state = state;
}

/* The kernel fills as much of the struct as it knows. */
uint64_t
conns_acked(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0 ||
		len < offsetof(struct tcp_info, tcpi_bytes_acked) + sizeof(info.tcpi_bytes_acked))
		return 0;
	return info.tcpi_bytes_acked;
}

/*
 * By what the other side has confirmed: what was written is of no use, as the kernel takes
 * megabytes that a slow reader may never get. Counted in windows of a minute, the first one from
 * the answer's beginning; they are the reaper's alone.
 */
static bool
reads_too_slowly(struct conn *conn, uint64_t since_ms, uint64_t now_ms)
{
	uint64_t acked;
	bool slow;

	if (conn->window_ms < since_ms) { /* a new answer */
		conn->window_ms = since_ms;
		conn->window_acked = conns_acked(conn->fd);
	}
	/* An answer may have begun after the caller looked at the clock. */
	if (now_ms < conn->window_ms + WINDOW_MS)
		return false;
	acked = conns_acked(conn->fd);
	slow = acked - conn->window_acked < WINDOW_BYTES;
	conn->window_ms = now_ms;
	conn->window_acked = acked;
	return slow;
}

static bool
is_past(struct conn *conn, uint64_t now_ms)
{
	/* In this order: conns_enter sets the time first, so that a new state never has an old
	 * time. */
	enum conn_state state = (enum conn_state)conn->state;
	uint64_t since_ms = conn->since_ms;
	uint64_t age_ms = now_ms > since_ms ? now_ms - since_ms : 0;

	switch (state) {
	case CONN_NEW:
	case CONN_HEAD:
		return age_ms > HEAD_MS;
	case CONN_BODY:
		return age_ms > BODY_MS;
	case CONN_IDLE:
		return age_ms > IDLE_MS;
	case CONN_SENDING:
		return reads_too_slowly(conn, since_ms, now_ms);
	/* It has a deadline of its own, with the job that it waits for. */
	case CONN_HELD:
		break;
	}
	return false;
}

/*
 * Its thread notices, and closes it: a descriptor that is closed here could be another connection's
 * before that thread looks. After a plain shutdown(2) the kernel goes on feeding a slow reader what
 * it holds for it; with SO_LINGER of 0 that goes at once (socket(7)).
 */
static void
cut_off(const struct conn *conn)
{
	const struct linger drop = {.l_onoff = 1, .l_linger = 0};

	if (conn->state == CONN_SENDING)
		(void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &drop, sizeof(drop));
	(void)shutdown(conn->fd, SHUT_RDWR);
}

/*
 * With the lock, so that no connection is closed and its number given to another between the look
 * and the shutdown.
 */
unsigned
conns_reap(struct conns *c, uint64_t now_ms)
{
	struct conn *conn;
	unsigned count = 0;

	(void)pthread_mutex_lock(&c->lock);
	LIST_FOREACH (conn, &c->all, link) {
		if (!is_past(conn, now_ms))
			continue;
		cut_off(conn);
		count++;
	}
	(void)pthread_mutex_unlock(&c->lock);
	return count;
}
