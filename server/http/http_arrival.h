/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_arrival.h - a response whose bytes come as an archive arrives.
 *
 * Does:     the connection is suspended while there are none; where none will come any more it is
 *           cut, so that the client knows.
 * Threads:  the connection's own
 * Owner:    the response's is the caller; arrival and connection outlive it
 */
#ifndef HTTP_ARRIVAL_H
#define HTTP_ARRIVAL_H

#include "http/conns.h"
#include "http/http_response.h"

struct MHD_Response *http_arrival_new(
	const struct reply *r, struct MHD_Connection *connection, struct conn *conn);

#endif
