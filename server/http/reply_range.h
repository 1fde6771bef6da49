/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply_range.h - which bytes of a file are asked for.
 *
 * Source:   RFC 9110, section 14
 */
#ifndef REPLY_RANGE_H
#define REPLY_RANGE_H

#include "http/reply.h"

/* Of a file of so many bytes, whose ETag the reply has: status, first, len and what goes with them.
 */
void reply_range(const struct request_facts *facts, uint64_t size, struct reply *r);

#endif
