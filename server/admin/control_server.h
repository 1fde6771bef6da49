/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_server.h - the thread that does what guts2-cache asks of a running server.
 *
 * Does:     has one question after the other answered (verbs.h) that comes over control.h.
 * Owner:    control_server_start -> control_server_stop
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include "admin/verbs.h"

struct control_server;

int control_server_start(
	const struct verbs_parts *parts, struct control_server **ret, struct err *e);
void control_server_stop(struct control_server *a);

#endif
