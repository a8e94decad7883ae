"""
How the page looks: one style sheet, without pictures, fonts or addresses.

Everything is under ``.skcalib-report``, so that a notebook around it keeps its own looks.
Colours are those of the text around it; the accents stand out from white and from black,
because what a notebook shows on is not known.
"""

BODY = """
:root{color-scheme:light dark}
body{margin:0;background:#fff;color:#1b1f24}
@media (prefers-color-scheme:dark){body{background:#14171b;color:#e6e8eb}}
@media print{body{background:#fff;color:#000}}
"""

PART = """
.skcalib-report{font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
max-width:960px;margin:0 auto;padding:1rem;overflow-wrap:anywhere;text-align:left;
--line:rgba(128,128,128,.4);--tint:rgba(128,128,128,.1);box-sizing:border-box}
.skcalib-report *{box-sizing:border-box}
.skcalib-report h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0 .4rem;border:0}
.skcalib-report h2{font-size:1.1rem;margin:1.6rem 0 .6rem;border:0}
.skcalib-report h3{font-size:1.05rem;margin:0 0 .4rem!important;border:0}
.skcalib-report p{margin:.4rem 0}
.skcalib-report .quiet{opacity:.8;font-size:.875rem}
.skcalib-report .verdict{font-size:1.1rem;border-left:6px solid #009E73;padding:.3rem .8rem;
background:var(--tint)}
.skcalib-report .verdict.cause{border-color:#D55E00}
.skcalib-report .verdict.unsure{border-color:#E69F00}
.skcalib-report ul.tiles{display:grid;gap:.6rem;
grid-template-columns:repeat(auto-fit,minmax(max(135px,30%),1fr));padding:0;margin:0!important;list-style:none}
.skcalib-report .tiles li{border:1px solid var(--line);border-radius:6px;
padding:.5rem .7rem;margin:0;min-width:0}
.skcalib-report .tiles b{display:block;font-size:1.35rem;line-height:1.3}
.skcalib-report article{border:1px solid var(--line);border-left:6px solid var(--line);
border-radius:6px;padding:.8rem 1rem;margin:0 0 .8rem;break-inside:avoid}
.skcalib-report article.cause{border-left-color:#D55E00}
.skcalib-report .number{display:inline-block;font-weight:600;background:var(--tint);
border-radius:4px;padding:.05rem .45rem}
.skcalib-report pre{font:.875rem/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;
white-space:pre-wrap;overflow-wrap:anywhere;background:var(--tint);border-radius:4px;
padding:.5rem .7rem;margin:.4rem 0;color:inherit}
.skcalib-report pre code{font:inherit;color:inherit;background:none;border:0;padding:0}
.skcalib-report .pictures{display:flex;flex-wrap:wrap;gap:1rem}
.skcalib-report figure{margin:0;flex:1 1 300px;min-width:0;max-width:460px;
break-inside:avoid}
.skcalib-report figure.wide{max-width:none;flex-basis:100%;margin-top:.6rem}
.skcalib-report figcaption{font-size:.875rem;opacity:.8}
.skcalib-report svg{display:block;width:100%;height:auto;font:11px system-ui,sans-serif}
.skcalib-report svg text{fill:currentColor;stroke:none}
.skcalib-report table{border-collapse:collapse;width:100%;margin:.6rem 0;font-size:.875rem;
color:inherit;background:none}
.skcalib-report th,.skcalib-report td{text-align:left;padding:.2rem .6rem .2rem 0;
border:0;border-bottom:1px solid var(--line);vertical-align:top;background:none;
white-space:normal}
.skcalib-report td.right,.skcalib-report th.right{text-align:right}
.skcalib-report a{color:inherit}
@media print{.skcalib-report{max-width:none;padding:0;font-size:11pt}
.skcalib-report h2{break-after:avoid}}
"""
