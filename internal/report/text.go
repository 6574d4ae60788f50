package report

import (
	"bytes"
	"fmt"
	"io"
	"text/tabwriter"

	"dfsd/internal/quantity"
)

// textFindings bounds the findings that a terminal is shown.
const textFindings = 20

// Text writes s for a terminal, in words and without colours: the sentence, a
// line for each subsystem, and the worst findings with what to do about them.
// What the terminal could take for orders is spelled out. It returns the error
// of w.
func (s Status) Text(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s  %s", orDash(s.Host), s.State)
	if !s.At.IsZero() {
		fmt.Fprintf(&b, "  %s", s.At.Format("2006-01-02 15:04:05 MST"))
	}
	fmt.Fprintf(&b, "\n%s\n\n", sentence(s.Summary))
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STATE\tSUBSYSTEM\tSUMMARY")
	for _, l := range s.Lines {
		fmt.Fprintf(t, "%s\t%s\t%s\n", visible(l.State), visible(l.Subsystem), sentence(l.Summary))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for i, f := range s.Findings {
		if i == textFindings {
			fmt.Fprintf(&b, "\nand %s more: dfsd report health\n", quantity.Count(len(s.Findings)-i))
			break
		}
		fmt.Fprintf(&b, "\n%s  %s: %s\n", f.Level, visible(f.Subject), sentence(f.Summary))
		if f.Next != "" {
			fmt.Fprintf(&b, "  next: %s\n", visible(f.Next))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

// orDash is s made visible, or a dash where there is nothing.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return visible(s)
}
