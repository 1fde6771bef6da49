/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/tally.h"

#include "base/mem.h"

void
tally_add(struct tally *t, size_t record, enum record_kind kind, const struct archive_ref *file)
{
	t->uses = mem_grow(t->uses, t->count, &t->capacity, sizeof(*t->uses));
	t->uses[t->count++] = (struct tally_use){record, kind, *file};
}

static int
compare_files(const void *a, const void *b)
{
	const struct tally_file *left = a;
	const struct tally_file *right = b;

	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	return digest_compare(&left->ref.id, &right->ref.id);
}

/* Equal ones come to stand side by side, and are counted in place. */
static void
make_files(struct tally *t)
{
	size_t count = 0;

	t->files = mem_new(t->count, sizeof(*t->files));
	for (size_t i = 0; i < t->count; i++)
		t->files[i] = (struct tally_file){t->uses[i].kind, t->uses[i].file, 1};
	mem_sort(t->files, t->count, sizeof(*t->files), compare_files);
	for (size_t i = 0; i < t->count; i++) {
		if (count > 0 && compare_files(&t->files[count - 1], &t->files[i]) == 0)
			t->files[count - 1].users++;
		else
			t->files[count++] = t->files[i];
	}
	t->file_count = count;
}

uint64_t
tally_total(struct tally *t)
{
	uint64_t bytes = 0;

	make_files(t);
	for (size_t i = 0; i < t->file_count; i++)
		bytes += t->files[i].ref.bytes;
	return bytes;
}

/* The first use of a record, by halving: they stand in the order of the records. */
static size_t
first_use(const struct tally *t, size_t record)
{
	size_t low = 0;
	size_t high = t->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->uses[middle].record < record)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t
tally_remove(struct tally *t, size_t record)
{
	uint64_t bytes = 0;

	for (size_t i = first_use(t, record); i < t->count && t->uses[i].record == record; i++) {
		const struct tally_file key = {.kind = t->uses[i].kind, .ref = t->uses[i].file};
		struct tally_file *file =
			bsearch(&key, t->files, t->file_count, sizeof(*t->files), compare_files);

		if (--file->users == 0)
			bytes += file->ref.bytes;
	}
	return bytes;
}

void
tally_free(struct tally *t)
{
	free(t->uses);
	free(t->files);
	*t = (struct tally){0};
}
