/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * archive.h - the container of an update: GUTS2AR1 and GUTS2AR2.
 *
 * Does:     writes entries one after the other, and walks them again without
 *           decoding. Every rule that needs only the archive is checked here;
 *           those that need headers are listing.h's.
 * Shapes:   an entry of GUTS2AR1 names its file by digest. One of GUTS2AR2 says how many
 *           files it has, or which, and by what numbers its bases go; what those are the headers
 *           say
 * Units:    big-endian integers and varints on disk, sizes in bytes
 * Owner:    a reader looks into the caller's bytes (a mapped file) and owns nothing;
 *           archive_writer_new -> archive_writer_free
 * Errors:   ERR_INPUT with the offset of the entry
 * Source:   guts2(7), ARCHIVES and LIMITS
 */
#ifndef ARCHIVE_H
#define ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "codec/codec.h"
#include "model/ident.h"
#include "model/wire.h"

struct archive_entry {
	enum codec codec;
	struct digest file;   /* GUTS2AR1 */
	uint64_t count;	      /* GUTS2AR2: of files, the next ones; 0: see contents */
	struct span contents; /* GUTS2AR2: see archive_next_contents */
	struct span bases;    /* GUTS2AR2: see archive_next_run; empty: none */
	struct span stream;
};

/* Contents of an entry in a row. */
struct archive_contents {
	uint64_t count;
	uint64_t first;	   /* of the missing files, from 1; 0: they are unlisted */
	struct span sizes; /* of unlisted ones: a varint for each */
};

/* Numbers of bases in a row. */
struct archive_run {
	uint64_t first;
	uint64_t count;
};

struct archive_reader {
	struct span bytes;
	size_t at;
	enum format format;
};

enum archive_step { ARCHIVE_ERROR = -1, ARCHIVE_END = 0, ARCHIVE_ENTRY = 1 };

int archive_open(struct archive_reader *r, struct span bytes, struct err *e);
enum archive_step archive_next(struct archive_reader *r, struct archive_entry *ret, struct err *e);

/* The next of an entry's contents, of which it says what they are. False: there were none. */
bool archive_next_contents(struct span *contents, struct archive_contents *ret);

/* The reverse of one; listed: from first on, otherwise count sizes. */
void archive_put_contents(const struct archive_contents *contents, struct buf *ret);

/* The bytes of all unlisted contents; of what is damaged, of those before that. */
uint64_t archive_unlisted_bytes(struct span archive);

/*
 * The next run of an entry's bases, and what is left behind it; *ret is the run before, and zeroed
 * for the first. total: so many numbers there are before this entry (0: it is not asked for them);
 * where a run is not within them it is the caller's to refuse it. False: there was none.
 */
bool archive_next_run(struct span *bases, uint64_t total, struct archive_run *ret);

/* The reverse: numbers below total. */
void archive_put_bases(const size_t *numbers, size_t count, size_t total, struct buf *ret);

struct archive_writer;

/* fd is written from where it stands; it stays the caller's. */
struct archive_writer *archive_writer_new(int fd, enum format format);
int archive_add(struct archive_writer *w, const struct archive_entry *entry, struct err *e);
/* What archive_add writes of an entry of GUTS2AR2. */
uint64_t archive_entry_bytes(const struct archive_entry *entry);
/* ret names what was written. */
int archive_end(struct archive_writer *w, struct archive_ref *ret, struct err *e);
void archive_writer_free(struct archive_writer *w);

#endif
