/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * asker.h - a transfer and the server that answers it, for tests.
 *
 * Owner:    asker_set_up -> asker_tear_down
 */
#ifndef ASKER_H
#define ASKER_H

#include "net/answers.h"
#include "net/upstream.h"

struct asker {
	struct answers answers;
	struct origin origin;
	struct upstream *upstream;
	struct upstream_request request; /* its file is x, any bytes up to 100 */
	struct upstream_reply reply;	 /* once it is done */
	bool done;
	struct buf got;
	unsigned restarts;
	struct err refusal; /* what write and restart say, if anything */
};

void asker_set_up(struct asker *a);
void asker_tear_down(struct asker *a);

/* Ask, and be answered so; see answers_say. */
enum upstream_outcome asker_ask(struct asker *a, const char *first, const char *second);

/* Begin to, and look whether it is done. */
void asker_start(struct asker *a, const char *first, const char *second);
bool asker_is_done(struct asker *a);

/* The server that answers, by another scheme. */
void asker_set_url(struct asker *a, const char *scheme);

#endif
