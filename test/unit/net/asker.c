/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/asker.h"

#include "base/mem.h"
#include "unit.h"

static int
refuse(const struct asker *a, struct err *e)
{
	if (a->refusal.code == ERR_NONE)
		return 0;
	*e = a->refusal;
	return -1;
}

static int
write_bytes(void *context, const void *bytes, size_t len, struct err *e)
{
	struct asker *a = context;

	buf_add(&a->got, bytes, len);
	return refuse(a, e);
}

static int
restart(void *context, struct err *e)
{
	struct asker *a = context;

	buf_clear(&a->got);
	a->restarts++;
	return refuse(a, e);
}

static void
on_done(void *context, const struct upstream_reply *reply)
{
	struct asker *a = context;

	a->reply = *reply;
	a->done = true;
}

void
asker_set_url(struct asker *a, const char *scheme)
{
	AUTO_FREE char *url = mem_printf("%s://127.0.0.1:%u", scheme, a->answers.port);

	origin_free(&a->origin);
	ck_assert_int_eq(origin_parse(url, &a->origin, NULL), 0);
}

void
asker_set_up(struct asker *a)
{
	*a = (struct asker){0};
	answers_begin(&a->answers);
	asker_set_url(a, "http");
	ck_assert_int_eq(upstream_new(&a->upstream, NULL), 0);
	a->request = (struct upstream_request){.origin = &a->origin,
		.name = "x",
		.max_bytes = 100,
		.write = write_bytes,
		.restart = restart,
		.done = on_done,
		.context = a};
}

void
asker_tear_down(struct asker *a)
{
	upstream_free(a->upstream);
	answers_end(&a->answers);
	origin_free(&a->origin);
	buf_free(&a->got);
}

void
asker_start(struct asker *a, const char *first, const char *second)
{
	answers_say(&a->answers, first, second);
	a->done = false;
	a->restarts = 0;
	buf_clear(&a->got);
	upstream_start(a->upstream, &a->request);
}

bool
asker_is_done(struct asker *a)
{
	for (int i = 0; i < 5 && !a->done; i++)
		upstream_run(a->upstream, 10);
	return a->done;
}

enum upstream_outcome
asker_ask(struct asker *a, const char *first, const char *second)
{
	asker_start(a, first, second);
	while (!a->done)
		upstream_run(a->upstream, 1000);
	return a->reply.outcome;
}
