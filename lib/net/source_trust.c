/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/source_trust.h"

#include <string.h>

#include "base/mem.h"

void
source_trust_refuse(struct upstream_reply *ret, const struct err *why)
{
	*ret = (struct upstream_reply){.outcome = UPSTREAM_UNTRUSTED, .why = *why};
}

void
source_trust_refuse_unlisted(struct upstream_reply *ret, const char *name)
{
	struct err e = {0};

	(void)err_set(
		&e, ERR_INPUT, "%s: nobody has signed %s", verdict_name(VERDICT_NOT_LISTED), name);
	source_trust_refuse(ret, &e);
}

static void
judge(const struct trust *t, struct upstream_reply *ret_reply)
{
	enum verdict verdict = trust_verdict(t);

	if (verdict == VERDICT_GOOD) {
		ret_reply->outcome = UPSTREAM_FRESH;
		return;
	}
	ret_reply->outcome = UPSTREAM_UNTRUSTED;
	(void)err_set(&ret_reply->why, ERR_INPUT, "%s: %s", verdict_name(verdict), trust_why(t));
}

/* False: it could not be kept. */
static bool
take(const struct source_trust *s, struct trust *t, const struct trust_want *want,
	struct span bytes, struct upstream_reply *reply)
{
	bool kept = !trust_take(t, bytes) || trusted_keep(s->kept, want, bytes, &reply->why) == 0;

	reply->outcome = kept ? UPSTREAM_FRESH : UPSTREAM_BROKEN;
	if (!kept)
		(void)err_wrap(&reply->why, "%s cannot be kept", want->name);
	return kept;
}

/* False: it was not to be had. */
static bool
ask(const struct source_trust *s, struct trust *t, const struct trust_want *want,
	struct upstream_reply *reply)
{
	AUTO_FREE char *file = mem_printf("%s%s", s->below, want->file);
	struct source_request request = {.what = SOURCE_TRUST,
		.trust_file = file,
		.trust_bytes_max = want->max_bytes,
		.wait_s = s->wait_s,
		.stop = s->stop};
	bool had = true;

	if (s->have_file != NULL && strcmp(s->have_file, file) == 0)
		return take(s, t, want, s->have, reply);
	if (s->silent) {
		*reply = (struct upstream_reply){.outcome = UPSTREAM_UNREACHABLE};
		(void)err_set(&reply->why, ERR_BUSY, "%s: not asked for again just now", file);
		return false;
	}
	source_fetch(s->upstream, s->source, &request, reply);
	if (reply->outcome == UPSTREAM_ABSENT) {
		trust_absent(t);
	} else if (reply->outcome == UPSTREAM_BROKEN && reply->why.code == ERR_LIMIT) {
		trust_oversized(t);
	} else if (reply->outcome != UPSTREAM_FRESH) {
		(void)err_wrap(&reply->why, "%s", file);
		had = false;
	} else {
		had = take(s, t, want, span_of(request.bytes.at, request.bytes.len), reply);
	}
	source_clear(&request);
	return had;
}

void
source_trust_run(const struct source_trust *s, struct trust *t, struct upstream_reply *ret_reply)
{
	struct trust_want want;

	*ret_reply = (struct upstream_reply){0};
	buf_clear(&s->kept->timestamp);
	while (trust_next(t, &want)) {
		if (want.kept)
			trusted_look_up(s->kept, t, &want);
		else if (!ask(s, t, &want, ret_reply))
			return;
		if (trusted_settle(s->kept, t, &ret_reply->why) != 0) {
			ret_reply->outcome = UPSTREAM_BROKEN;
			return;
		}
	}
	judge(t, ret_reply);
}
