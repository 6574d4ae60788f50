package report

import (
	"cmp"
	"slices"
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

// judgeClients looks at whether clients are in known sites. Those that
// sites.default gave one have a site because somebody decided so.
func (j *judging) judgeClients() {
	c := &j.f.Clients
	if many(c.WithoutSite, c.Referrals) {
		j.add(Finding{
			Subsystem: clients, Level: Notice, Subject: "clients without a site",
			Summary: shareOf(c.WithoutSite, c.Referrals) + " went to clients in no known site" + mostFrom(c.Sample),
			Next:    lookupCommand(c.Sample),
		})
	}
	if many(c.ByDefault, c.Referrals) {
		j.add(Finding{
			Subsystem: clients, Level: Notice, Subject: "sites.default",
			Summary: shareOf(c.ByDefault, c.Referrals) + " went to clients that are in no subnet and are taken to be at " + defaultSite(c) + mostFrom(c.DefaultSample),
			Next:    lookupCommand(c.DefaultSample),
		})
	}
}

// many reports whether enough referrals went to clients in no subnet to tell.
func many(some, all uint64) bool { return some > 0 && float64(some) > inNoSubnet*float64(all) }

func shareOf(some, all uint64) string {
	return percent(some, all) + " of referrals (" + quantity.Count(some) + " of " + quantity.Count(all) + ")"
}

// defaultSite is where clients in no subnet are taken to be.
func defaultSite(c *ClientFacts) string {
	if c.DefaultSite == "" {
		return "the site of sites.default"
	}
	return c.DefaultSite + " by sites.default"
}

// busiest is the network of a sample that most referrals went to, "" for none.
func busiest(sample []Unmapped) string {
	if len(sample) == 0 {
		return ""
	}
	return slices.MaxFunc(sample, func(a, b Unmapped) int { return cmp.Compare(a.Count, b.Count) }).Network
}

func mostFrom(sample []Unmapped) string {
	if network := busiest(sample); network != "" {
		return ", most from " + network
	}
	return ""
}

func lookupCommand(sample []Unmapped) string {
	address, _, _ := strings.Cut(busiest(sample), "/")
	if address == "" {
		return "sites.static.subnets"
	}
	return "dfsd site lookup " + argument(address)
}
