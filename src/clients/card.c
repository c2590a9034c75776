// SPDX-License-Identifier: MIT
// A card: what one kind of client is to do, block by block, each with its undo.
#include "clients/clients.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/build.h"
#include "common/cleanup.h"
#include "common/distance.h"

static const struct kind {
	const char *name;
	const char *title;
	const char *comment;
	void (*build)(struct builder *b);
	const char *intro;
} kinds[CLIENTS_KINDS] = {
	[CLIENTS_MACOS] = {"macos", "macOS", "# ", systems_macos,
		"Safari, Chrome and the apps go by the PAC file; ssh, curl and the like by the "
		"names."},
	[CLIENTS_IOS] = {"ios", "iPhone and iPad", "# ", systems_ios,
		"The proxy is set for each wireless network. The best for phones is split DNS of "
		"the "
		"network that brings them here: see Tailscale, Headscale and Terraform."},
	[CLIENTS_WINDOWS] = {"windows", "Windows", "# ", systems_windows,
		"In PowerShell. Edge, Chrome and most programs go by the PAC file."},
	[CLIENTS_LINUX] = {"linux", "Linux", "# ", linux_card,
		"Take the block of the service that your system has."},
	[CLIENTS_ANDROID] = {"android", "Android", "# ", systems_android,
		"The proxy is set for each wireless network. The best for phones is split DNS of "
		"the "
		"network that brings them here: see Tailscale, Headscale and Terraform."},
	[CLIENTS_SSH] = {"ssh", "SSH", "# ", tools_ssh,
		"For ~/.ssh/config: ssh, scp, sftp, rsync and git over ssh go by it."},
	[CLIENTS_CURL] = {"curl", "curl", "# ", tools_curl,
		"One command for each network; names are looked up there."},
	[CLIENTS_GIT] = {"git", "Git over HTTP", "# ", tools_git,
		"For https:// remotes; ssh remotes go by the card SSH."},
	[CLIENTS_ENV] = {"env", "Environment variables", "# ", tools_env,
		"For a shell: most command line programs go by these variables."},
	[CLIENTS_DOCKER] = {"docker", "Docker", "# ", tools_docker,
		"Containers and builds go by the first file, pulls and pushes by the second."},
	[CLIENTS_KUBECTL] = {"kubectl", "kubectl", "# ", tools_kubectl,
		"A kubeconfig with the proxy of each network; helm, k9s and others read it too."},
	[CLIENTS_PAC] = {"pac", "PAC file", "// ", tools_pac,
		"Proxy auto-configuration: which name goes through which network."},
	[CLIENTS_FIREFOX] = {"firefox", "Firefox", "// ", tools_firefox,
		"For user.js in the profile's folder (about:profiles shows it)."},
	[CLIENTS_TAILSCALE] = {"tailscale", "Tailscale: split DNS", "# ", splitdns_tailscale,
		"Every device of your home tailnet then knows these names, phones too."},
	[CLIENTS_HEADSCALE] = {"headscale", "Headscale: split DNS", "# ", splitdns_headscale,
		"Every device of your home tailnet then knows these names, phones too."},
	[CLIENTS_TERRAFORM] = {"terraform", "Terraform: split DNS of Tailscale", "# ",
		splitdns_terraform,
		"Every device of your home tailnet then knows these names, phones too."},
};

const char *clients_kind_name(enum clients_kind kind)
{
	return kinds[kind].name;
}

const char *clients_kind_title(enum clients_kind kind)
{
	return kinds[kind].title;
}

int clients_kind_parse(const char *text)
{
	for (int i = 0; i < CLIENTS_KINDS; i++)
		if (!strcmp(kinds[i].name, text))
			return i;
	return -1;
}

int clients_kind_nearest(const char *text)
{
	size_t best = SIZE_MAX;
	int found = -1;

	for (int i = 0; i < CLIENTS_KINDS; i++) {
		size_t d = distance_edits(text, kinds[i].name);

		if (d < best && d <= 1 + strlen(kinds[i].name) / 3) {
			best = d;
			found = i;
		}
	}
	return found;
}

const char *clients_authority(const struct clients_view *view, char buf[CLIENTS_HOST_MAX + 2])
{
	bool v6 = strchr(view->host, ':') != NULL;

	snprintf(buf, CLIENTS_HOST_MAX + 2, "%s%s%s", v6 ? "[" : "", view->host, v6 ? "]" : "");
	return buf;
}

/* ---- putting one together ---- */

static void build_close(struct builder *b)
{
	if (b->out && b->out != b->spare && fclose(b->out) == EOF)
		b->failed = true;
	b->out = NULL;
}

static FILE *build_open(struct builder *b, char **text)
{
	build_close(b);
	b->out = open_memstream(text, &b->size);
	if (!b->out) {
		b->failed = true;
		b->out = b->spare;
	}
	return b->out;
}

FILE *build_code(struct builder *b, const char *title)
{
	struct clients_card *c = b->card;

	if (c->n == CLIENTS_BLOCKS_MAX) /* then the last one holds the rest */
		return b->out;
	c->blocks[c->n].title = title;
	return build_open(b, &c->blocks[c->n++].code);
}

FILE *build_undo(struct builder *b)
{
	struct clients_block *k = &b->card->blocks[b->card->n - 1];

	return k->undo ? b->out : build_open(b, &k->undo);
}

int clients_card(enum clients_kind kind, const struct clients_view *view, struct clients_card *ret)
{
	struct clients_card card = {.kind = kind, .intro = kinds[kind].intro};
	struct builder b = {.view = view, .card = &card};
	_cleanup_free_ char *spare = NULL;
	size_t spare_size;

	b.spare = open_memstream(&spare, &spare_size);
	if (!b.spare)
		return -ENOMEM;
	clients_authority(view, b.host);
	if (view->address.family)
		addr_format(&view->address, b.address);
	kinds[kind].build(&b);
	build_close(&b);
	fclose(b.spare);
	for (size_t i = 0; i < card.n; i++)
		b.failed |= !card.blocks[i].code;
	if (b.failed) {
		clients_card_free(&card);
		return -ENOMEM;
	}
	*ret = card;
	return 0;
}

void clients_card_free(struct clients_card *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->blocks[i].code);
		free(c->blocks[i].undo);
	}
	*c = (struct clients_card){0};
}

/* ---- as plain text ---- */

static void print_comment(const char *prefix, const char *text, FILE *out)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		fprintf(out, "%s%.*s\n", prefix, (int)n, text);
		text += n + (text[n] == '\n');
	}
}

void clients_print(const struct clients_card *c, FILE *out)
{
	const struct kind *k = &kinds[c->kind];
	char undo[8];

	fprintf(out, "%s%s\n", k->comment, k->title);
	if (*c->intro)
		print_comment(k->comment, c->intro, out);
	snprintf(undo, sizeof(undo), "%s  ", k->comment);
	for (size_t i = 0; i < c->n; i++) {
		const struct clients_block *b = &c->blocks[i];

		fputc('\n', out);
		print_comment(k->comment, b->title, out);
		fputs(b->code, out);
		if (!b->undo || !*b->undo)
			continue;
		fprintf(out, "%sUndo:\n", k->comment);
		print_comment(undo, b->undo, out);
	}
}
