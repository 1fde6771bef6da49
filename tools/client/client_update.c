/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_update.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/fs.h"
#include "base/map.h"
#include "base/mem.h"
#include "cli.h"
#include "client/client_fetch.h"
#include "client/client_install.h"
#include "client/client_vouch.h"

enum { MOVES_MAX = 4 }; /* redirects from version to version in one update */

int
client_update_begin(const struct update_client *client, struct update *u)
{
	struct err e = {0};

	u->via = NULL;
	u->retry_s = 0;
	client_vouch_unknown(client, u);
	u->open = client_home_open(&u->home, u->directory, u->type, &e) == 0;
	if (!u->open) {
		(void)client_fetch_fail(u, &e, e.code == ERR_BUSY);
		u->result = e.code == ERR_BUSY ? UPDATE_RETRY : UPDATE_FAILED;
		return -1;
	}
	client_home_look(&u->home, client->verify);
	u->from = u->to = u->home.named;
	u->verified_s = u->home.seen.verified_s;
	client_vouch_begin(client, u);
	/* Whatever the server says now, this is true. */
	if (u->home.damage[0] != '\0')
		cli_complain("%s: version %" PRIu64 " is damaged: %s", u->type, u->from.version,
			u->home.damage);
	return 0;
}

void
client_update_end(struct update *u)
{
	if (u->open)
		client_home_close(&u->home);
	u->open = false;
}

static void
tidy(const struct update *u, const char *part)
{
	struct err e = {0};

	if (client_home_tidy(&u->home, part, &e) != 0)
		cli_complain("%s: leftovers are not removed: %s", u->type, e.text);
}

/* ---- Archives of no use */

/*
 * Both by what their bytes are: these two will fit as little the next time. Which of them is wrong
 * is not known, so that with another header it is another question.
 */
static char *
useless_name(const struct fetch *f, const struct archive_ref *archive)
{
	struct digest header = digest_of(span_of(f->header_bytes.at, f->header_bytes.len));
	char header_hex[DIGEST_HEX + 1];
	char hex[DIGEST_HEX + 1];

	return mem_printf(
		"%s-%s.bad", digest_hex(&archive->id, hex), digest_hex(&header, header_hex));
}

/* With the reason. */
static bool
is_useless(const struct fetch *f, const struct archive_ref *archive, struct err *ret_why)
{
	AUTO_FREE char *name = useless_name(f, archive);
	const struct home *h = &f->u->home;
	AUTO_BUF struct buf why = {0};

	if (!client_home_marked(h, name) ||
		fs_read(h->state, name, sizeof(ret_why->text), &why, NULL) != 0)
		return false;
	(void)err_set(ret_why, ERR_INPUT, "found of no use within the last day: %s",
		why.len > 0 ? why.at : "no reason is known");
	return true;
}

/* A mark that cannot be made costs another try, no more. */
static void
mark_useless(const struct fetch *f, const struct archive_ref *archive)
{
	AUTO_FREE char *name = useless_name(f, archive);
	const struct err *why = &f->u->why;

	(void)fs_put(f->u->home.state, "mark", name, span_of(why->text, strlen(why->text)), NULL);
}

/* ---- Ways to the target */

enum way_result {
	WAY_TAKEN,
	WAY_NONE,    /* there is none, or the target is another one now */
	WAY_USELESS, /* its archive cannot be used: another way may do */
	WAY_FAILED,
};

static enum way_result
install(struct fetch *f, const char *part, bool difference)
{
	struct update *u = f->u;
	AUTO_MAP struct map map = {0};
	struct installation what = {.header = f->header,
		.header_bytes = span_of(f->header_bytes.at, f->header_bytes.len),
		.difference = difference,
		.copy = f->client->copy};
	struct err e = {0};
	int result = map_open(u->home.state, part, &map, &e);

	what.archive = map_span(&map);
	if (result == 0 && client_trust_missed(f->client->trust))
		result = err_set(&e, ERR_BUSY,
			"another run was given a root, or verified something newer, meanwhile");
	if (result == 0)
		result = client_install(&u->home, &what, &e);
	if (result != 0) {
		(void)client_fetch_fail(u, &e, e.code == ERR_BUSY);
		return e.code == ERR_DIGEST || e.code == ERR_INPUT || e.code == ERR_MISSING
			       ? WAY_USELESS
			       : WAY_FAILED;
	}
	u->via = difference ? "difference" : "full";
	u->result =
		ident_edition_equal(&u->from, &u->home.named) ? UPDATE_REPAIRED : UPDATE_UPDATED;
	u->to = u->home.named;
	u->verified_s = u->home.seen.verified_s;
	client_vouch_installed(f->client, u, &u->home.header);
	return WAY_TAKEN;
}

static enum way_result
take_archive(struct fetch *f, const struct archive_ref *archive, bool difference, bool *ret_gone)
{
	char hex[DIGEST_HEX + 1];
	AUTO_FREE char *part = mem_printf("%s.part", digest_hex(&archive->id, hex));
	enum way_result result;
	struct err e = {0};

	if (is_useless(f, archive, &e)) {
		(void)client_fetch_fail(f->u, &e, false);
		return WAY_USELESS;
	}
	/* Now: what an earlier version left must not take the room of this one. */
	tidy(f->u, part);
	switch (client_fetch_archive(f, archive, part)) {
	case FETCH_GOT:
		break;
	case FETCH_ABSENT:
		*ret_gone = true;
		return WAY_FAILED;
	case FETCH_FAILED:
		return WAY_FAILED;
	}
	result = install(f, part, difference);
	if (result == WAY_USELESS) {
		mark_useless(f, archive);
		(void)fs_remove(f->u->home.state, part, NULL);
	}
	return result;
}

/* The header after the offer, which may have led to another version. */
static enum way_result
try_way(struct fetch *f, const struct edition *base, enum format format, bool *ret_gone)
{
	struct archive_ref archive = {0};

	switch (client_fetch_offer(f, base, format, &archive)) {
	case FETCH_GOT:
		break;
	case FETCH_ABSENT:
		return WAY_NONE;
	case FETCH_FAILED:
		return WAY_FAILED;
	}
	if (client_fetch_header(f) != 0)
		return WAY_FAILED;
	return take_archive(f, &archive, base->version > 0, ret_gone);
}

/*
 * Twice where the archive went between the offer and the question for it, or where the disk is too
 * small for three versions.
 */
static enum way_result
take_way(struct fetch *f, const struct edition *base, enum format format)
{
	bool gone = false;
	enum way_result result = try_way(f, base, format, &gone);

	if (gone || (result == WAY_FAILED && f->u->why.code == ERR_FULL &&
			    client_home_drop_before(&f->u->home)))
		result = try_way(f, base, format, &gone);
	return result;
}

/* The best format first. Each redirect leads to another version, which is newer than the installed
 * one. */
static void
take_full(struct fetch *f)
{
	static const struct edition none = {0};
	enum format format = FORMAT_COUNT - 1;
	struct err e = {0};

	for (int moves = 0; moves <= MOVES_MAX;) {
		switch (take_way(f, &none, format)) {
		case WAY_TAKEN:
		case WAY_FAILED:
			return;
		case WAY_NONE:
			moves++;
			break;
		case WAY_USELESS:
			if (format == FORMAT_AR1)
				return;
			cli_complain("%s: full archive not used: %s", f->u->type, f->u->why.text);
			format--;
			break;
		}
	}
	(void)err_set(&e, ERR_INPUT, "redirected %d times, at last to version %" PRIu64,
		MOVES_MAX + 1, f->target.edition.version);
	(void)client_fetch_fail(f->u, &e, true);
}

/* A difference, where what is installed is whole and there is one; else the full archive. */
static void
take_target(struct fetch *f)
{
	const struct update *u = f->u;

	if (u->home.whole && u->home.named.version > 0) {
		switch (take_way(f, &u->from, FORMAT_COUNT - 1)) {
		case WAY_TAKEN:
		case WAY_FAILED:
			return;
		case WAY_NONE:
			break;
		case WAY_USELESS:
			cli_complain("%s: difference not used: %s", u->type, u->why.text);
			break;
		}
	}
	take_full(f);
}

static void
take(const struct update_client *client, struct update *u, const struct edition *edition)
{
	struct fetch f = {.client = client, .u = u, .target = ident_of(u->home.type, edition)};

	take_target(&f);
	client_fetch_free(&f);
	if (u->result == UPDATE_UPDATED || u->result == UPDATE_REPAIRED)
		tidy(u, NULL);
	else if (u->home.damage[0] != '\0')
		(void)err_wrap(&u->why, "the installed version is damaged, and is not mended");
}

/*
 * What is damaged may be nowhere any more, or never was: a person can say so, and damage cannot.
 * The reason is cut before the advice is.
 */
static void
advise(struct update *u, const struct edition *newest)
{
	const struct err why = u->why;

	(void)err_set(&u->why, why.code,
		"%.250s; what the server announces, version %" PRIu64
		", is not newer and not taken: "
		"to install it all the same, remove %s/%s/current",
		why.text, newest->version, u->directory, u->type);
}

/* ---- What the server's answer means */

/* The type is not announced. */
static void
decide_unknown(struct update *u)
{
	bool damaged = u->from.version > 0 && !u->home.whole;
	struct err e = {0};

	(void)err_set(&e, ERR_MISSING, "the server does not announce this type%s",
		u->from.version > 0 ? " any more; what is installed stays" : "");
	(void)client_fetch_fail(u, &e, true);
	if (damaged)
		(void)err_wrap(&u->why, "the installed version is damaged, and is not mended");
	else if (u->from.version > 0)
		u->result = UPDATE_WITHDRAWN;
}

/* What is announced is no news: is what is there as it was? */
static void
decide_not_newer(const struct update_client *client, const struct edition *newest, struct update *u)
{
	struct err e = {0};

	if (!u->home.whole) {
		take(client, u, &u->from);
		if (u->result != UPDATE_REPAIRED && newest->version < u->from.version)
			advise(u, newest);
		return;
	}
	tidy(u, NULL);
	u->result = UPDATE_CURRENT;
	if (newest->version == u->from.version)
		return;
	(void)err_set(&e, ERR_INPUT,
		"the server announces an older version, %" PRIu64 "; the installed one stays%s",
		newest->version,
		strcmp(u->trust, verdict_name(VERDICT_NOT_LISTED)) == 0
			? ", though it was taken back"
			: "");
	(void)client_fetch_fail(u, &e, true);
	u->result = UPDATE_OLDER;
}

/*
 * An older version than the installed one is not taken, and neither is other content under its
 * number, whoever answers.
 */
static void
decide(const struct update_client *client, const struct ident *newest, struct update *u)
{
	struct err e = {0};

	if (newest == NULL) {
		decide_unknown(u);
	} else if (newest->edition.version > u->from.version) {
		take(client, u, &newest->edition);
	} else if (newest->edition.version < u->from.version ||
		   ident_edition_equal(&newest->edition, &u->from)) {
		decide_not_newer(client, &newest->edition, u);
	} else {
		(void)err_set(&e, ERR_INPUT,
			"the server has other content under the installed version: cookie %s, "
			"installed is %s",
			newest->edition.cookie, u->from.cookie);
		(void)client_fetch_fail(u, &e, true);
		if (!u->home.whole)
			advise(u, &newest->edition);
	}
}

void
client_update_type(const struct update_client *client, const struct ident *newest, struct update *u)
{
	const struct client_trust *ct = client->trust;

	if (!client_trust_wanted(ct) || newest == NULL) {
		decide(client, newest, u);
		if (client_trust_asked(ct) && u->result == UPDATE_WITHDRAWN)
			client_vouch_look(client, u);
		return;
	}
	if (!client_vouch_check(client, newest, u))
		return;
	if (ct->expires_s > time(NULL) && strcmp(u->trust, "unknown") == 0)
		(void)snprintf(u->trust, sizeof(u->trust), "good");
	decide(client, newest, u);
}
