/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * place.h - where in the text of a JSON document something stands.
 *
 * Does:     finds the line of a member or element, for errors that people read;
 *           the JSON library does not remember it.
 */
#ifndef PLACE_H
#define PLACE_H

#include <stddef.h>

#include "buf.h"

/*
 * The line (from 1) of what the path leads to, in a text that doc_parse took:
 * a name leads to a member's name, "#N" to element N of an array. Where the
 * path ends early, the line that it got to.
 */
unsigned place_line(struct span json, const char *const *path, size_t count);

#endif
