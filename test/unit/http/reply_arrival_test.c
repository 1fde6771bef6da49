/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/reply_arrival.h"

#include <fcntl.h>

#include "base/fs.h"
#include "http/site.h"
#include "unit.h"

enum { LEN = 1 << 20 };

#define OFFER "/o;t=t;v=5;c=00000005"

/* The full archive of the newest version begins to arrive. */
static struct record
begin(struct site *s, struct arrival **ret)
{
	struct record r = {
		.ident = {"t", site_newest}, .format = FORMAT_AR2, .ref = {.bytes = LEN}};
	AUTO_CLOSE int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	r.ref.id.byte[0] = 1;
	*ret = arrivals_begin(s->c.parts.arrivals, &r, FORMAT_AR2, fd, 0);
	ck_assert_ptr_nonnull(*ret);
	return r;
}

START_TEST(reply_arrival__an_offer_of_what_arrives_is_for_who_waits)
{
	static const struct {
		const char *path, *accept, *prefer;
		unsigned status;
	} rows[] = {{OFFER, "application/x-guts2ar2", "wait=5", 200},
		{OFFER, "application/x-guts2ar2", NULL, 503},
		{OFFER, "application/x-guts2ar2", "wait=0", 503}, {OFFER, NULL, "wait=5", 503},
		{OFFER ";pv=4;pc=00000004", "application/x-guts2ar2", "wait=5", 503}};
	struct arrival *t;
	struct site s;

	site_set_up(&s);
	(void)begin(&s, &t);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		s.facts.accept = rows[i].accept;
		s.facts.prefer = rows[i].prefer;
		r = site_ask(&s, rows[i].path, false);
		ck_assert_msg(r->status == rows[i].status, "row %zu: %u", i, r->status);
		ck_assert_int_eq(r->cache, REPLY_NO_STORE);
		ck_assert_ptr_null(r->etag);
		ck_assert(r->status != 200 || strstr(r->text.at, "\"size\":1048576") != NULL);
	}
	arrivals_end(&t);
	s.facts.accept = "application/x-guts2ar2";
	s.facts.prefer = "wait=5";
	ck_assert_uint_eq(site_ask(&s, OFFER, false)->status, 503);
	site_tear_down(&s);
}
END_TEST

START_TEST(reply_arrival__a_file_that_arrives_is_for_who_asks)
{
	static const struct {
		const char *method, *prefer, *range, *if_range;
		unsigned status;
		uint64_t first, len;
	} rows[] = {{"GET", "wait=1", NULL, NULL, 200, 0, LEN},
		{"GET", NULL, NULL, NULL, 200, 0, LEN}, {"HEAD", "wait=1", NULL, NULL, 200, 0, LEN},
		{"HEAD", NULL, NULL, NULL, 200, 0, LEN},
		{"GET", "wait=1", "bytes=10-19", NULL, 206, 10, 10},
		{"GET", "wait=1", "bytes=10-19", "\"other\"", 200, 0, LEN},
		{"GET", "wait=1", "bytes=1048576-", NULL, 416, 0, LEN}};
	struct arrival *t;
	struct record record;
	struct site s;

	site_set_up(&s);
	record = begin(&s, &t);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct reply *r;

		s.facts.method = rows[i].method;
		s.facts.prefer = rows[i].prefer;
		s.facts.range = rows[i].range;
		s.facts.if_range = rows[i].if_range;
		r = site_ask_file(&s, &record, false);
		ck_assert_msg(r->status == rows[i].status, "row %zu: %u", i, r->status);
		ck_assert_int_eq(r->cache, REPLY_NO_STORE);
		ck_assert_int_eq(r->octets, r->status / 100 == 2);
		ck_assert_int_eq(r->holds_place,
			r->status / 100 == 2 && r->len > 0 && rows[i].method[0] == 'G');
		ck_assert_uint_eq(r->size, LEN);
		ck_assert_uint_eq(r->len, rows[i].len);
		ck_assert_uint_eq(r->first, rows[i].first);
		if (r->holds_place)
			limiter_give_arriving(&s.c.limiter, &s.places);
	}
	/* Of two places one is for what arrives. */
	s.facts.range = NULL;
	ck_assert_uint_eq(site_ask_file(&s, &record, false)->status, 200);
	ck_assert_uint_eq(site_ask_file(&s, &record, false)->status, 503);
	ck_assert_uint_gt(s.r.retry_after_s, 0);
	arrivals_end(&t);
	ck_assert_uint_eq(site_ask_file(&s, &record, false)->status, 404);
	site_tear_down(&s);
}
END_TEST

void
reply_arrival_tests(TCase *c)
{
	tcase_add_test(c, reply_arrival__an_offer_of_what_arrives_is_for_who_waits);
	tcase_add_test(c, reply_arrival__a_file_that_arrives_is_for_who_asks);
}
