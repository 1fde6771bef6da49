/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/client_had.h"

#include <stdio.h>
#include <string.h>

#include "base/fs.h"
#include "model/doc.h"

enum { HAD_BYTES_MAX = 16384 };

/* No role has a file of this name (role_file.h). */
static const char had_prefix[] = "had:";

static const char *
had_name(const char *type, char ret[IDENT_NAME_MAX])
{
	(void)snprintf(ret, IDENT_NAME_MAX, "%s%s", had_prefix, type);
	return ret;
}

static bool
parse_had(const json_t *object, struct client_had *ret)
{
	const char *cookie = doc_string(object, "cookie", NULL);
	const char *header = cookie != NULL ? doc_string(object, "header", NULL) : NULL;
	const char *advisory = header != NULL ? doc_string(object, "advisory", NULL) : NULL;

	if (advisory == NULL || strlen(advisory) > CLIENT_HAD_ADVISORY_MAX ||
		!ident_cookie_valid(cookie) || !digest_parse(header, &ret->header) ||
		header[DIGEST_HEX] != '\0' ||
		doc_number(object, "version", 1, IDENT_VERSION_MAX, &ret->edition.version, NULL) !=
			0 ||
		doc_number(object, "newest", 0, IDENT_VERSION_MAX, &ret->newest, NULL) != 0 ||
		doc_number(object, "root", 0, INT64_MAX, &ret->root, NULL) != 0 ||
		doc_number(object, "timestamp", 0, INT64_MAX, &ret->timestamp, NULL) != 0)
		return false;
	memcpy(ret->edition.cookie, cookie, sizeof(ret->edition.cookie));
	memcpy(ret->advisory, advisory, strlen(advisory) + 1);
	ret->security = json_is_true(json_object_get(object, "security"));
	return true;
}

/* Written by fs_put, whole or not at all: what is no such text was changed by somebody. */
struct client_had
client_had_read(int dir, const char *type)
{
	AUTO_BUF struct buf text = {0};
	AUTO_DOC json_t *object = NULL;
	struct client_had had = {0};
	char name[IDENT_NAME_MAX];

	if (dir >= 0 && fs_read(dir, had_name(type, name), HAD_BYTES_MAX, &text, NULL) == 0)
		object = doc_parse(span_of(text.at, text.len), NULL);
	return object != NULL && parse_had(object, &had) ? had : (struct client_had){0};
}

int
client_had_note(int dir, const char *type, const struct client_had *had, struct err *e)
{
	AUTO_BUF struct buf text = {0};
	char stage[IDENT_NAME_MAX + 8];
	char name[IDENT_NAME_MAX];
	char hex[DIGEST_HEX + 1];

	doc_format(
		json_pack("{s:I,s:s,s:s,s:I,s:b,s:s,s:I,s:I}", "version",
			(json_int_t)had->edition.version, "cookie", had->edition.cookie, "header",
			digest_hex(&had->header, hex), "newest", (json_int_t)had->newest,
			"security", (int)had->security, "advisory", had->advisory, "root",
			(json_int_t)had->root, "timestamp", (json_int_t)had->timestamp),
		&text);
	/* Of a name of its own: other types are noted beside it. */
	(void)snprintf(stage, sizeof(stage), "new-%s", had_name(type, name));
	return fs_put_over(dir, stage, name, span_of(text.at, text.len), e);
}

static int
disown(void *context, int dir, const char *name, struct err *e)
{
	const char *type = name + sizeof(had_prefix) - 1;
	struct client_had had;

	(void)context;
	if (strncmp(name, had_prefix, sizeof(had_prefix) - 1) != 0 || !ident_type_valid(type))
		return 0;
	had = client_had_read(dir, type);
	/* Its numbers say nothing of those of another root. */
	had.newest = had.root = had.timestamp = 0;
	return had.edition.version > 0 ? client_had_note(dir, type, &had, e) : 0;
}

int
client_had_disown(int dir, struct err *e)
{
	return fs_each(dir, ".", disown, NULL, e);
}
