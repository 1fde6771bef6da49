/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_hand.h"

#include "net/control.h"
#include "store/depot.h"

/*
 * By the lock and nothing else: whether a server runs is not asked, as it may start or end between
 * the question and the change.
 */
int
cache_hand_open(struct cache_hand *h, struct cache *c, struct err *e)
{
	AUTO_DOC json_t *answer = NULL;
	bool rebuilt;

	*h = (struct cache_hand){.cache = c};
	if (depot_open(c->path, &h->depot, &rebuilt, e) == 0)
		return 0;
	h->depot = NULL;
	if (e->code != ERR_BUSY)
		return -1;
	/* It is the server's if that answers; else another program has it, or it is just starting.
	 */
	answer = cache_hand_ask(h, json_pack("{s:s}", "do", "known"), NULL);
	return answer != NULL ? 0 : -1;
}

/* Opening the depot may have made the index anew; closing marks it as one to be trusted. */
void
cache_hand_close(struct cache_hand *h)
{
	depot_close(h->depot);
	h->depot = NULL;
}

json_t *
cache_hand_ask(const struct cache_hand *h, json_t *take_question, struct err *e)
{
	return control_ask(repo_dir(h->cache->repo), take_question, e);
}
