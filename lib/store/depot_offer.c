/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/depot_offer.h"

/*
 * A document that cannot be read or believed names nothing, and no error comes of it: whoever asks
 * is about to write it anew. What it names counts only while its archive is here, so that what a
 * crash left of one format does not spoil the other.
 */
void
depot_offer_read(struct repo *repo, const char *name, struct offer *ret)
{
	if (repo_read_offer(repo, name, ret, NULL) != 0)
		*ret = (struct offer){0};
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (!repo_has_archive(repo, &ret->archive[i]))
			ret->archive[i] = (struct archive_ref){0};
}

/*
 * Whole or not at all, by fs_put. An archive is stored before it is named here and removed after it
 * is not: nothing but damage takes one from under its offer.
 */
int
depot_offer_write(struct repo *repo, const char *name, const struct offer *offer, struct err *e)
{
	AUTO_BUF struct buf bytes = {0};
	bool any = false;

	for (int i = 0; i < FORMAT_COUNT; i++)
		any = any || offer->archive[i].bytes > 0;
	if (!any)
		return repo_remove(repo, name, e);
	wire_offer_format(offer, &bytes);
	return repo_put(repo, name, span_of(bytes.at, bytes.len), e);
}
