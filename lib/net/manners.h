/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * manners.h - what an answer says of the document that was asked for, and what of who was asked.
 *
 * Does:     keeps the two apart, so that one document's trouble stays its own: the table of
 *           guts2(7), MANNERS, as pure functions.
 * Units:    _s seconds
 * Threads:  any
 * Source:   guts2(7), MANNERS
 */
#ifndef MANNERS_H
#define MANNERS_H

#include <stdbool.h>

#include "net/upstream.h"

enum source_what { SOURCE_QUERY, SOURCE_HEADER, SOURCE_OFFER, SOURCE_FILE, SOURCE_TRUST };

/*
 * The outcome as it is meant. gave_query: who was asked has handed out its announcement; then 403
 * for anything else is how a store that may not be listed says that it has no such object.
 */
enum upstream_outcome manners_outcome(
	enum source_what what, const struct upstream_reply *reply, bool gave_query);

enum manners_effect {
	MANNERS_WORKS,	/* it answers as it should */
	MANNERS_FAILS,	/* it does not */
	MANNERS_RESTS,	/* it asks to be left alone, for retry_after_s */
	MANNERS_SILENT, /* that is said of the document, or of this machine */
};

/* What a reply, whose outcome is as it is meant, says of who was asked. */
enum manners_effect manners_effect(enum source_what what, const struct upstream_reply *reply);

#endif
