/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * guard.h - requests that must not be believed.
 *
 * Does:     judges the head of a request from what the HTTP library found in
 *           it, which accepts shapes that request smuggling is made of.
 * Source:   guts2(7), LIMITS; RFC 9112 sections 3 to 6
 */
#ifndef GUARD_H
#define GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUARD_LINE_MAX = 1024, GUARD_HEAD_MAX = 3072, GUARD_BODY_MAX = 65536 };

/* Filled header by header. */
struct guard {
	unsigned hosts;
	unsigned content_lengths;
	unsigned transfer_encodings;
	bool unknown_coding; /* a Transfer-Encoding that is not "chunked" alone */
	bool bad_header;     /* a name that is no token, or a value with control characters */
	uint64_t content_length;
	bool bad_length;
};

void guard_header(
	struct guard *g, const char *name, size_t name_len, const char *value, size_t value_len);

struct guard_head {
	const char *method;
	const char *version;
	size_t line_bytes; /* method, target, version and their blanks */
	size_t head_bytes; /* line and headers together */
};

/* 0: go on; else the status to answer before closing, and *ret_reason. */
unsigned guard_judge(const struct guard *g, const struct guard_head *head, const char **ret_reason);

#endif
