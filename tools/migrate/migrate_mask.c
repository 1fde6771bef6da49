/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "migrate/migrate_mask.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"
#include "model/options_row.h"

static const char name_chars[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

/* Of the older products, those that are numbers. */
static const char *const old_numbers[] = {
	"adminModulePort", "hostModuleHttpsPort", "poll_interval", "upstreamPmPort", "wrPortNum"};

static bool
is_number(const char *name)
{
	const struct options_row *row = options_row_find(name);

	for (size_t i = 0; i < sizeof(old_numbers) / sizeof(old_numbers[0]); i++)
		if (strcmp(old_numbers[i], name) == 0)
			return true;
	return row != NULL && row->kind != ROW_TEXT;
}

/* A URL with a user is among what the server refuses: its own settings stand in logs. */
bool
migrate_mask_harmless(const char *name, const char *value)
{
	return (options_known(name) && options_check(name, value, NULL) == 0) ||
	       (is_number(name) && strspn(value, "0123456789.-+") == strlen(value));
}

/* Where a name has blanks or worse in it nobody knows where it ends. */
char *
migrate_mask_setting(const char *name, const char *value)
{
	size_t len = strspn(name, name_chars);
	const char *cut = name[len] != '\0' ? "***" : "";

	if (value == NULL)
		return mem_printf("%.*s%s", (int)len, name, cut);
	/* That there is nothing may be said of any. */
	if (value[0] != '\0' && !migrate_mask_harmless(name, value))
		value = "***";
	return mem_printf("%.*s%s=%s", (int)len, name, cut, value);
}

char *
migrate_mask_line(const char *line)
{
	size_t end = strcspn(line, "=");
	size_t begin = end;

	while (begin > 0 && strchr(name_chars, line[begin - 1]) != NULL)
		begin--;
	if (line[end] == '\0')
		begin = end;
	return mem_printf("%.*s%s***", (int)(end - begin), line + begin, begin < end ? "=" : "");
}

/* From the first to the last: a value may have quotes in it as well. */
void
migrate_mask_error(struct err *e)
{
	const char *first = strchr(e->text, '\'');
	const char *last = strrchr(e->text, '\'');
	/* An error that was cut has lost the quote at the end. */
	bool whole = first != last && strlen(e->text) + 1 < sizeof(e->text);
	AUTO_FREE char *text = NULL;

	if (first == NULL)
		return;
	text = mem_printf("%.*s'***'%s", (int)(first - e->text), e->text, whole ? last + 1 : "");
	(void)err_set(e, e->code, "%s", text);
}
