/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decide_records.h - what decide() asks, answered from a list of records: for who has no view.
 *
 * Owner:    the lists stay the caller's
 */
#ifndef DECIDE_RECORDS_H
#define DECIDE_RECORDS_H

#include "model/decide.h"

struct decide_records {
	const struct records *records; /* sorted */
	const struct idents *query;    /* the announcement, sorted; NULL: none was seen */
	bool all_checked;	       /* else those whose checked_ms is set */
};

struct decide_cache decide_records_cache(struct decide_records *from);

#endif
