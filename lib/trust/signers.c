/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "trust/signers.h"

#include <limits.h>
#include <string.h>

#include "base/mem.h"

static int
add_id(struct signers *who, const json_t *id, struct err *e)
{
	const char *text = json_string_value(id);

	if (text == NULL)
		return err_set(e, ERR_INPUT, "field keyids: a list of strings is required");
	if (signers_has(who, text))
		return err_set(e, ERR_INPUT, "field keyids: %.64s is repeated", text);
	who->ids[who->count++] = mem_string(text);
	return 0;
}

int
signers_read(const json_t *object, struct signers *ret, struct err *e)
{
	json_t *ids = json_object_get(object, "keyids");
	uint64_t threshold;
	size_t index;
	json_t *id;

	*ret = (struct signers){0};
	if (!json_is_array(ids))
		return err_set(e, ERR_INPUT, "field keyids: a list of strings is required");
	if (json_array_size(ids) > SIGNERS_MAX)
		return err_set(e, ERR_LIMIT, "field keyids: more than %d", SIGNERS_MAX);
	if (doc_number(object, "threshold", 1, INT_MAX, &threshold, e) != 0)
		return -1;
	ret->threshold = (unsigned)threshold;
	ret->ids = mem_new(json_array_size(ids), sizeof(*ret->ids));
	json_array_foreach (ids, index, id) {
		if (add_id(ret, id, e) != 0) {
			signers_free(ret);
			return -1;
		}
	}
	return 0;
}

void
signers_free(struct signers *who)
{
	for (size_t i = 0; i < who->count; i++)
		free(who->ids[i]);
	free(who->ids);
	*who = (struct signers){0};
}

bool
signers_has(const struct signers *who, const char *id)
{
	for (size_t i = 0; i < who->count; i++)
		if (strcmp(who->ids[i], id) == 0)
			return true;
	return false;
}
