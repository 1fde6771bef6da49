/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The announcement. */
#include <stdio.h>
#include <string.h>

#include "cache/announce.h"
#include "cloud/fetch_job.h"

static void on_query(void *context, const struct upstream_reply *received);

static void
send_query(struct fetch *f)
{
	const struct upstreams_one *u = fetch_upstream(f);

	f->query_policy = fetch_policy(f);
	buf_clear(&f->document);
	f->request = (struct upstream_request){.accept = fetch_accept_ar1,
		.max_bytes = WIRE_QUERY_BYTES_MAX,
		.write = fetch_to_document,
		.done = on_query};
	if (u->query_by_post)
		f->request.post_body = "{}";
	else if (u->query_policy == f->query_policy)
		f->request.if_none_match = u->query_etag;
	fetch_start(f);
}

/* The poll goes on with the way of who polled us last: in a loop it gets back to them. */
void
fetch_query(struct fetch *f)
{
	char via[HOPS_TEXT_MAX];

	(void)snprintf(f->name, sizeof(f->name), "q");
	fetch_take_via(f, via);
	if (via[0] != '\0')
		(void)hops_add(via, f->server->id, f->via);
	f->send = send_query;
	fetch_send(f);
}

static void
work_query(void *context)
{
	struct fetch *f = context;
	struct server *s = f->server;
	struct err e = {0};
	bool held;

	if (announce_query(s, &f->query, &held, &e) == 0) {
		struct upstreams_one *u = fetch_upstream(f);

		if (held) /* it is looked at once more, though it did not change */
			f->query_etag[0] = '\0';
		memcpy(u->query_etag, f->query_etag, sizeof(f->query_etag));
		u->query_policy = f->query_policy;
		jobs_done(s->jobs, f->job);
	} else {
		land_failure(s, f->job, f->name, &e,
			e.code == ERR_FULL ? JOB_DISK_FULL : JOB_UPSTREAM_UNAVAILABLE, 0);
	}
	fetch_free(f);
}

/* What came is read here, so that another upstream can be asked at once where it is wrong. */
static void
read_query(struct fetch *f, struct upstream_reply *reply)
{
	idents_free(&f->query);
	if (reply->outcome == UPSTREAM_FRESH &&
		wire_query_parse(
			span_of(f->document.at, f->document.len), &f->query, &reply->why) != 0)
		reply->outcome = UPSTREAM_BROKEN;
}

static void
on_query(void *context, const struct upstream_reply *received)
{
	struct fetch *f = context;
	struct upstreams_one *u = fetch_upstream(f);
	struct upstream_reply reply = *received;
	bool refused = reply.status == 404 || reply.status == 405 || reply.status == 501;

	if (refused && !u->query_by_post && u->origin.scheme != ORIGIN_FILE) {
		u->query_by_post = true; /* from now on */
		send_query(f);
		return;
	}
	read_query(f, &reply);
	if (reply.outcome == UPSTREAM_ABSENT) /* who has no announcement is no upstream */
		reply.outcome = UPSTREAM_BROKEN;
	if (fetch_settled(f, &reply))
		return;
	if (reply.outcome == UPSTREAM_UNCHANGED && f->query_policy != fetch_policy(f)) {
		send_query(f);
		return;
	}
	if (reply.outcome == UPSTREAM_UNCHANGED) {
		fetch_leave(f);
		jobs_done(f->server->jobs, f->job);
		fetch_free(f);
		return;
	}
	if (reply.outcome != UPSTREAM_FRESH) {
		fetch_refused(f, &reply);
		return;
	}
	(void)snprintf(f->query_etag, sizeof(f->query_etag), "%s", reply.etag);
	fetch_hand_over(f, work_query);
}
