/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * archived.h - archives of GUTS2AR2 that are put together by hand, for tests.
 *
 * Shapes:   numbers as they are written, be they right or not
 * Source:   guts2(7), ARCHIVES
 */
#ifndef ARCHIVED_H
#define ARCHIVED_H

#include "base/buf.h"
#include "codec/codec.h"
#include "model/header.h"

#define ARCHIVED_MAGIC "GUTS2AR2"

/*
 * What an entry says before its stream. runs: "SKIP TAKE SKIP TAKE...", "": no bases. Returns the
 * bytes of the runs without their count, as an entry has them; they are in b until it grows.
 */
struct span archived_put_head(
	struct buf *b, uint64_t codec, uint64_t count, const char *runs, uint64_t stream_len);

/* All of an entry. */
void archived_put(
	struct buf *b, uint64_t codec, uint64_t count, const char *runs, struct span stream);

/* The same of an entry that tells its contents: "RUNS TAKE FIRST TAKE FIRST..." and sizes. */
void archived_put_told(
	struct buf *b, uint64_t codec, const char *contents, const char *runs, struct span stream);

/* The numbers alone, for struct archive_entry. */
void archived_put_contents(struct buf *b, const char *contents);
void archived_put_runs(struct buf *b, const char *runs);

/* The stream of a file, made as thoroughly as can be, at the end of b. */
void archived_encode(enum codec codec, struct span file, struct span base, struct buf *b);

/*
 * An archive of one entry that gives each missing file other bytes than it has, and as many. old:
 * from all of its files, which are base.
 */
void archived_make_wrong(
	const struct header *h, const struct header *old, struct span base, struct buf *ret);

/* For struct encode_crew: this thread alone, with who counts what is done. */
int archived_each(void *context, size_t count,
	int (*run)(void *run_context, size_t index, struct err *e), void *run_context,
	struct err *e);

/* A file of a header, with the digest of its bytes. */
void archived_add_file(struct header *h, const char *path, struct span bytes);

#endif
