/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_home.h - what a client has of one type, on disk.
 *
 * Shapes:   DIR/T/<version>-<cookie>/...   the files of a version
 *           DIR/T/current                  symbolic link to one of them
 *           DIR/T/.state/                  headers, downloads, what is being built
 * Does:     `current` is switched last and atomically; whatever moment the
 *           process ends at, it leads to a complete version.
 * Owner:    client_home_open -> client_home_close
 */
#ifndef CLIENT_HOME_H
#define CLIENT_HOME_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/header.h"
#include "model/ident.h"

struct home {
	char type[IDENT_TYPE_MAX + 1];
	int dir;		  /* DIR/T */
	int state;		  /* DIR/T/.state */
	int lock;		  /* held while this is open */
	struct header *installed; /* NULL: nothing yet */
};

/* Makes the directories; ERR_BUSY another client is at work there. */
int client_home_open(struct home *h, const char *directory, const char *type, struct err *e);
void client_home_close(struct home *h);

/*
 * Decode an archive whose id was checked, put the version's tree together and
 * switch to it. difference: the installed version is its base.
 */
int client_home_install(struct home *h, const struct header *header, struct span header_bytes,
	struct span archive, bool difference, struct err *e);

#endif
