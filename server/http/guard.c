/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "http/guard.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"

/* RFC 9110 section 5.6.2. */
static const bool token_bytes[UCHAR_MAX + 1] = {['!'] = true,
	['#' ... '\''] = true,
	['*'] = true,
	['+'] = true,
	['-'] = true,
	['.'] = true,
	['0' ... '9'] = true,
	['A' ... 'Z'] = true,
	['^' ... 'z'] = true,
	['|'] = true,
	['~'] = true};

/* A blank before the colon is part of what is refused: servers differ in what they make of it. */
static bool
is_token(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!token_bytes[(unsigned char)s[i]])
			return false;
	return len > 0;
}

/* Some end a line at a lone CR or NUL, others do not. Bytes above ASCII are allowed (obs-text). */
static const bool controls[UCHAR_MAX + 1] = {
	['\0' ... '\t' - 1] = true, ['\t' + 1 ... ' ' - 1] = true, [0x7f] = true};

static bool
has_controls(const char *s, size_t len)
{
	bool found = false;

	/* To the end: that nearly all have none is known beforehand. */
	for (size_t i = 0; i < len; i++)
		found |= controls[(unsigned char)s[i]];
	return found;
}

static bool
is_named(const char *name, size_t len, const char *wanted)
{
	return strlen(wanted) == len && strncasecmp(name, wanted, len) == 0;
}

void
guard_header(
	struct guard *g, const char *name, size_t name_len, const char *value, size_t value_len)
{
	if (!is_token(name, name_len) || has_controls(value, value_len)) {
		g->bad_header = true;
	} else if (is_named(name, name_len, "Host")) {
		g->hosts++;
	} else if (is_named(name, name_len, "Transfer-Encoding")) {
		g->transfer_encodings++;
		g->unknown_coding |= !is_named(value, value_len, "chunked");
	} else if (is_named(name, name_len, "Content-Length")) {
		g->content_lengths++;
		if (!num_parse(value, value_len, INT64_MAX, &g->content_length))
			g->bad_length = true;
	}
}

unsigned
guard_judge(const struct guard *g, const struct guard_head *head, const char **ret_reason)
{
	bool post = strcmp(head->method, "POST") == 0;
	bool get = !post && (strcmp(head->method, "GET") == 0 || strcmp(head->method, "HEAD") == 0);
	bool current = strcmp(head->version, "HTTP/1.1") == 0;
	bool body = g->content_length > 0 || g->transfer_encodings > 0;
	/*
	 * All of these are heads that two programs on the way can read differently: which of two
	 * lengths holds, where a body ends and the next request begins (RFC 9112 sections 6.1, 6.3
	 * and 11.2). The first rule that is broken gives the answer; what is too long comes first.
	 */
	const struct {
		bool wrong;
		unsigned status;
		const char *reason;
	} rules[] = {
		{head->line_bytes > GUARD_LINE_MAX, 414, "request line too long"},
		{head->head_bytes > GUARD_HEAD_MAX, 431, "headers too long"},
		{!current && strcmp(head->version, "HTTP/1.0") != 0, 400, "HTTP version"},
		{g->bad_header, 400, "malformed header"},
		{g->hosts > 1, 400, "more than one Host"},
		{g->hosts == 0 && current, 400, "no Host"},
		{g->content_lengths > 1 || g->bad_length, 400, "Content-Length"},
		{g->transfer_encodings > 1, 400, "more than one Transfer-Encoding"},
		{g->content_lengths > 0 && g->transfer_encodings > 0, 400,
			"Content-Length with Transfer-Encoding"},
		{!post && !get, 405, "method not allowed"},
		{!post && body, 400, "body on a request that has none"},
		/* Where such a body ends nobody would know: the library waits for it (section 6.1).
		 */
		{g->unknown_coding, 501, "Transfer-Encoding other than chunked"},
		{g->content_length > GUARD_BODY_MAX, 413, "body too long"},
	};

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (!rules[i].wrong)
			continue;
		*ret_reason = rules[i].reason;
		return rules[i].status;
	}
	return 0;
}
