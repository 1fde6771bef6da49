/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/source.h"

#include <assert.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "trust/verdict.h"

static const char accept_json[] = "application/json";
/* Both, for servers that know of no other format and answer the offer of the older one. */
static const char accept_all[] = "application/x-guts2ar2, application/json";

const char *
source_name(struct source_request *r)
{
	struct target target = {.ident = r->ident, .base = r->base};

	switch (r->what) {
	case SOURCE_QUERY:
		target.kind = TARGET_QUERY;
		break;
	case SOURCE_HEADER:
		return ident_header_name(&r->ident, r->name);
	case SOURCE_OFFER:
		target.kind = TARGET_OFFER;
		break;
	case SOURCE_FILE:
		return ident_file_name(&r->file.id, r->name);
	case SOURCE_TRUST:
		return r->trust_file;
	}
	return ident_target_name(&target, r->name);
}

void
source_clear(struct source_request *r)
{
	buf_free(&r->bytes);
	idents_free(&r->query);
}

struct buf
source_take_bytes(struct source_request *r)
{
	struct buf bytes = r->bytes;

	r->bytes = (struct buf){0};
	return bytes;
}

/* ---- What an answer means */

/*
 * Whether it is the method that was refused. A static host answers POST with whatever it has for
 * what it does not understand; one that knows q by POST alone says so with one of three, and is
 * asked by POST from then on.
 */
static bool
refuses_method(const struct source_request *r, const struct upstream_reply *reply)
{
	long status = reply->status;

	if (r->source->origin->scheme == ORIGIN_FILE)
		return false;
	if (r->posted && r->inventory == NULL)
		return false;
	if (r->posted)
		return reply->outcome == UPSTREAM_REFUSED || reply->outcome == UPSTREAM_ABSENT ||
		       status == 501;
	return status == 404 || status == 405 || status == 501;
}

/* A redirect is good where it stays with the source and leads to a full archive of the type. */
static bool
read_redirect(struct source_request *r, const struct upstream_reply *reply)
{
	struct target target;

	if (!origin_location_target(r->source->origin, reply->location, &target) ||
		target.kind != TARGET_OFFER || target.base.version != 0 ||
		strcmp(target.ident.type, r->ident.type) != 0)
		return false;
	r->moved = target.ident;
	return true;
}

/* What no parser says: that nothing came, or the page of a portal or of an error. */
static void
explain_document(const struct source_request *r, struct upstream_reply *reply)
{
	reply->outcome = UPSTREAM_BROKEN;
	if (r->bytes.len == 0)
		(void)err_set(&reply->why, ERR_INPUT, "answered with an empty document");
	else if (r->bytes.at[strspn(r->bytes.at, " \t\r\n")] == '<')
		(void)err_wrap(&reply->why, "answered with a web page");
}

static void
judge_query(struct source_request *r, struct upstream_reply *reply)
{
	const struct span bytes = span_of(r->bytes.at, r->bytes.len);

	if (reply->outcome == UPSTREAM_FRESH &&
		wire_query_parse(bytes, &r->query, &reply->why) != 0)
		explain_document(r, reply);
	if (reply->outcome == UPSTREAM_FRESH || reply->outcome == UPSTREAM_UNCHANGED)
		r->source->gave_query = true;
}

static void
judge_offer(struct source_request *r, struct upstream_reply *reply)
{
	const struct span bytes = span_of(r->bytes.at, r->bytes.len);

	/* Nobody follows a redirect: the version that it names is all that is taken from it. */
	if (reply->outcome == UPSTREAM_MOVED && !read_redirect(r, reply)) {
		(void)err_wrap(&reply->why, "redirect refused");
		reply->outcome = UPSTREAM_BROKEN;
	}
	if (reply->outcome == UPSTREAM_FRESH &&
		wire_offer_parse(bytes, &r->offer, &reply->why) != 0)
		explain_document(r, reply);
}

/*
 * A connection that breaks leaves a good part; a wrong answer may have left a bad one. A range that
 * cannot be satisfied says that what is there is not of this file.
 */
static void
judge_file(struct source_request *r, const struct upstream_reply *reply)
{
	bool has_body = reply->status == 0 || reply->status == 200 || reply->status == 206;

	if ((reply->outcome == UPSTREAM_BROKEN && has_body) || reply->status == 416)
		(void)r->restart(r->context, NULL);
}

static void
judge_header(const struct source_request *r, struct upstream_reply *reply)
{
	const struct span bytes = span_of(r->bytes.at, r->bytes.len);

	if (reply->outcome == UPSTREAM_FRESH && r->listed != NULL &&
		metadata_check(r->listed, bytes, &reply->why) != 0) {
		reply->outcome = UPSTREAM_UNTRUSTED;
		(void)err_wrap(&reply->why, "%s", verdict_name(VERDICT_MIXED));
	}
}

/* A redirect answers the question for an offer alone, and that nothing changed who said what he
 * has. */
static void
refuse_what_is_no_answer(const struct source_request *r, struct upstream_reply *reply)
{
	const char *had = r->request.if_none_match;

	if (reply->outcome == UPSTREAM_MOVED && r->what != SOURCE_OFFER)
		reply->outcome = UPSTREAM_BROKEN;
	if (reply->outcome != UPSTREAM_UNCHANGED || (had != NULL && had[0] != '\0'))
		return;
	reply->outcome = UPSTREAM_BROKEN;
	(void)err_set(&reply->why, ERR_INPUT, "answered %ld, and nothing was known before",
		reply->status);
}

static void
judge(struct source_request *r, struct upstream_reply *reply)
{
	reply->outcome = manners_outcome(r->what, reply, r->source->gave_query);
	refuse_what_is_no_answer(r, reply);
	switch (r->what) {
	case SOURCE_QUERY:
		judge_query(r, reply);
		break;
	case SOURCE_OFFER:
		judge_offer(r, reply);
		break;
	case SOURCE_FILE:
		judge_file(r, reply);
		break;
	case SOURCE_HEADER:
		judge_header(r, reply);
		break;
	case SOURCE_TRUST:
		break;
	}
}

/* Not in judge: a server has headers parsed by a worker, and not by the thread of the transfers. */
int
source_header(const struct source_request *r, struct header **ret, struct upstream_reply *reply)
{
	if (header_parse_of(span_of(r->bytes.at, r->bytes.len), &r->ident, ret, &reply->why) == 0)
		return 0;
	explain_document(r, reply);
	return -1;
}

/* ---- Asking */

static int
to_bytes(void *context, const void *bytes, size_t len, struct err *e)
{
	struct source_request *r = context;

	(void)e;
	buf_add(&r->bytes, bytes, len);
	return 0;
}

static int
to_caller(void *context, const void *bytes, size_t len, struct err *e)
{
	struct source_request *r = context;

	return r->write(r->context, bytes, len, e);
}

static int
restart_caller(void *context, struct err *e)
{
	struct source_request *r = context;

	return r->restart(r->context, e);
}

static void on_done(void *context, const struct upstream_reply *received);

static void
fill(struct source_request *r)
{
	static const size_t max_bytes[] = {[SOURCE_QUERY] = WIRE_QUERY_BYTES_MAX,
		[SOURCE_HEADER] = HEADER_BYTES_MAX,
		[SOURCE_OFFER] = WIRE_OFFER_BYTES_MAX};

	r->request = (struct upstream_request){.origin = r->source->origin,
		.name = source_name(r),
		.alone = r->alone,
		.wait_s = r->wait_s,
		.write = r->write != NULL ? to_caller : to_bytes,
		.done = on_done,
		.context = r};
	if (r->source->origin->scheme != ORIGIN_FILE)
		r->request.via = r->via;
	if (r->what == SOURCE_FILE) {
		r->request.max_bytes = r->file.bytes;
		/* The offer said how long it is: another length is another file. */
		r->request.exact = true;
		r->request.resume_from = r->resume_from;
		r->request.restart = restart_caller;
		return;
	}
	r->request.max_bytes = r->what == SOURCE_TRUST ? r->trust_bytes_max : max_bytes[r->what];
	r->request.quick = r->what == SOURCE_TRUST;
	/* Of trust a cache may know too little, or that there was no next root yet. */
	r->request.fresh = r->what != SOURCE_HEADER;
	r->request.accept =
		r->what == SOURCE_OFFER && r->format > FORMAT_AR1 ? accept_all : accept_json;
}

static void
send_request(struct source_request *r)
{
	/* What another method or another source left is no part of this answer. */
	buf_clear(&r->bytes);
	idents_free(&r->query);
	fill(r);
	if (r->posted)
		r->request.post_body = r->inventory != NULL ? r->inventory : "{}";
	else if (r->what == SOURCE_QUERY)
		r->request.if_none_match = r->if_none_match;
	upstream_start(r->upstream, &r->request);
}

/*
 * It is called from upstream_run, of a transfer that is gone: starting the next one from here is
 * what it allows. A question whose method is refused is asked by the other one once. That GET is
 * refused the source remembers; an inventory has to be posted, and says nothing of what a GET would
 * do.
 */
static void
on_done(void *context, const struct upstream_reply *received)
{
	struct source_request *r = context;
	struct upstream_reply reply = *received;

	if (r->what == SOURCE_QUERY && !r->changed_method && refuses_method(r, &reply)) {
		r->changed_method = true; /* what refuses both is judged by the second answer */
		r->posted = !r->posted;
		if (r->inventory == NULL)
			r->source->query_by_post = true;
		send_request(r);
		return;
	}
	judge(r, &reply);
	if (r->reply == NULL) {
		r->done(r->context, &reply);
		return;
	}
	*r->reply = reply;
	r->ended = true;
}

void
source_start(struct upstream *u, struct source *source, struct source_request *r)
{
	assert(r->what != SOURCE_FILE || (r->write != NULL && r->restart != NULL));
	r->upstream = u;
	r->source = source;
	r->changed_method = false;
	/* A directory is asked as a static host is; others may know what is new to an inventory. */
	r->posted = r->what == SOURCE_QUERY && source->origin->scheme != ORIGIN_FILE &&
		    (r->inventory != NULL || source->query_by_post);
	send_request(r);
}

/* For who has nothing else to do meanwhile. Other transfers of the same upstream go on as well. */
void
source_fetch(struct upstream *u, struct source *source, struct source_request *r,
	struct upstream_reply *ret)
{
	r->reply = ret;
	r->ended = false;
	source_start(u, source, r);
	while (!r->ended && !stop_wanted(r->stop))
		upstream_run(u, r->stop != NULL ? 100 : 1000);
	if (!r->ended) {
		upstream_drop(u);
		*ret = (struct upstream_reply){.outcome = UPSTREAM_UNREACHABLE};
		(void)stop_check(r->stop, &ret->why);
	}
	r->reply = NULL;
}

/* ---- Parts */

int
source_part_restart(int fd, struct err *e)
{
	return ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0 ? err_sys(e, "restart") : 0;
}

int
source_part_open(int dir, const char *name, uint64_t bytes, uint64_t *ret_have, struct err *e)
{
	/*
	 * O_APPEND: after a restart the next byte goes to the beginning. O_NONBLOCK: as in fs_open,
	 * a FIFO would be waited for.
	 */
	AUTO_CLOSE int fd = openat(
		dir, name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
	off_t have = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (have < 0)
		return err_sys(e, "%s", name);
	/*
	 * Of another file, or damaged: nothing in it can be gone on with. Any other part is checked
	 * by its digest when it is whole.
	 */
	if ((uint64_t)have > bytes) {
		if (source_part_restart(fd, e) != 0)
			return err_wrap(e, "%s", name);
		have = 0;
	}
	*ret_have = (uint64_t)have;
	return fs_take(&fd);
}
