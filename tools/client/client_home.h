/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_home.h - what a client has of one type, on disk.
 *
 * Shapes:   DIR/T/<version>-<cookie>/...   the files of a version, 0644 or 0755
 *           DIR/T/current                  symbolic link to one of them
 *           DIR/T/.state/, 0700            h;...      header of a version that is there
 *                                          *.seen     what was seen of its files (client_look.h)
 *                                          *.part     a download
 *                                          *.bad      an archive of no use for a header
 *                                                     (client_update.c)
 *                                          new, tree  what is being built
 *                                          aside      what was in the place of `current`
 *                                          lock
 * Does:     knows what `current` leads to, and whether it is whole; nothing of it has to be
 *           right for a client to go on: what is damaged counts as not there.
 * Units:    _s since 1970
 * Owner:    client_home_open -> client_home_close
 */
#ifndef CLIENT_HOME_H
#define CLIENT_HOME_H

#include <stdbool.h>

#include "base/err.h"
#include "client/client_look.h"
#include "model/header.h"
#include "model/ident.h"

enum { HOME_NAME_MAX = 64, HOME_VERIFY_S = 86400, HOME_MARKED_S = 86400 };

struct home {
	char type[IDENT_TYPE_MAX + 1];
	int dir;   /* DIR/T */
	int state; /* DIR/T/.state */
	int lock;  /* held while this is open */
	/* What `current` leads to by its name; version 0: nothing. Nothing older is installed. */
	struct edition named;
	/* Of client_home_look: */
	bool whole;	   /* every file is there and as it was */
	bool header_known; /* header is the digest of its header */
	struct digest header;
	struct look seen;     /* of its files; of none before they were looked at */
	char damage[400];     /* what is not whole, for people */
	struct header *files; /* NULL: nobody has asked for it yet; see client_home_header */
};

/*
 * Whether a mark in .state says that an archive is of no use. Not for ever: a newer client may know
 * more. One from the future says nothing.
 */
bool client_home_marked(const struct home *h, const char *mark);

/* Makes the directories; ERR_BUSY another client is at work there. */
int client_home_open(struct home *h, const char *directory, const char *type, struct err *e);
void client_home_close(struct home *h);

/*
 * Look at every file of what is installed. Digests are compared where a file seems to have changed;
 * of all files with verify, where there is no record, and HOME_VERIFY_S after the last time.
 */
void client_home_look(struct home *h, bool verify);

/* The names below DIR/T of a version's directory, and below .state of its record. */
char *client_home_tree(const struct edition *edition, char ret[HOME_NAME_MAX]);
char *client_home_seen(const struct edition *edition, char ret[HOME_NAME_MAX]);

/* The header of what is installed, which stays h's, read once; NULL: missing or damaged. */
const struct header *client_home_header(struct home *h, struct err *e);

/* A version was installed: it is what h has. */
void client_home_installed(struct home *h, const struct edition *edition, struct look *take_look);

/*
 * Remove what is left of earlier runs, and all versions but the installed one and the one before
 * it, which programs may be reading from. part: a download that goes on; archives that are known to
 * be of no use are remembered with it. NULL: nothing goes on.
 */
int client_home_tidy(const struct home *h, const char *part, struct err *e);

/* The disk is full: let go of the version before, too. False: there is none. */
bool client_home_drop_before(const struct home *h);

#endif
