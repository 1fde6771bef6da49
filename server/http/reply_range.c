/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reply_range.h"

#include <string.h>

#include "http/fields.h"
#include "http/reply_error.h"

void
reply_range(const struct request_facts *facts, uint64_t size, struct reply *r)
{
	/* RFC 9110: Range is for GET alone (14.2), and of another file all is sent (13.1.5). */
	bool applies = strcmp(facts->method, "GET") == 0 &&
		       fields_if_range_matches(facts->if_range, r->etag);

	r->status = 200;
	r->size = r->len = size;
	if (!applies)
		return;
	switch (fields_range(facts->range, size, &r->first, &r->len)) {
	case RANGE_NONE:
		r->len = size;
		break;
	case RANGE_PART:
		r->status = 206;
		r->whole_file_size = true;
		break;
	case RANGE_UNSATISFIABLE:
		reply_error(r, 416, "range", "range begins behind the end");
		r->whole_file_size = true;
		r->octets = false;
		break;
	}
}
