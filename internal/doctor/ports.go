package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
)

// daemonName is what the system calls our process.
const daemonName = "dfsd"

func (d *doctor) portChecks() []Check {
	var checks []Check
	for _, address := range d.SMBListen {
		checks = append(checks, check(Ports, address, func(ctx context.Context, r *report) { d.checkListen(ctx, r, "smb.listen", address, true) }))
	}
	if d.Replication != nil && d.Replication.Listen != "" {
		checks = append(checks, check(Ports, d.Replication.Listen, func(ctx context.Context, r *report) {
			d.checkListen(ctx, r, "replication.listen", d.Replication.Listen, false)
		}))
	}
	if d.AdminSocket != "" {
		checks = append(checks, check(Ports, d.AdminSocket, d.checkSocket))
	}
	return checks
}

// checkListen binds an address for a moment, or finds out who has it.
func (d *doctor) checkListen(ctx context.Context, r *report, setting, address string, smb bool) {
	l, err := d.listen(ctx, listenNetwork(address), address)
	switch {
	case err == nil:
		_ = l.Close() // nothing was accepted
		if d.Live != nil {
			tellMute(r, setting, address)
			return
		}
		r.okf(address, "is free for %s", setting)
	case errors.Is(err, syscall.EADDRINUSE):
		d.checkHolder(ctx, r, setting, address, smb)
	case errors.Is(err, fs.ErrPermission):
		d.checkUntried(ctx, r, setting, address, smb)
	case errors.Is(err, syscall.EAFNOSUPPORT) && smb && len(d.SMBListen) > 1:
		r.add(Notice, address, "take the address out of "+setting, "this machine has no address of that family, and the daemon goes without")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		own, _ := d.addrs() // none: the sentence says so
		r.add(Failed, address, "set "+setting+" to an address of this machine, or to 0.0.0.0", "this machine does not have the address; it has %s", addrList(outward(own)))
	default:
		r.add(Failed, address, "correct "+setting, "cannot listen there: %v", err)
	}
}

// checkUntried finds out about an address that this user may not bind: the daemon
// has that right from its unit, so that it is lacking here is no fault. Such a
// port is asked for before the system looks whether it is taken.
func (d *doctor) checkUntried(ctx context.Context, r *report, setting, address string, smb bool) {
	const asRoot = "sudo dfsd doctor"
	conn, err := d.connect(ctx, reachable(address))
	if err == nil {
		_ = conn.Close() // nothing was said
	}
	switch known := d.holderAt(address) != "" || d.Live != nil; {
	case err == nil && known:
		d.checkHolder(ctx, r, setting, address, smb)
	case err == nil:
		r.add(Notice, address, asRoot, "a server has the port and %s; this user may not see whose it is", d.answers(ctx, address, smb))
	case d.Live != nil && d.serves(ctx, address):
		r.add(Failed, address, mendRestart, "the daemon has the port and does not take a connection: %v", err)
	case d.Live != nil:
		tellMute(r, setting, address)
	default:
		r.add(Notice, address, asRoot+"; where no unit starts the daemon: setcap cap_net_bind_service=+ep /usr/bin/dfsd",
			"cannot be tried as this user: ports below 1024 need CAP_NET_BIND_SERVICE; nobody answers there now")
	}
}

const mendRestart = "systemctl restart dfsd; journalctl -u dfsd"

// tellMute is about an address that the daemon that runs does not have.
func tellMute(r *report, setting, address string) {
	r.add(Failed, address, mendRestart+" says why it does not listen", "the daemon runs and does not listen at %s", setting)
}

// serves tells whether the daemon that runs has an address, by its own word. One
// that says nothing of addresses has it, for all that is known.
func (d *doctor) serves(ctx context.Context, address string) bool {
	if d.Live == nil {
		return false
	}
	all, err := d.Live.Listening(ctx)
	return err != nil || len(all) == 0 || slices.ContainsFunc(all, func(at string) bool { return covers(at, address) })
}

// covers tells whether a daemon that listens at one address has the other.
func covers(at, address string) bool {
	has, err := netip.ParseAddrPort(withHost(at))
	wanted, wrong := netip.ParseAddrPort(withHost(address))
	if err != nil || wrong != nil {
		return at == address
	}
	all := strings.HasPrefix(at, ":") || has.Addr().IsUnspecified() && has.Addr().Is4() == wanted.Addr().Is4()
	return has.Port() == wanted.Port() && (all || has.Addr() == wanted.Addr())
}

// listenNetwork has an IPv6 address take IPv6 alone, as the daemon does.
func listenNetwork(address string) string {
	ap, err := netip.ParseAddrPort(address)
	switch {
	case err != nil:
		return "tcp"
	case ap.Addr().Is4():
		return "tcp4"
	}
	return "tcp6"
}

// checkHolder says who has an address that is taken.
func (d *doctor) checkHolder(ctx context.Context, r *report, setting, address string, smb bool) {
	who, answers := d.holderAt(address), d.answers(ctx, address, smb)
	ours := isDaemon(who) || who == "" && d.serves(ctx, address)
	switch {
	case ours && strings.HasPrefix(answers, "does not"):
		r.add(Failed, address, mendRestart, "the daemon has the port and %s", answers)
	case ours:
		r.okf(address, "the daemon has the port and %s", answers)
	case who == "":
		r.add(Failed, address, "ss -ltnp 'sport = :"+portOf(address)+"' shows who; give that server or "+setting+" an address of its own", "another server has the port and %s", answers)
	case strings.HasPrefix(who, "smbd") || strings.HasPrefix(who, "samba"):
		r.add(Failed, address, "in smb.conf: interfaces = ADDRESS and bind interfaces only = yes; then set "+setting+" to another address of this machine",
			"Samba (%s) has the port and %s: one address cannot serve both", who, answers)
	default:
		r.add(Failed, address, "stop it, or set "+setting+" to another address", "%s has the port and %s", who, answers)
	}
}

// holderAt names the process that has an address, "" where that cannot be told.
func (d *doctor) holderAt(address string) string {
	at, err := netip.ParseAddrPort(withHost(address))
	if err != nil {
		return ""
	}
	return d.holder(at)
}

// answers says how who has an address answers.
func (d *doctor) answers(ctx context.Context, address string, smb bool) string {
	if !smb {
		return "takes connections"
	}
	return d.speaksSMB(ctx, address)
}

// withHost gives an address that names a port alone the one that means all.
func withHost(address string) string {
	if strings.HasPrefix(address, ":") {
		return "[::]" + address
	}
	return address
}

func isDaemon(who string) bool { return who == daemonName || strings.HasPrefix(who, daemonName+" ") }

func portOf(address string) string {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return port
}

// negotiateRequest is the smallest SMB 2.1 NEGOTIATE ([MS-SMB2] 2.2.1.2, 2.2.3)
// behind its length ([MS-SMB2] 2.1): header of 64 bytes, body of 36, dialects
// 2.0.2 and 2.1.
const negotiateRequest = "\x00\x00\x00\x68" +
	"\xfeSMB\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x24\x00\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00" +
	"dfsd-doctor-look" + "\x00\x00\x00\x00\x00\x00\x00\x00" +
	"\x02\x02\x10\x02"

// speaksSMB sends a NEGOTIATE and says what came back.
func (d *doctor) speaksSMB(ctx context.Context, address string) string {
	conn, err := d.connect(ctx, reachable(address))
	if err != nil {
		return "does not take a connection: " + err.Error()
	}
	defer conn.Close()
	defer until(ctx, conn, talkTimeout)()
	if _, err := io.WriteString(conn, negotiateRequest); err != nil {
		return "does not answer SMB: " + err.Error()
	}
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil {
		return "does not answer SMB: " + err.Error()
	}
	if head[0] != 0 || string(head[4:]) != "\xfeSMB" {
		return "does not answer SMB: it speaks something else"
	}
	return "answers SMB"
}

// reachable is where a server that listens at address is met on this machine.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// checkSocket knocks at the daemon's own socket.
func (d *doctor) checkSocket(ctx context.Context, r *report) {
	ctx, stop := context.WithTimeout(ctx, dialTimeout)
	defer stop()
	conn, err := d.dial(ctx, "unix", d.AdminSocket)
	switch {
	case err == nil:
		_ = conn.Close() // nothing was said
		r.okf(d.AdminSocket, "the daemon answers")
	case errors.Is(err, fs.ErrNotExist):
		r.add(Notice, d.AdminSocket, "systemctl start dfsd", "no daemon runs: what only it knows is not looked at")
	case errors.Is(err, fs.ErrPermission):
		r.add(Notice, d.AdminSocket, "sudo dfsd doctor, or run it as the user that runs the daemon", "this user may not ask the daemon")
	case errors.Is(err, syscall.ECONNREFUSED):
		r.add(Warning, d.AdminSocket, "systemctl start dfsd", "the socket of a daemon that is gone")
	default:
		r.add(Warning, d.AdminSocket, "systemctl status dfsd", "the daemon does not answer: %v", err)
	}
}

// plainPort writes host and port.
func plainPort(host string, port uint16) string {
	return net.JoinHostPort(host, fmt.Sprint(port))
}
