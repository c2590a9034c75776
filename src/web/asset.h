// SPDX-License-Identifier: MIT
// Files of the page that do not change: style, script, icon; they lie beside this one.
#pragma once

struct asset {
	const char *type;
	const char *start, *end;
};

extern const struct asset asset_css, asset_js, asset_icon;
