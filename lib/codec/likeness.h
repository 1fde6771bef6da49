/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * likeness.h - which files have content in common.
 *
 * Does:     takes samples of a file by its content, wherever in the file that is: about one for
 *           each LIKENESS_STEP bytes. What two files have in common has the same samples in both.
 * Owner:    likeness_sample -> likeness_free
 * Source:   Manber: Finding similar files in a large file system (1994)
 */
#ifndef LIKENESS_H
#define LIKENESS_H

#include <stdbool.h>

#include "base/buf.h"

enum { LIKENESS_STEP = 128 };

struct likeness {
	uint32_t *samples; /* sorted; of one file each once */
	size_t count;
};

/* Of several files in a row: sorted, so that they can be looked for. */
void likeness_sort(struct likeness *l);

bool likeness_has(const struct likeness *l, uint32_t sample);

struct likeness likeness_sample(struct span bytes);
void likeness_free(struct likeness *l);

#endif
