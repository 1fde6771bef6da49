/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reply_trust.h"

#include <string.h>

#include "http/fields.h"

static void
set_document(const struct request_facts *facts, const struct vouched_document *d, struct reply *r)
{
	r->document = d;
	r->etag = d->etag;
	r->cache = strcmp(d->name, "timestamp.json") == 0 ? REPLY_REVALIDATE : REPLY_IMMUTABLE;
	if (fields_etag_matches(facts->if_none_match, d->etag)) {
		r->status = 304;
		return;
	}
	r->status = 200;
	r->body = REPLY_DOCUMENT;
	r->len = d->bytes;
}

enum reply_trust
reply_trust(const struct request_facts *facts, const char *name, struct reply *r,
	struct job_spec *ret_role)
{
	const struct vouched *v = r->view->vouched;
	const struct vouched_document *d = v != NULL ? vouched_find(v, name) : NULL;

	*ret_role = (struct job_spec){.kind = JOB_ROLE};
	if (d != NULL) {
		set_document(facts, d, r);
		return REPLY_TRUST_FOUND;
	}
	return v != NULL && vouched_lists(v, name, ret_role->ident.type) ? REPLY_TRUST_ROLE
									 : REPLY_TRUST_NONE;
}
