/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/conns.h"

#include <assert.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
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
	FILES_MAX = 1024,
	OTHER_FILES = 160, /* logs, transfers, the index, administrators */
	FILES_MIN = 64,	   /* with fewer it does not start */
};

/* A reader has a minute, and a second more for each kilobyte, but never more than ten minutes. */
enum {
	PATIENCE_MS = 60000,
	PATIENCE_MAX_MS = 600000,
	READ_BYTES_PER_MS = 1,
	LOOK_MS = 5000,
	STALLED_MS = 10000, /* then it gives its place to who waits for one */
};

struct conns {
	unsigned limit;
	pthread_mutex_t lock; /* everything below */
	LIST_HEAD(conn_list, conn) all;
	unsigned count;
	unsigned cut; /* of these, that are about to go */
};

unsigned
conns_spare(unsigned limit)
{
	unsigned spare = limit / 8 + 32;

	return spare < limit ? spare : limit;
}

/*
 * The descriptors that the process may have at most are shared out: an eighth for files that are
 * open, but no more than FILES_MAX; of the rest OTHER_FILES, but no more than a quarter, for what
 * is not HTTP; the rest are connections. So that a small limit leaves some of each.
 */
int
conns_limit(unsigned wanted, unsigned *ret_connections, unsigned *ret_files, struct err *e)
{
	struct rlimit limit = {.rlim_max = 1024};
	rlim_t room;

	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < FILES_MIN)
		return err_set(e, ERR_LIMIT,
			"the process may open %llu files, and needs %d: raise ulimit -n, or "
			"LimitNOFILE",
			(unsigned long long)limit.rlim_cur, FILES_MIN);
	*ret_files = limit.rlim_cur / 8 < FILES_MAX ? (unsigned)(limit.rlim_cur / 8) : FILES_MAX;
	room = limit.rlim_cur - *ret_files;
	room -= room / 4 < OTHER_FILES ? room / 4 : OTHER_FILES;
	*ret_connections = wanted;
	if (room >= wanted + conns_spare(wanted))
		return 0;
	room = room > 64 ? (room - 32) * 8 / 9 : room / 2;
	*ret_connections = (unsigned)room;
	log_note(EVENT_WARNING,
		"maxConnections %u lowered to %llu: the process may open %llu files", wanted,
		(unsigned long long)room, (unsigned long long)limit.rlim_cur);
	return 0;
}

struct conns *
conns_new(unsigned limit)
{
	struct conns *c = mem_new(1, sizeof(*c));

	c->limit = limit;
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

/*
 * With the lock. Its thread notices, and closes it: a descriptor that is closed here could be
 * another connection's before that thread looks. After a plain shutdown(2) the kernel goes on
 * feeding a slow reader what it holds for it; with SO_LINGER of 0 that goes at once (socket(7)).
 */
static void
cut_off(struct conns *c, struct conn *conn)
{
	const struct linger drop = {.l_onoff = 1, .l_linger = 0};

	if (conn->cut)
		return;
	conn->cut = true;
	conn->peer->cut++;
	c->cut++;
	if (conn->state == CONN_SENDING)
		(void)setsockopt(conn->fd, SOL_SOCKET, SO_LINGER, &drop, sizeof(drop));
	(void)shutdown(conn->fd, SHUT_RDWR);
}

/* ---- Room */

static int
compare_ages(const void *a, const void *b)
{
	uint64_t left = (*(struct conn *const *)a)->since_ms;
	uint64_t right = (*(struct conn *const *)b)->since_ms;

	return left < right ? -1 : left > right;
}

static bool
is_idle(const struct conn *conn)
{
	return !conn->cut && (conn->state == CONN_IDLE || conn->state == CONN_NEW);
}

/*
 * With the lock. So many of the idle ones go (of one address; NULL: of all), the longest idle
 * first; the newcomer, which is the first in the list, does not. Returns how many did.
 */
static size_t
make_room(struct conns *c, const struct peer *peer, size_t wanted)
{
	AUTO_FREE struct conn **idle = mem_new(c->count, sizeof(struct conn *));
	size_t count = 0;
	size_t gone = 0;
	struct conn *conn;

	LIST_FOREACH (conn, &c->all, link)
		if (conn != LIST_FIRST(&c->all) && is_idle(conn) &&
			(peer == NULL || conn->peer == peer))
			idle[count++] = conn;
	mem_sort(idle, count, sizeof(*idle), compare_ages);
	for (; gone < count && gone < wanted; gone++)
		cut_off(c, idle[gone]);
	return gone;
}

/* Some more than have to, so that not each newcomer costs a look at all. */
static size_t
some_more(size_t over, unsigned limit)
{
	return over + limit / 32;
}

/*
 * Those that are about to go are there until their threads have looked. Who brings hundreds at a
 * time has half of what may be there meanwhile; the rest is for addresses that have few.
 */
bool
conns_has_room(struct conns *c, unsigned of_address)
{
	unsigned spare = conns_spare(c->limit);
	bool room;

	if (of_address >= c->limit / 32)
		spare /= 2;
	(void)pthread_mutex_lock(&c->lock);
	room = c->count < c->limit + spare;
	(void)pthread_mutex_unlock(&c->lock);
	return room;
}

struct conn *
conns_add(struct conns *c, int fd, struct peer *peer, const char *address)
{
	struct conn *conn = mem_new(1, sizeof(*conn));

	conn->fd = fd;
	conn->peer = peer;
	(void)snprintf(conn->address, sizeof(conn->address), "%s", address);
	conn->since_ms = clock_tick_ms(); /* CONN_NEW from now on */
	(void)pthread_mutex_lock(&c->lock);
	LIST_INSERT_HEAD(&c->all, conn, link);
	c->count++;
	if (c->count - c->cut > c->limit)
		(void)make_room(c, NULL, some_more(c->count - c->cut - c->limit, c->limit));
	(void)pthread_mutex_unlock(&c->lock);
	return conn;
}

void
conns_remove(struct conns *c, struct conn *conn)
{
	(void)pthread_mutex_lock(&c->lock);
	LIST_REMOVE(conn, link);
	c->count--;
	c->cut -= conn->cut;
	conn->peer->cut -= conn->cut;
	(void)pthread_mutex_unlock(&c->lock);
	free(conn);
}

void
conns_limit_address(struct conns *c, struct conn *conn, unsigned connections, unsigned limit)
{
	unsigned allowed;

	(void)pthread_mutex_lock(&c->lock);
	/* Of those that came after it more may have been cut off by now than there were before. */
	allowed = limit + conn->peer->cut;
	if (connections > allowed &&
		make_room(c, conn->peer, some_more(connections - allowed, limit)) == 0)
		cut_off(c, conn);
	(void)pthread_mutex_unlock(&c->lock);
}

/* ---- Deadlines */

void
conns_enter(struct conn *conn, enum conn_state state)
{
	static const bool allowed[][CONN_IDLE + 1] = {
		[CONN_NEW] = {[CONN_BODY] = true, [CONN_IDLE] = true},
		[CONN_HEAD] = {[CONN_BODY] = true, [CONN_IDLE] = true},
		[CONN_BODY] = {[CONN_HELD] = true, [CONN_SENDING] = true, [CONN_IDLE] = true},
		[CONN_HELD] = {[CONN_HELD] = true, [CONN_SENDING] = true, [CONN_IDLE] = true},
		[CONN_SENDING] = {[CONN_HELD] = true, [CONN_IDLE] = true},
		[CONN_IDLE] = {[CONN_HEAD] = true},
	};

	assert(allowed[conn->state][state]);
	atomic_store_explicit(&conn->since_ms, clock_tick_ms(), memory_order_relaxed);
	atomic_store_explicit(&conn->state, (int)state, memory_order_release);
}

/* The kernel fills as much of the struct as it knows; what it does not is 0. */
uint64_t
conns_acked(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	(void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
	return info.tcpi_bytes_acked;
}

/*
 * By what the other side has confirmed: what was written is of no use, as the kernel takes
 * megabytes that a slow reader may never get. What is confirmed is no more than what the other
 * side's kernel has: it takes megabytes at once, and then nothing for minutes, while its program
 * reads on. So bytes are credit, and a whole answer is looked at rather than a minute of it.
 */
static bool
reads_too_slowly(struct conn *conn, uint64_t since_ms, uint64_t now_ms)
{
	uint64_t acked;

	/* What was confirmed before the first look counts: most of it is of this answer. */
	if (conn->answer_ms != since_ms) {
		conn->answer_ms = conn->looked_ms = conn->moved_ms = since_ms;
		conn->patience_ms = since_ms + PATIENCE_MS;
	}
	/* An answer may have begun after the caller looked at the clock. */
	if (now_ms < conn->looked_ms + LOOK_MS)
		return false;
	acked = conns_acked(conn->fd);
	if (acked > conn->acked)
		conn->moved_ms = now_ms;
	conn->patience_ms += (acked - conn->acked) / READ_BYTES_PER_MS;
	if (conn->patience_ms > now_ms + PATIENCE_MAX_MS)
		conn->patience_ms = now_ms + PATIENCE_MAX_MS;
	conn->looked_ms = now_ms;
	conn->acked = acked;
	return now_ms > conn->patience_ms;
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

/* The one that is to give up its place: of who has the most of them, the one that moved last. */
static struct conn *
worse(struct conn *a, struct conn *b, uint64_t now_ms)
{
	if (b->state != CONN_SENDING || !b->has_place || b->cut ||
		b->moved_ms + STALLED_MS > now_ms)
		return a;
	if (a == NULL || a->peer->places < b->peer->places)
		return b;
	return a->peer->places == b->peer->places && b->moved_ms < a->moved_ms ? b : a;
}

/*
 * With the lock, so that no connection is closed and its number given to another between the look
 * and the shutdown.
 */
unsigned
conns_reap(struct conns *c, uint64_t now_ms, bool places_wanted)
{
	struct conn *worst = NULL;
	struct conn *conn;
	unsigned before;
	unsigned count;

	(void)pthread_mutex_lock(&c->lock);
	before = c->cut;
	LIST_FOREACH (conn, &c->all, link) {
		if (is_past(conn, now_ms))
			cut_off(c, conn);
		worst = worse(worst, conn, now_ms);
	}
	if (places_wanted && worst != NULL)
		cut_off(c, worst);
	count = c->cut - before;
	(void)pthread_mutex_unlock(&c->lock);
	return count;
}

unsigned
conns_drain(struct conns *c, bool all)
{
	struct conn *conn;
	unsigned left;

	(void)pthread_mutex_lock(&c->lock);
	LIST_FOREACH (conn, &c->all, link)
		/* One that is held was resumed, and is about to be answered. */
		if (all || conn->arriving ||
			(conn->state != CONN_SENDING && conn->state != CONN_HELD))
			cut_off(c, conn);
	left = c->count;
	(void)pthread_mutex_unlock(&c->lock);
	return left;
}
