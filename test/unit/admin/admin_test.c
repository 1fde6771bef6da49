/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/admin.h"

#include "cloud/cloud.h"
#include "log.h"
#include "logged.h"
#include "unit.h"

static struct cloud c;
static struct stop ending;
static struct freeze *freeze;
static struct verbs_parts parts;

static void
set_up(void)
{
	logged_begin();
	cloud_set_up(&c);
	ending.wanted = false;
	ck_assert_int_eq(freeze_open(&c.k.options, c.k.announce, &freeze, NULL), 0);
	parts = (struct verbs_parts){&c.k.options, c.k.stock, c.k.announce, freeze, c.k.jobs,
		c.pool.upstreams, &ending, 77};
}

static void
tear_down(void)
{
	freeze_close(freeze);
	cloud_tear_down(&c);
}

static struct admin_request
request(const char *method, const char *path, enum admin_right right)
{
	return (struct admin_request){.method = method,
		.path = path,
		.content_type = "application/json",
		.right = right,
		.by = "somebody"};
}

/* The status, and a part of the answer. */
static void
check(const struct admin_request *r, unsigned status, const char *part)
{
	struct admin_reply got = {0};

	admin_reply_make(&parts, r, &got);
	ck_assert_msg(
		got.status == status, "%s %s: %u, not %u", r->method, r->path, got.status, status);
	ck_assert_msg(
		strstr(got.text.at, part) != NULL, "%s %s: %s", r->method, r->path, got.text.at);
	admin_reply_free(&got);
}

START_TEST(admin_reply_make__who_may_what)
{
	static const struct {
		const char *method, *path;
		unsigned status[3]; /* with no right, reading, changing */
	} rows[] = {
		{"GET", "/livez", {200, 200, 200}},
		{"HEAD", "/readyz", {200, 200, 200}},
		{"POST", "/livez", {405, 405, 405}},
		{"GET", "/metrics", {401, 200, 200}},
		{"GET", "/", {401, 200, 200}},
		{"GET", "/api/status", {401, 200, 200}},
		{"POST", "/api/status", {401, 200, 200}},
		{"GET", "/style.css", {401, 200, 200}},
		{"POST", "/metrics", {405, 405, 405}},
		{"POST", "/api/known", {401, 200, 200}},
		{"GET", "/api/known", {401, 200, 200}},
		{"HEAD", "/api/status", {401, 200, 200}},
		{"GET", "/api/reindex", {401, 405, 405}},
		{"POST", "/api/drop", {401, 403, 400}},
		{"GET", "/api/hold", {401, 405, 405}},
		{"POST", "/api/hold", {401, 403, 400}},
		{"POST", "/api/stop", {401, 404, 404}},
		{"POST", "/api/", {401, 404, 404}},
		{"GET", "/api", {401, 404, 404}},
		{"GET", "", {401, 404, 404}},
		{"GET", "/index.html", {401, 404, 404}},
		{"GET", "/livez/", {401, 404, 404}},
		{"GET", "/q", {401, 404, 404}},
	};

	set_up();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned right = ADMIN_NOTHING; right <= ADMIN_CHANGE; right++) {
			const struct admin_request r =
				request(rows[i].method, rows[i].path, (enum admin_right)right);

			check(&r, rows[i].status[right], "");
		}
	tear_down();
}
END_TEST

START_TEST(admin_reply_make__a_server_that_ends_lives_and_is_not_ready)
{
	const struct admin_request live = request("GET", "/livez", ADMIN_NOTHING);
	const struct admin_request ready = request("GET", "/readyz", ADMIN_NOTHING);
	const struct admin_request metrics = request("GET", "/metrics", ADMIN_READ);

	set_up();
	check(&ready, 200, "ok");
	check(&metrics, 200, "\nguts2d_ready 1\n");
	ending.wanted = true;
	check(&live, 200, "ok");
	check(&ready, 503, "ends");
	check(&metrics, 200, "\nguts2d_ready 0\n");
	tear_down();
}
END_TEST

START_TEST(admin_reply_make__only_json_is_a_wish)
{
	static const struct {
		const char *type;
		const char *body;
		unsigned status;
		const char *part;
	} rows[] = {
		{"application/json", "", 200, "\"state\""},
		{"application/json; charset=utf-8", "{}", 200, "\"state\""},
		{NULL, "{}", 415, "application/json"},
		{"text/plain", "{}", 415, "application/json"},
		{"application/jsonp", "{}", 415, "application/json"},
		{"application/json", "[]", 400, "reason"},
		{"application/json", "{", 400, "reason"},
		{"application/json", "{\"type\":5}", 400, "field type"},
		/* The path says what is to be done, and nothing else does. */
		{"application/json", "{\"do\":\"reindex\"}", 200, "\"state\""},
	};

	set_up();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct admin_request r = request("POST", "/api/known", ADMIN_CHANGE);

		r.content_type = rows[i].type;
		r.body = unit_text(rows[i].body);
		check(&r, rows[i].status, rows[i].part);
	}
	tear_down();
}
END_TEST

START_TEST(admin_reply_make__metrics_of_what_is_here)
{
	struct admin_request r = request("GET", "/metrics", ADMIN_READ);

	set_up();
	(void)kept_put(&c.k, 5, &(struct edition){0, ""}, FORMAT_AR1);
	check(&r, 200, "\nguts2d_start_timestamp_seconds 77\n");
	check(&r, 200, "\nguts2d_type_versions{type=\"t\"} 1\n");
	check(&r, 200, "\nguts2d_cache_bytes{kind=\"full\"} ");
	check(&r, 200, "# TYPE guts2d_requests_total counter\n");
	r.accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
	check(&r, 200, "# TYPE guts2d_requests counter\n");
	check(&r, 200, "\n# EOF\n");
	tear_down();
}
END_TEST

START_TEST(admin_reply_make__a_status_of_what_is_here)
{
	struct admin_request r = request("GET", "/api/status", ADMIN_READ);

	set_up();
	check(&r, 200, "\"announced\":false");
	check(&r, 200, "\"state\":\"bad\"");
	(void)kept_put(&c.k, 5, &(struct edition){0, ""}, FORMAT_AR1);
	check(&r, 200, "\"full\":1,\"kept\":1,");
	check(&r, 200, "{\"from\":\"default\",\"name\":\"drainTime\",\"value\":\"30s\"}");
	check(&r, 200, "\"state\":\"unasked\"");
	check(&r, 200, "\"events\":[]");
	log_note(EVENT_DAMAGED, "something");
	log_note(EVENT_SETTINGS_BAD, "something");
	check(&r, 200, "\"events\":[{\"event\":\"damaged\",\"last\":");
	check(&r, 200, "{\"event\":\"settings-bad\",\"last\":");
	unit_clock_advance_ms(1);
	log_note(EVENT_SETTINGS, "something");
	check(&r, 200, "}],\"hold\":");
	ending.wanted = true;
	check(&r, 200, "\"ready\":false");
	tear_down();
}
END_TEST

/* Who it was the connection says, and no body. */
START_TEST(admin_reply_make__hold_and_release_say_who_and_why)
{
	struct admin_request hold_it = request("POST", "/api/hold", ADMIN_CHANGE);
	struct admin_request release = request("POST", "/api/release", ADMIN_CHANGE);
	const struct admin_request status = request("GET", "/api/status", ADMIN_READ);

	set_up();
	check(&status, 200, "\"hold\":null");
	hold_it.body = unit_text("{\"why\":\"a bad one\",\"by\":\"me\",\"do\":\"release\"}");
	check(&hold_it, 200, "\"by\":\"somebody\",\"why\":\"a bad one\"");
	check(&status, 200, "nothing newer is announced: held by somebody: a bad one");
	ck_assert_ptr_nonnull(strstr(logged(), "event=hold by=somebody reason=\"a bad one\""));
	release.body = unit_text("{\"why\":\"a good one\"}");
	check(&release, 200, "\"hold\":null");
	ck_assert_ptr_nonnull(strstr(logged(), "event=release by=somebody reason=\"a good one\""));
	tear_down();
}
END_TEST

void
admin_tests(TCase *tc)
{
	tcase_add_test(tc, admin_reply_make__who_may_what);
	tcase_add_test(tc, admin_reply_make__a_server_that_ends_lives_and_is_not_ready);
	tcase_add_test(tc, admin_reply_make__only_json_is_a_wish);
	tcase_add_test(tc, admin_reply_make__metrics_of_what_is_here);
	tcase_add_test(tc, admin_reply_make__a_status_of_what_is_here);
	tcase_add_test(tc, admin_reply_make__hold_and_release_say_who_and_why);
}
