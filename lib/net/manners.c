/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/manners.h"

enum upstream_outcome
manners_outcome(enum source_what what, const struct upstream_reply *reply, bool gave_query)
{
	if (what == SOURCE_QUERY) /* who has no announcement is no source */
		return reply->outcome == UPSTREAM_ABSENT ? UPSTREAM_BROKEN : reply->outcome;
	if (reply->outcome == UPSTREAM_REFUSED && reply->status == 403 && gave_query)
		return UPSTREAM_ABSENT;
	return reply->outcome;
}

enum manners_effect
manners_effect(enum source_what what, const struct upstream_reply *reply)
{
	if (upstream_failed_here(reply)) /* a full disk here must not have the cloud left alone */
		return MANNERS_SILENT;
	switch (reply->outcome) {
	case UPSTREAM_BUSY:
		if (reply->retry_after_s == 0)
			return MANNERS_FAILS;
		return what == SOURCE_QUERY ? MANNERS_RESTS : MANNERS_SILENT;
	case UPSTREAM_UNREACHABLE:
	case UPSTREAM_BROKEN:
	case UPSTREAM_UNTRUSTED:
		return MANNERS_FAILS;
	case UPSTREAM_REFUSED:
		return what == SOURCE_QUERY ? MANNERS_FAILS : MANNERS_WORKS;
	case UPSTREAM_FRESH:
	case UPSTREAM_UNCHANGED:
	case UPSTREAM_ABSENT:
	case UPSTREAM_MOVED:
	case UPSTREAM_PREPARING:
		break;
	}
	return MANNERS_WORKS;
}
