/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/doc.h"

#include <assert.h>
#include <string.h>

/* Brackets in strings do not count, and an escaped quote ends no string. */
struct doc_shape
doc_shape(struct span json)
{
	struct doc_shape shape = {0};
	bool in_string = false;
	size_t depth = 0;

	for (size_t i = 0; i < json.len; i++) {
		uint8_t c = json.at[i];

		if (in_string && c == '\\') {
			i++;
		} else if (c == '"') {
			in_string = !in_string;
		} else if (!in_string && (c == '{' || c == '[')) {
			shape.values++;
			shape.depth = ++depth > shape.depth ? depth : shape.depth;
		} else if (!in_string && (c == '}' || c == ']')) {
			depth -= depth > 0;
		} else if (!in_string && c == ',') {
			shape.values++;
		}
	}
	return shape;
}

json_t *
doc_parse(struct span json, struct err *e)
{
	json_error_t error;
	json_t *doc;

	/* jansson's own bound on recursion is 2048. */
	if (doc_shape(json).depth > DOC_DEPTH_MAX) {
		(void)err_set(e, ERR_INPUT, "JSON nested deeper than %d", DOC_DEPTH_MAX);
		return NULL;
	}
	/*
	 * Of two members with one key another reader may take the other one: RFC 8259, section 4.
	 * Without JSON_ALLOW_NUL a string with \u0000 is refused, so that every text is whole as a
	 * C string.
	 */
	if (json.len == 0) {
		(void)err_set(e, ERR_INPUT, "not JSON: it is empty");
		return NULL;
	}
	doc = json_loadb((const char *)json.at, json.len, JSON_REJECT_DUPLICATES, &error);
	if (doc == NULL) {
		(void)err_set(e, ERR_INPUT, "not JSON: line %d: %s", error.line, error.text);
		return NULL;
	}
	if (!json_is_object(doc)) {
		json_decref(doc);
		(void)err_set(e, ERR_INPUT, "not a JSON object");
		return NULL;
	}
	return doc;
}

/* ---- Documents of one long list */

struct cursor {
	struct span json;
	size_t at;
};

static int
not_json(const struct cursor *c, const char *why, struct err *e)
{
	size_t line = 1;

	for (size_t i = 0; i < c->at; i++)
		line += c->json.at[i] == '\n';
	return err_set(e, ERR_INPUT, "not JSON: line %zu: %s", line, why);
}

/* RFC 8259, section 2. */
static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* The next byte that is none, or NUL at the end. */
static uint8_t
look(struct cursor *c)
{
	while (c->at < c->json.len && is_blank(c->json.at[c->at]))
		c->at++;
	return c->at < c->json.len ? c->json.at[c->at] : '\0';
}

static bool
take(struct cursor *c, uint8_t wanted)
{
	bool is = look(c) == wanted && c->at < c->json.len;

	c->at += is;
	return is;
}

/*
 * jansson is given no more bytes than a value may have, and says where the value ended: a number
 * that is cut there goes on with a digit, which no caller takes.
 */
static json_t *
next_value(struct cursor *c, struct err *e)
{
	const size_t left = c->json.len - c->at;
	const bool cut = left > DOC_VALUE_BYTES_MAX;
	json_error_t error;
	json_t *value =
		json_loadb((const char *)c->json.at + c->at, cut ? DOC_VALUE_BYTES_MAX : left,
			JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);

	if (value != NULL)
		c->at += (size_t)error.position;
	else if (cut && json_error_code(&error) == json_error_premature_end_of_input)
		(void)err_set(e, ERR_LIMIT, "a value of more than %d bytes", DOC_VALUE_BYTES_MAX);
	else
		(void)not_json(c, error.text, e);
	return value;
}

static int
parse_elements(struct cursor *c, struct doc_list *list, struct err *e)
{
	size_t count = 0;

	list->found = true;
	(void)take(c, '[');
	if (take(c, ']'))
		return 0;
	do {
		AUTO_DOC json_t *element = NULL;

		(void)look(c);
		count++;
		if ((element = next_value(c, e)) == NULL ||
			list->add(list->context, element, e) != 0)
			return err_wrap(e, "%s %zu", list->what, count);
	} while (take(c, ','));
	return take(c, ']') ? 0 : not_json(c, "',' or ']' expected", e);
}

/* A key, and what belongs to it. A list under the key of the list that is no array is as another
 * value. */
static int
parse_member(struct cursor *c, struct doc_list *list, json_t *others, struct err *e)
{
	AUTO_DOC json_t *key = NULL;
	const char *name;
	json_t *value;

	if (look(c) != '"')
		return not_json(c, "string or '}' expected", e);
	key = next_value(c, e);
	if (key == NULL)
		return -1;
	name = json_string_value(key);
	if (!take(c, ':'))
		return not_json(c, "':' expected", e);
	if (json_object_get(others, name) != NULL || (list->found && strcmp(name, list->key) == 0))
		return not_json(c, "duplicate object key", e);
	if (look(c) == '[' && strcmp(name, list->key) == 0)
		return parse_elements(c, list, e);
	value = next_value(c, e);
	if (value == NULL)
		return -1;
	(void)json_object_set_new_nocheck(others, name, value);
	return json_object_size(others) <= DOC_MEMBERS_MAX
		       ? 0
		       : err_set(e, ERR_LIMIT, "more than %d members", DOC_MEMBERS_MAX);
}

static int
parse_members(struct cursor *c, struct doc_list *list, json_t *others, struct err *e)
{
	if (!take(c, '{'))
		return look(c) == '[' ? err_set(e, ERR_INPUT, "not a JSON object")
				      : not_json(c, "'{' expected", e);
	if (!take(c, '}')) {
		do {
			if (parse_member(c, list, others, e) != 0)
				return -1;
		} while (take(c, ','));
		if (!take(c, '}'))
			return not_json(c, "',' or '}' expected", e);
	}
	(void)look(c);
	return c->at == c->json.len ? 0 : not_json(c, "end of file expected", e);
}

/*
 * Only punctuation and keys of the outermost level are read here; every value is jansson's. So what
 * is JSON is decided by it, and by rules that are too few to be wrong.
 */
json_t *
doc_parse_list(struct span json, struct doc_list *list, struct err *e)
{
	struct cursor c = {json, 0};
	json_t *others;

	list->found = false;
	/* jansson's own bound on recursion is 2048. */
	if (doc_shape(json).depth > DOC_DEPTH_MAX) {
		(void)err_set(e, ERR_INPUT, "JSON nested deeper than %d", DOC_DEPTH_MAX);
		return NULL;
	}
	others = json_object();
	if (parse_members(&c, list, others, e) == 0)
		return others;
	json_decref(others);
	return NULL;
}

/* ---- Members */

/* json_string takes UTF-8 only, and says so by NULL. */
bool
doc_text_valid(const char *text)
{
	AUTO_DOC json_t *string = json_string(text);

	return string != NULL;
}

const char *
doc_text_shown(const char *text)
{
	return doc_text_valid(text) ? text : "(not UTF-8)";
}

/* ISO 6429: C0, DEL, C1. Unicode, UAX #9: Bidi_Control; and what separates lines and paragraphs. */
size_t
doc_text_steering(const char *at)
{
	const unsigned char *c = (const unsigned char *)at;

	if (*c < 0x20 || *c == 0x7f)
		return 1;
	if ((c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) || (c[0] == 0xd8 && c[1] == 0x9c))
		return 2;
	if (c[0] != 0xe2)
		return 0;
	/* U+200E, U+200F, U+2028 to U+202E; U+2066 to U+2069. */
	if (c[1] == 0x80)
		return c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xa8 && c[2] <= 0xae) ? 3 : 0;
	return c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9 ? 3 : 0;
}

/* The UTF-8 first: then no sequence reaches behind the end. */
bool
doc_text_plain(const char *text)
{
	if (!doc_text_valid(text))
		return false;
	for (const char *at = text; *at != '\0'; at++)
		if (doc_text_steering(at) > 0)
			return false;
	return true;
}

const char *
doc_string(const json_t *object, const char *key, struct err *e)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (value == NULL)
		(void)err_set(e, ERR_INPUT, "field %s: a string is required", key);
	return value;
}

/* Whole numbers as such: not 1.0, not 1e3. What is past 64 bits jansson has refused before. */
int
doc_number(const json_t *object, const char *key, uint64_t min, uint64_t max, uint64_t *ret,
	struct err *e)
{
	const json_t *value = json_object_get(object, key);
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 0 || (uint64_t)number < min ||
		(uint64_t)number > max)
		return err_set(e, ERR_INPUT,
			"field %s: a whole number from %llu to %llu is required", key,
			(unsigned long long)min, (unsigned long long)max);
	*ret = (uint64_t)number;
	return 0;
}

int
doc_ident(const json_t *object, struct ident *ret, struct err *e)
{
	const char *type = doc_string(object, "type", e);
	const char *cookie = type != NULL ? doc_string(object, "cookie", e) : NULL;

	if (cookie == NULL)
		return -1;
	if (!ident_type_valid(type))
		return err_set(e, ERR_INPUT, "field type: not a valid type name");
	if (!ident_cookie_valid(cookie))
		return err_set(e, ERR_INPUT, "field cookie: 8 lower-case hex digits are required");
	*ret = (struct ident){0};
	memcpy(ret->type, type, strlen(type));
	memcpy(ret->edition.cookie, cookie, IDENT_COOKIE);
	return doc_number(object, "version", 1, IDENT_VERSION_MAX, &ret->edition.version, e);
}

json_t *
doc_from_ident(const struct ident *ident)
{
	return json_pack("{s:s,s:s,s:I}", "cookie", ident->edition.cookie, "type", ident->type,
		"version", (json_int_t)ident->edition.version);
}

void
doc_format(json_t *take, struct buf *ret)
{
	/*
	 * With sorted keys the same document is the same bytes everywhere, and so is its ETag. Six
	 * digits are enough for what is no whole number (progress).
	 */
	char *text = json_dumps(take, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(6));

	/* Only of a value that could not be made. */
	assert(text != NULL);
	buf_add_string(ret, text);
	buf_add_string(ret, "\n");
	free(text);
	json_decref(take);
}
