/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * answers.h - a server on this machine that answers what a test says.
 *
 * Does:     to each request the next of its answers, byte for byte, and then the last one again; a
 *           connection stays open behind an answer with a Content-Length and without Connection:
 * close Threads:  one of its own Owner:    answers_begin -> answers_end
 */
#ifndef ANSWERS_H
#define ANSWERS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/buf.h"

enum { ANSWERS_MAX = 4 };

struct answers {
	/* "" closes the connection, NULL says nothing until the other side goes. */
	const char *answer[ANSWERS_MAX];
	unsigned port;

	struct buf asked;     /* the last request */
	unsigned requests;    /* since answers_say */
	unsigned connections; /* since answers_say */

	int fd;
	pthread_t thread;
};

void answers_begin(struct answers *a);
void answers_end(struct answers *a);

/* From now on, until the next such call; second NULL: the first again and again. */
void answers_say(struct answers *a, const char *first, const char *second);

#endif
