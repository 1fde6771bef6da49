/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * control_server.h - the thread that does what guts2-cache asks of a running server.
 *
 * Does:     looks at a stored file again, drops what an administrator does not
 *           want, makes the index anew, says what is known of the upstream: one question after the
 *           other (control.h).
 * Owner:    control_server_start -> control_server_stop
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include "cache/announce.h"
#include "cache/stock.h"
#include "jobs/jobs.h"

struct control_server;

struct control_server_parts {
	struct stock *stock;
	struct announce *announce;
	struct jobs *jobs;
};

int control_server_start(
	const struct control_server_parts *parts, struct control_server **ret, struct err *e);
void control_server_stop(struct control_server *a);

#endif
