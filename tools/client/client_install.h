/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_install.h - from an archive to an installed version.
 *
 * Does:     decodes, puts the version's directory together, syncs it, gives it its name, and
 *           switches `current` to it, last and at once. Power may go at any moment: `current`
 *           leads to the version before or to this one, and that is whole.
 *           A file that did not change, or that a version has under several names, is one file
 *           with hard links, so that what is written is bounded by content that differs.
 * Errors:   ERR_DIGEST, ERR_INPUT, ERR_MISSING the archive is of no use here; ERR_FULL; ERR_SYS
 */
#ifndef CLIENT_INSTALL_H
#define CLIENT_INSTALL_H

#include "client/client_home.h"

struct installation {
	const struct header *header;
	struct span header_bytes;
	struct span archive; /* its id was checked */
	bool difference;     /* from the installed version, which is whole */
	bool copy;	     /* no file is shared: for who writes into them */
};

/* On success it is what h has, looked at; on failure nothing is left of it. */
int client_install(struct home *h, const struct installation *what, struct err *e);

#endif
