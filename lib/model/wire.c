/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/wire.h"

#include <stdio.h>
#include <string.h>

#include "model/doc.h"

const char *
wire_format_key(enum format format)
{
	static const char *const keys[FORMAT_COUNT] = {"guts2ar1", "guts2ar2"};

	return keys[format];
}

static int
add_update(void *context, const json_t *entry, struct err *e)
{
	struct ident ident;

	if (doc_ident(entry, &ident, e) != 0)
		return -1;
	idents_add(context, &ident);
	return 0;
}

/*
 * Sorted, whatever order they came in: idents_find needs it. A type that is there twice would have
 * two newest versions.
 */
static int
parse_updates(struct span json, struct idents *ret, struct err *e)
{
	struct doc_list updates = {"updates", "update", add_update, ret, false};
	AUTO_DOC json_t *doc = doc_parse_list(json, &updates, e);

	if (doc == NULL)
		return -1;
	if (!updates.found)
		return err_set(e, ERR_INPUT, "field updates: an array is required");
	return idents_sort(ret) ? 0 : err_set(e, ERR_INPUT, "a type is repeated");
}

int
wire_query_parse(struct span json, struct idents *ret, struct err *e)
{
	*ret = (struct idents){0};
	/* What was read from disk comes here as well: the limit of a transfer is not enough. */
	if (json.len > WIRE_QUERY_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "larger than %zu bytes", WIRE_QUERY_BYTES_MAX);
	if (parse_updates(json, ret, e) == 0)
		return 0;
	idents_free(ret);
	return -1;
}

static json_t *
format_updates(const struct idents *list)
{
	json_t *updates = json_array();

	for (size_t i = 0; i < list->count; i++)
		(void)json_array_append_new(updates, doc_from_ident(&list->at[i]));
	return updates;
}

void
wire_query_format(const struct idents *list, struct buf *ret)
{
	doc_format(json_pack("{s:o}", "updates", format_updates(list)), ret);
}

struct inventory_list {
	struct idents *updates;
	bool wrong; /* one of them is none */
};

/* Goes on all the same: the client's name may come behind. */
static int
add_held(void *context, const json_t *entry, struct err *e)
{
	struct inventory_list *list = context;

	list->wrong = list->wrong || add_update(list->updates, entry, e) != 0;
	return 0;
}

/*
 * No error: guts2(7) has any other body ignored, and a client whose list is not understood is told
 * of everything rather than of nothing. An id that is too long is cut.
 */
void
wire_inventory_parse(struct span json, struct inventory *ret)
{
	struct inventory_list list = {.updates = &ret->updates};
	struct doc_list updates = {"updates", "update", add_held, &list, false};
	AUTO_DOC json_t *doc = NULL;
	const char *client;

	*ret = (struct inventory){0};
	doc = doc_parse_list(json, &updates, NULL);
	client = json_string_value(json_object_get(doc, "client"));
	if (client != NULL)
		(void)snprintf(ret->client, sizeof(ret->client), "%s", client);
	ret->filter = doc != NULL && updates.found && !list.wrong && idents_sort(&ret->updates);
	if (!ret->filter)
		idents_free(&ret->updates);
}

void
wire_inventory_format(const char *client, const struct idents *has, struct buf *ret)
{
	json_t *doc = json_object();

	/* Whoever named it may have used other bytes than UTF-8: then it has no name. */
	if (doc_text_valid(client))
		(void)json_object_set_new(doc, "client", json_string(client));
	if (has != NULL)
		(void)json_object_set_new(doc, "updates", format_updates(has));
	doc_format(doc, ret);
}

/* At least a byte, so that size 0 is free to say that there is no archive. */
static int
parse_archive(const json_t *entry, struct archive_ref *ret, struct err *e)
{
	static const char suffix[] = "_archive";
	const char *id = doc_string(entry, "id", e);

	if (id == NULL)
		return -1;
	if (strlen(id) != DIGEST_HEX + sizeof(suffix) - 1 || !digest_parse(id, &ret->id) ||
		strcmp(id + DIGEST_HEX, suffix) != 0)
		return err_set(e, ERR_INPUT, "field id: 64 hex digits and _archive are required");
	return doc_number(entry, "size", 1, WIRE_ARCHIVE_BYTES_MAX, &ret->bytes, e);
}

int
wire_offer_parse(struct span json, struct offer *ret, struct err *e)
{
	AUTO_DOC json_t *doc = NULL;
	bool any = false;

	*ret = (struct offer){0};
	if (json.len > WIRE_OFFER_BYTES_MAX)
		return err_set(e, ERR_LIMIT, "larger than %zu bytes", WIRE_OFFER_BYTES_MAX);
	doc = doc_parse(json, e);
	if (doc == NULL)
		return -1;
	for (int i = 0; i < FORMAT_COUNT; i++) {
		/* Other keys are passed over: a newer server may offer a newer format beside. */
		const json_t *entry = json_object_get(doc, wire_format_key((enum format)i));

		if (entry == NULL)
			continue;
		if (parse_archive(entry, &ret->archive[i], e) != 0)
			return err_wrap(e, "%s", wire_format_key((enum format)i));
		any = true;
	}
	return any ? 0 : err_set(e, ERR_INPUT, "names no archive in a known format");
}

bool
wire_offer_best(const struct offer *offer, enum format best, enum format *ret)
{
	/* From the best down: formats are numbered in that order. */
	for (int i = (int)best; i >= 0; i--) {
		if (offer->archive[i].bytes == 0)
			continue;
		*ret = (enum format)i;
		return true;
	}
	return false;
}

void
wire_offer_format(const struct offer *offer, struct buf *ret)
{
	json_t *doc = json_object();
	char hex[DIGEST_HEX + 1];

	for (int i = 0; i < FORMAT_COUNT; i++) {
		const struct archive_ref *archive = &offer->archive[i];

		if (archive->bytes == 0)
			continue;
		(void)json_object_set_new(doc, wire_format_key((enum format)i),
			json_pack("{s:s+,s:I}", "id", digest_hex(&archive->id, hex), "_archive",
				"size", (json_int_t)archive->bytes));
	}
	doc_format(doc, ret);
}
