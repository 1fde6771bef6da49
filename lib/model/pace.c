/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/pace.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"

enum { DAY_MINUTES = 24 * 60 };

/* "HH:MM", 00:00 to 24:00: without the latter no window could last until midnight. */
static bool
parse_minute(const char *s, size_t len, unsigned *ret)
{
	unsigned hours;
	unsigned minutes;

	if (len != 5 || s[2] != ':' || strspn(s, "0123456789") != 2 ||
		strspn(s + 3, "0123456789") < 2)
		return false;
	hours = (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
	minutes = (unsigned)(s[3] - '0') * 10 + (unsigned)(s[4] - '0');
	*ret = hours * 60 + minutes;
	return minutes < 60 && *ret <= DAY_MINUTES;
}

static int
parse_element(char *element, struct pace_schedule *s, struct err *e)
{
	char *window = strchr(element, '@');
	uint64_t rate;
	unsigned from = 0;
	unsigned to = 0;

	if (s->count == PACE_WINDOWS_MAX)
		return err_set(e, ERR_INPUT, "has more than %d elements", PACE_WINDOWS_MAX);
	if (window != NULL &&
		(strlen(window) != 12 || window[6] != '-' || !parse_minute(window + 1, 5, &from) ||
			!parse_minute(window + 7, 5, &to) || from == to))
		return err_set(e, ERR_INPUT, "'%s': a time is written @08:00-18:00", element);
	if (window != NULL)
		*window = '\0';
	if (!num_parse_size(element, 1ULL << 40, &rate) || (rate > 0 && rate < PACE_RATE_MIN))
		return err_set(e, ERR_INPUT, "'%s' is not a rate: 0, or 16k to 1T bytes a second",
			element);
	s->at[s->count].rate = rate;
	s->at[s->count].from = from;
	s->at[s->count].to = to;
	s->count++;
	return 0;
}

int
pace_parse(const char *text, struct pace_schedule *ret, struct err *e)
{
	AUTO_FREE char *copy = mem_string(text);
	char *rest = copy;
	char *element;

	*ret = (struct pace_schedule){0};
	while ((element = strsep(&rest, ",")) != NULL)
		if (parse_element(element, ret, e) != 0)
			return -1;
	return 0;
}

uint64_t
pace_rate(const struct pace_schedule *s, unsigned minute)
{
	for (size_t i = 0; i < s->count; i++) {
		unsigned from = s->at[i].from;
		unsigned to = s->at[i].to;
		/* A window with its end before its beginning passes midnight. */
		bool inside =
			from <= to ? minute >= from && minute < to : minute >= from || minute < to;

		if (from == to || inside)
			return s->at[i].rate;
	}
	return 0;
}

bool
pace_limits(const struct pace_schedule *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->at[i].rate > 0)
			return true;
	return false;
}

/*
 * The pace is a debt that time pays off. A piece may come whenever nothing is owed, and then owes
 * its length: pieces of any size pass, none has to be cut, and on the average it is the rate. Time
 * in which nothing is owed is not saved up, so that no burst follows a pause. Beyond an hour all is
 * paid: elapsed_ms * rate cannot overflow for any rate that can be set.
 */
static void
pay(struct pace *p, uint64_t now_ms)
{
	uint64_t elapsed_ms = now_ms - p->at_ms;
	uint64_t paid = elapsed_ms > 3600000 ? p->owed : elapsed_ms * p->rate / 1000;

	p->owed -= paid < p->owed ? paid : p->owed;
	p->at_ms = now_ms;
}

/* What is owed at the old rate is forgotten: at the end of slow hours nobody waits for them. */
void
pace_set(struct pace *p, uint64_t rate, uint64_t now_ms)
{
	if (p->rate == rate)
		return;
	*p = (struct pace){.rate = rate, .at_ms = now_ms};
}

void
pace_add(struct pace *p, uint64_t bytes, uint64_t now_ms)
{
	if (p->rate == 0)
		return;
	pay(p, now_ms);
	p->owed += bytes;
}

uint64_t
pace_wait_ms(struct pace *p, uint64_t now_ms)
{
	if (p->rate == 0)
		return 0;
	pay(p, now_ms);
	/* Rounded up: after that wait nothing is owed, and nobody waits twice for one piece. */
	return p->owed == 0 ? 0 : (p->owed * 1000 + p->rate - 1) / p->rate;
}
