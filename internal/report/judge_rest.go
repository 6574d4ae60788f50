package report

import (
	"cmp"
	"strings"

	"dfsd/internal/event"
	"dfsd/internal/quantity"
)

// judgeNetwork looks at whether this host reaches anything at all.
func (j *judging) judgeNetwork() {
	if j.f.Isolated == nil {
		return
	}
	j.add(Finding{
		Subsystem: network, Level: Failed, Subject: j.f.Host, Since: j.f.Isolated.Since,
		Summary: "every probe fails: this host reaches no file server, so nothing it says of the targets can be relied upon",
		Next:    "dfsd doctor",
	})
}

// directoryAge is the age of the topology in seconds, as the daemon's own
// count or the clocks have it, whichever is more.
func (j *judging) directoryAge() float64 {
	d := &j.f.Directory
	age := d.AgeSeconds + j.since
	if !d.At.IsZero() {
		age = max(age, j.now.Sub(d.At).Seconds())
	}
	return age
}

// judgeDirectory looks at where sites come from.
func (j *judging) judgeDirectory() {
	d := &j.f.Directory
	for i, w := range d.Warnings {
		if i == namesInSummary {
			rest := len(d.Warnings) - i
			j.add(Finding{Subsystem: directory, Level: Notice, Subject: "topology", Summary: "and " + counted(rest, "further warning"), Next: "dfsd site list", Event: string(event.OddObject)})
			break
		}
		j.add(Finding{Subsystem: directory, Level: Notice, Subject: "topology", Summary: w, Next: "dfsd site list", Event: string(event.OddObject)})
	}
	if !d.Configured {
		return
	}
	f := Finding{Subsystem: directory, Level: Degraded, Subject: cmp.Or(d.Server, "directory"), Since: d.At, Next: "dfsd doctor", Event: string(event.DirectoryUnread)}
	age := j.directoryAge()
	switch {
	case d.At.IsZero():
		f.Level, f.Summary = Failed, "sites were never read from the directory"+reasonOf(d.Error)
		f.Next = "dfsd doctor; sites.ldap"
	case d.Error != "":
		f.Summary = "the directory could not be read; the topology of " + quantity.Span(age) + " ago stays in force: " + d.Error
	case !(age <= directoryOld):
		f.Summary = "the topology is " + quantity.Span(age) + " old"
		f.Next = "dfsd doctor; sites.ldap.refresh"
	default:
		return
	}
	j.add(f)
}

// judgeConfiguration looks at whether the file in force is the latest.
func (j *judging) judgeConfiguration() {
	c := &j.f.Config
	if len(c.RestartNeeded) > 0 {
		j.add(Finding{
			Subsystem: configuration, Level: Notice, Subject: cmp.Or(c.File, "the file"), Event: string(event.RestartNeeded),
			Summary: "what is new in " + strings.Join(c.RestartNeeded, ", ") + " counts from the next start of the daemon", Next: "systemctl restart dfsd, or dfsd-referral",
		})
	}
	if c.LastError == "" {
		return
	}
	next := "dfsd config check"
	if c.File != "" {
		next += " -c " + argument(c.File)
	}
	j.add(Finding{
		Subsystem: configuration, Level: Degraded, Subject: cmp.Or(c.File, "the file"), Event: string(event.ConfigurationRefused),
		Summary: "the latest reload was refused; what was loaded " + between(c.Loaded, j.now) + " ago stays in force: " + c.LastError, Next: next,
	})
}

// judgeClients looks at whether clients are in known sites.
func (j *judging) judgeClients() {
	c := &j.f.Clients
	if c.WithoutSite == 0 || float64(c.WithoutSite) <= withoutSite*float64(c.Referrals) {
		return
	}
	f := Finding{
		Subsystem: clients, Level: Notice, Subject: "clients without a site",
		Summary: percent(c.WithoutSite, c.Referrals) + " of referrals (" + quantity.Count(c.WithoutSite) + " of " + quantity.Count(c.Referrals) + ") went to clients in no known site",
		Next:    "sites.static.subnets",
	}
	if len(c.Sample) > 0 {
		most := c.Sample[0]
		for _, u := range c.Sample[1:] {
			if u.Count > most.Count {
				most = u
			}
		}
		address, _, _ := strings.Cut(most.Network, "/")
		f.Summary += ", most from " + most.Network
		f.Next = "dfsd site lookup " + argument(address)
	}
	j.add(f)
}
