/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_arrival.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "http/zerocopy.h"

/* Of each who takes an archive so, in the library's memory. */
enum { BLOCK_BYTES = 1 << 17 };

struct stream {
	struct arrival *arrival;
	uint64_t first;
	uint64_t unverified; /* so many bytes may come unverified */
	struct MHD_Connection *connection;
	struct conn *conn;
	struct waiter waiter;
};

/* By any thread. */
static void
resume(void *context)
{
	struct stream *s = context;

	MHD_resume_connection(s->connection);
}

/*
 * Suspended first, as it may be resumed before arrivals_wait is back. While it is suspended the
 * library does not look at it, even where the client has gone.
 */
static void
wait_for_more(struct stream *s, uint64_t at)
{
	s->waiter = (struct waiter){.resume = resume, .context = s};
	conns_enter(s->conn, CONN_HELD);
	MHD_suspend_connection(s->connection);
	if (!arrivals_wait(s->arrival, at, &s->waiter))
		MHD_resume_connection(s->connection);
}

/*
 * A connection that is closed here is not looked at again by the library's epoll loop, and stays
 * half open for ever (0.9.75): one that is resumed is looked at in any case.
 */
static ssize_t
cut(struct stream *s)
{
	MHD_suspend_connection(s->connection);
	MHD_resume_connection(s->connection);
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

/* The buffer stands for the bytes, which are sent from where they are. */
static ssize_t
give(struct stream *s, uint64_t at, char *buf, size_t max)
{
	ssize_t count = arrivals_look(s->arrival, at, max);

	if (count <= 0 || zerocopy_begin(s->conn->fd, buf, (size_t)count, arrivals_file(s->arrival),
				  (off_t)at))
		return count;
	return arrivals_read(s->arrival, at, buf, (size_t)count);
}

static ssize_t
read_more(void *cls, uint64_t pos, char *buf, size_t max)
{
	struct stream *s = cls;
	ssize_t got = give(s, s->first + pos, buf, max);

	if (s->conn->state == CONN_HELD)
		conns_enter(s->conn, CONN_SENDING);
	/* Nothing of the end comes before the whole was verified. */
	if (got > 0 && s->first + pos + (uint64_t)got > s->unverified)
		s->conn->arriving = false;
	if (got < 0)
		return cut(s);
	if (got == 0)
		wait_for_more(s, s->first + pos);
	return got;
}

static void
end(void *cls)
{
	struct stream *s = cls;

	zerocopy_end(s->conn->fd);
	free(s);
}

struct MHD_Response *
http_arrival_new(const struct reply *r, struct MHD_Connection *connection, struct conn *conn)
{
	struct stream *s = mem_new(1, sizeof(*s));
	struct MHD_Response *response;

	*s = (struct stream){.arrival = r->arrival,
		.first = r->first,
		.unverified = r->size - ARRIVALS_BACK_BYTES,
		.connection = connection,
		.conn = conn};
	response = MHD_create_response_from_callback(r->len, BLOCK_BYTES, read_more, s, end);
	assert(response != NULL);
	conn->arriving = true;
	http_response_add_fields(response, r);
	return response;
}
