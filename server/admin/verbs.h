/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verbs.h - what an administrator can ask of a running server, whichever way he asks.
 *
 * Does:     says how the server is and what is known of the upstream; looks at a stored file
 *           again, drops what is not wanted, makes the index anew.
 * Shapes:   questions and answers are those of control.h
 * Threads:  any; most wait for disks
 * Source:   server/admin/verbs.def
 */
#ifndef VERBS_H
#define VERBS_H

#include "admin/freeze.h"
#include "base/stop.h"
#include "cache/announce.h"
#include "cache/stock.h"
#include "cloud/upstreams.h"
#include "jobs/jobs.h"
#include "model/doc.h"

struct verbs_parts {
	const struct options *options;
	struct stock *stock;
	struct announce *announce;
	struct freeze *freeze;
	struct jobs *jobs;
	const struct upstreams *upstreams;
	const struct stop *ending; /* wanted: the server takes no client any more */
	uint64_t started_s;	   /* since 1970 */
};

/* What somebody may do. */
enum admin_right {
	ADMIN_NOTHING, /* but ask whether the server lives */
	ADMIN_READ,
	ADMIN_CHANGE,
};

/* What a verb needs; ADMIN_NOTHING: there is none of this name. */
enum admin_right verbs_right(const char *name);

/*
 * NULL: it failed, or is no question. The caller drops it. The question's "by" is who asks, and put
 * there by who took it from him.
 */
json_t *verbs_answer(const struct verbs_parts *parts, const json_t *question, struct err *e);

#endif
