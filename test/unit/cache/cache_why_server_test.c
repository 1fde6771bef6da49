/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache_why, where a server runs and knows more than the files say. */
#include "cache/cache_why.h"

#include <pthread.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/mem.h"
#include "cache/cached.h"
#include "net/control.h"
#include "store/depot.h"
#include "unit.h"

/* What it says of the announcement, of an archive upstream, and of one that is built. */
struct known {
	const char *query;
	const char *archive;
	const char *build;
};

struct server {
	const struct known *known;
	int listener;
	pthread_t thread;
};

#define UNKNOWN "{\"state\":\"unknown\",\"announced\":true}"
#define ABSENT "{\"state\":\"absent\",\"announced\":true}"
#define COMING "{\"state\":\"coming\",\"announced\":true}"
#define FAILED(reason) "{\"state\":\"failed\",\"reason\":\"" reason "\",\"announced\":true}"

static void *
serve(void *context)
{
	const struct server *s = context;

	for (;;) {
		AUTO_CLOSE int fd = accept(s->listener, NULL, NULL);
		AUTO_DOC json_t *question = fd < 0 ? NULL : control_receive(fd, NULL);
		const char *answer = s->known->query;

		if (fd < 0)
			return NULL;
		ck_assert_str_eq(json_string_value(json_object_get(question, "do")), "known");
		if (json_object_get(question, "type") != NULL)
			answer = json_is_true(json_object_get(question, "build"))
					 ? s->known->build
					 : s->known->archive;
		ck_assert_int_eq(control_send(fd, doc_parse(unit_text(answer), NULL), NULL), 0);
	}
}

static void
begin(struct server *s, const struct cached *f, const struct known *known)
{
	s->known = known;
	s->listener = control_listen(f->v.dir, NULL);
	ck_assert_int_ge(s->listener, 0);
	ck_assert_int_eq(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void
end(struct server *s, const struct cached *f)
{
	ck_assert_int_eq(shutdown(s->listener, SHUT_RDWR), 0);
	ck_assert_int_eq(pthread_join(s->thread, NULL), 0);
	control_unlisten(f->v.dir, &s->listener);
}

/* Nothing is kept that leads to the newest version but, where it is wanted, its content. */
static void
set_up(struct cached *f, bool content)
{
	struct record start = {.kind = RECORD_CONTENT};
	const struct build_way way = {&start, &f->difference, 1};
	const struct record *culprit;
	struct record built;

	cached_set_up(f);
	start.ident = f->v.header[0]->ident;
	if (content)
		ck_assert_int_eq(build_content(&(struct build){cached_depot(f), "work", NULL}, &way,
					 &built, &culprit, NULL),
			0);
	ck_assert_int_eq(depot_remove(cached_depot(f), &f->difference, NULL), 0);
	for (int i = 0; i < FORMAT_COUNT; i++)
		ck_assert_int_eq(depot_remove(cached_depot(f), &f->full[i], NULL), 0);
	cached_open_again(f);
}

#define WAY                                                                                        \
	"o            503  it is built from what is kept of 1 and a difference, or downloaded, "   \
	"whichever is less"

START_TEST(cache_why_server__what_it_knows_of_a_full_archive_is_said)
{
	static const struct {
		struct known known;
		const char *words;
	} rows[] = {
		{{UNKNOWN, ABSENT, UNKNOWN}, WAY "\n"},
		{{UNKNOWN, UNKNOWN, COMING}, WAY "; it is on its way\n"},
		{{FAILED("limit"), UNKNOWN, COMING}, WAY "; it is on its way\n"},
		{{UNKNOWN, UNKNOWN, FAILED("no-space")},
			WAY "; that has failed lately: no-space (see the download log)\n"},
		{{FAILED("limit"), UNKNOWN, FAILED("no-space")},
			WAY "; that has failed lately: no-space (see the download log)\n"},
		{{FAILED("limit"), UNKNOWN, UNKNOWN},
			WAY "; asking the upstream has failed lately: limit (see the download "
			    "log)\n"},
		{{UNKNOWN, UNKNOWN, ABSENT}, "o            404  no full archive upstream\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cached f;
		struct server s;

		set_up(&f, false);
		begin(&s, &f, &rows[i].known);
		unit_listen();
		ck_assert_int_eq(cache_why(&f.c, "t", NULL, false), 0);
		ck_assert_msg(
			strstr(unit_output(), rows[i].words) != NULL, "%zu: %s", i, unit_output());
		end(&s, &f);
		cached_tear_down(&f);
	}
}
END_TEST

#define ASKED "o pv pc      503  not in the cache: the upstream is asked for it; where it has none "
#define BUILT                                                                                      \
	"o pv pc      503  the upstream has no difference: the server builds one, if it is "       \
	"smaller than the full archive"

START_TEST(cache_why_server__what_it_knows_of_a_difference_is_said)
{
	static const struct {
		bool content;
		struct known known;
		const char *words;
	} rows[] = {
		{false, {UNKNOWN, UNKNOWN, UNKNOWN},
			ASKED "the client is sent to the full archive with 301\n"},
		{true, {UNKNOWN, UNKNOWN, UNKNOWN},
			ASKED "the server builds one, if it is smaller than the full archive\n"},
		{true, {UNKNOWN, COMING, UNKNOWN},
			ASKED "the server builds one, if it is smaller than the full archive; it "
			      "is on its way\n"},
		{false, {UNKNOWN, FAILED("digest"), UNKNOWN},
			ASKED "the client is sent to the full archive with 301; that has failed "
			      "lately: digest (see the download log)\n"},
		{true, {UNKNOWN, ABSENT, UNKNOWN}, BUILT "\n"},
		{true, {UNKNOWN, ABSENT, FAILED("disk")},
			"o pv pc      301  the upstream has no difference; the client is sent to "
			"the full archive\n"},
		{false, {UNKNOWN, ABSENT, UNKNOWN},
			"o pv pc      301  the upstream has no difference; the client is sent to "
			"the full archive\n"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cached f;
		struct server s;

		set_up(&f, rows[i].content);
		begin(&s, &f, &rows[i].known);
		unit_listen();
		ck_assert_int_eq(cache_why(&f.c, "t", &f.v.header[0]->ident.edition, false), 0);
		ck_assert_msg(
			strstr(unit_output(), rows[i].words) != NULL, "%zu: %s", i, unit_output());
		end(&s, &f);
		cached_tear_down(&f);
	}
}
END_TEST

/* An announcement that names nothing is one as well. */
START_TEST(cache_why_server__whether_anything_is_announced_it_knows_best)
{
	static const struct {
		struct known known;
		const char *words;
	} rows[] = {
		{{"{\"state\":\"unknown\",\"announced\":true}", UNKNOWN, UNKNOWN},
			"o            404  not announced here: "},
		{{"{\"state\":\"unknown\",\"announced\":false}", UNKNOWN, UNKNOWN},
			"o            503  what is announced is not known: "},
	};

	for (size_t i = 0; i < 2; i++) {
		struct cached f;
		struct server s;

		cached_set_up(&f);
		if (i == 0)
			ck_assert_int_eq(fs_remove(f.v.dir, "q", NULL), 0);
		cached_open_again(&f);
		begin(&s, &f, &rows[i].known);
		ck_assert_int_eq(cache_why(&f.c, "u", NULL, false), 1);
		ck_assert_int_eq(strncmp(unit_output(), rows[i].words, strlen(rows[i].words)), 0);
		end(&s, &f);
		cached_tear_down(&f);
	}
}
END_TEST

void
cache_why_server_tests(TCase *c)
{
	tcase_add_test(c, cache_why_server__what_it_knows_of_a_full_archive_is_said);
	tcase_add_test(c, cache_why_server__what_it_knows_of_a_difference_is_said);
	tcase_add_test(c, cache_why_server__whether_anything_is_announced_it_knows_best);
}
