/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply_count.h - what the figures of /metrics say of an answer.
 *
 * Source:   server/metrics.def
 */
#ifndef REPLY_COUNT_H
#define REPLY_COUNT_H

#include "http/reply.h"

/* One that went out, with so many bytes; complete: to its end. */
void reply_count(const struct reply *r, uint64_t bytes, bool complete);

#endif
