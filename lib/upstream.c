/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "fs.h"
#include "ident.h"
#include "mem.h"
#include "num.h"

enum {
	CONNECT_S = 10,
	STALL_S = 20, /* slower than STALL_BYTES_PER_S for this long is broken */
	STALL_BYTES_PER_S = 100,
	OVERALL_S = 120, /* and a second more for each SLOWEST_BYTES_PER_S */
	SLOWEST_BYTES_PER_S = 4096,
	REPLY_HEADERS_MAX = 65536,
};

struct transfer {
	const struct upstream_request *request;
	struct upstream_reply reply;
	CURL *easy;
	struct curl_slist *headers;
	char curl_error[CURL_ERROR_SIZE];
	uint64_t started_ms;
	uint64_t have;	      /* bytes of the body, resume_from included */
	uint64_t range_start; /* of Content-Range */
	size_t header_bytes;
	bool body_began;
	struct transfer *next;
};

struct upstream {
	CURLM *multi;
	char *base;
	bool is_file;
	struct transfer *running;
};

static int
check_base(const char *base, struct err *e)
{
	static const char *const schemes[] = {"http://", "https://", "file:///"};
	const char *rest = NULL;

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strncmp(base, schemes[i], strlen(schemes[i])) == 0)
			rest = base + strlen(schemes[i]);
	if (rest == NULL)
		return err_set(e, ERR_INPUT, "must begin with http://, https:// or file:///");
	if (*rest == '\0' && base[0] == 'h')
		return err_set(e, ERR_INPUT, "has no host");
	if (strcspn(rest, "@") < strcspn(rest, "/"))
		return err_set(e, ERR_INPUT, "must not contain a user name or password");
	if (strpbrk(rest, "?# ") != NULL)
		return err_set(e, ERR_INPUT, "must not contain ?, # or blanks");
	return 0;
}

int
upstream_new(const char *base, struct upstream **ret, struct err *e)
{
	struct upstream *u;
	size_t len = strlen(base);

	if (check_base(base, e) != 0)
		return -1;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return err_set(e, ERR_SYS, "libcurl does not start");
	while (len > 0 && base[len - 1] == '/')
		len--;
	u = mem_new(1, sizeof(*u));
	u->base = mem_string_n(base, len);
	u->is_file = strncmp(base, "file:", 5) == 0;
	u->multi = curl_multi_init();
	assert(u->multi != NULL);
	*ret = u;
	return 0;
}

bool
upstream_is_file(const struct upstream *u)
{
	return u->is_file;
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
	free(u->base);
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
		t->reply.retry_after_s = 0;
		t->range_start = UINT64_MAX;
	} else if ((value = header_value(line, "ETag")) != NULL) {
		copy_value(t->reply.etag, sizeof(t->reply.etag), value);
	} else if ((value = header_value(line, "Location")) != NULL) {
		copy_value(t->reply.location, sizeof(t->reply.location), value);
	} else if ((value = header_value(line, "Retry-After")) != NULL) {
		uint64_t s;

		if (num_parse(value, strspn(value, "0123456789"), 86400, &s))
			t->reply.retry_after_s = (uint32_t)s;
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

static size_t
on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct transfer *t = context;
	long status = status_of(t);

	(void)size;
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

static void
add_header(struct transfer *t, const char *name, const char *value)
{
	AUTO_FREE char *line = mem_printf("%s: %s", name, value);

	t->headers = curl_slist_append(t->headers, line);
	assert(t->headers != NULL);
}

static void
set_common_options(struct transfer *t, const char *url)
{
	CURL *c = t->easy;

	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_PRIVATE, t);
	(void)curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https,file");
	(void)curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	(void)curl_easy_setopt(c, CURLOPT_PROXY, ""); /* the environment never decides */
	(void)curl_easy_setopt(c, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	(void)curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
	(void)curl_easy_setopt(c, CURLOPT_USERAGENT, "guts2d/" GUTS2_VERSION);
	(void)curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->curl_error);
	(void)curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES_PER_S);
	(void)curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
	(void)curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(c, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
}

static void
set_request_options(struct transfer *t)
{
	const struct upstream_request *r = t->request;
	CURL *c = t->easy;

	(void)curl_easy_setopt(
		c, CURLOPT_TIMEOUT, OVERALL_S + (long)(r->max_bytes / SLOWEST_BYTES_PER_S));
	if (r->post_body != NULL) {
		(void)curl_easy_setopt(c, CURLOPT_COPYPOSTFIELDS, r->post_body);
		add_header(t, "Content-Type", "application/json");
	}
	if (r->accept != NULL)
		add_header(t, "Accept", r->accept);
	if (r->prefer != NULL)
		add_header(t, "Prefer", r->prefer);
	if (r->if_none_match != NULL && r->if_none_match[0] != '\0')
		add_header(t, "If-None-Match", r->if_none_match);
	if (r->resume_from > 0) {
		/* RESUME_FROM would make curl itself fail where a server ignores the range. */
		AUTO_FREE char *range = mem_printf("%llu-", (unsigned long long)r->resume_from);

		(void)curl_easy_setopt(c, CURLOPT_RANGE, range);
	}
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
}

void
upstream_start(struct upstream *u, const struct upstream_request *request)
{
	struct transfer *t = mem_new(1, sizeof(*t));
	AUTO_FREE char *url = mem_printf("%s/%s", u->base, request->name);

	t->request = request;
	t->started_ms = clock_mono_ms();
	t->easy = curl_easy_init();
	assert(t->easy != NULL);
	set_common_options(t, url);
	set_request_options(t);
	t->next = u->running;
	u->running = t;
	(void)curl_multi_add_handle(u->multi, t->easy);
}

static enum upstream_outcome
wrong(struct transfer *t, enum upstream_outcome outcome, enum err_code code, const char *why)
{
	if (t->reply.why.code == ERR_NONE)
		(void)err_set(&t->reply.why, code, "%s", why);
	return outcome;
}

/* A file that is not there means something only while the tree is there. */
static enum upstream_outcome
missing_file(struct upstream *u, struct transfer *t)
{
	AUTO_FREE char *query = mem_printf("%s/q", u->base + strlen("file://"));

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

static enum upstream_outcome
status_outcome(struct transfer *t)
{
	long status = t->reply.status;
	char text[64];

	(void)snprintf(text, sizeof(text), "answered %ld", status);
	if (status == 0 || status == 200 || (status == 206 && t->request->resume_from > 0))
		return body_outcome(t);
	if (status == 304 && t->request->if_none_match != NULL)
		return UPSTREAM_UNCHANGED;
	if (status == 404 || status == 410)
		return wrong(t, UPSTREAM_ABSENT, ERR_MISSING, text);
	if (status == 301 && t->reply.location[0] != '\0')
		return wrong(t, UPSTREAM_MOVED, ERR_INPUT, "answered with a redirect");
	if (status == 503 || status == 429)
		return wrong(t, UPSTREAM_BUSY, ERR_BUSY, text);
	if (status >= 400 && status < 500)
		return wrong(t, UPSTREAM_REFUSED, ERR_INPUT, text);
	return wrong(t, UPSTREAM_BROKEN, ERR_INPUT,
		status >= 300 && status < 400 ? "answered with a redirect" : text);
}

static enum upstream_outcome
outcome_of(struct upstream *u, struct transfer *t, CURLcode code)
{
	const char *why = t->curl_error[0] != '\0' ? t->curl_error : curl_easy_strerror(code);

	switch (code) {
	case CURLE_OK:
		return status_outcome(t);
	case CURLE_FILE_COULDNT_READ_FILE:
		return missing_file(u, t);
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
		/* Without curl's details, which differ each time (milliseconds, bytes). */
		return wrong(t, UPSTREAM_UNREACHABLE, ERR_SYS, curl_easy_strerror(code));
	default:
		return wrong(t, UPSTREAM_BROKEN, ERR_INPUT, why);
	}
}

static void
finish(struct upstream *u, CURLMsg *message)
{
	struct transfer *t = NULL;
	const struct upstream_request *request;
	struct upstream_reply reply;

	(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
	assert(t != NULL);
	t->reply.status = status_of(t);
	t->reply.elapsed_ms = clock_mono_ms() - t->started_ms;
	t->reply.outcome = outcome_of(u, t, message->data.result);
	request = t->request;
	reply = t->reply;
	transfer_free(u, t);
	request->done(request->context, &reply);
}

void
upstream_run(struct upstream *u, int timeout_ms)
{
	CURLMsg *message;
	int left;

	(void)curl_multi_perform(u->multi, &left);
	while ((message = curl_multi_info_read(u->multi, &left)) != NULL) {
		if (message->msg == CURLMSG_DONE) {
			finish(u, message);
			timeout_ms = 0; /* the caller may have more to start */
		}
	}
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

/* Where the path begins in http://host[:port]/path. */
static const char *
path_of(const char *url)
{
	const char *host = strstr(url, "://");

	host = host != NULL ? host + 3 : url;
	return host + strcspn(host, "/");
}

bool
upstream_location_target(const struct upstream *u, const char *location, struct target *ret)
{
	const char *base_path = path_of(u->base);
	size_t origin = (size_t)(base_path - u->base);

	if (strncmp(location, u->base, origin) == 0)
		location += origin;
	if (location[0] != '/' || strncmp(location, base_path, strlen(base_path)) != 0)
		return false;
	return target_parse(location + strlen(base_path), ret, NULL) == 0;
}

bool
upstream_may_recover(enum upstream_outcome outcome)
{
	return outcome == UPSTREAM_BUSY || outcome == UPSTREAM_UNREACHABLE ||
	       outcome == UPSTREAM_BROKEN || outcome == UPSTREAM_REFUSED;
}
