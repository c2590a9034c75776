# SPDX-License-Identifier: MIT
"""Keys as credentials of systemd: LoadCredential= and SetCredentialEncrypted= of tsgw@NAME."""
from lab import check, equal, wait_for
from machine import Machine, told
from picture import TARGET, check_page
from run import deadline

PLACE = "/run/credentials/tsgw@%s.service/%s.conf"


@deadline(240)
def test_wireguard_by_credential(picture, release):
    """The wg-quick file is a credential, plain or encrypted: nothing of it lies in /etc, and the pin is the host's."""
    with told(Machine(picture, release)) as m:
        tailnets = m.add("fgpu", "lab", ssh=False)
        m.configure()
        ini = m.read("/etc/tsgw/tsgw.ini")
        for t in tailnets:
            ini = ini.replace(f"wg-config = {t.name}.conf", f"wg-config = {PLACE % (t.name, t.name)}")
            m.out(f"mv /etc/tsgw/{t.name}.conf /root/{t.name}.conf")
        m.write("/etc/tsgw/tsgw.ini", ini)
        m.write("/etc/systemd/system/tsgw@fgpu.service.d/key.conf",
                "[Service]\nLoadCredential=fgpu.conf:/root/fgpu.conf\n")
        p = m.run("systemd-creds --with-key=host --name=lab.conf -p encrypt /root/lab.conf - && rm /root/lab.conf", ok=0)
        check("SetCredentialEncrypted=lab.conf" in p.stdout, p.stdout)
        check(tailnets[1].private not in p.stdout, "it is encrypted")
        m.write("/etc/systemd/system/tsgw@lab.service.d/key.conf", "[Service]\n" + p.stdout)
        m.systemctl("daemon-reload")
        m.systemctl("enable", "--now", "tsgw@fgpu", "tsgw@lab")
        for t in tailnets:
            m.wait_state(t, "up")
            check_page(picture, t)
            pid = m.show(f"tsgw@{t.name}", "MainPID")
            equal(m.out(["readlink", f"/proc/{pid}/ns/mnt"]), m.out(["readlink", "/proc/1/ns/mnt"]),
                  f"mount namespace of tsgw@{t.name}")
            check("10.77.0.2" in m.out(f"ip netns exec tsgw-{t.name} ip -br addr show wg0"), "the pin")
        m.reboot()
        for t in tailnets:
            m.wait_state(t, "up", timeout_s=60)
            check_page(picture, t)
            # the front was there before the credential, and has the routes from who has read it
            name = f"{TARGET}.{t.name}"
            wait_for(lambda name=name: picture.dig(name, "+short").strip() == TARGET,
                     lambda name=name: picture.dig(name))
        # what is stopped has no credential, which is no mistake in anybody's configuration
        m.systemctl("stop", "tsgw@fgpu")
        p = m.ctl("check", ok=0)
        check("fgpu.conf is not there: a credential is while its unit runs" in p.stderr, p.stderr)
        m.systemctl("reload", "tsgw@lab", "tsgw")
        m.ctl("reload", ok=0)
        equal(m.state("fgpu"), "down", "state of what is stopped")
        m.systemctl("start", "tsgw@fgpu")
        m.wait_state("fgpu", "up")
        equal(picture.dig(f"{TARGET}.fgpu", "+short").strip(), TARGET, "its names")
