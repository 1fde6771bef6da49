/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/announced.h"

#include <stdio.h>
#include <stdlib.h>

#include "logged.h"
#include "unit.h"

static const char prefetched[] = "{\"types\":{\"t\":{\"prefetch\":true}}}";
static const struct edition three = {3, "00000000"};

void
announced_list(const char *text, struct idents *ret)
{
	while (*text != '\0') {
		struct ident ident = {.edition.cookie = "00000000"};
		char *end;

		(void)snprintf(
			ident.type, sizeof(ident.type), "%.*s", (int)strcspn(text, "/"), text);
		ident.edition.version = strtoull(text + strcspn(text, "/") + 1, &end, 10);
		if (*end == '!') {
			ident.edition.cookie[0] = '1';
			end++;
		}
		idents_add(ret, &ident);
		text = end + 1;
	}
}

bool
announced_poll(struct kept *k, const char *text)
{
	AUTO_IDENTS struct idents fetched = {0};
	enum announce_result result;
	struct err e = {0};

	announced_list(text, &fetched);
	ck_assert_msg(announce_query(k->announce, &fetched, NULL, announce_number(k->announce),
			      &result, &e) == 0,
		"%s", e.text);
	ck_assert_int_ne(result, ANNOUNCE_OUTDATED);
	return result == ANNOUNCE_DEFERRED;
}

int
announced_forget(struct kept *k, const char *type, uint64_t version, struct err *e)
{
	struct ident what = {.edition.version = version};

	(void)snprintf(what.type, sizeof(what.type), "%s", type);
	return announce_forget(k->announce, &(struct idents){&what, 1, 1}, e);
}

bool
announced_due(struct kept *k)
{
	struct view *view = stock_view(k->stock);
	bool due = view->query_due;

	view_release(view);
	return due;
}

struct job_spec
announced_note_absent(struct kept *k)
{
	struct job_spec spec = {.kind = JOB_OFFER, .ident = {"x", {1, "00000000"}}};

	jobs_note_absent(k->jobs, &spec);
	return spec;
}

bool
announced_is_absent(struct kept *k)
{
	struct job_spec spec = {.kind = JOB_OFFER, .ident = {"x", {1, "00000000"}}};

	return jobs_look(k->jobs, &spec).state == JOB_ABSENT;
}

void
announced_set_up_prefetch(struct kept *k)
{
	kept_set_up(k, prefetched);
	(void)kept_put(k, 4, &three, FORMAT_AR1);
	ck_assert_int_eq(stock_put_header(k->stock, &(struct ident){"t", {4, "00000000"}},
				 unit_text("header"), &(struct record){0}, NULL),
		0);
	logged_begin();
	ck_assert(!announced_poll(k, "t/4 "));
}
