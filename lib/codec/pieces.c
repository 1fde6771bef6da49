/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "codec/pieces.h"

#include <assert.h>
#include <search.h>
#include <stdlib.h>

#include "base/mem.h"

/* They are freed by number. */
static void
leave(void *piece)
{
	(void)piece;
}

void
pieces_free(struct pieces *p)
{
	tdestroy(p->by_key, leave);
	for (size_t i = 0; i < p->count; i++) {
		free(p->at[i]->files);
		free(p->at[i]);
	}
	free(p->at);
	*p = (struct pieces){0};
}

static int
compare_keys(const void *a, const void *b)
{
	const struct piece *left = a;
	const struct piece *right = b;

	return digest_compare(&left->key, &right->key);
}

/* By the bytes of files and bases alone, whichever version names them. */
static struct digest
key_of(const struct encode_piece *piece)
{
	struct digester *d = digester_new();
	struct digest key;

	digester_add(d, &piece->format, sizeof(piece->format));
	digester_add(d, &piece->count, sizeof(piece->count));
	for (size_t i = 0; i < piece->count; i++)
		digester_add(d, &piece->files[i]->digest, sizeof(struct digest));
	for (size_t i = 0; i < piece->base_count; i++)
		digester_add(d, &piece->bases[i]->digest, sizeof(struct digest));
	key = digester_end(d);
	digester_free(d);
	return key;
}

static void
copy(const struct encode_piece *from, struct piece *ret)
{
	ret->format = from->format;
	ret->count = from->count;
	ret->base_count = from->base_count;
	ret->files = mem_new(from->count + from->base_count, sizeof(const void *));
	for (size_t i = 0; i < from->count; i++) {
		ret->files[i] = from->files[i];
		ret->bytes += from->files[i]->size;
	}
	for (size_t i = 0; i < from->base_count; i++) {
		ret->files[from->count + i] = from->bases[i];
		ret->base_bytes += from->bases[i]->size;
	}
}

struct piece *
pieces_add(struct pieces *p, const struct encode_piece *piece)
{
	struct piece *new = mem_new(1, sizeof(*new));
	struct piece *const *found;

	new->key = key_of(piece);
	found = tsearch(new, &p->by_key, compare_keys);
	assert(found != NULL);
	if (*found != new) {
		free(new);
		return *found;
	}
	copy(piece, new);
	new->number = p->count;
	p->at = mem_grow(p->at, p->count, &p->capacity, sizeof(*p->at));
	p->at[p->count++] = new;
	return new;
}

struct piece *
pieces_find(const struct pieces *p, const struct encode_piece *piece)
{
	const struct piece key = {.key = key_of(piece)};
	struct piece *const *found = tfind(&key, &p->by_key, compare_keys);

	return found != NULL ? *found : NULL;
}

const struct stream *
pieces_smallest(const struct piece *piece)
{
	const struct stream *best = NULL;

	for (int codec = 0; codec < CODEC_COUNT; codec++) {
		const struct stream *stream = &piece->streams[codec];

		if (stream->len > 0 && (best == NULL || stream->len < best->len))
			best = stream;
	}
	return best;
}

bool
pieces_is_less_than(const struct piece *piece, uint64_t share)
{
	const struct stream *stream = pieces_smallest(piece);

	return stream != NULL && stream->len < piece->bytes / share;
}
