/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "clock.h"
#include "doc.h"
#include "fs.h"
#include "mem.h"
#include "num.h"

enum {
	CONNECT_S = 10,
	STALL_S = 20, /* slower than STALL_BYTES_PER_S for this long is broken */
	STALL_BYTES_PER_S = 100,
	OVERALL_S = 120, /* and a second more for each SLOWEST_BYTES_PER_S */
	SLOWEST_BYTES_PER_S = 4096,
	SLOWEST_PACED_BYTES_PER_S = PACE_RATE_MIN / 32, /* many share the least rate there is */
	REPLY_HEADERS_MAX = 65536,
	RETRY_AFTER_MAX_S = 86400,
	TEXT_MAX = 512, /* of a 503's body */
};

struct transfer {
	struct upstream *upstream;
	const struct upstream_request *request;
	struct upstream_reply reply;
	CURL *easy;
	struct curl_slist *headers;
	char curl_error[CURL_ERROR_SIZE];
	uint64_t started_ms;
	uint64_t have;	      /* bytes of the body, resume_from included */
	uint64_t range_start; /* of Content-Range */
	size_t header_bytes;
	bool asked; /* a connection is there, and the request goes out */
	bool body_began;
	bool paused;	 /* until the pace allows more */
	bool due;	 /* its turn has come: one more piece, whatever the others took */
	char proxy[300]; /* for people; "" it goes directly */
	struct buf text; /* of a 503 */
	struct transfer *next;
};

struct upstream {
	CURLM *multi;
	const struct proxy *proxy; /* NULL: none */
	char *ca_file;		   /* NULL: the system's */
	struct pace_schedule schedule;
	struct pace pace;
	struct transfer *running;
};

int
upstream_new(struct upstream **ret, struct err *e)
{
	struct upstream *u;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, ERR_SYS, "libcurl does not start");
	u = mem_new(1, sizeof(*u));
	u->multi = curl_multi_init();
	assert(u->multi != NULL);
	*ret = u;
	return 0;
}

void
upstream_set_proxy(struct upstream *u, const struct proxy *proxy)
{
	u->proxy = proxy;
}

void
upstream_set_ca_file(struct upstream *u, const char *path)
{
	free(u->ca_file);
	u->ca_file = path[0] != '\0' ? mem_string(path) : NULL;
}

void
upstream_set_schedule(struct upstream *u, const struct pace_schedule *schedule)
{
	u->schedule = *schedule;
}

static void
transfer_free(struct upstream *u, struct transfer *t)
{
	struct transfer **link = &u->running;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	(void)curl_multi_remove_handle(u->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	buf_free(&t->text);
	free(t);
}

void
upstream_free(struct upstream *u)
{
	if (u == NULL)
		return;
	while (u->running != NULL)
		transfer_free(u, u->running);
	(void)curl_multi_cleanup(u->multi);
	free(u->ca_file);
	free(u);
	curl_global_cleanup();
}

/* The value where line is "name: value"; NULL otherwise. */
static const char *
header_value(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	line += len + 1;
	return line + strspn(line, " \t");
}

static void
copy_value(char *to, size_t size, const char *value)
{
	(void)snprintf(to, size, "%.*s", (int)strcspn(value, "\r\n"), value);
}

static void
read_header(struct transfer *t, const char *line)
{
	const char *value;

	if (strncmp(line, "HTTP/", 5) == 0) { /* after a 1xx another head begins */
		t->reply.etag[0] = t->reply.location[0] = '\0';
		t->range_start = UINT64_MAX;
	} else if ((value = header_value(line, "ETag")) != NULL) {
		copy_value(t->reply.etag, sizeof(t->reply.etag), value);
	} else if ((value = header_value(line, "Location")) != NULL) {
		copy_value(t->reply.location, sizeof(t->reply.location), value);
	} else if ((value = header_value(line, "Content-Range")) != NULL) {
		if (strncasecmp(value, "bytes ", 6) == 0)
			(void)num_parse(value + 6, strspn(value + 6, "0123456789"), UINT64_MAX,
				&t->range_start);
	}
}

static size_t
on_header(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	char line[1024];

	(void)size;
	t->header_bytes += count;
	if (t->header_bytes > REPLY_HEADERS_MAX) {
		(void)err_set(&t->reply.why, ERR_LIMIT, "reply with endless headers");
		return 0;
	}
	(void)snprintf(line, sizeof(line), "%.*s", (int)(count < 1000 ? count : 1000), bytes);
	read_header(t, line);
	return count;
}

static long
status_of(const struct transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Before the first byte of a body: where in the file does it belong? */
static int
begin_body(struct transfer *t, struct err *e)
{
	const struct upstream_request *r = t->request;

	t->body_began = true;
	t->have = r->resume_from;
	if (r->resume_from == 0)
		return 0;
	if (status_of(t) == 206 && t->range_start == r->resume_from)
		return 0;
	if (status_of(t) == 206)
		return err_set(e, ERR_INPUT, "reply has another range than asked for");
	if (status_of(t) == 0)
		return 0; /* file: curl has positioned itself */
	t->have = 0;
	return r->restart(r->context, e);
}

/* Whether this piece has to wait until the pace allows more. */
static bool
is_too_fast(struct transfer *t, size_t count)
{
	struct upstream *u = t->upstream;
	uint64_t now_ms = clock_mono_ms();

	if (!t->due && pace_wait_ms(&u->pace, now_ms) > 0) {
		t->paused = true;
		return true;
	}
	t->due = false;
	pace_add(&u->pace, count, now_ms);
	return false;
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	long status = status_of(t);

	(void)size;
	if (is_too_fast(t, count))
		return CURL_WRITEFUNC_PAUSE;
	if (status == 503 && t->text.len + count <= TEXT_MAX)
		buf_add(&t->text, bytes, count);
	if (status != 0 && status != 200 && status != 206)
		return count; /* the text of an error is of no use */
	if (!t->body_began && begin_body(t, &t->reply.why) != 0)
		return 0;
	if (!num_add(&t->have, count, t->request->max_bytes)) {
		(void)err_set(&t->reply.why, ERR_LIMIT, "reply longer than %llu bytes",
			(unsigned long long)t->request->max_bytes);
		return 0;
	}
	if (t->request->write(t->request->context, bytes, count, &t->reply.why) != 0)
		return 0;
	return count;
}

static int
on_asking(void *context, char *address, char *local_address, int port, int local_port)
{
	struct transfer *t = context;

	(void)local_address;
	(void)local_port;
	t->asked = true;
	(void)snprintf(t->reply.address, sizeof(t->reply.address), "%s port %d", address, port);
	return CURL_PREREQFUNC_OK;
}

static void
add_header(struct transfer *t, const char *name, const char *value)
{
	AUTO_FREE char *line = mem_printf("%s: %s", name, value);

	t->headers = curl_slist_append(t->headers, line);
	assert(t->headers != NULL);
}

/* The environment never decides: proxy and no_proxy are always set, even to nothing. */
static void
set_proxy(struct transfer *t)
{
	const struct upstream *u = t->upstream;
	const struct proxy_server *s =
		u->proxy != NULL ? proxy_for(u->proxy, t->request->origin) : NULL;

	if (s != NULL)
		proxy_server_name(s, t->proxy, sizeof(t->proxy));
	(void)curl_easy_setopt(t->easy, CURLOPT_PROXY, t->proxy);
	(void)curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "");
	if (s == NULL || s->user == NULL)
		return;
	(void)curl_easy_setopt(
		t->easy, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
	(void)curl_easy_setopt(t->easy, CURLOPT_PROXYUSERNAME, s->user);
	(void)curl_easy_setopt(
		t->easy, CURLOPT_PROXYPASSWORD, s->password != NULL ? s->password : "");
}

static void
set_common_options(struct transfer *t, const char *url)
{
	CURL *c = t->easy;

	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,file");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "guts2d/" GUTS2_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->curl_error);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)(STALL_S + t->request->wait_s));
	(void)curl_easy_setopt(c, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_PREREQFUNCTION, on_asking);
	(void)curl_easy_setopt(c, CURLOPT_PREREQDATA, t);
	if (t->upstream->ca_file != NULL)
		(void)curl_easy_setopt(c, CURLOPT_CAINFO, t->upstream->ca_file);
}

/* How long all of it may take. */
static long
overall_s(const struct transfer *t)
{
	uint64_t slowest = pace_limits(&t->upstream->schedule) ? SLOWEST_PACED_BYTES_PER_S
							       : SLOWEST_BYTES_PER_S;

	return OVERALL_S + (long)(t->request->max_bytes / slowest);
}

static void
set_request_options(struct transfer *t)
{
	const struct upstream_request *r = t->request;
	CURL *c = t->easy;
	char wait[24];

	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, overall_s(t));
	if (r->post_body != NULL) {
		(void)curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, r->post_body);
		add_header(t, "Content-Type", "application/json");
	}
	if (r->accept != NULL)
		add_header(t, "Accept", r->accept);
	(void)snprintf(wait, sizeof(wait), "wait=%u", r->wait_s);
	if (r->wait_s > 0)
		add_header(t, "Prefer", wait);
	if (r->via != NULL)
		add_header(t, "Via", r->via);
	if (r->if_none_match != NULL && r->if_none_match[0] != '\0')
		add_header(t, "If-None-Match", r->if_none_match);
	if (r->resume_from > 0) {
		/* RESUME_FROM would make curl itself fail where a server ignores the range. */
		AUTO_FREE char *range = mem_printf("%llu-", (unsigned long long)r->resume_from);

		(void)curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
	(void)curl_easy_setopt(c, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
}

void
upstream_start(struct upstream *u, const struct upstream_request *request)
{
	struct transfer *t = mem_new(1, sizeof(*t));
	AUTO_FREE char *url = mem_printf("%s/%s", request->origin->base, request->name);

	t->upstream = u;
	t->request = request;
	t->started_ms = clock_mono_ms();
	t->easy = curl_easy_init();
	assert(t->easy != NULL);
	set_common_options(t, url);
	set_proxy(t);
	set_request_options(t);
	t->next = u->running;
	u->running = t;
	(void)curl_multi_add_handle(u->multi, t->easy);
}

/* ---- The end of a transfer */

static enum upstream_outcome
wrong(struct transfer *t, enum upstream_outcome outcome, enum err_code code, const char *why)
{
	if (t->reply.why.code == ERR_NONE)
		(void)err_set(&t->reply.why, code, "%s", why);
	return outcome;
}

/* A file that is not there means something only while the tree is there. */
static enum upstream_outcome
missing_file(struct transfer *t)
{
	AUTO_FREE char *query = mem_printf("%s/q", t->request->origin->base + strlen("file://"));

	if (access(query, R_OK) == 0)
		return wrong(t, UPSTREAM_ABSENT, ERR_MISSING, "no such file");
	return wrong(t, UPSTREAM_UNREACHABLE, ERR_MISSING, "no repository in this directory");
}

static enum upstream_outcome
body_outcome(struct transfer *t)
{
	const struct upstream_request *r = t->request;

	/* A body of no bytes never reaches on_body. */
	if (!t->body_began && begin_body(t, &t->reply.why) != 0)
		return UPSTREAM_BROKEN;
	if (r->exact && t->have != r->max_bytes) {
		char text[96];

		(void)snprintf(text, sizeof(text), "reply of %llu bytes, %llu were announced",
			(unsigned long long)t->have, (unsigned long long)r->max_bytes);
		return wrong(t, UPSTREAM_BROKEN, ERR_INPUT, text);
	}
	return UPSTREAM_FRESH;
}

/* 503: does it say that it is preparing what was asked for? */
static enum upstream_outcome
unavailable(struct transfer *t, const char *text)
{
	AUTO_DOC json_t *doc =
		t->text.len > 0 ? doc_parse(span_of(t->text.at, t->text.len), NULL) : NULL;
	const char *error = json_string_value(json_object_get(doc, "error"));
	const char *reason = json_string_value(json_object_get(doc, "reason"));

	if (t->reply.status != 503 || error == NULL || strcmp(error, "preparing") != 0)
		return wrong(t, UPSTREAM_BUSY, ERR_BUSY, text);
	(void)snprintf(
		t->reply.reason, sizeof(t->reply.reason), "%s", reason != NULL ? reason : "");
	return wrong(t, UPSTREAM_PREPARING, ERR_BUSY, "it is being prepared there");
}

static enum upstream_outcome
status_outcome(struct transfer *t)
{
	long status = t->reply.status;
	char text[400];

	(void)snprintf(text, sizeof(text), "answered %ld%s%s%s", status,
		t->proxy[0] != '\0' ? " (through the proxy " : "", t->proxy,
		t->proxy[0] != '\0' ? ")" : "");
	if (status == 0 || status == 200 || (status == 206 && t->request->resume_from > 0))
		return body_outcome(t);
	if (status == 304 && t->request->if_none_match != NULL)
		return UPSTREAM_UNCHANGED;
	if (status == 404 || status == 410)
		return wrong(t, UPSTREAM_ABSENT, ERR_MISSING, text);
	if (status == 301 && t->reply.location[0] != '\0')
		return wrong(t, UPSTREAM_MOVED, ERR_INPUT, "answered with a redirect");
	if (status == 503 || status == 429)
		return unavailable(t, text);
	if (status == 508)
		return wrong(t, UPSTREAM_BROKEN, ERR_INPUT,
			"answered 508: the servers form a loop, or too long a chain");
	if (status >= 400 && status < 500)
		return wrong(t, UPSTREAM_REFUSED, ERR_INPUT, text);
	return wrong(t, UPSTREAM_BROKEN, ERR_INPUT,
		status >= 300 && status < 400 ? "answered with a redirect" : text);
}

static bool
has_passed(const struct transfer *t, CURLINFO time)
{
	curl_off_t us = 0;

	(void)curl_easy_getinfo(t->easy, time, &us);
	return us > 0;
}

/* Where it ended, by what curl had done until then. */
static enum upstream_step
step_of(const struct transfer *t)
{
	bool proxied = t->proxy[0] != '\0';
	bool tls = t->request->origin->scheme == ORIGIN_HTTPS;
	long tunnel = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (t->request->origin->scheme == ORIGIN_FILE || (t->asked && t->reply.status != 407))
		return UPSTREAM_ANSWER;
	if (tunnel != 0 && tunnel / 100 != 2) /* curl's time of the connection is not set then */
		return UPSTREAM_PROXY;
	if (!has_passed(t, CURLINFO_NAMELOOKUP_TIME_T))
		return UPSTREAM_NAME;
	if (!has_passed(t, CURLINFO_CONNECT_TIME_T))
		return UPSTREAM_CONNECT;
	if (proxied && ((tls && tunnel / 100 != 2) || t->reply.status == 407))
		return UPSTREAM_PROXY;
	return tls ? UPSTREAM_TLS : UPSTREAM_ANSWER;
}

/* The proxy said no; whoever is behind it was not asked. */
static enum upstream_outcome
proxy_refused(struct transfer *t)
{
	long tunnel = t->reply.status;
	char text[400];

	if (tunnel != 407)
		(void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (tunnel == 0)
		(void)snprintf(text, sizeof(text), "the proxy %s does not answer", t->proxy);
	else
		(void)snprintf(text, sizeof(text), "the proxy %s answered %ld%s", t->proxy, tunnel,
			tunnel == 407 ? ": it does not accept user and password" : "");
	return wrong(t, UPSTREAM_UNREACHABLE, ERR_SYS, text);
}

/* Without curl's details where they differ each time (milliseconds, bytes). */
static enum upstream_outcome
no_answer(struct transfer *t, const char *why)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "%s%s%s%s", t->proxy[0] != '\0' ? "proxy " : "",
		t->proxy, t->proxy[0] != '\0' ? ": " : "", why);
	return wrong(t, UPSTREAM_UNREACHABLE, ERR_SYS, text);
}

static enum upstream_outcome
outcome_of(struct transfer *t, CURLcode code)
{
	const char *why = t->curl_error[0] != '\0' ? t->curl_error : curl_easy_strerror(code);

	if (code != CURLE_OK && t->reply.step == UPSTREAM_PROXY)
		return proxy_refused(t);
	switch (code) {
	case CURLE_OK:
		return t->reply.status == 407 ? proxy_refused(t) : status_outcome(t);
	case CURLE_FILE_COULDNT_READ_FILE:
		return missing_file(t);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		return no_answer(t, curl_easy_strerror(code));
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
		return wrong(t, UPSTREAM_UNREACHABLE, ERR_SYS, why);
	default:
		return wrong(t, UPSTREAM_BROKEN, ERR_INPUT, why);
	}
}

static void
read_facts(struct transfer *t)
{
	curl_off_t s = 0;

	t->reply.status = status_of(t);
	t->reply.elapsed_ms = clock_mono_ms() - t->started_ms;
	(void)curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &s);
	t->reply.retry_after_s = (uint32_t)(s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S);
	t->reply.step = step_of(t);
}

static void
finish(struct upstream *u, CURLMsg *message)
{
	struct transfer *t = NULL;
	const struct upstream_request *request;
	struct upstream_reply reply;

	(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
	assert(t != NULL);
	read_facts(t);
	t->reply.outcome = outcome_of(t, message->data.result);
	request = t->request;
	reply = t->reply;
	transfer_free(u, t);
	request->done(request->context, &reply);
}

/* ---- Running */

static unsigned
minute_of_day(void)
{
	time_t now = time(NULL);
	struct tm local;

	(void)localtime_r(&now, &local);
	return (unsigned)(local.tm_hour * 60 + local.tm_min);
}

/*
 * Those that waited go on, each with a piece, so that none is always the last.
 * How long until the next may.
 */
static int
keep_pace(struct upstream *u, int timeout_ms)
{
	uint64_t now_ms = clock_mono_ms();
	uint64_t wait_ms;

	if (!pace_limits(&u->schedule))
		return timeout_ms;
	pace_set(&u->pace, pace_rate(&u->schedule, minute_of_day()), now_ms);
	wait_ms = pace_wait_ms(&u->pace, now_ms);
	if (wait_ms > 0)
		return wait_ms < (uint64_t)timeout_ms ? (int)wait_ms : timeout_ms;
	for (struct transfer *t = u->running; t != NULL; t = t->next)
		t->due = t->paused;
	for (struct transfer *t = u->running; t != NULL; t = t->next)
		if (t->paused) {
			t->paused = false;
			(void)curl_easy_pause(t->easy, CURLPAUSE_CONT);
		}
	return timeout_ms;
}

void
upstream_run(struct upstream *u, int timeout_ms)
{
	CURLMsg *message;
	int left;

	timeout_ms = keep_pace(u, timeout_ms);
	(void)curl_multi_perform(u->multi, &left);
	while ((message = curl_multi_info_read(u->multi, &left)) != NULL) {
		if (message->msg == CURLMSG_DONE) {
			finish(u, message);
			timeout_ms = 0; /* the caller may have more to start */
		}
	}
	for (struct transfer *t = u->running; t != NULL; t = t->next)
		if (t->paused) /* what was paused just now has not been waited for */
			timeout_ms = keep_pace(u, timeout_ms);
	if (timeout_ms > 0)
		(void)curl_multi_poll(u->multi, NULL, 0, timeout_ms, NULL);
}

void
upstream_wake(struct upstream *u)
{
	(void)curl_multi_wakeup(u->multi);
}

struct waiting {
	const struct upstream_request *request;
	struct upstream_reply *reply;
	bool done;
};

static int
pass_write(void *context, const void *bytes, size_t len, struct err *e)
{
	struct waiting *w = context;

	return w->request->write(w->request->context, bytes, len, e);
}

static int
pass_restart(void *context, struct err *e)
{
	struct waiting *w = context;

	return w->request->restart(w->request->context, e);
}

static void
note_done(void *context, const struct upstream_reply *reply)
{
	struct waiting *w = context;

	*w->reply = *reply;
	w->done = true;
}

void
upstream_fetch(struct upstream *u, struct upstream_request *request, struct upstream_reply *ret)
{
	struct waiting w = {request, ret, false};
	struct upstream_request inner = *request;

	inner.write = pass_write;
	inner.restart = pass_restart;
	inner.done = note_done;
	inner.context = &w;
	upstream_start(u, &inner);
	while (!w.done)
		upstream_run(u, 1000);
}

bool
upstream_may_recover(enum upstream_outcome outcome)
{
	return outcome == UPSTREAM_BUSY || outcome == UPSTREAM_PREPARING ||
	       outcome == UPSTREAM_UNREACHABLE || outcome == UPSTREAM_BROKEN ||
	       outcome == UPSTREAM_REFUSED;
}
