/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "jobs/waiters.h"

#include <stddef.h>

static bool
is_one(const struct waiter *waiter, enum waiters_which which, uint64_t now_ms)
{
	switch (which) {
	case WAITERS_ALL:
		break;
	case WAITERS_EARLY:
		return waiter->early;
	case WAITERS_DUE:
		return waiter->deadline_ms <= now_ms;
	}
	return true;
}

void
waiters_detach(struct waiter_list *from, enum waiters_which which, uint64_t now_ms,
	struct waiter_list *ret)
{
	struct waiter_list all = *from;
	struct waiter *waiter;

	SLIST_INIT(from);
	while ((waiter = SLIST_FIRST(&all)) != NULL) {
		SLIST_REMOVE_HEAD(&all, link);
		if (is_one(waiter, which, now_ms))
			SLIST_INSERT_HEAD(ret, waiter, link);
		else
			SLIST_INSERT_HEAD(from, waiter, link);
	}
}

void
waiters_resume(struct waiter_list *list)
{
	struct waiter *waiter;

	while ((waiter = SLIST_FIRST(list)) != NULL) {
		SLIST_REMOVE_HEAD(list, link);
		waiter->resume(waiter->context);
	}
}
