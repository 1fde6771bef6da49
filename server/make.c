/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "make.h"

#include "clock.h"
#include "make_job.h"
#include "makes.h"
#include "mem.h"

enum { STEPS_MAX = 100 }; /* what is got goes again as fast: somebody else wants the room */

static bool
is_difference_job(const struct make *k)
{
	return k->job->spec.kind == JOB_MAKE && k->job->spec.base.version > 0;
}

void
make_advance(void *context)
{
	struct make *k = context;
	bool ended = false;

	jobs_resume(k->server->jobs, k->job);
	while (!ended) {
		AUTO_FREE char *workspace = mem_printf("make-%u", k->turn.number);
		struct encode_crew crew = {make_crew_each, make_crew_begin, make_crew_add, k};
		struct build b = {k->server->depot, workspace, &crew};

		if (jobs_stopped(k->server->jobs) || ++k->steps > STEPS_MAX) {
			make_failed(k, JOB_BUSY, 0);
			return;
		}
		k->failed = false;
		k->reason = JOB_UPSTREAM_UNAVAILABLE;
		make_read_records(k);
		ended = is_difference_job(k) ? make_difference_step(k, &b) : make_whole_step(k, &b);
	}
}

void
make_start(struct server *s, struct job *job)
{
	struct make *k = mem_new(1, sizeof(*k));

	k->server = s;
	k->job = job;
	k->began_ms = clock_mono_ms();
	k->turn = (struct turn){.spec = &job->spec, .context = k};
	makes_join(s->makes, &k->turn);
	make_advance(k);
}
