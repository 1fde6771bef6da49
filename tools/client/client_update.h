/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_update.h - bringing one type up to date from one server.
 *
 * Does:     asks for the header and a difference, takes the full archive where
 *           there is none, downloads (going on where an earlier run stopped),
 *           and installs. A server, a static tree and a directory all do.
 * Units:    _s seconds; bytes of archives
 * Source:   guts2(7), REQUESTS, ANSWERS and DECISION
 */
#ifndef CLIENT_UPDATE_H
#define CLIENT_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "model/ident.h"
#include "model/wire.h"
#include "net/upstream.h"

enum update_result {
	UPDATE_UPDATED,
	UPDATE_CURRENT,
	UPDATE_RETRY,  /* told to come back after retry_s */
	UPDATE_FAILED, /* may_recover: another try can go better */
};

struct update {
	const char *type;
	const char *directory;
	/* What happened: */
	enum update_result result;
	struct edition from; /* version 0: nothing was installed */
	struct edition to;   /* what is installed now, version 0: still nothing */
	const char *via;     /* "difference", "full" or NULL */
	uint64_t bytes;	     /* of archives, received */
	uint32_t retry_s;    /* 0: no time was told */
	bool may_recover;
	struct err why; /* RETRY, FAILED */
};

struct update_client {
	struct upstream *upstream;
	struct origin server;
	const char *id;
	uint64_t wait_s; /* ask the server to hold its answers for up to so long */
};

/*
 * What the server announces to a client that has these versions. Types that
 * are missing from the result are current, or unknown to the server.
 * On failure u->result, retry_s, may_recover and why are set and -1 returned.
 */
int client_update_query(const struct update_client *client, const struct idents *has,
	struct idents *ret, struct update *u);

/* The installed version of u->type into u->from and u->to. */
void client_update_installed(struct update *u);

/* newest NULL: the server said nothing of this type. Fills u. */
void client_update_type(
	const struct update_client *client, const struct ident *newest, struct update *u);

#endif
