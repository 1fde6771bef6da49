/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_update.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "base/map.h"
#include "base/mem.h"
#include "cli.h"
#include "client/client_home.h"
#include "model/header.h"
#include "net/source.h"

/*
 * One update of one type, while the home's lock is held. The target is what the server announced,
 * until a redirect leads to something newer; header and its bytes are of the target.
 */
struct run {
	const struct update_client *client;
	struct update *u;
	struct home home;
	struct ident target;
	struct header *header;
	struct buf header_bytes;
};

static int
fail(struct update *u, const struct err *e, bool may_recover)
{
	u->result = UPDATE_FAILED;
	u->why = *e;
	u->may_recover = may_recover;
	return -1;
}

/* What a reply that is not what was hoped for means to the update. */
static int
fail_reply(struct update *u, const char *name, const struct upstream_reply *reply)
{
	(void)fail(u, &reply->why, upstream_may_recover(reply->outcome));
	/* What failed, in front of why. */
	(void)err_wrap(&u->why, "%s", name);
	if (reply->outcome == UPSTREAM_BUSY || reply->outcome == UPSTREAM_PREPARING) {
		u->result = UPDATE_RETRY;
		u->retry_s = reply->retry_after_s;
	}
	return -1;
}

/*
 * One question for all types. What the client has goes along, so that a server answers with what is
 * newer alone.
 */
int
client_update_query(const struct update_client *client, const struct idents *has,
	struct idents *ret, struct update *u)
{
	AUTO_BUF struct buf inventory = {0};
	struct source source = {.origin = &client->server};
	struct source_request request = {.what = SOURCE_QUERY};
	struct upstream_reply reply;

	wire_inventory_format(client->id, has, &inventory);
	request.inventory = inventory.at;
	source_fetch(client->upstream, &source, &request, &reply);
	*ret = request.query;
	request.query = (struct idents){0};
	source_clear(&request);
	return reply.outcome == UPSTREAM_FRESH ? 0 : fail_reply(u, "q", &reply);
}

/*
 * A home that cannot be opened, or that another client has, counts as one with nothing in it: the
 * update itself says what is wrong.
 */
void
client_update_installed(struct update *u)
{
	struct home home;

	u->from = u->to = (struct edition){0};
	if (client_home_open(&home, u->directory, u->type, NULL) != 0)
		return;
	if (home.installed != NULL)
		u->from = u->to = home.installed->ident.edition;
	client_home_close(&home);
}

static int
get_header(struct run *r)
{
	struct source source = {.origin = &r->client->server};
	struct source_request request = {
		.what = SOURCE_HEADER, .ident = r->target, .wait_s = (unsigned)r->client->wait_s};
	struct upstream_reply reply;

	header_free(r->header);
	r->header = NULL;
	buf_free(&r->header_bytes);
	source_fetch(r->client->upstream, &source, &request, &reply);
	if (reply.outcome == UPSTREAM_FRESH)
		(void)source_header(&request, &r->header, &reply);
	r->header_bytes = request.bytes; /* stored as they came */
	request.bytes = (struct buf){0};
	source_clear(&request);
	return r->header != NULL ? 0 : fail_reply(r->u, request.name, &reply);
}

enum offer_result { OFFER_GOT, OFFER_NONE, OFFER_FAILED };

/*
 * A 301 leads to the full archive of the version that is the newest by now; never to one that is
 * older than what is installed.
 */
static enum offer_result
follow(struct run *r, struct source_request *request, struct upstream_reply *reply)
{
	if (request->moved.edition.version < r->u->from.version) {
		(void)fail_reply(r->u, request->name, reply);
		(void)err_wrap(&r->u->why, "redirect refused");
		return OFFER_FAILED;
	}
	r->target = request->moved;
	return OFFER_NONE;
}

static enum offer_result
get_offer(struct run *r, const struct edition *base, struct archive_ref *ret)
{
	struct source source = {.origin = &r->client->server};
	struct source_request request = {.what = SOURCE_OFFER,
		.ident = r->target,
		.format = FORMAT_COUNT - 1,
		.wait_s = (unsigned)r->client->wait_s};
	struct upstream_reply reply;
	enum format format;

	if (base != NULL)
		request.base = *base;
	source_fetch(r->client->upstream, &source, &request, &reply);
	source_clear(&request); /* the offer stays */
	/* A static tree has no redirect to say so. */
	if (base != NULL && reply.outcome == UPSTREAM_ABSENT)
		return OFFER_NONE;
	if (reply.outcome == UPSTREAM_MOVED)
		return follow(r, &request, &reply);
	if (reply.outcome != UPSTREAM_FRESH ||
		!wire_offer_best(&request.offer, request.format, &format)) {
		(void)fail_reply(r->u, request.name, &reply);
		return OFFER_FAILED;
	}
	*ret = request.offer.archive[format];
	return OFFER_GOT;
}

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
static int
download(struct run *r, const struct archive_ref *archive, const char *part)
{
	struct download d = {.bytes = &r->u->bytes};
	struct source source = {.origin = &r->client->server};
	struct source_request request = {.what = SOURCE_FILE,
		.file = *archive,
		.write = write_part,
		.restart = restart_part,
		.context = &d};
	AUTO_CLOSE int fd = -1;
	struct upstream_reply reply;
	struct err e = {0};

	fd = source_part_open(r->home.state, part, archive->bytes, &request.resume_from, &e);
	if (fd < 0)
		return fail(r->u, &e, false);
	if (request.resume_from == archive->bytes)
		return 0; /* whole, or wrong: the digest decides */
	d.fd = fd;
	cli_progress_start(&d.progress, r->u->type, archive->bytes);
	cli_progress_add(&d.progress, request.resume_from);
	source_fetch(r->client->upstream, &source, &request, &reply);
	cli_progress_end(&d.progress);
	return reply.outcome == UPSTREAM_FRESH ? 0 : fail_reply(r->u, request.name, &reply);
}

/* Only the archive that is wanted now is worth keeping. */
static int
install(struct run *r, const struct archive_ref *archive, const char *part, bool difference,
	struct err *e)
{
	AUTO_MAP struct map map = {0};
	struct digest got;

	if (map_open_read(r->home.state, part, NULL, &map, &got, e) != 0)
		return -1;
	if (map.len != archive->bytes || !digest_equal(&got, &archive->id)) {
		/* What came cannot be trusted in any part of it: the next try begins anew. */
		(void)fs_remove(r->home.state, part, NULL);
		return err_set(e, ERR_DIGEST, "downloaded archive is not what its name says");
	}
	if (client_home_install(&r->home, r->header,
		    span_of(r->header_bytes.at, r->header_bytes.len), map_span(&map), difference,
		    e) != 0)
		return -1;
	return fs_remove(r->home.state, part, e);
}

static int
take_archive(struct run *r, const struct archive_ref *archive, bool difference)
{
	char hex[DIGEST_HEX + 1];
	AUTO_FREE char *part = mem_printf("%s.part", digest_hex(&archive->id, hex));
	struct err e = {0};

	if (download(r, archive, part) != 0)
		return -1;
	if (install(r, archive, part, difference, &e) != 0)
		/*
		 * Another try may bring the right bytes; a disk that is full, or a version that
		 * cannot be put together, stays so.
		 */
		return fail(r->u, &e, e.code == ERR_DIGEST);
	r->u->via = difference ? "difference" : "full";
	r->u->result = UPDATE_UPDATED;
	r->u->to = r->header->ident.edition;
	return 0;
}

static int
take_full(struct run *r)
{
	struct archive_ref archive = {0};
	struct ident asked;

	do {
		asked = r->target;
		switch (get_offer(r, NULL, &archive)) {
		case OFFER_GOT:
			/* After the offer, which may have led to another version. */
			if (get_header(r) != 0)
				return -1;
			return take_archive(r, &archive, false);
		case OFFER_FAILED:
			return -1;
		case OFFER_NONE:
			break;
		}
		/* A newer version was announced meanwhile; each step leads upwards. */
	} while (r->target.edition.version > asked.edition.version);
	(void)err_set(&r->u->why, ERR_INPUT, "redirect to itself");
	return fail(r->u, &r->u->why, true);
}

/* A difference, where anything is installed and there is one; else the full archive. */
static int
take_newest(struct run *r)
{
	const struct edition *base = &r->u->from;
	struct archive_ref archive = {0};

	if (base->version == 0)
		return take_full(r);
	switch (get_offer(r, base, &archive)) {
	case OFFER_GOT:
		if (get_header(r) == 0 && take_archive(r, &archive, true) == 0)
			return 0;
		/* Installed files that somebody changed, or an archive that does not fit. */
		if (r->u->result != UPDATE_FAILED || r->header == NULL ||
			(r->u->why.code != ERR_DIGEST && r->u->why.code != ERR_INPUT &&
				r->u->why.code != ERR_MISSING))
			return -1;
		cli_complain("%s: difference not used: %s", r->u->type, r->u->why.text);
		return take_full(r);
	case OFFER_NONE:
		return take_full(r);
	case OFFER_FAILED:
		break;
	}
	return -1;
}

/*
 * What the server's answer means for this type. An older version than the installed one is not
 * taken, and neither is other content under its number, whoever answers.
 */
static void
decide(struct run *r, const struct ident *newest)
{
	struct update *u = r->u;
	struct err e = {0};

	u->result = UPDATE_CURRENT;
	/* Left out of the answer, as what is current is. */
	if (newest == NULL && u->from.version > 0)
		return;
	if (newest == NULL) {
		(void)err_set(&e, ERR_MISSING, "the server does not know this type");
		(void)fail(u, &e, true);
		return;
	}
	if (newest->edition.version < u->from.version) {
		cli_complain("%s: the server has an older version, %" PRIu64 "; keeping %" PRIu64,
			u->type, newest->edition.version, u->from.version);
		return;
	}
	if (ident_edition_equal(&newest->edition, &u->from))
		return;
	if (newest->edition.version == u->from.version) {
		(void)err_set(
			&e, ERR_INPUT, "the server has other content under the installed version");
		(void)fail(u, &e, true);
		return;
	}
	r->target = *newest;
	(void)take_newest(r);
}

void
client_update_type(const struct update_client *client, const struct ident *newest, struct update *u)
{
	struct run r = {.client = client, .u = u};
	struct err e = {0};

	u->via = NULL;
	u->retry_s = 0;
	if (client_home_open(&r.home, u->directory, u->type, &e) != 0) {
		(void)fail(u, &e, e.code == ERR_BUSY);
		return;
	}
	if (r.home.installed != NULL)
		u->from = u->to = r.home.installed->ident.edition;
	decide(&r, newest);
	header_free(r.header);
	buf_free(&r.header_bytes);
	client_home_close(&r.home);
}
