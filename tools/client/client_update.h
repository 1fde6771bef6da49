/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_update.h - bringing one type up to date from one server.
 *
 * Does:     looks at what is installed; takes what is announced, where that is newer, or what
 *           is installed once more, where it is damaged: by a difference, by the full archive
 *           where there is none or it is of no use, in the other format where that is of no use
 *           either. A server, a static tree and a directory all do.
 *           An archive of no use is not tried again for a day.
 * Units:    _s seconds; verified_s since 1970; bytes of archives
 * Source:   guts2(7), REQUESTS, ANSWERS and DECISION
 */
#ifndef CLIENT_UPDATE_H
#define CLIENT_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "client/client_home.h"
#include "client/client_trust.h"
#include "model/ident.h"
#include "model/wire.h"
#include "net/source.h"

enum update_result {
	UPDATE_UPDATED,
	UPDATE_REPAIRED,  /* the same version, anew */
	UPDATE_CURRENT,	  /* its files were looked at */
	UPDATE_OLDER,	  /* the server announces an older one, which is not taken */
	UPDATE_WITHDRAWN, /* the server does not announce the type; what is installed stays */
	UPDATE_UNTRUSTED, /* what the server has is not to be trusted; what is installed stays */
	UPDATE_RETRY,	  /* told to come back after retry_s, or another run is at work */
	UPDATE_FAILED,	  /* may_recover: another try can go better */
};

struct update {
	const char *type;
	const char *directory;
	struct home home;
	bool open;
	/* What happened: */
	enum update_result result;
	struct edition from; /* version 0: nothing was installed */
	struct edition to;   /* what is installed now, version 0: still nothing */
	uint64_t verified_s; /* when its digests were last looked at; 0: never */
	const char *via;     /* "difference", "full" or NULL */
	uint64_t bytes;	     /* of archives, received */
	uint32_t retry_s;    /* 0: no time was told */
	bool may_recover;
	/* Where a root was given: */
	struct client_had had;
	bool vouched; /* what is installed was looked up, when it came or since */
	struct client_signed signed_;
	int64_t asked_s; /* when the timestamp came that is kept; 0: none is */
	char trust[16];	 /* client_trust_word; "": nothing has to be signed */
	struct err why;	 /* of every result but UPDATED, REPAIRED and CURRENT */
};

struct update_client {
	struct upstream *upstream;
	struct origin server;
	struct source *source; /* that server, and what was learnt of it */
	const char *id;
	uint64_t wait_s;	    /* ask the server to hold its answers for up to so long */
	struct client_trust *trust; /* NULL: nothing has to be signed */
	bool verify;		    /* digest all that is installed */
	bool copy;		    /* no hard links between files */
};

/* Take the lock of u->type, and look at what is installed. -1: u->result says why not. */
int client_update_begin(const struct update_client *client, struct update *u);

/* Between begin and end. newest NULL: the server announces no version of it. Fills u. */
void client_update_type(
	const struct update_client *client, const struct ident *newest, struct update *u);

/* Lets go of the lock, where there is one. */
void client_update_end(struct update *u);

#endif
