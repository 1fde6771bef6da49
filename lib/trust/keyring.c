/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/keyring.h"

#include <string.h>

#include "base/mem.h"

static int
compare_ids(const void *a, const void *b)
{
	const struct named_key *left = a;
	const struct named_key *right = b;

	return strcmp(left->id, right->id);
}

/* What it must have whatever its kind is; of a kind that is not known the rest may be anything. */
static int
read_key(const char *id, const json_t *key, struct named_key *ret, struct err *e)
{
	const char *keytype = doc_string(key, "keytype", e);
	const char *scheme = keytype != NULL ? doc_string(key, "scheme", e) : NULL;
	const json_t *value = json_object_get(key, "keyval");
	const char *text = json_string_value(json_object_get(value, "public"));

	if (scheme == NULL)
		return err_wrap(e, "key %.64s", id);
	if (!json_is_object(value))
		return err_set(e, ERR_INPUT, "key %.64s: field keyval: an object is required", id);
	*ret = (struct named_key){
		.id = mem_string(id),
		.key = text != NULL ? key_read(keytype, scheme, text) : NULL,
	};
	return 0;
}

int
keyring_read(const json_t *object, struct keyring *ret, struct err *e)
{
	json_t *keys = json_object_get(object, "keys");
	const char *id;
	json_t *key;

	*ret = (struct keyring){0};
	if (!json_is_object(keys))
		return err_set(e, ERR_INPUT, "field keys: an object is required");
	ret->at = mem_new(json_object_size(keys), sizeof(*ret->at));
	json_object_foreach (keys, id, key) {
		if (read_key(id, key, &ret->at[ret->count], e) != 0) {
			keyring_free(ret);
			return -1;
		}
		ret->count++;
	}
	mem_sort(ret->at, ret->count, sizeof(*ret->at), compare_ids);
	return 0;
}

void
keyring_free(struct keyring *ring)
{
	for (size_t i = 0; i < ring->count; i++) {
		free(ring->at[i].id);
		key_free(ring->at[i].key);
	}
	free(ring->at);
	*ring = (struct keyring){0};
}

static int
compare_id(const void *id, const void *entry)
{
	return strcmp(id, ((const struct named_key *)entry)->id);
}

const struct key *
keyring_find(const struct keyring *ring, const char *id)
{
	const struct named_key *found = NULL;

	if (ring->count > 0)
		found = bsearch(id, ring->at, ring->count, sizeof(*ring->at), compare_id);
	return found != NULL ? found->key : NULL;
}
