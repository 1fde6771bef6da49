/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * settings.h - the files that an administrator edits while the server runs:
 *            data/fspms.proxy.config and config/channels.json.
 *
 * Does:     reads them; reads them again when they changed or when told to. A
 *           file with an error is logged, and what was read before stays in force.
 * Threads:  any; a policy is immutable, and goes with its last reference
 * Owner:    settings_new -> settings_free; settings_take -> settings_release
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include <stdatomic.h>

#include "model/channels.h"
#include "model/options.h"
#include "model/proxy.h"

enum settings_file { SETTINGS_PROXY, SETTINGS_CHANNELS, SETTINGS_FILES };

struct policy {
	atomic_uint references;
	const struct proxy *proxy;
	const struct channels *channels;
	/* Where those are: here, or in an earlier policy that had no error there. */
	struct proxy own_proxy;
	struct channels own_channels;
	struct policy *lender[SETTINGS_FILES];
};

struct settings;

/* The files as they are; with an error in one of them the server does not start. */
int settings_new(const struct options *o, struct settings **ret, struct err *e);
void settings_free(struct settings *p);

struct policy *settings_take(struct settings *p);
void settings_release(struct policy *policy);

/* Read both anew; false: nothing new is in force. */
bool settings_reload(struct settings *p);

/*
 * The same where a file is another one than was read, and has been so since the
 * last look: nobody is writing it any more. One caller at a time.
 */
bool settings_look(struct settings *p);

/* What is in force, and where it is from, a line each; no password. Before any thread runs. */
void settings_print(const struct settings *p, FILE *to);

#endif
