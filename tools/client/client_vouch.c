/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_vouch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "client/client_fetch.h"

/*
 * Where the record of what is installed is lost, the one that was looked up is what it has to be.
 */
void
client_vouch_begin(const struct update_client *client, struct update *u)
{
	u->had = client_had_read(client->trust != NULL ? client->trust->dir : -1, u->type);
	u->vouched = u->had.newest > 0 && u->from.version > 0 &&
		     ident_edition_equal(&u->from, &u->had.edition) &&
		     (!u->home.header_known || digest_equal(&u->home.header, &u->had.header));
	client_trust_clear_signed(&u->signed_);
}

void
client_vouch_unknown(const struct update_client *client, struct update *u)
{
	(void)snprintf(u->trust, sizeof(u->trust), "%s",
		client_trust_wanted(client->trust) ? "unknown" : "");
}

/* What was looked up is installed: nothing older comes after it. */
void
client_vouch_installed(
	const struct update_client *client, struct update *u, const struct digest *header)
{
	struct err e = {0};

	if (!client_trust_wanted(client->trust))
		return;
	u->had.edition = u->home.named;
	u->had.header = *header;
	if (u->signed_.newest > 0)
		client_trust_had_signed(client->trust, u->home.type, &u->had);
	u->vouched = true;
	if (client_had_note(client->trust->dir, u->type, &u->had, &e) != 0)
		cli_complain("%s: .trust: %s", u->type, e.text);
}

/* What is newer than what is installed, for the runs that do not ask. */
static void
note_newer(const struct update_client *client, struct update *u)
{
	if (u->had.edition.version == 0 || !u->vouched)
		return;
	client_trust_had_signed(client->trust, u->home.type, &u->had);
	(void)client_had_note(client->trust->dir, u->type, &u->had, NULL);
}

bool
client_vouch_asks(const struct update *u, const struct ident *newest)
{
	if (u->from.version > 0 && !u->vouched)
		return true;
	return newest != NULL && newest->edition.version > u->from.version;
}

static void
refuse(struct update *u, const struct upstream_reply *reply)
{
	(void)client_trust_word(reply, u->trust);
	(void)client_fetch_fail_reply(u, "tuf", reply);
}

/* What is installed; where nobody vouches for it, it is asked for again the next time. */
static void
disown(const struct update_client *client, struct update *u, const struct upstream_reply *reply)
{
	refuse(u, reply);
	if (strcmp(u->trust, verdict_name(VERDICT_NOT_LISTED)) != 0 &&
		strcmp(u->trust, "changed") != 0)
		return;
	u->had.newest = 0;
	(void)client_had_note(client->trust->dir, u->type, &u->had, NULL);
}

/*
 * Numbers that who may sign never listed were somebody's whose key was taken from him: they keep
 * nobody from what is signed.
 */
static bool
is_beyond(const struct edition *edition, const struct update *u)
{
	return u->signed_.last > 0 && edition->version > u->signed_.last;
}

/* What was had is remembered, whatever became of the files. False: it is refused. */
static bool
is_not_older_than_had(const struct ident *newest, struct update *u)
{
	const struct edition *had = &u->had.edition;
	struct upstream_reply reply = {.outcome = UPSTREAM_UNTRUSTED};

	if (newest->edition.version > had->version || ident_edition_equal(&newest->edition, had) ||
		is_beyond(had, u))
		return true;
	(void)err_set(&reply.why, ERR_INPUT,
		"%s: version %" PRIu64 " %s is announced, and %" PRIu64
		" %s was installed here before: only a version that is published anew goes back",
		verdict_name(VERDICT_ROLLED_BACK), newest->edition.version, newest->edition.cookie,
		had->version, had->cookie);
	refuse(u, &reply);
	return false;
}

/* What vouched may have been kept by nobody: another run had the lock. */
static bool
is_older_than_vouched(
	const struct update_client *client, struct update *u, struct upstream_reply *ret_reply)
{
	const struct trust *t = client->trust->trust;
	struct err e = {0};

	if (trust_role(t, ROLE_ROOT)->version != u->had.root ||
		trust_role(t, ROLE_TIMESTAMP)->version >= u->had.timestamp)
		return false;
	client_trust_clear_signed(&u->signed_);
	(void)err_set(&e, ERR_INPUT,
		"%s: timestamp: version %" PRIu64 " is older than %" PRIu64
		", which vouched for what was installed here",
		verdict_name(VERDICT_ROLLED_BACK), trust_role(t, ROLE_TIMESTAMP)->version,
		u->had.timestamp);
	source_trust_refuse(ret_reply, &e);
	return true;
}

/* What is announced, where it is to be taken, or what is installed. */
static const struct listed *
look_up(const struct update_client *client, const struct edition *edition, struct update *u,
	struct upstream_reply *ret_reply)
{
	const struct ident wanted = ident_of(u->home.type, edition);
	const struct ident installed = ident_of(u->home.type, &u->from);
	const struct client_want want = {&wanted, &installed};
	const struct listed *listed;

	/* What an earlier look found is in the record. */
	client_trust_clear_signed(&u->signed_);
	listed = client_trust_find(
		client->trust, client->upstream, client->source, &want, &u->signed_, ret_reply);
	if (u->signed_.newest > 0 && is_older_than_vouched(client, u, ret_reply))
		return NULL;
	if (u->signed_.newest > 0)
		note_newer(client, u);
	return listed;
}

/* What is installed was listed once, and older ones are; the next run looks again. */
static void
note_taken_back(const struct update_client *client, struct update *u)
{
	(void)snprintf(u->trust, sizeof(u->trust), "%s", verdict_name(VERDICT_NOT_LISTED));
	u->had.newest = 0;
	(void)client_had_note(client->trust->dir, u->type, &u->had, NULL);
}

static bool
take_newer(const struct update_client *client, const struct ident *newest, struct update *u)
{
	struct upstream_reply reply = {0};

	if (look_up(client, &newest->edition, u, &reply) != NULL)
		return is_not_older_than_had(newest, u);
	refuse(u, &reply);
	return false;
}

/*
 * Installed before a root was given, or by somebody else: it is what was signed, or it is told.
 * Damaged files are taken anew, with a header that was looked up.
 */
static bool
check_installed(const struct update_client *client, const struct ident *newest, struct update *u)
{
	struct upstream_reply reply = {0};
	const struct listed *listed = look_up(client, &u->from, u, &reply);
	bool same = listed != NULL && listed->has_sha256 && u->home.header_known &&
		    digest_equal(&listed->sha256, &u->home.header);

	if (listed != NULL && (same || !u->home.whole)) {
		(void)client_trust_word(&reply, u->trust);
		if (same)
			client_vouch_installed(client, u, &u->home.header);
		else
			u->home.header_known = false; /* it was another one that was installed */
		return true;
	}
	if (u->vouched && reply.outcome != UPSTREAM_FRESH && reply.outcome != UPSTREAM_UNTRUSTED) {
		(void)client_trust_word(&reply, u->trust);
		return true;
	}
	if (listed == NULL && u->signed_.newest > 0 && is_beyond(&u->from, u)) {
		cli_complain("%s: version %" PRIu64
			     " was never listed by who may sign: it gives way to what is",
			u->type, u->from.version);
		u->from = (struct edition){0};
		return take_newer(client, newest, u);
	}
	if (listed == NULL && u->signed_.newest > 0 && newest->edition.version < u->from.version) {
		note_taken_back(client, u);
		return true;
	}
	if (listed != NULL) {
		reply.outcome = UPSTREAM_UNTRUSTED;
		(void)err_set(&reply.why, ERR_INPUT,
			"changed: the installed version %" PRIu64
			" is not the one that was signed; remove %s/%s to install that",
			u->from.version, u->directory, u->type);
	}
	disown(client, u, &reply);
	return false;
}

/* Nothing newer is there; whether that is so nobody knows where the server is not to be trusted. */
void
client_vouch_look(const struct update_client *client, struct update *u)
{
	struct upstream_reply reply = {0};
	const struct listed *listed = look_up(client, &u->from, u, &reply);

	if (listed == NULL && u->signed_.newest == 0) {
		(void)client_trust_word(&reply, u->trust);
		if (reply.outcome == UPSTREAM_UNTRUSTED)
			disown(client, u, &reply);
	} else if (listed == NULL && u->signed_.newest < u->from.version) {
		note_taken_back(client, u);
	} else if (u->vouched) {
		(void)snprintf(u->trust, sizeof(u->trust), "good");
	}
}

/* False: nothing is to be taken. */
bool
client_vouch_check(const struct update_client *client, const struct ident *newest, struct update *u)
{
	const struct client_trust *ct = client->trust;

	if (newest->edition.version > u->from.version)
		return take_newer(client, newest, u);
	/* Where the server is asked anyway, what is installed may have been taken back. */
	return u->from.version == 0 || (u->vouched && !client_trust_asked(ct)) ||
	       check_installed(client, newest, u);
}

bool
client_vouch_unlisted(const struct update *u)
{
	return u->result == UPDATE_UNTRUSTED &&
	       strcmp(u->trust, verdict_name(VERDICT_NOT_LISTED)) == 0;
}

/*
 * Whoever keeps back what is newer may do it with any answer, or none: that what was verified last
 * has expired is told whatever the reason.
 */
void
client_vouch_end(const struct update_client *client, struct update *u)
{
	const struct client_trust *ct = client->trust;
	struct upstream_reply reply = {.outcome = UPSTREAM_UNTRUSTED};
	int64_t hours;

	if (!client_trust_wanted(ct) || ct->expires_s == 0 || ct->expires_s > time(NULL) ||
		u->result == UPDATE_UNTRUSTED || u->result == UPDATE_UPDATED)
		return;
	hours = (time(NULL) - ct->expires_s) / 3600;
	if (u->result < UPDATE_UNTRUSTED) {
		(void)err_set(&reply.why, ERR_INPUT,
			"%s: what was verified last expired %" PRId64
			" hours ago, and newer is not to be had: %s",
			verdict_name(VERDICT_EXPIRED), hours, ct->reply.why.text);
		refuse(u, &reply);
		return;
	}
	(void)snprintf(u->trust, sizeof(u->trust), "%s", verdict_name(VERDICT_EXPIRED));
	(void)err_set(&reply.why, u->why.code,
		"%.300s; what was verified last expired %" PRId64 " hours ago", u->why.text, hours);
	u->why = reply.why;
}
