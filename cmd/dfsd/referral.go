package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dfsd/internal/admin"
)

func newReferralCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "referral", Short: "The referrals that clients get"}
	cmd.AddCommand(newReferralExplainCommand(), newReferralQueryCommand())
	return cmd
}

func newReferralExplainCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain PATH (--client IP | --site S)",
		Short: "Show the referral that a client gets, and why each target stands where it does",
		Long: "Shows the referral to PATH that the client at an address gets, and why each\n" +
			"target stands where it does. Targets of one set are equal to a client, which gets\n" +
			"them in random order. The daemon that runs the configuration answers; without one\n" +
			"the file answers alone.",
		Example: "  dfsd referral explain '\\\\files\\public\\projects' --client 10.1.2.3\n" +
			"  dfsd referral explain //files/public/projects --client 2001:db8:2::7 -c dfsd.yaml -o json\n" +
			"  dfsd referral explain //files/public --site London",
		Args: cobra.ExactArgs(1),
	}
	from := addSourceFlags(cmd)
	out := outputFlag(cmd)
	client := cmd.Flags().String("client", "", "the client's IP `address`")
	site := cmd.Flags().String("site", "", "the site that the client says it is in; it goes before the address")
	cmd.ValidArgsFunction = only(1, from.complete(&from.socket, referralPaths))
	_ = cmd.RegisterFlagCompletionFunc("site", from.complete(&from.socket, // the flag exists: only a misspelt name could fail here
		func(ctx context.Context, k known, _ []string, typed string) []string {
			return siteNames(ctx, k, nil, typed)
		}))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *client == "" && *site == "" {
			return usageError(cmd, errors.New("whose referral? give --client IP or --site NAME"))
		}
		q := admin.ExplainQuery{Path: args[0], Site: *site}
		if *client != "" {
			ip, err := netip.ParseAddr(*client)
			if err != nil {
				return usageError(cmd, fmt.Errorf("--client: %q is no IP address", *client))
			}
			q.IP = ip
		}
		e, err := ask(cmd, from, func(ctx context.Context, s source) (admin.Explanation, error) { return s.Explain(ctx, q) })
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), e, func(w *tabwriter.Writer) { explainTable(w, e) })
	}
	return cmd
}

func explainTable(w *tabwriter.Writer, e admin.Explanation) {
	what := "namespace " + e.Namespace
	if e.Folder != "" {
		what += ", folder " + e.Folder
	}
	fmt.Fprintf(w, "%s: %s; TTL %d s, failback %s, %d bytes of the path consumed\n", e.Path, what, e.TTLSeconds, yesNo(e.Failback), e.PathConsumed)
	fmt.Fprintf(w, "client %s: site %s, subnet %s\n\n", orNone(e.Client.IP), orNone(e.Client.Site), orNone(e.Client.Subnet))
	if len(e.Targets) == 0 {
		fmt.Fprintln(w, "no target: the client is told that nothing is there")
	} else {
		fmt.Fprintln(w, "SET\tTARGET\tSITE\tCOST\tPRIORITY\tRANK\tSTATE\tREASON")
	}
	for _, t := range e.Targets {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", t.Set, t.Path, orNone(t.Site), costText(t.Cost), t.Priority, t.Rank, t.State, t.Reason)
	}
	for _, x := range e.Excluded {
		fmt.Fprintf(w, "-\t%s\t\t\t\t\tleft out\t%s\n", x.Path, x.Reason)
	}
}

func costText(c *uint32) string {
	if c == nil {
		return "-"
	}
	return strconv.FormatUint(uint64(*c), 10)
}

func orNone(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
