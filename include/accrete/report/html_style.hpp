/// How a report looks: one column of text, quiet tables, light and dark, and on paper.
#pragma once

#include <string>
#include <string_view>

#include <accrete/core/macros.hpp>
#include <accrete/report/plot/palette.hpp>

ACCRETE_BEGIN_NAMESPACE
namespace detail {

/// Colours as CSS variables, taken from the pictures' palette, so that page and pictures are of one piece.
[[nodiscard]] inline std::string html_colors(bool dark) {
  auto const shade = [dark](plot::Role role) {
    return std::string(dark ? plot::shade_of(role).dark : plot::shade_of(role).light);
  };
  return "--paper:" + shade(plot::Role::paper) + ";--ink:" + shade(plot::Role::ink) +
         ";--soft:" + shade(plot::Role::soft) + ";--rule:" + shade(plot::Role::axis) +
         ";--faint:" + shade(plot::Role::grid) + ";--accent:" + shade(plot::Role::blue) +
         ";--yes:" + (dark ? "#77cda4" : "#1c7f5f") + ";--no:" + (dark ? "#ff9f6b" : "#b4450a");
}

inline constexpr std::string_view html_rules = R"css(
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--paper);color:var(--ink);font:16.5px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,
"Noto Sans","Helvetica Neue","Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif;
font-feature-settings:"kern","liga"}
main{max-width:800px;margin:0 auto;padding:56px 20px 80px}
h1{font-size:34px;line-height:1.2;letter-spacing:-.015em;margin:0 0 10px;font-weight:680}
h2{font-size:22px;line-height:1.3;letter-spacing:-.005em;margin:56px 0 10px;font-weight:650}
h3{font-size:17px;margin:32px 0 6px;font-weight:650}
p{margin:0 0 14px;max-width:68ch}
a{color:var(--accent)}
.lead{font-size:19px;line-height:1.55;color:var(--soft);margin-bottom:26px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:14px 24px;margin:0 0 8px;padding:18px 0;border-top:1px solid var(--rule);
border-bottom:1px solid var(--rule)}
.tiles div{display:flex;flex-direction:column}
.tiles b{font-size:25px;line-height:1.2;font-weight:640;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.tiles span{font-size:13.5px;color:var(--soft)}
figure{margin:20px -10px 30px;break-inside:avoid}
figure svg{display:block;max-width:100%;height:auto}
figcaption{margin:6px 10px 0;font-size:14.5px;line-height:1.5;color:var(--soft);max-width:72ch}
.scroll{overflow-x:auto;margin:14px 0 24px}
table{border-collapse:collapse;font-size:15px;line-height:1.45;font-variant-numeric:tabular-nums;width:100%}
caption{text-align:left;font-size:14.5px;color:var(--soft);padding-bottom:6px}
th{font-weight:600;font-size:13.5px;color:var(--soft);text-align:left;vertical-align:bottom;padding:6px 14px 6px 0;
border-bottom:1px solid var(--rule)}
td{padding:6px 14px 6px 0;border-bottom:1px solid var(--faint);vertical-align:top}
th.number,td.number{text-align:right;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
tr{break-inside:avoid}
.verdicts{list-style:none;margin:14px 0 24px;padding:0}
.verdicts li{position:relative;padding:10px 0 12px 34px;border-bottom:1px solid var(--faint);break-inside:avoid}
.verdicts .sign{position:absolute;left:0;top:10px;font-size:18px;font-weight:700}
.yes .sign{color:var(--yes)}
.no .sign{color:var(--no)}
.verdicts b{font-weight:600}
.verdicts small{display:block;font-size:14.5px;color:var(--soft)}
blockquote{margin:0 0 18px;padding:2px 0 2px 18px;border-left:3px solid var(--faint);break-inside:avoid}
blockquote p{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;max-width:none}
blockquote .prompt{font-weight:650}
blockquote cite{display:block;font-style:normal;font-size:13.5px;color:var(--soft)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:4px 22px;margin:14px 0 24px;font-size:15px}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
code{font:.88em ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,monospace}
pre{font:13.5px/1.5 ui-monospace,"SF Mono","Cascadia Mono",Menlo,Consolas,monospace;overflow-x:auto;padding:12px 14px;
background:var(--faint);border-radius:4px;margin:0 0 18px}
@media(max-width:600px){main{padding-top:28px}h1{font-size:27px}dl{grid-template-columns:1fr}dd{margin-bottom:6px}}
@media print{body{font-size:10.5pt}main{max-width:none;padding:0}h2{break-after:avoid}.scroll{overflow:visible}
pre{white-space:pre-wrap}}
)css";

[[nodiscard]] inline std::string html_style() {
  return ":root{color-scheme:light dark;" + html_colors(false) +
         "}\n@media screen and (prefers-color-scheme:dark){:root{" + html_colors(true) + "}}" +
         std::string(html_rules);
}

}  // namespace detail
ACCRETE_END_NAMESPACE
