/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply_error.h - an answer that says what is wrong.
 *
 * Source:   guts2(7), ANSWERS
 */
#ifndef REPLY_ERROR_H
#define REPLY_ERROR_H

#include "http/reply.h"

/* {"error","reason"}; whatever the reply had for a body is gone. */
void reply_error(struct reply *r, unsigned status, const char *error, const char *reason);

#endif
