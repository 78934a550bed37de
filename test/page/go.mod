module github.com/pullgate/pullgate/test/page

go 1.26.6

replace github.com/pullgate/pullgate => ../..

require (
	github.com/chromedp/chromedp v0.16.0
	github.com/pullgate/pullgate v0.0.0-00010101000000-000000000000
)
