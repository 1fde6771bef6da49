/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/upstream.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/num.h"
#include "net/upstream_transfer.h"

enum {
	CONNECT_S = 10,
	STALL_S = 20, /* slower than STALL_BYTES_PER_S for this long is broken */
	STALL_BYTES_PER_S = 100,
	OVERALL_S = 120, /* and a second more for each SLOWEST_BYTES_PER_S */
	SLOWEST_BYTES_PER_S = 4096,
	QUICK_S = 20,
	QUICK_BYTES_PER_S = 4096,			/* the same of what is quick */
	OVERALL_MAX_S = 14 * 86400,			/* libcurl takes no more than 2^31 ms */
	SLOWEST_PACED_BYTES_PER_S = PACE_RATE_MIN / 32, /* many share the least rate there is */
	REPLY_HEADERS_MAX = 65536,
	TEXT_MAX = 512, /* of a 503's body */
};

/*
 * Everything but upstream_wake is called by one thread. A transfer is in `running` from
 * upstream_start until finish, which frees it before it calls done: so done may start others, or
 * the same request again. schedule decides whether anything is paced at all; pace has what all
 * transfers together owe.
 */
struct upstream {
	CURLM *multi;
	const struct proxy *proxy; /* NULL: none */
	char *ca_file;		   /* NULL: the system's */
	struct pace_schedule schedule;
	struct pace pace;
	LIST_HEAD(transfer_list, transfer) running;
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
	LIST_REMOVE(t, link);
	(void)curl_multi_remove_handle(u->multi, t->easy);
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->headers);
	buf_free(&t->text);
	free(t);
}

void
upstream_drop(struct upstream *u)
{
	for (struct transfer *t = LIST_FIRST(&u->running), *next; t != NULL; t = next) {
		next = LIST_NEXT(t, link);
		transfer_free(u, t);
	}
}

void
upstream_free(struct upstream *u)
{
	if (u == NULL)
		return;
	/* Easy handles are removed before the multi handle goes: curl_multi_cleanup(3). */
	upstream_drop(u);
	(void)curl_multi_cleanup(u->multi);
	free(u->ca_file);
	free(u);
	curl_global_cleanup();
}

/* The value where line is "name: value", in whatever case; NULL otherwise. */
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

/*
 * libcurl hands over heads as long as they come, those of 1xx and trailers included. Of a line as
 * much is taken as any field that is wanted may have.
 */
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

/*
 * Whether this piece has to wait until the pace allows more. libcurl keeps it and hands it over
 * again, CURLOPT_WRITEFUNCTION(3); meanwhile nothing is read, and TCP slows the sender down.
 */
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

static uint64_t
allowed_s(const struct transfer *t, uint64_t bytes)
{
	const struct upstream_request *r = t->request;

	if (r->quick)
		return QUICK_S + r->wait_s + bytes / QUICK_BYTES_PER_S;
	return OVERALL_S + bytes / (pace_limits(&t->upstream->schedule) ? SLOWEST_PACED_BYTES_PER_S
									: SLOWEST_BYTES_PER_S);
}

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	long status = upstream_outcome_status(t);

	(void)size;
	if (is_too_fast(t, count))
		return CURL_WRITEFUNC_PAUSE;
	/* The reason of a 503 is in its body; one that is too long is not ours. */
	if (status == 503 && t->text.len + count <= TEXT_MAX)
		buf_add(&t->text, bytes, count);
	if (status != 0 && status != 200 && status != 206)
		return count; /* the text of an error is of no use */
	if (!t->body_began) {
		if (upstream_outcome_begin_body(t, &t->reply.why) != 0)
			return 0;
		t->began_with = t->have;
	}
	/* Counted as it comes: Content-Length may be missing, or a lie. */
	if (!num_add(&t->have, count, t->request->max_bytes)) {
		(void)err_set(&t->reply.why, ERR_LIMIT, "reply longer than %llu bytes",
			(unsigned long long)t->request->max_bytes);
		return 0;
	}
	if (t->request->write(t->request->context, bytes, count, &t->reply.why) != 0)
		return 0;
	/* By what came, and not by what it may be: that may be much, and nobody has to send it. */
	t->too_slow =
		(clock_mono_ms() - t->started_ms) / 1000 > allowed_s(t, t->have - t->began_with);
	return t->too_slow ? 0 : count;
}

/* libcurl has a connection and is about to send. What fails from here on is the answer's fault. */
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
	CURL *c = t->easy;
	const struct proxy_server *s =
		u->proxy != NULL ? proxy_for(u->proxy, t->request->origin) : NULL;

	if (s != NULL)
		proxy_server_name(s, t->proxy, sizeof(t->proxy));
	(void)curl_easy_setopt(c, CURLOPT_PROXY, t->proxy);
	(void)curl_easy_setopt(c, CURLOPT_NOPROXY, "");
	if (s == NULL || s->user == NULL)
		return;
	(void)curl_easy_setopt(c, CURLOPT_PROXYAUTH, (long)(CURLAUTH_BASIC | CURLAUTH_DIGEST));
	(void)curl_easy_setopt(c, CURLOPT_PROXYUSERNAME, s->user);
	(void)curl_easy_setopt(c, CURLOPT_PROXYPASSWORD, s->password != NULL ? s->password : "");
}

/*
 * A redirect is an answer for source.c to judge, and no other protocol can be led to. No signals,
 * as there are threads. PATH_AS_IS: what goes out is what guts2(7) has. The head of a CONNECT is
 * the proxy's, and would be taken for the answer's. An answer that is held is silence of that
 * length. A receive takes 64 KiB, four times what libcurl has for it.
 */
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
	(void)curl_easy_setopt(c, CURLOPT_BUFFERSIZE, 1L << 16);
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

/*
 * How long all of it may take: a byte now and then would meet the low speed limit for days. With a
 * pace many transfers share the rate, so that each may be far slower.
 */
static long
overall_s(const struct transfer *t)
{
	uint64_t s = allowed_s(t, t->request->max_bytes);

	return (long)(s < OVERALL_MAX_S ? s : OVERALL_MAX_S);
}

static void
set_request_options(struct transfer *t)
{
	const struct upstream_request *r = t->request;
	CURL *c = t->easy;
	char wait[24];

	(void)curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, (long)r->alone);
	(void)curl_easy_setopt(c, CURLOPT_FORBID_REUSE, (long)r->alone);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, overall_s(t));
	if (r->post_body != NULL) {
		(void)curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, r->post_body);
		/* libcurl would call it a form. */
		add_header(t, "Content-Type", "application/json");
	}
	/* What a gateway compresses unasked has another length, and another digest. */
	add_header(t, "Accept-Encoding", "identity");
	if (r->fresh)
		add_header(t, "Cache-Control", "no-cache");
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
	/* Our fields are for the server, and not for a proxy on the way: CURLOPT_HEADEROPT(3). */
	(void)curl_easy_setopt(c, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
}

/*
 * libcurl decodes the path of a file URL; a file's name is the bytes that were asked for. It would
 * wait for who writes into a pipe: what is no file is asked for as what it is not, and so refused.
 */
static char *
url_of(const struct transfer *t)
{
	const struct origin *origin = t->request->origin;
	const bool is_file = origin->scheme == ORIGIN_FILE;
	AUTO_FREE char *path = is_file ? upstream_outcome_path(t) : NULL;
	AUTO_BUF struct buf escaped = {0};
	struct stat st;

	for (const char *at = t->request->name; *at != '\0'; at++)
		if (*at == '%' && is_file)
			buf_add(&escaped, "%25", 3);
		else
			buf_add(&escaped, at, 1);
	return mem_printf("%s/%s%s", origin->base, escaped.at,
		is_file && stat(path, &st) == 0 && !S_ISREG(st.st_mode) ? "/." : "");
}

/* libcurl copies every string; the list of fields and the request stay until the end. */
void
upstream_start(struct upstream *u, const struct upstream_request *request)
{
	struct transfer *t = mem_new(1, sizeof(*t));
	AUTO_FREE char *url = NULL;

	t->upstream = u;
	t->request = request;
	t->started_ms = clock_mono_ms();
	t->easy = curl_easy_init();
	assert(t->easy != NULL);
	url = url_of(t);
	set_common_options(t, url);
	set_proxy(t);
	set_request_options(t);
	LIST_INSERT_HEAD(&u->running, t, link);
	(void)curl_multi_add_handle(u->multi, t->easy);
}

static void
finish(struct upstream *u, CURLMsg *message)
{
	struct transfer *t = NULL;
	const struct upstream_request *request;
	struct upstream_reply reply;

	(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
	assert(t != NULL);
	upstream_outcome_judge(t, message->data.result);
	request = t->request;
	reply = t->reply;
	transfer_free(u, t);
	request->done(request->context, &reply);
}

/* ---- Running */

/* Asked at each turn, so that it follows summer time and a clock that is set. */
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
apply_pace(struct upstream *u, int timeout_ms)
{
	uint64_t now_ms = clock_mono_ms();
	struct transfer *t;
	uint64_t wait_ms;

	/* There is no limit, and there was none: nothing waits. */
	if (!pace_limits(&u->schedule) && u->pace.rate == 0)
		return timeout_ms;
	pace_set(&u->pace, pace_rate(&u->schedule, minute_of_day()), now_ms);
	wait_ms = pace_wait_ms(&u->pace, now_ms);
	if (wait_ms > 0)
		/* Nothing goes on now: how long until it may, or until the caller wants to look. */
		return wait_ms < (uint64_t)timeout_ms ? (int)wait_ms : timeout_ms;
	/* All first: one that goes on may be paused again before the next one was looked at. */
	LIST_FOREACH (t, &u->running, link)
		t->due = t->paused;
	LIST_FOREACH (t, &u->running, link)
		if (t->paused) {
			t->paused = false;
			(void)curl_easy_pause(t->easy, CURLPAUSE_CONT);
		}
	return timeout_ms;
}

static bool
is_any_paused(const struct upstream *u)
{
	const struct transfer *t;

	LIST_FOREACH (t, &u->running, link)
		if (t->paused)
			return true;
	return false;
}

void
upstream_run(struct upstream *u, int timeout_ms)
{
	CURLMsg *message;
	int left;

	timeout_ms = apply_pace(u, timeout_ms);
	(void)curl_multi_perform(u->multi, &left);
	while ((message = curl_multi_info_read(u->multi, &left)) != NULL) {
		if (message->msg == CURLMSG_DONE) {
			finish(u, message);
			timeout_ms = 0; /* the caller may have more to start */
		}
	}
	if (is_any_paused(u)) /* what was paused just now has not been waited for */
		timeout_ms = apply_pace(u, timeout_ms);
	if (timeout_ms > 0)
		(void)curl_multi_poll(u->multi, NULL, 0, timeout_ms, NULL);
}

/* The one call to a multi handle that any thread may make: curl_multi_wakeup(3). */
void
upstream_wake(struct upstream *u)
{
	(void)curl_multi_wakeup(u->multi);
}
