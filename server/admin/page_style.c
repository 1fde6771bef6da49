/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "admin/page.h"

const char page_style[] =
	":root{color-scheme:light dark;--line:#c8ccd0;--soft:#57606a;--good:#1a7f37;--mid:#7a5200;"
	"--bad:#b3261e;--card:#f6f8fa}\n"
	"@media(prefers-color-scheme:dark){:root{--line:#3d444d;--soft:#9aa4af;--good:#4ac26b;"
	"--mid:#e3b341;--bad:#ff8f86;--card:#151b23}}\n"
	"*{box-sizing:border-box}\n"
	"body{margin:0 auto;padding:1rem;max-width:70rem;font:1rem/1.5 system-ui,sans-serif}\n"
	"h1{font-size:1.2rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}\n"
	".state{border-left:.4rem solid;padding:.7rem 1rem;background:var(--card);margin:1rem 0}\n"
	".good{border-color:var(--good)}.attention{border-color:var(--mid)}"
	".bad{border-color:var(--bad)}\n"
	".state strong{font-size:1.3rem}.state ul{margin:.3rem 0 0;padding-left:1.2rem}\n"
	".wide{overflow-x:auto}table{border-collapse:collapse;width:100%}\n"
	"th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);"
	"vertical-align:top}\n"
	"th{font-weight:600;color:var(--soft)}td.n,th.n{text-align:right;white-space:nowrap;"
	"font-variant-numeric:tabular-nums}\n"
	"time,.soft{color:var(--soft)}time{white-space:nowrap}td{overflow-wrap:anywhere}\n"
	"dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}"
	"dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}\n"
	"td:not(.n){min-width:6rem}td:first-child{min-width:9rem}progress{width:8rem}\n";
