/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/line.h"

#include <stddef.h>
#include <string.h>

/* Carriage returns too: such a file may have been edited on Windows. */
char *
line_trim(char *s)
{
	size_t len;

	s += strspn(s, " \t\r");
	len = strlen(s);
	while (len > 0 && strchr(" \t\r", s[len - 1]) != NULL)
		s[--len] = '\0';
	return s;
}

char *
line_next(char **tail, unsigned *number)
{
	char *line;

	while ((line = strsep(tail, "\n")) != NULL) {
		/* Of each line, passed over or not: it is the number that an editor shows. */
		++*number;
		line = line_trim(line);
		if (line[0] != '\0' && line[0] != '#')
			return line;
	}
	return NULL;
}
