/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * plan.h - the way to a whole version that costs the fewest bytes from the cloud.
 *
 * Does:     a pure function from what is kept, and what is known of the cloud's
 *           sizes, to the next step. It is asked again after each step, so that a step that
 *           failed is just one more fact.
 * Units:    bytes
 * Source:   guts2(7), DECISION
 */
#ifndef PLAN_H
#define PLAN_H

#include "model/record.h"

/* What is known of something at the cloud. */
enum plan_known {
	PLAN_UNASKED,
	PLAN_THERE,
	PLAN_ABSENT,  /* it does not exist */
	PLAN_FAILED,  /* it could not be had just now */
	PLAN_NO_ROOM, /* the same, for want of room */
};

struct plan_facts {
	/* Of one type, sorted, without what is known to be of no use. */
	const struct record *records;
	size_t count;
	struct edition target;
	bool content; /* the content is wanted; otherwise a full archive in `format` */
	enum format format;
	bool may_download; /* the full archive, where that is the cheapest or the only way */
	/* The offer from base (version 0: the full archive) to the target; set where THERE. */
	enum plan_known (*price)(
		void *context, const struct edition *base, struct offer *ret_offer);
	/* Why an archive of that offer, or a header that is not kept, is not here. */
	enum plan_known (*archive)(void *context, const struct edition *base, enum format format);
	enum plan_known (*header)(void *context, const struct edition *edition);
	void *context;
	bool no_room; /* to unpack content: only what can be had as it is wanted is of use */
};

enum plan_step {
	PLAN_DONE,	    /* it is there */
	PLAN_ASK_PRICE,	    /* of the offer from base */
	PLAN_GET_HEADER,    /* of base */
	PLAN_GET_ARCHIVE,   /* the one from base, in format */
	PLAN_BUILD_CONTENT, /* the content, from start over the differences */
	PLAN_BUILD_FULL,    /* the full archive, from the content that is there */
	PLAN_STUCK,	    /* there is no way; temporary: there may be one later */
};

enum { PLAN_CHAIN_MAX = 16 };

struct plan {
	enum plan_step step;
	struct edition base;
	enum format format;
	struct record start;
	struct record differences[PLAN_CHAIN_MAX];
	size_t count;
	bool temporary;
};

struct plan plan_next(const struct plan_facts *facts);

#endif
