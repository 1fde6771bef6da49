/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "model/doc.h"
#include "base/num.h"

static void complain(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));

static void
complain(const char *fmt, va_list ap)
{
	char text[1024];
	bool plain;

	(void)vsnprintf(text, sizeof(text), fmt, ap);
	plain = !doc_text_valid(text);
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f || (plain && (unsigned char)*c >= 0x80))
			*c = '?';
	(void)fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
}

void
cli_complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
}

int
cli_usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	complain(fmt, ap);
	va_end(ap);
	(void)fprintf(stderr, "Try '%s --help'.\n", program_invocation_short_name);
	return CLI_USAGE;
}

bool
cli_number(const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (num_parse(text, strlen(text), max, ret) && *ret >= min)
		return true;
	(void)cli_usage("%s: '%s' is not a whole number from %llu to %llu", option, text,
		(unsigned long long)min, (unsigned long long)max);
	return false;
}

void
cli_progress_start(struct progress *p, const char *label, uint64_t total)
{
	p->label = label;
	p->total = total;
	p->done = 0;
	p->shown_ms = 0;
	p->visible = isatty(STDERR_FILENO) == 1;
}

void
cli_progress_add(struct progress *p, uint64_t more)
{
	enum { WIDTH = 30, EVERY_MS = 100 };
	uint64_t done = atomic_fetch_add(&p->done, more) + more;
	uint64_t shown_ms = p->shown_ms;
	uint64_t now_ms = clock_mono_ms();
	double share = p->total > 0 && done < p->total ? (double)done / (double)p->total : 1;
	char total[32];

	if (!p->visible || now_ms - shown_ms < EVERY_MS ||
		!atomic_compare_exchange_strong(&p->shown_ms, &shown_ms, now_ms))
		return;
	(void)fprintf(stderr, "\r%-12s [%.*s%*s] %3.0f %% of %s ", p->label, (int)(share * WIDTH),
		"##############################", WIDTH - (int)(share * WIDTH), "", share * 100,
		num_bytes_text(p->total, total, sizeof(total)));
}

void
cli_progress_end(struct progress *p)
{
	if (p->visible)
		(void)fputs("\r\033[K", stderr);
}
