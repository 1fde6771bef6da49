/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_report.h - what came of the updates, for people, for programs and as exit code.
 *
 * Shapes:   guts2-client(1), OUTPUT and EXIT STATUS
 */
#ifndef CLIENT_REPORT_H
#define CLIENT_REPORT_H

#include <stdbool.h>

#include "client/client_update.h"

enum { CLIENT_REPORT_NOTHING_COMES = 3, CLIENT_REPORT_UNTRUSTED = 4 };

/*
 * A line on standard output, as JSON or in words; in words the reason is on standard error. Returns
 * the exit code.
 */
int client_report(const struct update *u, double seconds, bool json);

/*
 * Of two exit codes that of both together: one error outweighs all else, and what is not to be
 * trusted all other errors; what will not come
 * outweighs what has to be waited for.
 */
int client_report_worse(int a, int b);

#endif
