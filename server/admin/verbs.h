/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * verbs.h - what an administrator can ask of a running server, whichever way he asks.
 *
 * Does:     looks at a stored file again, drops what is not wanted, makes the index anew, says what
 *           is known of the upstream.
 * Shapes:   questions and answers are those of control.h
 * Threads:  any; most wait for disks
 * Source:   server/admin/verbs.def
 */
#ifndef VERBS_H
#define VERBS_H

#include "cache/announce.h"
#include "cache/stock.h"
#include "jobs/jobs.h"
#include "model/doc.h"

struct verbs_parts {
	struct stock *stock;
	struct announce *announce;
	struct jobs *jobs;
};

/* Whether there is such a verb. */
bool verbs_known(const char *name);

/* NULL: it failed, or is no question. The caller drops it. */
json_t *verbs_answer(const struct verbs_parts *parts, const json_t *question, struct err *e);

#endif
