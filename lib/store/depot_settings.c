/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/depot_settings.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct depot_setting {
	char name[DEPOT_SETTINGS_NAME_MAX];
	uint64_t value;
};

char *
depot_settings_legacy(const char *type, char ret[DEPOT_SETTINGS_NAME_MAX])
{
	(void)snprintf(ret, DEPOT_SETTINGS_NAME_MAX, "legacy:%s", type);
	return ret;
}

/* There are a few dozen: a walk is quick enough. */
static struct depot_setting *
find(const struct depot_settings *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->at[i].name, name) == 0)
			return &s->at[i];
	return NULL;
}

void
depot_settings_put(struct depot_settings *s, const char *name, uint64_t value)
{
	struct depot_setting *setting = find(s, name);

	if (setting == NULL) {
		s->at = mem_grow(s->at, s->count, &s->capacity, sizeof(*s->at));
		setting = &s->at[s->count++];
		(void)snprintf(setting->name, sizeof(setting->name), "%s", name);
	}
	setting->value = value;
}

static void
take(void *context, const char *name, uint64_t value)
{
	depot_settings_put(context, name, value);
}

int
depot_settings_read(struct depot_settings *s, struct index *index, struct err *e)
{
	return index_each_setting(index, take, s, e);
}

int
depot_settings_write(const struct depot_settings *s, struct index *index, struct err *e)
{
	for (size_t i = 0; i < s->count; i++)
		if (index_put_setting(index, s->at[i].name, s->at[i].value, e) != 0)
			return -1;
	return 0;
}

bool
depot_settings_find(const struct depot_settings *s, const char *name, uint64_t *ret)
{
	const struct depot_setting *setting = find(s, name);

	if (setting != NULL)
		*ret = setting->value;
	return setting != NULL;
}

void
depot_settings_free(struct depot_settings *s)
{
	free(s->at);
	*s = (struct depot_settings){0};
}
