/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * doc.h - JSON documents from outside, checked before they are believed.
 *
 * Does:     parses with the depth bounded, and fetches typed members with an
 *           error that names the field. Documents of one long list are parsed element by element:
 *           memory is that of what is made of them, and less than four times the document.
 * Owner:    the caller drops the value with json_decref (AUTO_DOC does it)
 * Errors:   ERR_INPUT
 * Source:   RFC 8259; guts2(7), LIMITS
 */
#ifndef DOC_H
#define DOC_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "model/ident.h"

#define AUTO_DOC __attribute__((cleanup(doc_cleanup)))

enum {
	DOC_DEPTH_MAX = 16,
	/* In a document with a long list: */
	DOC_VALUE_BYTES_MAX = 1 << 16, /* an element, or another member's value */
	DOC_MEMBERS_MAX = 64,
};

/*
 * How deep a text is nested, and how many values it has, counted on the bytes, before anything is
 * allocated. What is no JSON may be counted wrongly, and is refused by the parser.
 */
struct doc_shape {
	size_t depth;
	size_t values;
};
struct doc_shape doc_shape(struct span json);

/* An object, at most DOC_DEPTH_MAX deep, no repeated keys; NULL: not that. */
json_t *doc_parse(struct span json, struct err *e);

/* The list of a document, whose elements are not kept. */
struct doc_list {
	const char *key;
	const char *what; /* an element, for errors: "file" */
	/* One element; -1 ends it all. */
	int (*add)(void *context, const json_t *element, struct err *e);
	void *context;
	bool found; /* by doc_parse_list */
};

/*
 * As strict as doc_parse; what is returned has the other members. ERR_LIMIT: more, or longer, than
 * the limits above.
 */
json_t *doc_parse_list(struct span json, struct doc_list *list, struct err *e);

/* A member of a document that was made here: 0 where it is not there. */
static inline int64_t
doc_integer(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

/* Whether a text can be in a document: valid UTF-8. */
bool doc_text_valid(const char *text);

/* The text where it can, and else a word for that. */
const char *doc_text_shown(const char *text);

/*
 * Whether it can be shown to people as well: no control characters (C0, DEL, C1), and none that end
 * a line or turn the direction of writing, by which a name looks like another one.
 */
bool doc_text_plain(const char *text);

/* The bytes of such a character, where one begins here; else 0. The text is valid UTF-8. */
size_t doc_text_steering(const char *at);

/* A string member; NULL and an error where it is missing or something else. */
const char *doc_string(const json_t *object, const char *key, struct err *e);

/* An integer member from min to max. */
int doc_number(const json_t *object, const char *key, uint64_t min, uint64_t max, uint64_t *ret,
	struct err *e);

/* The members type, version and cookie. */
int doc_ident(const json_t *object, struct ident *ret, struct err *e);

/* {"cookie","type","version"} */
json_t *doc_from_ident(const struct ident *ident);

/* Compact bytes with sorted keys and a newline; consumes take. */
void doc_format(json_t *take, struct buf *ret);

static inline void
doc_cleanup(json_t **pointer)
{
	json_decref(*pointer);
}

#endif
