/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_trust.h - what a client may install, by what was signed (guts2-trust(7)).
 *
 * Does:     goes from the root that it was given to the headers that it may install, and remembers
 *           what it had of each type. Once a root was given nothing is installed without it. The
 *           server is asked where something new is announced, where what is installed was never
 *           looked up, and when the timestamp has used two thirds of its life, or is two
 *           days old; otherwise not.
 * Shapes:   DIR/.trust/, 0700: trusted.h; lock; client_had.h
 * Units:    _s seconds since 1970
 * Threads:  one at a time; of two runs beside each other one keeps nothing
 * Owner:    client_trust_open -> client_trust_close
 * Source:   guts2-client(1), TRUST
 */
#ifndef CLIENT_TRUST_H
#define CLIENT_TRUST_H

#include "client/client_had.h"
#include "net/source_trust.h"

/* What a role says of the versions that are newer than an installed one. */
struct client_signed {
	uint64_t newest; /* version; 0: it was not looked up */
	uint64_t last;	 /* the highest that was ever listed; 0: not said */
	bool security;	 /* one of the newer ones mends a hole */
	char *advisory;	 /* of the newest that has one; NULL: none */
};

struct client_trust {
	const char *directory; /* DIR, the caller's */
	int dir;	       /* DIR/.trust; -1: no root was ever given */
	bool first_use;
	struct trusted kept;
	struct trust *trust;	   /* of the last answer; NULL: the server was not asked */
	bool now;		   /* it is of this try */
	uint64_t asked_ms;	   /* monotonic: when it came */
	struct timespec kept_at;   /* the timestamp that was kept then */
	struct timespec pinned_at; /* the root that was given, when this try began */
	/* What came of it: FRESH it is trusted; of others, why. */
	struct upstream_reply reply;
	/* Of the timestamp that is kept; 0: there is none. */
	int64_t came_s;
	int64_t expires_s;
	bool due; /* to be asked, whatever is announced */
};

/*
 * root_file: begin with this one; first_use: where nothing was given yet, with what the server
 * says is its first. Without both, and nothing given before, nothing is looked up.
 */
int client_trust_open(struct client_trust *ct, const char *directory, const char *root_file,
	bool first_use, struct err *e);
void client_trust_close(struct client_trust *ct);

/* Whether anything has to be signed at all; NULL: nothing has. */
bool client_trust_wanted(const struct client_trust *ct);

/* Whether the server was asked, of which something is known. */
bool client_trust_asked(const struct client_trust *ct);

/*
 * Another try begins: what was learnt in the last one is good as long as it suffices. Another run
 * may have been given a root meanwhile.
 */
void client_trust_again(struct client_trust *ct);

/* Whether another run was given a root, or verified something newer, since this try began. */
bool client_trust_missed(const struct client_trust *ct);

/* Ask the server; ct->reply says what came of it. */
void client_trust_ask(struct client_trust *ct, struct upstream *upstream, struct source *source);

/*
 * A word for what came of it: "good", a reason of guts2-trust(7), "clock", "changed", or "unknown"
 * where the server could not be asked.
 */
const char *client_trust_word(const struct upstream_reply *reply, char ret[16]);

/* Both of one type; installed with version 0: nothing is. */
struct client_want {
	const struct ident *ident; /* of which the header is wanted */
	const struct ident *installed;
};

/*
 * The header of a version, as it is listed; it lives until the next call. NULL: reply says why it
 * is not to be had, or is not to be trusted. *ret_signed is the caller's, and stays as it is where
 * the role could not be looked at; may be NULL.
 */
const struct listed *client_trust_find(struct client_trust *ct, struct upstream *upstream,
	struct source *source, const struct client_want *want, struct client_signed *ret_signed,
	struct upstream_reply *ret_reply);

void client_trust_clear_signed(struct client_signed *s);

/* What the role that was looked at last says of what is newer than an edition of its type. */
void client_trust_had_signed(
	const struct client_trust *ct, const char *type, struct client_had *had);

#endif
