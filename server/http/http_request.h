/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_request.h - one request, from its first line to the end of its answer.
 *
 * Does:     has its head judged (guard.h), its reply made (reply.h), and the answer held where that
 *           is to come later. What it exports is called by libmicrohttpd.
 * Threads:  the connection's own
 * Owner:    http_request_line makes a request, http_request_completed frees it
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "http/conns.h"
#include "http/http_response.h"

/*
 * What a connection has for a head, in the library's memory. It touches all of it, so that is
 * little: GUARD_HEAD_MAX and a bit more.
 */
enum { HTTP_REQUEST_CONNECTION_BYTES = 4096 };

/* What all requests share; the cls of the functions below. */
struct http_requests {
	struct reply_context context;
	struct http_response_files files;
	uint64_t held_max; /* answers of one address that are held at a time */
};

/* MHD_OPTION_URI_LOG_CALLBACK, the access handler, and MHD_OPTION_NOTIFY_COMPLETED. */
void *http_request_line(void *cls, const char *target, struct MHD_Connection *connection);
enum MHD_Result http_request(void *cls, struct MHD_Connection *connection, const char *url,
	const char *method, const char *version, const char *upload_data, size_t *upload_size,
	void **request_cls);
void http_request_completed(void *cls, struct MHD_Connection *connection, void **request_cls,
	enum MHD_RequestTerminationCode code);

#endif
