/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/envelope.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

struct envelope {
	json_t *doc;
	const json_t *content; /* its member "signed" */
	struct buf canonical;  /* of that */
};

/* ---- Reading */

/* Who can read it as one thing can read it as nothing else: RFC 8259, section 4. */
static int
check_signatures(const json_t *signatures, struct err *e)
{
	AUTO_DOC json_t *seen = json_object();
	size_t index;
	json_t *entry;

	if (!json_is_array(signatures))
		return err_set(e, ERR_INPUT, "field signatures: a list is required");
	json_array_foreach (signatures, index, entry) {
		const char *id = doc_string(entry, "keyid", e);

		if (id == NULL || doc_string(entry, "sig", e) == NULL)
			return err_wrap(e, "field signatures");
		if (json_object_get(seen, id) != NULL)
			return err_set(
				e, ERR_INPUT, "field signatures: keyid %.64s is repeated", id);
		(void)json_object_set_new_nocheck(seen, id, json_true());
	}
	return 0;
}

struct envelope *
envelope_read(struct span bytes, struct err *e)
{
	struct envelope *v;

	if (doc_shape(bytes).values > ENVELOPE_VALUES_MAX) {
		(void)err_set(e, ERR_LIMIT, "more than %d values", ENVELOPE_VALUES_MAX);
		return NULL;
	}
	v = mem_new(1, sizeof(*v));
	v->doc = doc_parse(bytes, e);
	v->content = json_object_get(v->doc, "signed");
	if (v->doc == NULL || check_signatures(json_object_get(v->doc, "signatures"), e) != 0)
		goto refused;
	if (!json_is_object(v->content)) {
		(void)err_set(e, ERR_INPUT, "field signed: an object is required");
		goto refused;
	}
	if (envelope_canonical(v->content, &v->canonical, e) != 0)
		goto refused;
	return v;
refused:
	envelope_free(v);
	return NULL;
}

void
envelope_free(struct envelope *v)
{
	if (v == NULL)
		return;
	json_decref(v->doc);
	buf_free(&v->canonical);
	free(v);
}

const json_t *
envelope_signed(const struct envelope *v)
{
	return v->content;
}

/* ---- Who has signed */

/* What no signature of any kind looks like is nobody's. */
static bool
is_signed_by(const struct envelope *v, const struct key *key, const char *hex)
{
	uint8_t signature[KEY_SIGNATURE_MAX];
	size_t len = strlen(hex) / 2;

	return len > 0 && len <= sizeof(signature) && num_parse_hex(hex, signature, len) &&
	       key_verify(key, span_of(v->canonical.at, v->canonical.len), span_of(signature, len));
}

static bool
has_key(const struct key *const *keys, size_t count, const struct key *key)
{
	for (size_t i = 0; i < count; i++)
		if (key_equal(keys[i], key))
			return true;
	return false;
}

/* By the list of those who may: no more is looked at than that names. */
unsigned
envelope_signers(const struct envelope *v, const struct keyring *ring, const struct signers *who)
{
	const json_t *signatures = json_object_get(v->doc, "signatures");
	const struct key *counted[SIGNERS_MAX];
	size_t count = 0;
	size_t index;
	json_t *entry;

	json_array_foreach (signatures, index, entry) {
		const char *id = json_string_value(json_object_get(entry, "keyid"));
		const struct key *key = signers_has(who, id) ? keyring_find(ring, id) : NULL;

		if (key != NULL && !has_key(counted, count, key) &&
			is_signed_by(v, key, json_string_value(json_object_get(entry, "sig")))) {
			assert(count < SIGNERS_MAX);
			counted[count++] = key;
		}
	}
	return (unsigned)count;
}

/* ---- The canonical form */

static void
add_text(struct buf *ret, const char *text)
{
	buf_add(ret, "\"", 1);
	for (size_t len; *text != '\0'; text += len) {
		len = strcspn(text, "\"\\");
		buf_add(ret, text, len);
		if (text[len] != '\0') {
			buf_printf(ret, "\\%c", text[len]);
			len++;
		}
	}
	buf_add(ret, "\"", 1);
}

static int
compare_keys(const void *a, const void *b)
{
	const char *const *left = a;
	const char *const *right = b;

	return strcmp(*left, *right);
}

/* Sorted by code points, which is the order of the bytes of UTF-8 (RFC 3629, section 1). */
static int
add_object(const json_t *object, struct buf *ret, struct err *e)
{
	/* jansson iterates over what it does not change, and wants to be allowed to. */
	union {
		const json_t *in;
		json_t *out;
	} unconst = {object};
	AUTO_FREE const char **keys = mem_new(json_object_size(object) + 1, sizeof(*keys));
	size_t count = 0;
	const char *key;
	json_t *value;

	json_object_foreach (unconst.out, key, value)
		keys[count++] = key;
	mem_sort(keys, count, sizeof(*keys), compare_keys);
	buf_add(ret, "{", 1);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_add(ret, ",", 1);
		add_text(ret, keys[i]);
		buf_add(ret, ":", 1);
		if (envelope_canonical(json_object_get(object, keys[i]), ret, e) != 0)
			return -1;
	}
	buf_add(ret, "}", 1);
	return 0;
}

static int
add_array(const json_t *array, struct buf *ret, struct err *e)
{
	buf_add(ret, "[", 1);
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i > 0)
			buf_add(ret, ",", 1);
		if (envelope_canonical(json_array_get(array, i), ret, e) != 0)
			return -1;
	}
	buf_add(ret, "]", 1);
	return 0;
}

/* As deep as doc_parse lets it be. */
int
envelope_canonical(const json_t *value, struct buf *ret, struct err *e)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return add_object(value, ret, e);
	case JSON_ARRAY:
		return add_array(value, ret, e);
	case JSON_STRING:
		add_text(ret, json_string_value(value));
		return 0;
	case JSON_INTEGER:
		buf_printf(ret, "%lld", (long long)json_integer_value(value));
		return 0;
	case JSON_REAL:
		return err_set(e, ERR_INPUT, "a number that is no whole number");
	case JSON_TRUE:
		buf_add_string(ret, "true");
		return 0;
	case JSON_FALSE:
		buf_add_string(ret, "false");
		return 0;
	case JSON_NULL:
		break;
	}
	buf_add_string(ret, "null");
	return 0;
}
