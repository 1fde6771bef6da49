/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/admin.h"

#include <stdio.h>
#include <string.h>

#include "admin/admin_metrics.h"
#include "admin/page.h"
#include "admin/status.h"
#include "model/doc.h"

static const char verb_prefix[] = "/api/";

static const char text_type[] = "text/plain; charset=utf-8";
static const char document_type[] = "application/json";
static const char prometheus_type[] = "text/plain; version=0.0.4; charset=utf-8";
static const char openmetrics_type[] = "application/openmetrics-text; version=1.0.0; charset=utf-8";

void
admin_reply_free(struct admin_reply *r)
{
	buf_free(&r->text);
}

static void
put_document(struct admin_reply *ret, unsigned status, json_t *take)
{
	ret->status = status;
	ret->type = document_type;
	buf_clear(&ret->text);
	doc_format(take, &ret->text);
}

/* A reason can quote what lies on the disk, which a document has to be able to say. */
void
admin_reply_error(struct admin_reply *ret, unsigned status, const char *error, const char *reason)
{
	put_document(ret, status,
		json_pack("{s:s,s:s}", "error", error, "reason",
			doc_text_valid(reason) ? reason : "failed"));
}

/* ---- What is read */

static void
put_text(struct admin_reply *ret, unsigned status, const char *text)
{
	ret->status = status;
	ret->type = text_type;
	buf_add(&ret->text, text, strlen(text));
}

static void
get_live(const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret)
{
	(void)parts;
	(void)r;
	put_text(ret, 200, "ok\n");
}

/* A cloud that is away does not count: what is here is served. */
static void
get_ready(const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret)
{
	(void)r;
	if (stop_wanted(parts->ending))
		put_text(ret, 503, "the server ends\n");
	else
		put_text(ret, 200, "ok\n");
}

static void
get_metrics(const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret)
{
	bool openmetrics = r->accept != NULL && strstr(r->accept, "application/openmetrics-text");

	ret->status = 200;
	ret->type = openmetrics ? openmetrics_type : prometheus_type;
	admin_metrics_print(
		parts, &ret->text, openmetrics ? METRICS_OPENMETRICS : METRICS_PROMETHEUS);
}

static void
get_page(const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret)
{
	AUTO_DOC json_t *status = status_document(parts);

	(void)r;
	ret->status = 200;
	ret->type = "text/html; charset=utf-8";
	page_print(status, &ret->text);
}

static void
get_style(const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret)
{
	(void)parts;
	(void)r;
	put_text(ret, 200, page_style);
	ret->type = "text/css; charset=utf-8";
}

static void
get_script(const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret)
{
	(void)parts;
	(void)r;
	put_text(ret, 200, page_script);
	ret->type = "text/javascript; charset=utf-8";
}

static const struct {
	const char *path;
	enum admin_right right;
	void (*get)(const struct verbs_parts *parts, const struct admin_request *r,
		struct admin_reply *ret);
} pages[] = {
	{"/livez", ADMIN_NOTHING, get_live},
	{"/readyz", ADMIN_NOTHING, get_ready},
	{"/", ADMIN_READ, get_page},
	{"/style.css", ADMIN_READ, get_style},
	{"/script.js", ADMIN_READ, get_script},
	{"/metrics", ADMIN_READ, get_metrics},
};

/* ---- What is asked to be done */

static bool
is_json(const char *content_type)
{
	size_t len = sizeof(document_type) - 1;

	return content_type != NULL && strncmp(content_type, document_type, len) == 0 &&
	       (content_type[len] == '\0' || content_type[len] == ';');
}

static void
answer_verb(const struct verbs_parts *parts, const struct admin_request *r, json_t *question,
	struct admin_reply *ret)
{
	struct err e = {0};
	json_t *answer;

	(void)json_object_set_new(question, "do", json_string(r->path + sizeof(verb_prefix) - 1));
	(void)json_object_set_new(question, "by", json_string(r->by));
	answer = verbs_answer(parts, question, &e);
	if (answer != NULL)
		put_document(ret, 200, answer);
	else
		admin_reply_error(ret, e.code == ERR_INPUT ? 400 : 500, "failed", e.text);
}

/* No browser sends JSON to another site without asking first: what is none is no wish of ours. */
static void
post_verb(const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret)
{
	AUTO_DOC json_t *question = NULL;
	struct err e = {0};

	if (!is_json(r->content_type)) {
		admin_reply_error(ret, 415, "unsupported-media-type",
			"Content-Type: application/json is required");
		return;
	}
	question = doc_parse(r->body.len > 0 ? r->body : span_of("{}", 2), &e);
	if (question != NULL)
		answer_verb(parts, r, question, ret);
	else
		admin_reply_error(ret, 400, "malformed", e.text);
}

static void
get_verb(const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret)
{
	AUTO_DOC json_t *question = json_object();

	answer_verb(parts, r, question, ret);
}

static void
refuse_method(struct admin_reply *ret, const char *allow)
{
	ret->allow = allow;
	admin_reply_error(ret, 405, "method-not-allowed", allow);
}

static void
refuse(struct admin_reply *ret, enum admin_right has)
{
	if (has == ADMIN_NOTHING)
		admin_reply_error(ret, 401, "unauthorized", "the token is required");
	else
		admin_reply_error(ret, 403, "forbidden",
			"changes need the token, or the socket in the server's directory");
}

static void
make_verb(const struct verbs_parts *parts, const struct admin_request *r, bool reads,
	struct admin_reply *ret)
{
	bool named = strncmp(r->path, verb_prefix, sizeof(verb_prefix) - 1) == 0;
	enum admin_right needed =
		named ? verbs_right(r->path + sizeof(verb_prefix) - 1) : ADMIN_NOTHING;

	if (r->right == ADMIN_NOTHING)
		refuse(ret, r->right); /* nothing is said of what there is */
	else if (needed == ADMIN_NOTHING)
		admin_reply_error(ret, 404, "not-found", "no such page");
	else if (reads && needed == ADMIN_CHANGE)
		refuse_method(ret, "POST");
	else if (r->right < needed)
		refuse(ret, r->right);
	else if (reads)
		get_verb(parts, r, ret);
	else
		post_verb(parts, r, ret);
}

void
admin_reply_make(
	const struct verbs_parts *parts, const struct admin_request *r, struct admin_reply *ret)
{
	bool reads = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0;

	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		if (strcmp(r->path, pages[i].path) != 0)
			continue;
		if (!reads)
			refuse_method(ret, "GET, HEAD");
		else if (r->right < pages[i].right)
			refuse(ret, r->right);
		else
			pages[i].get(parts, r, ret);
		return;
	}
	make_verb(parts, r, reads, ret);
}
