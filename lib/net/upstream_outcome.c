/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a transfer that has ended went. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "model/doc.h"
#include "net/upstream_transfer.h"

/* However long somebody wants to be left alone, he is asked again within the hour. */
enum { RETRY_AFTER_MAX_S = 3600 };

long
upstream_outcome_status(const struct transfer *t)
{
	long status = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/*
 * Identity was asked for. What a gateway on the way packed is neither the document nor the archive
 * that it should be, and would be blamed for that.
 */
static int
refuse_encoding(const struct transfer *t, struct err *e)
{
	struct curl_header *field;

	if (curl_easy_header(t->easy, "Content-Encoding", 0, CURLH_HEADER, -1, &field) !=
			CURLHE_OK ||
		strcasecmp(field->value, "identity") == 0)
		return 0;
	return err_set(e, ERR_INPUT,
		"answered with Content-Encoding: %.40s, which was not asked for; something on the "
		"way may pack what passes",
		field->value);
}

/*
 * Before the first byte of a body: where in the file does it belong? Only a 206 that begins where
 * it was asked to goes on with what is there. 200 to a request with a range is allowed, RFC 9110
 * section 14.2: then all bytes come again. Any other range would put bytes in a wrong place, which
 * the digest would find only after the whole download.
 */
int
upstream_outcome_begin_body(struct transfer *t, struct err *e)
{
	const struct upstream_request *r = t->request;

	t->body_began = true;
	t->have = r->resume_from;
	if (refuse_encoding(t, e) != 0)
		return -1;
	if (r->resume_from == 0)
		return 0;
	if (upstream_outcome_status(t) == 206 && t->range_start == r->resume_from)
		return 0;
	if (upstream_outcome_status(t) == 206)
		return err_set(e, ERR_INPUT, "reply has another range than asked for");
	if (upstream_outcome_status(t) == 0)
		return 0; /* file: curl has positioned itself */
	t->have = 0;
	return r->restart(r->context, e);
}

/* The first reason stays: a callback knows its own error better than curl does. */
static enum upstream_outcome
wrong(struct transfer *t, enum upstream_outcome outcome, enum err_code code, const char *why)
{
	if (t->reply.why.code == ERR_NONE)
		(void)err_set(&t->reply.why, code, "%s", why);
	return outcome;
}

char *
upstream_outcome_path(const struct transfer *t)
{
	char *root =
		curl_easy_unescape(t->easy, t->request->origin->base + strlen("file://"), 0, NULL);
	char *path = mem_printf("%s/%s", root, t->request->name);

	curl_free(root);
	return path;
}

/*
 * Below a directory. curl says of every file that it could not be read: the system is asked once
 * more, for only what does not exist is absent. Anything else passes, as permissions and disks do.
 */
static enum upstream_outcome
unreadable_file(struct transfer *t)
{
	AUTO_FREE char *name = upstream_outcome_path(t);
	AUTO_FREE char *query =
		mem_printf("%.*sq", (int)(strlen(name) - strlen(t->request->name)), name);
	struct stat st;
	char text[120];

	if (stat(name, &st) == 0 && !S_ISREG(st.st_mode))
		return wrong(t, UPSTREAM_BROKEN, ERR_INPUT, "it is no regular file");
	if (access(name, R_OK) == 0)
		return wrong(t, UPSTREAM_UNREACHABLE, ERR_SYS, "a file could not be read just now");
	if (errno != ENOENT && errno != ENOTDIR) {
		(void)snprintf(text, sizeof(text), "a file cannot be read: %s", strerror(errno));
		return wrong(t, UPSTREAM_UNREACHABLE, ERR_SYS, text);
	}
	/* A file that is not there means something only while the tree is there. */
	if (access(query, R_OK) == 0)
		return wrong(t, UPSTREAM_ABSENT, ERR_MISSING, "no such file");
	return wrong(t, UPSTREAM_UNREACHABLE, ERR_MISSING, "no repository in this directory");
}

static enum upstream_outcome
body_outcome(struct transfer *t)
{
	const struct upstream_request *r = t->request;

	/* A body of no bytes never reaches on_body. */
	if (!t->body_began && upstream_outcome_begin_body(t, &t->reply.why) != 0)
		return UPSTREAM_BROKEN;
	/* More was refused while it came (on_body): this is less. */
	if (r->exact && t->have != r->max_bytes) {
		char text[96];

		(void)snprintf(text, sizeof(text), "reply of %llu bytes, %llu were announced",
			(unsigned long long)t->have, (unsigned long long)r->max_bytes);
		return wrong(t, UPSTREAM_BROKEN, ERR_INPUT, text);
	}
	return UPSTREAM_FRESH;
}

/*
 * 503: does it say that it is preparing what was asked for? A server of this kind does, guts2(7),
 * ANSWERS: it works for us, and is no upstream to be left alone. Any other 503, and 429, is.
 */
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
	(void)err_set(&t->reply.why, ERR_BUSY, "%s: it is not ready there%s%s", text,
		t->reply.reason[0] != '\0' ? ": " : "", t->reply.reason);
	return UPSTREAM_PREPARING;
}

/* Whoever reads it knows at once where to look: at the place that the address leads to. */
static enum upstream_outcome
redirected(struct transfer *t)
{
	const char *to = t->reply.location;

	(void)err_set(&t->reply.why, ERR_INPUT, "answered %ld, a redirect%s%s", t->reply.status,
		to[0] != '\0' ? " to " : " to nowhere", to);
	return t->reply.status == 301 && to[0] != '\0' ? UPSTREAM_MOVED : UPSTREAM_BROKEN;
}

/*
 * Status 0 is a file. 206 without a range asked for, 304 without a condition, and every status that
 * is not in guts2(7) are answers that are wrong: BROKEN, with the status in the text.
 */
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
	if (status >= 300 && status < 400 && status != 304)
		return redirected(t);
	if (status == 503 || status == 429)
		return unavailable(t, text);
	if (status == 508)
		return wrong(t, UPSTREAM_BROKEN, ERR_INPUT,
			"answered 508: the servers form a loop, or too long a chain");
	if (status >= 400 && status < 500)
		return wrong(t, UPSTREAM_REFUSED, ERR_INPUT, text);
	return wrong(t, UPSTREAM_BROKEN, ERR_INPUT, text);
}

/*
 * Where it ended, by what curl had come to until then. Its time of a connection is that of all that
 * a connection takes, TLS included: that one to the first machine is there is told by its port. A
 * 407 is the proxy's even where the request had gone out.
 */
static enum upstream_step
step_of(const struct transfer *t)
{
	bool proxied = t->proxy[0] != '\0';
	bool tls = t->request->origin->scheme == ORIGIN_HTTPS;
	curl_off_t name_us = 0;
	long port = 0;
	long tunnel = 0;

	(void)curl_easy_getinfo(t->easy, CURLINFO_NAMELOOKUP_TIME_T, &name_us);
	(void)curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_PORT, &port);
	(void)curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &tunnel);
	if (proxied && t->reply.status == 407)
		return UPSTREAM_PROXY;
	if (t->request->origin->scheme == ORIGIN_FILE || t->asked)
		return UPSTREAM_ANSWER;
	if (name_us == 0)
		return UPSTREAM_NAME;
	if (port == 0)
		return UPSTREAM_CONNECT;
	if (proxied && tls && tunnel / 100 != 2)
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
	if (t->proxy[0] == '\0')
		(void)snprintf(text, sizeof(text),
			"answered %ld: a proxy on the way wants a user, and none is named here",
			tunnel);
	else if (tunnel == 0)
		(void)snprintf(text, sizeof(text), "the proxy %s does not answer", t->proxy);
	else
		(void)snprintf(text, sizeof(text), "the proxy %s answered %ld%s", t->proxy, tunnel,
			tunnel == 407 ? ": it does not accept user and password" : "");
	return wrong(t, UPSTREAM_UNREACHABLE, ERR_SYS, text);
}

/*
 * Without curl's details where they differ each time (milliseconds, bytes): the same failure has
 * the same text, so that a log says it once.
 */
static enum upstream_outcome
no_answer(struct transfer *t, const char *why)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "%s%s%s%s", t->proxy[0] != '\0' ? "proxy " : "",
		t->proxy, t->proxy[0] != '\0' ? ": " : "", why);
	return wrong(t, UPSTREAM_UNREACHABLE, ERR_SYS, text);
}

/*
 * Those codes say that nobody answered, or not to the end: another time may do. TLS errors are told
 * in curl's words, which name what is wrong with the certificate. What is left, our own callbacks'
 * refusals among it, is a wrong answer.
 */
static enum upstream_outcome
outcome_of(struct transfer *t, CURLcode code)
{
	const char *why = t->curl_error[0] != '\0' ? t->curl_error : curl_easy_strerror(code);

	if (t->too_slow)
		return no_answer(t, curl_easy_strerror(CURLE_OPERATION_TIMEDOUT));
	if (code != CURLE_OK && t->reply.step == UPSTREAM_PROXY)
		return proxy_refused(t);
	switch (code) {
	case CURLE_OK:
		return t->reply.status == 407 ? proxy_refused(t) : status_outcome(t);
	case CURLE_FILE_COULDNT_READ_FILE:
		return unreadable_file(t);
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

void
upstream_outcome_judge(struct transfer *t, CURLcode code)
{
	curl_off_t s = 0;

	t->reply.status = upstream_outcome_status(t);
	t->reply.elapsed_ms = clock_mono_ms() - t->started_ms;
	(void)curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &s);
	if (s > 0) /* a date may have passed */
		t->reply.retry_after_s = (uint32_t)(s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S);
	t->reply.step = step_of(t);
	t->reply.outcome = outcome_of(t, code);
}
