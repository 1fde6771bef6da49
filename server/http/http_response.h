/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * http_response.h - replies as libmicrohttpd has them.
 *
 * Does:     makes a response of a reply: its fields, and its bytes from memory or an open file.
 * Those of prepared bytes and of whole files are made once and stay with what they answer. Threads:
 * any Owner:    see ret_own; what stays is released by http_response_release
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include <microhttpd.h>

#include "http/reply.h"

struct http_response_files {
	const struct repo *repo;
	unsigned max; /* files of the cache that may stay open */
};

/*
 * *ret_own: the caller has to destroy it, nobody keeps it. NULL: the file could not be opened; with
 * r->file_gone it is not there as it was, and has to be looked at again.
 */
struct MHD_Response *http_response_new(
	const struct http_response_files *f, struct reply *r, bool *ret_own);

/* For view_record_response_free. */
void http_response_release(void *response, bool is_file);

/* The fields of a reply. */
void http_response_add_fields(struct MHD_Response *response, const struct reply *r);

#endif
