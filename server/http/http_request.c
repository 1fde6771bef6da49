/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/http_request.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "http/guard.h"
#include "http/http_arrival.h"
#include "http/reply_count.h"
#include "http/reply_arrival.h"
#include "log.h"

/* What an answer can depend on, of the fields of a head. */
enum field {
	FIELD_ACCEPT,
	FIELD_IF_NONE_MATCH,
	FIELD_IF_RANGE,
	FIELD_RANGE,
	FIELD_PREFER,
	FIELD_IF_MODIFIED_SINCE,
	FIELD_COUNT
};

static const struct {
	const char *name;
	size_t len;
} fields[FIELD_COUNT] = {
#define FIELD(name)                                                                                \
	{                                                                                          \
		name, sizeof(name) - 1                                                             \
	}
	[FIELD_ACCEPT] = FIELD("Accept"),
	[FIELD_IF_NONE_MATCH] = FIELD("If-None-Match"),
	[FIELD_IF_RANGE] = FIELD("If-Range"),
	[FIELD_RANGE] = FIELD("Range"),
	[FIELD_PREFER] = FIELD("Prefer"),
	[FIELD_IF_MODIFIED_SINCE] = FIELD("If-Modified-Since"),
#undef FIELD
};

/* From the request line to the end of the answer. */
struct request {
	struct http_requests *all;
	struct MHD_Connection *connection;
	struct conn *conn;
	char *path; /* cut where it is longer than GUARD_LINE_MAX: then it is refused anyway */
	size_t path_len;
	const char *fields[FIELD_COUNT]; /* the library's; NULL: none */
	char method[8];
	bool began; /* the head was judged, or refused */
	bool body_too_long;
	struct buf body;
	char *via; /* NULL: none */
	uint64_t started_ms;
	uint64_t hold_until_ms; /* 0: not held yet */
	struct waiter waiter;
	bool held;	    /* counted in its peer */
	struct reply reply; /* what the log and the end need of it */
	uint64_t reply_bytes;
	uint64_t acked_before; /* on its connection, when a large answer began */
};

enum { LARGE_BYTES = 64 << 10 }; /* what is less goes out at once */

static struct conn *
conn_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	assert(info != NULL && info->socket_context != NULL);
	return info->socket_context;
}

/* ---- The beginning and the end of a request */

static void
give_place(struct request *r)
{
	if (!r->reply.holds_place)
		return;
	r->reply.holds_place = false;
	r->conn->has_place = false;
	if (r->reply.arrival != NULL)
		limiter_give_arriving(&r->all->context.limiter, &r->conn->peer->places);
	else
		limiter_give(&r->all->context.limiter, &r->conn->peer->places);
}

static void
end_hold(struct request *r)
{
	if (r->held)
		(void)atomic_fetch_sub(&r->conn->peer->held, 1);
	r->held = false;
}

/*
 * The raw request target, before anything in it was decoded. Its result becomes *request_cls; the
 * library calls http_request_completed for it however the request ends, and there it is freed.
 */
void *
http_request_line(void *cls, const char *target, struct MHD_Connection *connection)
{
	struct request *r = mem_new(1, sizeof(*r));

	r->all = cls;
	r->connection = connection;
	r->conn = conn_of(connection);
	r->started_ms = clock_tick_ms();
	r->path_len = strlen(target);
	r->path = mem_string_n(target, GUARD_LINE_MAX);
	if (r->conn->state != CONN_NEW) /* a first head has its time from the connection's start */
		conns_enter(r->conn, CONN_HEAD);
	return r;
}

static void
log_request(const struct request *r, bool complete)
{
	char request[sizeof(r->method) + 1 + GUARD_LINE_MAX];
	uint64_t bytes = strcmp(r->method, "HEAD") == 0 ? 0 : r->reply_bytes;
	struct log_line l;

	(void)stpcpy(stpcpy(stpcpy(request, r->method), " "), r->path);
	log_begin(&l, EVENT_REQUEST);
	log_text(&l, "address", r->conn->address);
	if (r->conn->client[0] != '\0')
		log_text(&l, "client", r->conn->client);
	log_text(&l, "request", request);
	log_number(&l, "status", r->reply.status);
	if (r->reply.reason != NULL)
		log_text(&l, "reason", r->reply.reason);
	if (!complete) {
		uint64_t acked = conns_acked(r->conn->fd) - r->acked_before;

		bytes = acked < bytes ? acked : bytes; /* about: heads count in it */
		log_text(&l, "aborted", "yes");
	}
	log_number(&l, "bytes", bytes);
	log_number(&l, "ms", clock_tick_ms() - r->started_ms);
	log_end(&l, LOG_SERVE);
	reply_count(&r->reply, bytes, complete);
}

void
http_request_completed(void *cls, struct MHD_Connection *connection, void **request_cls,
	enum MHD_RequestTerminationCode code)
{
	struct request *r = *request_cls;

	(void)cls;
	(void)connection;
	if (r == NULL)
		return;
	*request_cls = NULL;
	/* 0: it ended before there was an answer, as with a head that never was complete. */
	if (r->reply.status != 0)
		log_request(r, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
	/* What comes as it arrives says nothing of how long others take. */
	if (r->reply.holds_place && r->reply.body == REPLY_FILE &&
		code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		limiter_note(&r->all->context.limiter, clock_tick_ms() - r->started_ms);
	give_place(r);
	end_hold(r);
	r->conn->arriving = false;
	conns_enter(r->conn, CONN_IDLE);
	/* After a hold: what was decided before it is decided anew, over the view as it is now. */
	reply_clear(&r->reply);
	buf_free(&r->body);
	free(r->path);
	free(r->via);
	free(r);
}

/* ---- The reply */

/* MHD_NO: nothing was sent, and r can have another reply where the file had gone. */
static enum MHD_Result
send_reply(struct request *r)
{
	struct MHD_Response *response;
	enum MHD_Result queued;
	bool own;

	if (r->reply.body == REPLY_ARRIVAL) {
		response = http_arrival_new(&r->reply, r->connection, r->conn);
		own = true;
	} else {
		response = http_response_new(&r->all->files, &r->reply, &own);
	}
	if (response == NULL)
		return MHD_NO;
	r->conn->has_place = r->reply.holds_place;
	r->reply_bytes = r->reply.body == REPLY_TEXT ? r->reply.text.len : r->reply.len;
	if (r->reply_bytes > LARGE_BYTES)
		r->acked_before = conns_acked(r->conn->fd);
	queued = MHD_queue_response(r->connection, r->reply.status, response);
	if (queued == MHD_YES) /* not a byte goes out before this thread is back in the library */
		conns_enter(r->conn, CONN_SENDING);
	if (own)
		/* The library counts its own reference until the last byte is out. */
		MHD_destroy_response(response);
	return queued;
}

/* ---- Requests */

struct head {
	struct request *request;
	struct guard guard;
	size_t bytes;
};

/* There may be several: each proxy on the way can add one. */
static void
note_via(struct request *r, const char *value)
{
	char *before = r->via;

	r->via = before == NULL ? mem_string(value) : mem_printf("%s, %s", before, value);
	free(before);
}

/* Of those that come twice the first one counts. */
static void
note_field(struct request *r, const char *name, size_t name_len, const char *value)
{
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (fields[i].len == name_len && r->fields[i] == NULL &&
			strncasecmp(name, fields[i].name, name_len) == 0)
			r->fields[i] = value;
	if (name_len == 3 && strncasecmp(name, "Via", 3) == 0)
		note_via(r, value);
}

static enum MHD_Result
on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t name_len, const char *value,
	size_t value_len)
{
	struct head *head = cls;

	(void)kind;
	/*
	 * The library joins a folded line to the name of its field, and for that moves
	 * the name out of the read buffer: it does not stand before its value any more.
	 */
	if (value == NULL || value <= name || value - name > HTTP_REQUEST_CONNECTION_BYTES)
		head->guard.bad_header = true;
	head->bytes += name_len + value_len + strlen(": \r\n");
	guard_header(&head->guard, name, name_len, value != NULL ? value : "", value_len);
	if (value != NULL)
		note_field(head->request, name, name_len, value);
	return MHD_YES;
}

/*
 * True: the head is to be believed. All fields are enumerated: the library's look-up sees only the
 * first of those that come twice, which is what smuggling lives on.
 */
static bool
check_head(struct request *r, const char *method, const char *version)
{
	struct guard_head facts = {.method = method, .version = version};
	struct head head = {.request = r};
	const char *reason = NULL;
	unsigned status;

	facts.line_bytes = strlen(method) + r->path_len + strlen(version) + strlen("  \r\n");
	(void)MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, on_header, &head);
	facts.head_bytes = facts.line_bytes + head.bytes + strlen("\r\n");
	status = guard_judge(&head.guard, &facts, &reason);
	if (status != 0)
		reply_malformed(status, reason, &r->reply);
	return status == 0;
}

/*
 * By any thread, and nothing of r is touched: the connection's own thread calls http_request for
 * it.
 */
static void
resume(void *context)
{
	struct request *r = context;

	MHD_resume_connection(r->connection);
}

/*
 * Suspend first: the job may end, and resume, before jobs_ask is back. Where it has ended already
 * nobody else will resume, and the answer is made at once.
 *
 * While a connection is suspended the library does not look at it: r, with the waiter in it, stays
 * until it is resumed, even where the client has gone meanwhile.
 */
static enum MHD_Result
hold(struct request *r)
{
	const struct reply_parts *parts = &r->all->context.parts;
	struct job_outlook outlook;
	struct job_spec job;

	/* An answer that needs one job after the other is not held longer for that. */
	if (r->hold_until_ms == 0)
		r->hold_until_ms = clock_mono_ms() + r->reply.hold_ms;
	r->waiter = (struct waiter){.resume = resume,
		.context = r,
		.deadline_ms = r->hold_until_ms,
		.early = r->reply.early};
	conns_enter(r->conn, CONN_HELD);
	r->held = true;
	(void)atomic_fetch_add(&r->conn->peer->held, 1);
	MHD_suspend_connection(r->connection);
	/* Its own, as r may be gone as soon as it is held. */
	job = r->reply.job;
	outlook = jobs_ask(parts->jobs, &job, &r->waiter);
	if (!outlook.held)
		MHD_resume_connection(r->connection);
	else
		reply_arrival_look(parts, &job);
	return MHD_YES;
}

static enum MHD_Result
answer(struct request *r)
{
	struct request_facts facts = {.method = r->method,
		.path = r->path,
		.address = r->conn->address,
		.asker = r->conn->peer->name,
		.places = &r->conn->peer->places,
		.accept = r->fields[FIELD_ACCEPT],
		.if_none_match = r->fields[FIELD_IF_NONE_MATCH],
		.if_range = r->fields[FIELD_IF_RANGE],
		.range = r->fields[FIELD_RANGE],
		.prefer = r->fields[FIELD_PREFER],
		.if_modified_since = r->fields[FIELD_IF_MODIFIED_SINCE],
		.via = r->via,
		.body = span_of(r->body.at, r->body.len)};
	bool may_hold = r->hold_until_ms == 0 ? r->conn->peer->held < r->all->held_max
					      : clock_mono_ms() < r->hold_until_ms;

	end_hold(r);
	reply_clear(&r->reply);
	if (r->body_too_long)
		reply_malformed(413, "body too long", &r->reply);
	else
		reply_make(&r->all->context, &facts, may_hold, r->conn->client, &r->reply);
	if (r->reply.status == 0)
		return hold(r);
	if (send_reply(r) == MHD_YES)
		return MHD_YES;
	if (r->reply.body != REPLY_FILE && r->reply.body != REPLY_DOCUMENT)
		return MHD_NO;
	give_place(r);
	/* A document that is gone has been followed by another one. */
	if (!r->reply.file_gone || r->reply.body == REPLY_DOCUMENT) {
		/* Too many files are open: that says nothing of this one. */
		reply_busy(&r->all->context, &r->reply);
		return send_reply(r);
	}
	/* Somebody removed or changed it: ask again, which has it checked and fetched. */
	r->reply.vr->checked = false;
	reply_clear(&r->reply);
	reply_make(&r->all->context, &facts, false, r->conn->client, &r->reply);
	return send_reply(r);
}

/*
 * The library calls it when the head is complete, for each piece of the body, and once more without
 * one when that is complete; after a hold for the last time again.
 */
enum MHD_Result
http_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
	const char *version, const char *upload_data, size_t *upload_size, void **request_cls)
{
	struct request *r = *request_cls;

	(void)cls;
	(void)connection;
	(void)url;
	/* A library that is being stopped takes a response, drops it, and asks for one again. */
	if (r->reply.status != 0)
		return MHD_NO;
	if (!r->began) {
		r->began = true;
		(void)memccpy(r->method, method, '\0', sizeof(r->method) - 1);
		conns_enter(r->conn, CONN_BODY);
		/* Answered before the body is read: it is not, and the connection is closed. */
		return check_head(r, method, version) ? MHD_YES : send_reply(r);
	}
	if (*upload_size == 0)
		return answer(r);
	if (r->body.len + *upload_size > GUARD_BODY_MAX)
		r->body_too_long = true; /* the rest is read, within its deadline, and dropped */
	else
		buf_add(&r->body, upload_data, *upload_size);
	*upload_size = 0;
	return MHD_YES;
}
