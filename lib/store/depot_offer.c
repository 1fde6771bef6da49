/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/depot_offer.h"

void
depot_offer_read(struct repo *repo, const char *name, struct offer *ret)
{
	AUTO_BUF struct buf bytes = {0};

	*ret = (struct offer){0};
	if (repo_read(repo, name, WIRE_OFFER_BYTES_MAX, &bytes, NULL) != 0 ||
		wire_offer_parse(span_of(bytes.at, bytes.len), ret, NULL) != 0)
		*ret = (struct offer){0};
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (!repo_has_archive(repo, &ret->archive[i]))
			ret->archive[i] = (struct archive_ref){0};
}

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
