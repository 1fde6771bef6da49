/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/drop.h"

#include <string.h>

/* Backwards, a version's header last: where this is interrupted, what is left can be explained. */
int
drop_records(struct drop *d, struct repo *repo, const struct records *all, struct err *e)
{
	AUTO_TALLY struct tally tally = {0};

	(void)survey_tally(repo, all, &tally);
	for (size_t i = all->count; i > 0; i--) {
		const struct record *r = &all->at[i - 1];

		if (strcmp(r->ident.type, d->type) != 0 ||
			(d->version > 0 && r->ident.edition.version != d->version))
			continue;
		if (d->remove(d->context, r, e) != 0)
			return -1;
		d->removed++;
		d->freed_bytes += tally_remove(&tally, i - 1);
	}
	return 0;
}
