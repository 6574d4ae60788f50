package report

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"sync"
	"time"
)

//go:embed page/style.css page/*.tmpl
var pageFiles embed.FS

// pageTemplate is the page, parsed once. The files are part of the program, so
// a fault in them is ours.
var pageTemplate = sync.OnceValue(func() *template.Template {
	style, err := pageFiles.ReadFile("page/style.css")
	if err != nil {
		panic(err)
	}
	t := template.New("page")
	template.Must(t.New("style").Parse(string(style)))
	return template.Must(t.ParseFS(pageFiles, "page/*.tmpl"))
})

// HTML writes f and its judgement s as one page that needs nothing else: no
// script, no font, no picture from elsewhere. Ages are those at now, and times
// are told in now's zone. Texts of f may be anything: what stands in them is
// shown and never obeyed. It writes all of the page or, where making it fails,
// nothing; it returns the error of w. Safe for concurrent use.
func HTML(w io.Writer, f *Facts, s Status, now time.Time) error {
	var b bytes.Buffer
	if err := pageTemplate().ExecuteTemplate(&b, "page", newPage(f, s, now)); err != nil {
		return fmt.Errorf("make the health page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
