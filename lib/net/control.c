/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "net/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/fs.h"
#include "net/local.h"

/*
 * A question or answer is a line; the server waits 5 s for a word, a tool 10 minutes for its
 * answer, since a reindex or a check reads many files.
 */
enum { QUESTION_MAX = 4096, ANSWER_MAX = 16 << 20, WORD_S = 5, ANSWER_S = 600 };

static const char name[] = "control";

/* For each call: whoever connects and says nothing does not keep the others waiting for ever. */
static int
set_patience(int fd, int seconds, struct err *e)
{
	struct timeval limit = {.tv_sec = seconds};

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) != 0)
		return err_sys(e, "%s", name);
	return 0;
}

int
control_listen(int dir, struct err *e)
{
	return local_listen(dir, name, e);
}

void
control_unlisten(int dir, int *fd)
{
	local_unlisten(dir, name, fd);
}

/* Of at most max bytes. A stream has no messages: a newline ends one. */
static json_t *
receive(int fd, int seconds, size_t max, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	char block[QUESTION_MAX];

	if (set_patience(fd, seconds, e) != 0)
		return NULL;
	while (text.len < max && (text.len == 0 || text.at[text.len - 1] != '\n')) {
		size_t room = max - text.len < sizeof(block) ? max - text.len : sizeof(block);
		ssize_t got = recv(fd, block, room, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			(void)err_sys(e, "%s", name);
		else if (got == 0)
			(void)err_set(e, ERR_INPUT, "%s: cut short", name);
		if (got <= 0)
			return NULL;
		buf_add(&text, block, (size_t)got);
	}
	return doc_parse(span_of(text.at, text.len), e);
}

json_t *
control_receive(int fd, struct err *e)
{
	return receive(fd, WORD_S, QUESTION_MAX, e);
}

static int
send_line(int fd, json_t *take, size_t max, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	size_t sent = 0;

	doc_format(take, &text);
	if (text.len > max)
		return err_set(e, ERR_LIMIT, "%s: too long", name);
	while (sent < text.len) {
		/* The other side may be gone, which must not end a server: MSG_NOSIGNAL. */
		ssize_t put = send(fd, text.at + sent, text.len - sent, MSG_NOSIGNAL);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_sys(e, "%s", name);
		sent += (size_t)put;
	}
	return 0;
}

int
control_send(int fd, json_t *take, struct err *e)
{
	return send_line(fd, take, ANSWER_MAX, e);
}

json_t *
control_ask(int dir, json_t *take_question, struct err *e)
{
	AUTO_CLOSE int fd = local_connect(dir, name);
	AUTO_DOC json_t *question = take_question;
	const char *error;
	json_t *answer;

	if (fd < 0) {
		(void)err_sys(e, "cannot ask the running server");
		return NULL;
	}
	/* It takes a reference, and AUTO_DOC drops ours. */
	if (send_line(fd, json_incref(question), QUESTION_MAX, e) != 0)
		return NULL;
	answer = receive(fd, ANSWER_S, ANSWER_MAX, e);
	error = json_string_value(json_object_get(answer, "error"));
	if (error == NULL)
		return answer;
	(void)err_set(e, ERR_INPUT, "the server says: %s", error);
	json_decref(answer);
	return NULL;
}

/* Only what names the record: digest and size are the server's to know. */
void
control_put_record(json_t *object, const struct record *r)
{
	(void)json_object_set_new(object, "kind", json_integer((json_int_t)r->kind));
	(void)json_object_set_new(object, "type", json_string(r->ident.type));
	(void)json_object_set_new(
		object, "version", json_integer((json_int_t)r->ident.edition.version));
	(void)json_object_set_new(object, "cookie", json_string(r->ident.edition.cookie));
	(void)json_object_set_new(object, "format", json_integer((json_int_t)r->format));
	if (r->base.version == 0)
		return;
	(void)json_object_set_new(object, "pv", json_integer((json_int_t)r->base.version));
	(void)json_object_set_new(object, "pc", json_string(r->base.cookie));
}

/* From any process of root or of our own user, and checked all the same: it becomes a file name. */
int
control_get_record(const json_t *object, struct record *ret, struct err *e)
{
	uint64_t kind;
	uint64_t format;
	const char *cookie;

	*ret = (struct record){0};
	if (doc_ident(object, &ret->ident, e) != 0 ||
		doc_number(object, "kind", 0, RECORD_CONTENT, &kind, e) != 0 ||
		doc_number(object, "format", 0, FORMAT_COUNT - 1, &format, e) != 0)
		return -1;
	ret->kind = (enum record_kind)kind;
	ret->format = (enum format)format;
	if (json_object_get(object, "pv") == NULL)
		return 0;
	cookie = doc_string(object, "pc", e);
	if (cookie == NULL ||
		doc_number(object, "pv", 1, IDENT_VERSION_MAX, &ret->base.version, e) != 0)
		return -1;
	if (!ident_cookie_valid(cookie))
		return err_set(e, ERR_INPUT, "pc: 8 lower-case hex digits");
	memcpy(ret->base.cookie, cookie, sizeof(ret->base.cookie));
	return 0;
}
