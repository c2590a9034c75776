// SPDX-License-Identifier: MIT
// An address as an SVG image of a QR code.
#include <qrencode.h>

#include "web/answer.h"

#define QR_QUIET 4 /* modules of white around it, as ISO 18004 wants */

void qr_write(const char *text, FILE *out)
{
	QRcode *q = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	int size;

	if (!q)
		return;
	size = q->width + 2 * QR_QUIET;
	fprintf(out,
		"<svg class=\"qr\" role=\"img\" aria-label=\"QR code of this page's address\" "
		"viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">"
		"<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/><path fill=\"#000\" d=\"",
		size, size, size, size);
	for (int y = 0; y < q->width; y++)
		for (int x = 0, run; x < q->width; x += run) {
			for (run = 0; x + run < q->width && (q->data[y * q->width + x + run] & 1);
				run++)
				;
			if (run)
				fprintf(out, "M%d %dh%dv1h-%dz", x + QR_QUIET, y + QR_QUIET, run,
					run);
			run = run ? run : 1;
		}
	fputs("\"/></svg>", out);
	QRcode_free(q);
}
