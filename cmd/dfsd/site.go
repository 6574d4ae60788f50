package main

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"dfsd/internal/admin"
)

func newSiteCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "site", Short: "Sites, subnets and the cost of routes between sites"}
	cmd.AddCommand(newSiteLookupCommand(), newSiteListCommand(), newSiteCostCommand())
	return cmd
}

func newSiteLookupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "lookup IP",
		Short: "Show which subnet and site an address is in",
		Long: "Shows the subnet that holds an address, and the site where a client with it is taken to\n" +
			"be: that of the subnet. Where none holds it: this host's own for loopback and link-local\n" +
			"addresses, else sites.default, else the only site that the directory has.",
		Example: "  dfsd site lookup 10.1.2.3\n  dfsd site lookup 2001:db8:2::7 -c dfsd.yaml -o json",
		Args:    cobra.ExactArgs(1),
	}
	from := addSourceFlags(cmd)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ip, err := netip.ParseAddr(args[0])
		if err != nil {
			return usageError(cmd, fmt.Errorf("%q is no IP address", args[0]))
		}
		a, err := ask(cmd, from, func(ctx context.Context, s source) (admin.SiteAnswer, error) { return s.SiteOf(ctx, ip) })
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), a, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "IP\tSUBNET\tSITE\n%s\t%s\t%s\n", a.IP, orNone(a.Subnet), orNone(a.Site))
		})
	}
	return cmd
}

func newSiteListCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List sites with their subnets, and site links with their costs",
		Example: "  dfsd site list\n  dfsd site list -c dfsd.yaml -o yaml",
		Args:    cobra.NoArgs,
	}
	from := addSourceFlags(cmd)
	out := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		l, err := ask(cmd, from, func(ctx context.Context, s source) (admin.SiteList, error) { return s.Sites(ctx) })
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), l, func(w *tabwriter.Writer) { siteTable(w, l) })
	}
	return cmd
}

func siteTable(w *tabwriter.Writer, l admin.SiteList) {
	subnets := map[string][]string{}
	for _, s := range l.Subnets {
		prefix := s.Prefix
		if s.Source != l.SiteSources[s.Site] {
			prefix += " (" + s.Source + ")"
		}
		subnets[s.Site] = append(subnets[s.Site], prefix)
	}
	fmt.Fprintln(w, "SITE\tFROM\tSUBNETS")
	for _, name := range l.Sites {
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, orNone(l.SiteSources[name]), orNone(strings.Join(subnets[name], " ")))
	}
	if len(l.Links) == 0 {
		return
	}
	fmt.Fprintln(w, "\nLINK\tFROM\tCOST\tSITES")
	for _, k := range l.Links {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", k.Name, orNone(k.Source), k.Cost, strings.Join(k.Sites, " "))
	}
}

func newSiteCostCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "cost FROM TO",
		Short:   "Show the cheapest route between two sites",
		Example: "  dfsd site cost NewYork London\n  dfsd site cost NewYork London -c dfsd.yaml -o json",
		Args:    cobra.ExactArgs(2),
	}
	from := addSourceFlags(cmd)
	out := outputFlag(cmd)
	cmd.ValidArgsFunction = only(2, from.complete(&from.socket, siteNames))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		a, err := ask(cmd, from, func(ctx context.Context, s source) (admin.CostAnswer, error) { return s.Cost(ctx, args[0], args[1]) })
		if err != nil {
			return err
		}
		return out.write(cmd.OutOrStdout(), a, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "FROM\tTO\tCOST\tROUTE\n%s\t%s\t%d\t%s\n", a.From, a.To, a.Cost, strings.Join(a.Route, " > "))
		})
	}
	return cmd
}
