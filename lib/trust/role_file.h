/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * role_file.h - what the file of a role is called.
 *
 * Does:     a name is a name: all that could lead out of a directory, or end a component of a URL,
 *           is percent-encoded.
 * Shapes:   "t-a%2Fb.json", "7.t-a%2Fb.json"; at most ROLE_FILE_MAX with the NUL
 * Source:   TUF 1.0.34, section 6.2 (consistent snapshots); RFC 3986, section 2.3
 */
#ifndef ROLE_FILE_H
#define ROLE_FILE_H

#include <stdbool.h>
#include <stdint.h>

enum { ROLE_FILE_MAX = 256 };

/* version 0: none in front. False: too long for a file's name. */
bool role_file_name(char ret[ROLE_FILE_MAX], uint64_t version, const char *role);

#endif
