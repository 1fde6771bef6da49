/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/map.h"
#include "cli.h"
#include "net/source.h"

int
client_fetch_fail(struct update *u, const struct err *e, bool may_recover)
{
	u->result = UPDATE_FAILED;
	u->why = *e;
	u->may_recover = may_recover;
	return -1;
}

enum fetch_result
client_fetch_fail_reply(struct update *u, const char *name, const struct upstream_reply *reply)
{
	bool full = reply->why.code == ERR_FULL; /* here, and the next try would fill it again */

	(void)client_fetch_fail(u, &reply->why, !full && upstream_may_recover(reply->outcome));
	(void)err_wrap(&u->why, "%s", name);
	if (reply->outcome == UPSTREAM_BUSY || reply->outcome == UPSTREAM_PREPARING) {
		u->result = UPDATE_RETRY;
		u->retry_s = reply->retry_after_s;
	} else if (reply->outcome == UPSTREAM_UNTRUSTED) {
		u->result = UPDATE_UNTRUSTED;
	}
	return FETCH_FAILED;
}

int
client_fetch_query(const struct update_client *client, const struct idents *has, struct idents *ret,
	struct update *u)
{
	AUTO_BUF struct buf inventory = {0};
	struct source_request request = {.what = SOURCE_QUERY};
	struct upstream_reply reply;

	wire_inventory_format(client->id, has, &inventory);
	request.inventory = inventory.at;
	source_fetch(client->upstream, client->source, &request, &reply);
	idents_free(ret);
	*ret = request.query;
	request.query = (struct idents){0};
	source_clear(&request);
	if (reply.outcome == UPSTREAM_FRESH)
		return 0;
	(void)client_fetch_fail_reply(u, "q", &reply);
	return -1;
}

/* ---- Header */

/* Under the installed version's name there is the installed content, and no other. */
static int
check_header(struct fetch *f)
{
	const struct home *h = &f->u->home;
	struct digest got = digest_of(span_of(f->header_bytes.at, f->header_bytes.len));
	struct err e = {0};

	if (!ident_edition_equal(&f->target.edition, &h->named) ||
		((!h->header_known || digest_equal(&got, &h->header)) &&
			(!f->u->vouched || digest_equal(&got, &f->u->had.header))))
		return 0;
	(void)err_set(&e, ERR_INPUT, "the server has other content under the installed version");
	return client_fetch_fail(f->u, &e, true);
}

/* What is installed was looked up when it came: that it is the same check_header sees. */
static int
look_up(struct fetch *f, struct source_request *request)
{
	const struct update_client *client = f->client;
	struct update *u = f->u;
	const struct ident installed = ident_of(f->target.type, &u->from);
	const struct client_want want = {&f->target, &installed};
	struct upstream_reply reply = {0};

	if (!client_trust_wanted(client->trust) ||
		(u->vouched && ident_edition_equal(&f->target.edition, &u->from)))
		return 0;
	request->listed = client_trust_find(
		client->trust, client->upstream, client->source, &want, &u->signed_, &reply);
	(void)client_trust_word(&reply, u->trust);
	if (request->listed != NULL)
		return 0;
	(void)client_fetch_fail_reply(u, "tuf", &reply);
	return -1;
}

int
client_fetch_header(struct fetch *f)
{
	struct source_request request = {
		.what = SOURCE_HEADER, .ident = f->target, .wait_s = (unsigned)f->client->wait_s};
	struct upstream_reply reply;

	if (f->header != NULL && ident_equal(&f->header->ident, &f->target))
		return 0;
	client_fetch_free(f);
	if (look_up(f, &request) != 0)
		return -1;
	source_fetch(f->client->upstream, f->client->source, &request, &reply);
	if (reply.outcome == UPSTREAM_FRESH)
		(void)source_header(&request, &f->header, &reply);
	f->header_bytes = source_take_bytes(&request); /* stored as they came */
	source_clear(&request);
	if (f->header != NULL)
		return check_header(f);
	if (reply.outcome == UPSTREAM_UNTRUSTED)
		(void)client_trust_word(&reply, f->u->trust);
	(void)client_fetch_fail_reply(f->u, request.name, &reply);
	return -1;
}

void
client_fetch_free(struct fetch *f)
{
	header_free(f->header);
	f->header = NULL;
	buf_free(&f->header_bytes);
}

/* ---- Offer */

/*
 * A 301 leads to the full archive of the version that is the newest by now: never to one that is
 * not newer than what is installed, whatever its cookie.
 */
static enum fetch_result
follow(struct fetch *f, const char *name, const struct ident *moved)
{
	const struct edition *from = &f->u->from;
	struct err e = {0};

	if (moved->edition.version > from->version) {
		f->target = *moved;
		return FETCH_ABSENT;
	}
	(void)err_set(&e, ERR_INPUT,
		"%s: redirect refused: version %" PRIu64 " %s is not newer than the installed one, "
		"%" PRIu64 " %s",
		name, moved->edition.version, moved->edition.cookie, from->version, from->cookie);
	(void)client_fetch_fail(f->u, &e, true);
	return FETCH_FAILED;
}

enum fetch_result
client_fetch_offer(
	struct fetch *f, const struct edition *base, enum format format, struct archive_ref *ret)
{
	struct source_request request = {.what = SOURCE_OFFER,
		.ident = f->target,
		.base = *base,
		.format = format,
		.wait_s = (unsigned)f->client->wait_s};
	struct upstream_reply reply;

	source_fetch(f->client->upstream, f->client->source, &request, &reply);
	source_clear(&request); /* the offer stays */
	/* A static tree has no redirect to say so. */
	if (base->version > 0 && reply.outcome == UPSTREAM_ABSENT)
		return FETCH_ABSENT;
	if (reply.outcome == UPSTREAM_MOVED)
		return follow(f, request.name, &request.moved);
	if (reply.outcome != UPSTREAM_FRESH)
		return client_fetch_fail_reply(f->u, request.name, &reply);
	if (!wire_offer_best(&request.offer, request.format, &format)) {
		(void)err_set(&reply.why, ERR_INPUT, "there is no format that is understood here");
		return client_fetch_fail_reply(f->u, request.name, &reply);
	}
	*ret = request.offer.archive[format];
	return FETCH_GOT;
}

/* ---- Archive */

struct download {
	int fd;
	uint64_t *bytes;
	struct cli_progress progress;
};

static int
write_part(void *context, const void *bytes, size_t len, struct err *e)
{
	struct download *d = context;

	*d->bytes += len;
	cli_progress_add(&d->progress, len);
	return fs_write(d->fd, bytes, len, e);
}

static int
restart_part(void *context, struct err *e)
{
	struct download *d = context;

	d->progress.done = 0;
	return source_part_restart(d->fd, e);
}

/* .state/<id> grows until it has the archive's size; what is there from an earlier run stays. */
static enum fetch_result
download(struct fetch *f, const struct archive_ref *archive, const char *part, bool *ret_stale)
{
	struct download d = {.bytes = &f->u->bytes};
	struct source_request request = {.what = SOURCE_FILE,
		.file = *archive,
		.write = write_part,
		.restart = restart_part,
		.context = &d};
	AUTO_CLOSE int fd = -1;
	struct upstream_reply reply;
	struct err e = {0};

	fd = source_part_open(f->u->home.state, part, archive->bytes, &request.resume_from, &e);
	if (fd < 0) {
		(void)client_fetch_fail(f->u, &e, false);
		return FETCH_FAILED;
	}
	*ret_stale = request.resume_from > 0;
	if (request.resume_from == archive->bytes)
		return FETCH_GOT; /* whole, or wrong: the digest decides */
	d.fd = fd;
	cli_progress_start(&d.progress, f->u->type, archive->bytes);
	cli_progress_add(&d.progress, request.resume_from);
	source_fetch(f->client->upstream, f->client->source, &request, &reply);
	cli_progress_end(&d.progress);
	if (reply.outcome == UPSTREAM_FRESH)
		return FETCH_GOT;
	/* The part was not of this archive, or its end cannot be had as a range. */
	*ret_stale = *ret_stale && (reply.status == 416 || (reply.outcome == UPSTREAM_BROKEN &&
								   reply.why.code == ERR_INPUT));
	(void)client_fetch_fail_reply(f->u, request.name, &reply);
	return reply.outcome == UPSTREAM_ABSENT ? FETCH_ABSENT : FETCH_FAILED;
}

static enum fetch_result
check_part(struct fetch *f, const struct archive_ref *archive, const char *part)
{
	AUTO_MAP struct map map = {0};
	struct digest got;
	struct err e = {0};

	if (map_open_read(f->u->home.state, part, NULL, &map, &got, &e) == 0) {
		if (map.len == archive->bytes && digest_equal(&got, &archive->id))
			return FETCH_GOT;
		(void)err_set(&e, ERR_DIGEST, "downloaded archive is not what its name says");
	}
	(void)client_fetch_fail(f->u, &e, e.code == ERR_DIGEST);
	return FETCH_FAILED;
}

/* What came cannot be trusted in any part of it: it is removed, and begun anew, once. */
enum fetch_result
client_fetch_archive(struct fetch *f, const struct archive_ref *archive, const char *part)
{
	enum fetch_result result = FETCH_FAILED;
	bool stale = true;

	for (int tries = 0; tries < 2 && stale; tries++) {
		result = download(f, archive, part, &stale);
		if (result == FETCH_GOT)
			result = check_part(f, archive, part);
		else if (!stale)
			return result; /* what is there is good, and goes on the next time */
		if (result == FETCH_GOT)
			return FETCH_GOT;
		(void)fs_remove(f->u->home.state, part, NULL);
	}
	return result;
}
