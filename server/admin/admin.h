/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * admin.h - what an administrator's request is answered, without knowing how HTTP is spoken.
 *
 * Does:     says whether the server lives and takes clients, what it counted, and does what verbs.h
 *           has. GET changes nothing.
 * Owner:    admin_reply_free
 * Source:   guts2d(8), ADMINISTRATION
 */
#ifndef ADMIN_H
#define ADMIN_H

#include "admin/verbs.h"
#include "base/buf.h"

struct admin_request {
	const char *method;
	const char *path;   /* raw, as on the wire */
	const char *accept; /* NULL where the field is missing, here and below */
	const char *content_type;
	struct span body;
	enum admin_right right;
	const char *by; /* who asks, for the log */
};

struct admin_reply {
	unsigned status;
	const char *type;  /* of text */
	const char *allow; /* NULL: any method is */
	struct buf text;
};

void admin_reply_make(
	const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret);

/* {"error","reason"} */
void admin_reply_error(
	struct admin_reply *ret, unsigned status, const char *error, const char *reason);

void admin_reply_free(struct admin_reply *r);

#endif
