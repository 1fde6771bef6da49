/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tally.h - what records take on a disk: a file that several of them have counts once.
 *
 * Does:     two offers may name one archive, and contents share their files. Of a list of records
 *           it says what all of them take, and what is free where one of them goes.
 * Units:    bytes
 * Owner:    tally_free
 */
#ifndef TALLY_H
#define TALLY_H

#include <stddef.h>
#include <stdint.h>

#include "model/record.h"

/* That a record has a file. Files of two kinds are two, as they lie in two directories. */
struct tally_use {
	size_t record;
	enum record_kind kind;
	struct archive_ref file;
};

struct tally_file {
	enum record_kind kind;
	struct archive_ref ref;
	size_t users; /* records that are left */
};

struct tally {
	struct tally_use *uses; /* in the order of the records */
	size_t count;
	size_t capacity;
	struct tally_file *files; /* sorted, each once; made by tally_total */
	size_t file_count;
};

#define AUTO_TALLY __attribute__((cleanup(tally_free)))

/* Record number so and so, none of which is less than one before, has a file; once for each. */
void tally_add(
	struct tally *t, size_t record, enum record_kind kind, const struct archive_ref *file);

/* What all of them take. Nothing may be added after it. */
uint64_t tally_total(struct tally *t);

/* After tally_total: a record goes. Returns what that makes free: its files that no other has. */
uint64_t tally_remove(struct tally *t, size_t record);

void tally_free(struct tally *t);

#endif
