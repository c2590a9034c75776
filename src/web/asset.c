// SPDX-License-Identifier: MIT
// Files of the page that do not change: style, script, icon; they lie beside this one.
#include "web/asset.h"

/* The assembler reads them in; the Makefile knows that this file depends on them. */
#define FILE_OF(name, path)                                                           \
	__asm__(".pushsection .rodata\n"                                              \
		".global web_" #name "_start\n"                                       \
		".global web_" #name "_end\n"                                         \
		"web_" #name "_start:\n.incbin \"" path "\"\n"                        \
		"web_" #name "_end:\n.byte 0\n.popsection\n");                        \
	extern const char web_##name##_start[] __attribute__((visibility("hidden"))), \
		web_##name##_end[] __attribute__((visibility("hidden")))

FILE_OF(css, "src/web/page.css");
FILE_OF(js, "src/web/page.js");
FILE_OF(icon, "src/web/icon.svg");

const struct asset asset_css = {"text/css; charset=utf-8", web_css_start, web_css_end};
const struct asset asset_js = {"text/javascript; charset=utf-8", web_js_start, web_js_end};
const struct asset asset_icon = {"image/svg+xml", web_icon_start, web_icon_end};
