/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_update.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "client/client_home.h"
#include "base/fs.h"
#include "model/header.h"
#include "base/map.h"
#include "base/mem.h"

static const char accept_formats[] = "application/x-guts2ar2, application/json";

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
	(void)err_wrap(&u->why, "%s", name);
	if (reply->outcome == UPSTREAM_BUSY || reply->outcome == UPSTREAM_PREPARING) {
		u->result = UPDATE_RETRY;
		u->retry_s = reply->retry_after_s;
	}
	return -1;
}

static int
append(void *context, const void *bytes, size_t len, struct err *e)
{
	(void)e;
	buf_add(context, bytes, len);
	return 0;
}

/* A document, whole in memory. */
static void
get_document(const struct update_client *client, const char *name, size_t max, struct buf *ret,
	struct upstream_reply *reply)
{
	struct upstream_request request = {.origin = &client->server,
		.name = name,
		.accept = accept_formats,
		.wait_s = (unsigned)client->wait_s,
		.max_bytes = max,
		.write = append,
		.context = ret};

	upstream_fetch(client->upstream, &request, reply);
}

static void
post_inventory(const struct update_client *client, const struct idents *has, struct buf *ret,
	struct upstream_reply *reply)
{
	AUTO_BUF struct buf body = {0};
	struct upstream_request request = {.origin = &client->server,
		.name = "q",
		.accept = accept_formats,
		.max_bytes = WIRE_QUERY_BYTES_MAX,
		.write = append,
		.context = ret};

	wire_inventory_format(client->id, has, &body);
	request.post_body = body.at;
	upstream_fetch(client->upstream, &request, reply);
}

int
client_update_query(const struct update_client *client, const struct idents *has,
	struct idents *ret, struct update *u)
{
	AUTO_BUF struct buf bytes = {0};
	struct upstream_reply reply = {.outcome = UPSTREAM_REFUSED};
	struct err e = {0};

	/* A static tree refuses POST in one way or another, and is asked with GET. */
	if (client->server.scheme != ORIGIN_FILE)
		post_inventory(client, has, &bytes, &reply);
	if (reply.outcome == UPSTREAM_REFUSED || reply.outcome == UPSTREAM_ABSENT ||
		(reply.outcome == UPSTREAM_BROKEN && reply.status == 501)) {
		buf_clear(&bytes);
		get_document(client, "q", WIRE_QUERY_BYTES_MAX, &bytes, &reply);
	}
	if (reply.outcome != UPSTREAM_FRESH)
		return fail_reply(u, "q", &reply);
	if (wire_query_parse(span_of(bytes.at, bytes.len), ret, &e) != 0)
		return fail(u, &e, true);
	return 0;
}

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
	struct upstream_reply reply;
	char name[IDENT_NAME_MAX];
	struct err e = {0};

	header_free(r->header);
	r->header = NULL;
	buf_clear(&r->header_bytes);
	(void)ident_header_name(&r->target, name);
	get_document(r->client, name, HEADER_BYTES_MAX, &r->header_bytes, &reply);
	if (reply.outcome != UPSTREAM_FRESH)
		return fail_reply(r->u, name, &reply);
	if (header_parse(span_of(r->header_bytes.at, r->header_bytes.len), &r->header, &e) != 0)
		return fail(r->u, &e, true);
	if (!ident_equal(&r->header->ident, &r->target)) {
		(void)err_set(&e, ERR_INPUT, "%s: header of another version", name);
		return fail(r->u, &e, true);
	}
	return 0;
}

enum offer_result { OFFER_GOT, OFFER_NONE, OFFER_FAILED };

/* A 301 leads to the full archive of the version that is the newest by now. */
static enum offer_result
follow(struct run *r, const char *name, const struct upstream_reply *reply)
{
	struct target target;

	if (!origin_location_target(&r->client->server, reply->location, &target) ||
		target.kind != TARGET_OFFER || target.base.version != 0 ||
		strcmp(target.ident.type, r->target.type) != 0 ||
		target.ident.edition.version < r->u->from.version) {
		(void)fail_reply(r->u, name, reply);
		(void)err_wrap(&r->u->why, "redirect refused");
		return OFFER_FAILED;
	}
	r->target = target.ident;
	return OFFER_NONE;
}

static enum offer_result
get_offer(struct run *r, const struct edition *base, struct archive_ref *ret)
{
	AUTO_BUF struct buf bytes = {0};
	struct upstream_reply reply;
	struct offer offer;
	char name[IDENT_NAME_MAX];
	struct err e = {0};

	(void)ident_offer_name(&r->target, base, name);
	get_document(r->client, name, WIRE_OFFER_BYTES_MAX, &bytes, &reply);
	if (base != NULL && reply.outcome == UPSTREAM_ABSENT)
		return OFFER_NONE;
	if (reply.outcome == UPSTREAM_MOVED)
		return follow(r, name, &reply);
	if (reply.outcome != UPSTREAM_FRESH) {
		(void)fail_reply(r->u, name, &reply);
		return OFFER_FAILED;
	}
	if (wire_offer_parse(span_of(bytes.at, bytes.len), &offer, &e) != 0) {
		(void)fail(r->u, &e, true);
		return OFFER_FAILED;
	}
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (offer.archive[i].bytes > 0)
			*ret = offer.archive[i];
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
	if (ftruncate(d->fd, 0) != 0 || lseek(d->fd, 0, SEEK_SET) != 0)
		return err_sys(e, "restart");
	return 0;
}

/* .state/<id> grows until it has the archive's size; what is there from an earlier run stays. */
static int
download(struct run *r, const struct archive_ref *archive, const char *part)
{
	struct download d = {.bytes = &r->u->bytes};
	struct upstream_request request = {.origin = &r->client->server,
		.max_bytes = archive->bytes,
		.exact = true,
		.write = write_part,
		.restart = restart_part,
		.context = &d};
	AUTO_CLOSE int fd = openat(
		r->home.state, part, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
	struct upstream_reply reply;
	char name[IDENT_NAME_MAX];
	struct err e = {0};
	off_t have;

	if (fd < 0 || (have = lseek(fd, 0, SEEK_END)) < 0) {
		(void)err_sys(&e, "%s", part);
		return fail(r->u, &e, false);
	}
	if ((uint64_t)have >= archive->bytes)
		return 0; /* whole, or wrong: the digest decides */
	d.fd = fd;
	request.name = ident_file_name(&archive->id, name);
	request.resume_from = (uint64_t)have;
	cli_progress_start(&d.progress, r->u->type, archive->bytes);
	cli_progress_add(&d.progress, (uint64_t)have);
	upstream_fetch(r->client->upstream, &request, &reply);
	cli_progress_end(&d.progress);
	if (reply.outcome == UPSTREAM_FRESH)
		return 0;
	if (reply.outcome == UPSTREAM_REFUSED) /* 416 and the like: begin anew next time */
		(void)fs_remove(r->home.state, part, NULL);
	return fail_reply(r->u, name, &reply);
}

/* Only the archive that is wanted now is worth keeping. */
static int
install(struct run *r, const struct archive_ref *archive, const char *part, bool difference,
	struct err *e)
{
	AUTO_MAP struct map map = {0};
	struct digest got;

	if (map_open_read(r->home.state, part, &map, &got, e) != 0)
		return -1;
	if (map.len != archive->bytes || !digest_equal(&got, &archive->id)) {
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

static void
decide(struct run *r, const struct ident *newest)
{
	struct update *u = r->u;
	struct err e = {0};

	u->result = UPDATE_CURRENT;
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
