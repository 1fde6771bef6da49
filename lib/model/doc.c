/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/doc.h"

#include <assert.h>
#include <string.h>

/*
 * jansson's own bound on recursion is 2048; ours is checked on the bytes, before anything is
 * allocated. Brackets in strings do not count, and an escaped quote ends no string. What is no JSON
 * may be counted wrongly: the parser refuses it anyway.
 */
static bool
depth_within(struct span json, int max)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < json.len; i++) {
		uint8_t c = json.at[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		else if (!in_string && (c == '{' || c == '['))
			depth++;
		else if (!in_string && (c == '}' || c == ']'))
			depth--;
		if (depth > max)
			return false;
	}
	return true;
}

json_t *
doc_parse(struct span json, struct err *e)
{
	json_error_t error;
	json_t *doc;

	if (!depth_within(json, DOC_DEPTH_MAX)) {
		(void)err_set(e, ERR_INPUT, "JSON nested deeper than %d", DOC_DEPTH_MAX);
		return NULL;
	}
	/*
	 * Of two members with one key another reader may take the other one: RFC 8259, section 4.
	 * Without JSON_ALLOW_NUL a string with \u0000 is refused, so that every text is whole as a
	 * C string.
	 */
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

/* json_string takes UTF-8 only, and says so by NULL. */
bool
doc_text_valid(const char *text)
{
	AUTO_DOC json_t *string = json_string(text);

	return string != NULL;
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

json_t *
doc_array(const json_t *object, const char *key, struct err *e)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_array(value)) {
		(void)err_set(e, ERR_INPUT, "field %s: an array is required", key);
		return NULL;
	}
	return value;
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
