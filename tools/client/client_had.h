/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_had.h - what a client had of a type, whatever becomes of the files.
 *
 * Shapes:   had:T in DIR/.trust, {"advisory","cookie","header","newest","root","security",
 *           "timestamp","version"}
 * Threads:  of a type one at a time
 * Source:   guts2-client(1), FILES
 */
#ifndef CLIENT_HAD_H
#define CLIENT_HAD_H

#include "base/digest.h"
#include "base/err.h"
#include "model/ident.h"

enum { CLIENT_HAD_ADVISORY_MAX = 1000 }; /* bytes; a longer one is not kept */

/* What was had of a type: the highest version that was ever installed, and its header. */
struct client_had {
	struct edition edition; /* version 0: nothing */
	struct digest header;
	/* The newest that was signed when it was last looked up; 0: nobody vouches for it now. */
	uint64_t newest;
	uint64_t root; /* versions of what vouched for it: with that root no older timestamp does */
	uint64_t timestamp;
	bool security; /* as in client_signed (client_trust.h), of what is newer than the edition */
	char advisory[CLIENT_HAD_ADVISORY_MAX + 1];
};

/* Version 0 where nothing is known; dir -1: nothing is. */
struct client_had client_had_read(int dir, const char *type);
int client_had_note(int dir, const char *type, const struct client_had *had, struct err *e);

/* The highest of each type stays known; under another root nobody has vouched for it. */
int client_had_disown(int dir, struct err *e);

#endif
