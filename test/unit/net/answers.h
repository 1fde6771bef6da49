/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * answers.h - a server on this machine that answers what a test says.
 *
 * Does:     to the first request one answer, to all that follow another, byte for byte; a
 *           connection stays open behind one with a Content-Length and without "Connection: close"
 * Threads:  one of its own
 * Owner:    answers_begin -> answers_end
 */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"

enum { ANSWERS_SAID_MAX = 64 };

struct answers {
	unsigned port;
	int fd;
	pthread_t thread;

	/* Of all that follows. */
	pthread_mutex_t lock;
	const char *answer[2];
	char *said[ANSWERS_SAID_MAX]; /* all that was ever to be answered: it may be on its way */
	unsigned said_count;
	struct buf asked;
	struct buf shown; /* a copy, for who looks at it */
	unsigned requests;
	unsigned connections;
};

void answers_begin(struct answers *a);
void answers_end(struct answers *a);

/*
 * From now on, until the next such call; second NULL: the first again and again. Of an answer ""
 * the connection is closed; first NULL: nothing is said until the other side goes.
 */
void answers_say(struct answers *a, const char *first, const char *second);

/* The last request; until the next such call. */
const char *answers_asked(struct answers *a);

/* Since answers_say. */
unsigned answers_requests(struct answers *a);
unsigned answers_connections(struct answers *a);

#endif
