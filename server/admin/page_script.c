/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/page.h"

const char page_script[] =
	"'use strict';\n"
	"setInterval(async () => {\n"
	"  if (document.hidden) return;\n"
	"  const note = document.getElementById('note');\n"
	"  try {\n"
	"    const answer = await fetch(location.href, {cache: 'no-store'});\n"
	"    if (!answer.ok) throw new Error(answer.status);\n"
	"    const next = new DOMParser().parseFromString(await answer.text(), 'text/html');\n"
	"    document.querySelector('main').replaceWith(next.querySelector('main'));\n"
	"  } catch (e) {\n"
	"    if (note) note.textContent = 'The server does not answer: this is as old as it "
	"says.';\n"
	"  }\n"
	"}, 10000);\n";
