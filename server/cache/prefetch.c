/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/prefetch.h"

#include "base/clock.h"
#include "base/mem.h"

/* here: what is kept of the new version; NULL: nothing. */
static void
add(struct job_spec *specs, size_t *count, const struct view_version *here, const struct ident *new,
	const struct usage_version *base)
{
	/* A client may say that it has anything: no difference leads backwards. */
	if (base->edition.version >= new->edition.version)
		return;
	for (int i = 0; i < FORMAT_COUNT; i++)
		if ((base->formats & 1U << i) != 0 &&
			view_find_archive(here, &base->edition, (enum format)i) == NULL)
			specs[(*count)++] = (struct job_spec){.kind = JOB_OFFER,
				.ident = *new,
				.base = base->edition,
				.format = (enum format)i};
}

/* By the archives of a version that are here its clients came to it; by none, of old. */
static unsigned
formats_of(const struct view_version *v)
{
	unsigned formats = 0;

	for (size_t i = 0; i < v->count; i++)
		for (int j = 0; j < FORMAT_COUNT; j++)
			formats |= (v->offers[i].archive[j] != NULL ? 1U : 0) << j;
	return formats != 0 ? formats : 1U << (FORMAT_COUNT - 1);
}

size_t
prefetch_jobs(const struct prefetch *p, const struct view_type *t, const struct ident *new,
	struct job_spec **ret)
{
	AUTO_FREE struct usage_version *used = mem_new(p->versions + 1, sizeof(*used));
	const struct view_version *here = view_find_version(t, &new->edition);
	const struct view_version *last = view_find_version(t, &t->announced);
	size_t used_count = 0;
	size_t count = 0;

	if (p->versions > 0)
		used_count =
			usage_top(p->usage, new->type, clock_mono_ms() / 1000, used, p->versions);
	if (p->previous && last != NULL)
		used[used_count++] = (struct usage_version){t->announced, formats_of(last)};
	*ret = mem_new(used_count * FORMAT_COUNT + 1, sizeof(**ret));
	for (size_t i = 0; i < used_count; i++)
		add(*ret, &count, here, new, &used[i]);
	/* Where nothing else is waited for neither is the header, which every poll asks for. */
	if (count > 0 && (here == NULL || here->header == NULL))
		(*ret)[count++] = (struct job_spec){.kind = JOB_HEADER, .ident = *new};
	return count;
}
