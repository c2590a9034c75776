// SPDX-License-Identifier: MIT
// The card of Linux: names by systemd-resolved or NetworkManager, the proxy of GNOME or KDE.
#include "clients/build.h"

static void routing_domains(const struct builder *b, FILE *out)
{
	const char *blank = "";

	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	{
		fprintf(out, "%s~%s", blank, *s);
		blank = " ";
	}
}

static void linux_resolved(struct builder *b)
{
	FILE *out = build_code(b, "Names by systemd-resolved:");

	fputs("sudo mkdir -p /etc/systemd/resolved.conf.d\n"
	      "sudo tee /etc/systemd/resolved.conf.d/tsgw.conf <<'END'\n"
	      "[Resolve]\n",
		out);
	fprintf(out, "DNS=%s", b->view->address.family == 6 && b->view->dns_port != 53 ? "[" : "");
	fputs(b->address, out);
	if (b->view->dns_port != 53)
		fprintf(out, "%s:%u", b->view->address.family == 6 ? "]" : "", b->view->dns_port);
	fputs("\nDomains=", out);
	routing_domains(b, out);
	fputs("\nDNSSEC=no\nEND\nsudo systemctl restart systemd-resolved\n", out);
	fputs("sudo rm /etc/systemd/resolved.conf.d/tsgw.conf\n"
	      "sudo systemctl restart systemd-resolved\n",
		build_undo(b));
}

/* Its plugin of dnsmasq takes the lines of dnsmasq.conf(5). */
static void linux_networkmanager(struct builder *b)
{
	FILE *out = build_code(b,
		"Names by NetworkManager with its dnsmasq (package dnsmasq-base), "
		"where there is no systemd-resolved:");

	fputs("sudo tee /etc/NetworkManager/conf.d/tsgw.conf <<'END'\n"
	      "[main]\ndns=dnsmasq\nEND\n"
	      "sudo mkdir -p /etc/NetworkManager/dnsmasq.d\n"
	      "sudo tee /etc/NetworkManager/dnsmasq.d/tsgw.conf <<'END'\n",
		out);
	EACH_TAILNET(b->view, t)
	EACH_SUFFIX(t, s)
	{
		fprintf(out, "server=/%s/%s", *s, b->address);
		if (b->view->dns_port != 53)
			fprintf(out, "#%u", b->view->dns_port);
		fprintf(out, "\nrebind-domain-ok=/%s/\n", *s);
	}
	fputs("END\nsudo systemctl reload NetworkManager\n", out);
	fputs("sudo rm /etc/NetworkManager/conf.d/tsgw.conf "
	      "/etc/NetworkManager/dnsmasq.d/tsgw.conf\n"
	      "sudo systemctl reload NetworkManager\n",
		build_undo(b));
}

static void linux_gnome(struct builder *b)
{
	fprintf(build_code(b, "Browsers and apps of GNOME:"),
		"gsettings set org.gnome.system.proxy autoconfig-url 'http://%s:%u/proxy.pac'\n"
		"gsettings set org.gnome.system.proxy mode 'auto'\n",
		b->host, b->view->web_port);
	fputs("gsettings set org.gnome.system.proxy mode 'none'\n", build_undo(b));
}

static void linux_kde(struct builder *b)
{
	fprintf(build_code(b, "Browsers and apps of KDE (Plasma 5: kwriteconfig5):"),
		"kwriteconfig6 --file kioslaverc --group 'Proxy Settings' --key 'Proxy Config "
		"Script' "
		"'http://%s:%u/proxy.pac'\n"
		"kwriteconfig6 --file kioslaverc --group 'Proxy Settings' --key ProxyType 2\n",
		b->host, b->view->web_port);
	fputs("kwriteconfig6 --file kioslaverc --group 'Proxy Settings' --key ProxyType 0\n",
		build_undo(b));
}

void linux_card(struct builder *b)
{
	if (b->view->dns_port && *b->address) {
		linux_resolved(b);
		linux_networkmanager(b);
	}
	if (b->view->web_port) {
		linux_gnome(b);
		linux_kde(b);
	}
}
