/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "base/mem.h"
#include "base/varint.h"
#include "codec/codec_bsdiff.h"
#include "codec/codec_each.h"
#include "codec/finder.h"

enum {
	QUICK_BYTES = 1 << 20, /* sorting less takes no time */
	QUICK_SHARE = 50,      /* of the file: columns of that size are small enough */
	ALIGNED_ENOUGH = 16,   /* as many equal bytes in a row: the old part goes on */
	BETTER_BY = 8,	       /* what another must have more, since going there costs */
	GIVES_UP = 4096,       /* so many more bytes differ than equal: the part begins later */
	SORT_MAX = 1 << 27,    /* sorting takes five times the size, and seconds */
	STOP_STEPS = 1 << 14,  /* that many places are searched between two looks at the stop */
};

/* Near numbers of either sign become small ones. */
static uint64_t
fold_sign(int64_t n)
{
	return n < 0 ? ~((uint64_t)n << 1) : (uint64_t)n << 1;
}

/*
 * The new file is read from start to end. At each moment there is an alignment, under which the
 * base is compared with the file; next_match looks ahead for a match elsewhere that is enough
 * better. Then the ground between the two is divided: the old part reaches forward and the new one
 * backward as long as most bytes are equal, and where both want the same bytes best_cut decides.
 * What neither wants is new (extra).
 *
 * Any choice of parts gives back the right file: all heuristics here are about size and time only.
 * Hence a finder that misses a match is no fault.
 */

/* From here on the new file is like the base from there on. */
struct alignment {
	size_t at;
	size_t old;
};

struct maker {
	struct span file;
	struct span base;
	struct finder *finder;
	struct buf columns[COL_COUNT];
	size_t ends[2]; /* of the last part and the one before, in the base */
	uint64_t gap;	/* equal bytes since the last difference */
	bool *changed;	/* pages of the base where something differs; NULL: who cares */
	bool quick;
	const struct stop *stop;
};

/* Whether the old part, were it to go on, would have the right byte at `at`. */
static bool
is_equal(const struct maker *m, const struct alignment *a, size_t at)
{
	size_t old = a->old + (at - a->at);

	return old < m->base.len && m->base.at[old] == m->file.at[at];
}

/* How many bytes from `at` on, and before `until`, are what the old part goes on with. */
static size_t
equal_run(const struct maker *m, const struct alignment *a, size_t at, size_t until)
{
	size_t old = a->old + (at - a->at);
	size_t max = until - at;

	if (old >= m->base.len)
		return 0;
	if (max > m->base.len - old)
		max = m->base.len - old;
	return finder_common(m->file.at + at, m->base.at + old, max);
}

/* The same of all bytes, and not only of the first. */
static size_t
equal_bytes(const struct maker *m, const struct alignment *a, size_t at, size_t until)
{
	size_t equal = 0;

	/* By runs; the step after each passes over the byte that differs. */
	for (; at < until; at++) {
		size_t run = equal_run(m, a, at, until);

		equal += run;
		at += run;
	}
	return equal;
}

/* The page and its neighbours: a match that begins near its edge reaches into them. */
static void
note_change(struct maker *m, size_t old)
{
	size_t first = old / FINDER_PAGE;
	size_t last = m->base.len / FINDER_PAGE;

	if (m->changed == NULL)
		return;
	for (size_t i = first > 0 ? first - 1 : 0; i <= first + 1 && i <= last; i++)
		m->changed[i] = true;
}

/*
 * After a difference the next two bytes are part of its word, equal or not: in machine code an
 * address moves by a value, and zstd finds more in numbers of three bytes than in single ones.
 */
static void
put_differences(struct maker *m, const uint8_t *new, const uint8_t *old, size_t len)
{
	size_t at = 0;

	while (at < len) {
		size_t equal = finder_common(new + at, old + at, len - at);
		uint8_t word[WORD_BYTES];
		size_t word_len;

		m->gap += equal;
		at += equal;
		if (at == len)
			break;
		word_len = len - at < WORD_BYTES ? len - at : WORD_BYTES;
		write_word(word, word_len,
			read_word(new + at, word_len) - read_word(old + at, word_len));
		varint_put(&m->columns[COL_GAP], m->gap);
		buf_add(&m->columns[COL_WORD], word, word_len);
		note_change(m, (size_t)(old - m->base.at) + at);
		m->gap = 0;
		at += word_len;
	}
}

/*
 * Where a part begins, seen from the end of the last one or, where that was a word
 * from elsewhere, of the one before.
 */
static void
put_seek(struct maker *m, size_t old)
{
	uint64_t from[2];

	for (int i = 0; i < 2; i++)
		from[i] = fold_sign((int64_t)old - (int64_t)m->ends[i]) << 1 | (unsigned)i;
	varint_put(&m->columns[COL_SEEK], from[1] < from[0] ? from[1] : from[0]);
}

/* What is like the base from `from` on, and then what is like nothing, up to `until`. */
static void
put_part(struct maker *m, const struct alignment *from, size_t like, size_t until)
{
	size_t insert = until - from->at - like;

	if (like + insert == 0)
		return;
	put_seek(m, from->old);
	varint_put(&m->columns[COL_ADD], like);
	varint_put(&m->columns[COL_INSERT], insert);
	put_differences(m, m->file.at + from->at, m->base.at + from->old, like);
	buf_add(&m->columns[COL_EXTRA], m->file.at + from->at + like, insert);
	/* Where a part begins and ends matches will be looked for. */
	note_change(m, from->old);
	m->ends[1] = m->ends[0];
	m->ends[0] = from->old + like;
	note_change(m, m->ends[0]);
}

/*
 * Where the next part begins: at a match that is enough better than what goes on from the old part.
 * False: that one goes on until the end.
 *
 * score is how many bytes of [at, counted) equal the old part: the match has to have more by
 * BETTER_BY, or going there would cost more than it gives. It is kept as `at` moves, so that no
 * byte is compared again for each step: each step adds what is new at the far end and takes off one
 * byte at the near one. Where the old part itself has a long run, or the match says the same as the
 * old part, all of that is passed over at once; without it text that did not change would be
 * searched at every byte.
 */
static bool
next_match(
	const struct maker *m, const struct alignment *here, size_t from, struct finder_match *ret)
{
	size_t counted = from; /* up to where score says what equals the old part */
	size_t score = 0;
	unsigned steps = 0;

	for (size_t at = from; at < m->file.len; at++) {
		size_t equal = equal_run(m, here, at, m->file.len);

		/* As at the file's end; put_with tells the two apart. */
		if (++steps % STOP_STEPS == 0 && stop_wanted(m->stop))
			return false;
		/* Where the old part goes on well nothing is looked for. */
		if (equal < ALIGNED_ENOUGH)
			finder_find(m->finder, span_of(m->file.at + at, m->file.len - at), ret);
		else
			ret->len = 0;
		if (counted < at + ret->len) {
			score += equal_bytes(m, here, counted, at + ret->len);
			counted = at + ret->len;
		}
		if (ret->len > score + BETTER_BY) {
			ret->at = at;
			finder_nearest(m->finder, span_of(m->file.at + at, m->file.len - at),
				here->old + (at - here->at), ret);
			return true;
		}
		if (equal >= ALIGNED_ENOUGH || (ret->len > 0 && ret->len == score)) {
			at += equal > ret->len ? equal : ret->len;
			/* The loop adds it again. */
			counted = at--;
			score = 0;
		} else if (counted > at) {
			score -= is_equal(m, here, at);
		} else {
			counted = at + 1;
		}
	}
	return false;
}

/*
 * How far a part reaches forward: as long as at least half of its bytes are equal. However much
 * differs first: behind what was replaced in its place the old part goes on, and no match says so.
 */
static size_t
reach_forward(const struct maker *m, const struct alignment *from, size_t limit)
{
	int64_t score = 0;
	int64_t best = 0;
	size_t len = 0;

	for (size_t at = from->at; at < limit; at++) {
		size_t run = equal_run(m, from, at, limit);

		at += run;
		score += (int64_t)run;
		if (score > best) {
			best = score;
			len = at - from->at;
		}
		score--;
	}
	return len;
}

/*
 * The same towards the beginning of the match, by bytes: it is seldom far. limit is where the old
 * part begins, so that parts never change their order.
 */
static size_t
reach_backward(const struct maker *m, const struct finder_match *match, size_t limit)
{
	int64_t score = 0;
	int64_t best = 0;
	size_t len = 0;

	for (size_t i = 1; match->at - i + 1 > limit && i <= match->old && score > best - GIVES_UP;
		i++) {
		score += m->file.at[match->at - i] == m->base.at[match->old - i] ? 1 : -1;
		if (score > best) {
			best = score;
			len = i;
		}
	}
	return len;
}

/* Of bytes that two parts want, those up to the best cut go to the first. */
static size_t
best_cut(const struct maker *m, const struct alignment *first, const struct alignment *second,
	size_t overlap)
{
	int64_t score = 0;
	int64_t best = 0;
	size_t cut = 0;

	for (size_t i = 0; i < overlap; i++) {
		score += is_equal(m, first, second->at + i);
		score -= is_equal(m, second, second->at + i);
		if (score > best) {
			best = score;
			cut = i + 1;
		}
	}
	return cut;
}

static size_t
columns_bytes(const struct maker *m)
{
	size_t bytes = 0;

	for (int i = 0; i < COL_COUNT; i++)
		bytes += m->columns[i].len;
	return bytes;
}

/* False: the columns would be larger than max, or it is to end. */
static bool
put_all(struct maker *m, size_t max)
{
	struct alignment here = {0, 0};
	struct finder_match match = {0};

	while (next_match(m, &here, match.at + match.len, &match)) {
		size_t like = reach_forward(m, &here, match.at);
		size_t back = reach_backward(m, &match, here.at);
		struct alignment next = {match.at - back, match.old - back};

		/* Both are like these bytes. */
		if (here.at + like > next.at) {
			size_t overlap = here.at + like - next.at;
			size_t cut = best_cut(m, &here, &next, overlap);

			like -= overlap - cut;
			next.at += cut;
			next.old += cut;
		}
		put_part(m, &here, like, next.at);
		here = next;
		/* After each part: what is too much costs no more than finding that out. */
		if (columns_bytes(m) > max || stop_wanted(m->stop))
			return false;
	}
	put_part(m, &here, reach_forward(m, &here, m->file.len), m->file.len);
	return columns_bytes(m) <= max && !stop_wanted(m->stop);
}

/* What would not be shorter is stored as it is: the few numbers of a small delta mostly. */
static enum codec_fit
pack_column(const struct maker *m, struct span column, uint8_t *out, size_t room, size_t *ret_len,
	struct err *e)
{
	const struct codec_input from = {.file = column, .quick = m->quick, .stop = m->stop};
	enum codec_fit fit = CODEC_TOO_LARGE;

	if (column.len > 0)
		fit = codec_lzma_compress(&from, COL_WINDOW_BYTES, out,
			room < column.len - 1 ? room : column.len - 1, ret_len, e);
	if (fit != CODEC_TOO_LARGE)
		return fit;
	if (column.len > room)
		return CODEC_TOO_LARGE;
	if (column.len > 0)
		memcpy(out, column.at, column.len);
	*ret_len = column.len;
	return CODEC_FITS;
}

/*
 * The head is known only when all columns are packed, and of unknown length, so that they are
 * packed elsewhere first.
 */
static enum codec_fit
pack_columns(const struct maker *m, uint8_t *out, size_t room, size_t *ret_len, struct err *e)
{
	AUTO_BUF struct buf head = {0};
	AUTO_FREE uint8_t *packed = mem_new(room, 1);
	size_t at = 0;

	for (int i = 0; i < COL_COUNT; i++) {
		struct span column = span_of(m->columns[i].at, m->columns[i].len);
		size_t len = 0;
		enum codec_fit fit = pack_column(m, column, packed + at, room - at, &len, e);

		if (fit != CODEC_FITS)
			return fit;
		varint_put(&head, column.len);
		varint_put(&head, len);
		at += len;
	}
	if (head.len > room - at)
		return CODEC_TOO_LARGE;
	memcpy(out, head.at, head.len);
	memcpy(out + head.len, packed, at);
	*ret_len = head.len + at;
	return CODEC_FITS;
}

/* For another try with another finder: what was marked as changed stays. */
static void
maker_clear(struct maker *m)
{
	for (int i = 0; i < COL_COUNT; i++)
		buf_free(&m->columns[i]);
	m->ends[0] = m->ends[1] = 0;
	m->gap = 0;
}

/*
 * False: the columns would be larger than max, or there is no memory. The finder goes at once: an
 * order of suffixes is the largest thing that there is here.
 */
static bool
put_with(struct maker *m, struct finder *take_finder, size_t max)
{
	bool done;

	m->finder = take_finder;
	done = m->finder != NULL && put_all(m, max);
	finder_free(m->finder);
	return done;
}

static enum codec_fit
pack_and_clear(struct maker *m, uint8_t *out, size_t room, size_t *ret_len, struct err *e)
{
	enum codec_fit fit = pack_columns(m, out, room, ret_len, e);

	maker_clear(m);
	return fit;
}

/* A delta that is smaller than the *ret_len bytes at out takes their place. */
static enum codec_fit
pack_if_smaller(struct maker *m, uint8_t *out, size_t *ret_len, struct err *e)
{
	AUTO_FREE uint8_t *smaller = mem_new(*ret_len, 1);
	size_t len;
	enum codec_fit fit = pack_and_clear(m, smaller, *ret_len, &len, e);

	if (fit == CODEC_ERROR)
		return CODEC_ERROR;
	if (fit == CODEC_FITS && len < *ret_len) {
		memcpy(out, smaller, len);
		*ret_len = len;
	}
	return CODEC_FITS;
}

static size_t
bytes_of(const bool *pages, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += pages[i] ? FINDER_PAGE : 0;
	return bytes;
}

/*
 * Where little has changed, sorting the whole base takes ten times as long as all the rest. Then it
 * is enough to sort what lies around the changes; and where that is next to nothing the long
 * matches alone are sometimes better, which takes no time to find out. Where what would have to be
 * sorted is too much, or somebody waits, they have to do: sorting cannot be ended.
 *
 * So: a large file is first compared by blocks, which marks the pages that changed, and gives up as
 * soon as its columns are more than a fiftieth of the file. Then either the marked pages are
 * sorted, or, where too much has changed for that to help, the whole base.
 */
enum codec_fit
codec_bsdiff_encode(
	const struct codec_input *from, uint8_t *out, size_t room, size_t *ret_len, struct err *e)
{
	const size_t larger = from->file.len > from->base.len ? from->file.len : from->base.len;
	const size_t pages = from->base.len / FINDER_PAGE + 1;
	const bool blocks_do = (from->quick && larger > QUICK_BYTES) || from->base.len > SORT_MAX;
	AUTO_FREE bool *changed = mem_new(pages, sizeof(*changed));
	struct maker m = {.file = from->file,
		.base = from->base,
		.changed = changed,
		.quick = from->quick,
		.stop = from->stop};
	enum codec_fit fit = CODEC_TOO_LARGE;
	bool little = false;

	if (blocks_do || from->file.len > QUICK_BYTES)
		little = put_with(&m, finder_new_blocks(from->base),
			blocks_do ? SIZE_MAX : from->file.len / QUICK_SHARE);
	if (little && (blocks_do || bytes_of(changed, pages) <= QUICK_BYTES))
		fit = pack_columns(&m, out, room, ret_len, e);
	maker_clear(&m);
	if (stop_check(from->stop, e) != 0)
		return CODEC_ERROR;
	if (blocks_do || fit == CODEC_ERROR)
		return fit;
	/* Nobody reads the marks any more once the second finder is made of them. */
	m.changed = NULL;
	if (!put_with(&m, finder_new_sorted(from->base, little ? changed : NULL), SIZE_MAX))
		return stop_check(from->stop, e) != 0
			       ? CODEC_ERROR
			       : err_set(e, ERR_SYS, "no memory to sort %zu bytes", from->base.len);
	return fit == CODEC_FITS ? pack_if_smaller(&m, out, ret_len, e)
				 : pack_and_clear(&m, out, room, ret_len, e);
}
