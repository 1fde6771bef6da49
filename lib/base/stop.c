/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/stop.h"

#include <stddef.h>

/* Relaxed: nothing else is said by it, and a look that comes a moment too early is no harm. */
bool
stop_wanted(const struct stop *s)
{
	return s != NULL && atomic_load_explicit(&s->wanted, memory_order_relaxed);
}

int
stop_check(const struct stop *s, struct err *e)
{
	return stop_wanted(s) ? err_set(e, ERR_STOPPED, "given up, since the program ends") : 0;
}
