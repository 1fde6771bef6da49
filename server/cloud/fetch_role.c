/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cloud/fetch_role.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "jobs/job_end.h"
#include "trust/trust.h"

enum role_state { ROLE_UNLISTED, ROLE_HERE, ROLE_TO_FETCH };

/* By what is handed on: of the snapshot in force. TO_FETCH: f->role_file, and *ret_bytes_max. */
static enum role_state
look(struct fetch *f, uint64_t *ret_bytes_max)
{
	AUTO_FREE char *name = mem_printf("t-%s.json", f->job->spec.ident.type);
	struct view *view = stock_view(f->pool->parts.stock);
	const struct vouched *v = view->vouched;
	const struct listed *listed =
		v != NULL && v->snapshot != NULL ? metadata_find(v->snapshot, name) : NULL;
	enum role_state state = ROLE_UNLISTED;

	if (listed != NULL) {
		AUTO_FREE char *file = mem_printf("%" PRIu64 ".%s", listed->version, name);

		(void)snprintf(f->role_file, sizeof(f->role_file), "tuf/%.180s", file);
		*ret_bytes_max = listed->length < TRUST_TARGETS_BYTES_MAX ? listed->length
									  : TRUST_TARGETS_BYTES_MAX;
		state = vouched_has(v, file, listed) ? ROLE_HERE : ROLE_TO_FETCH;
	}
	view_release(view);
	return state;
}

static void
ask(struct fetch *f, uint64_t bytes_max, void (*done)(void *, const struct upstream_reply *))
{
	f->request.what = SOURCE_TRUST;
	f->request.trust_file = f->role_file;
	f->request.trust_bytes_max = bytes_max;
	f->request.done = done;
	fetch_job_send(f);
}

struct vouch_have
fetch_role_have(const struct fetch *f)
{
	return (struct vouch_have){
		f->role.len > 0 ? f->role_file : NULL, span_of(f->role.at, f->role.len)};
}

/* It is listed, so that whoever has it not is asked after the others. On a worker. */
static void
work_absent(void *context)
{
	struct fetch *f = context;
	struct err e = {0};

	(void)err_set(&e, ERR_MISSING, "it is listed, and not there");
	fetch_job_not_landed(f, f->role_file, &e);
	fetch_job_free(f);
}

static void
refused(struct fetch *f, const struct upstream_reply *reply)
{
	if (reply->outcome == UPSTREAM_ABSENT)
		fetch_job_hand_over(f, work_absent);
	else
		fetch_job_refused(f, reply);
}

/* ---- For its own sake */

/* On the thread of vouch.h. */
static void
verify(void *context)
{
	struct fetch *f = context;
	const struct fetcher_parts *p = &f->pool->parts;
	const struct vouch_have have = fetch_role_have(f);
	struct upstream_reply reply;

	vouch_role(p->vouch, f->job->spec.ident.type, &have, &reply);
	if (reply.outcome == UPSTREAM_FRESH)
		jobs_done(p->jobs, f->job);
	else
		fetch_job_not_landed(f, f->role_file, &reply.why);
	fetch_job_free(f);
}

static void
on_role(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;

	if (fetch_job_settled(f, reply))
		return;
	if (reply->outcome == UPSTREAM_FRESH) {
		f->role = source_take_bytes(&f->request);
		fetch_job_hand_to_vouch(f, verify);
	} else {
		refused(f, reply);
	}
}

void
fetch_role(struct fetch *f)
{
	uint64_t bytes_max;

	switch (look(f, &bytes_max)) {
	case ROLE_UNLISTED:
		fetch_job_absent(f);
		break;
	case ROLE_HERE:
		fetch_job_done(f);
		break;
	case ROLE_TO_FETCH:
		ask(f, bytes_max, on_role);
		break;
	}
}

/* ---- For a header */

static void
go_on(struct fetch *f)
{
	f->request.what = SOURCE_HEADER;
	f->go_on(f);
}

static void
on_role_of_header(void *context, const struct upstream_reply *reply)
{
	struct fetch *f = context;

	if (fetch_job_settled(f, reply))
		return;
	if (reply->outcome != UPSTREAM_FRESH) {
		refused(f, reply);
		return;
	}
	f->role = source_take_bytes(&f->request);
	go_on(f);
}

void
fetch_role_of_header(struct fetch *f)
{
	uint64_t bytes_max;

	f->header = source_take_bytes(&f->request);
	if (look(f, &bytes_max) == ROLE_TO_FETCH)
		ask(f, bytes_max, on_role_of_header);
	else
		go_on(f);
}
