/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * line.h - lines of the files that administrators write.
 *
 * Does:     passes over empty lines and those that begin with #, and takes off
 *           blanks and carriage returns around the others.
 */
#ifndef LINE_H
#define LINE_H

/* s without blanks around it, in place. */
char *line_trim(char *s);

/*
 * The next line that says something, in place; NULL: none is left. *tail is the
 * text behind it; *number counts lines, from 0 before the first call.
 */
char *line_next(char **tail, unsigned *number);

#endif
