/// What the extraction of text has to know about the elements of HTML.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "html_tokenizer.hpp"

namespace demo {

// clang-format off
/// In the order of `html_tag_names`. Elements that are not here do not matter: their tags are passed over.
enum class HtmlTag : std::uint8_t {
  unknown,
  // Inline: text flows through them.
  a, abbr, acronym, b, bdi, bdo, big, cite, code, data, del, dfn, em, font, i, ins, kbd, label, mark, q, s, samp, small,
  span, strike, strong, sub, sup, time, tt, u, var,
  // Without content.
  area, base, br, col, hr, img, input, link, meta, source, wbr,
  // Blocks: a paragraph ends where they begin and where they end.
  address, article, blockquote, body, caption, center, dd, details, div, dl, dt, fieldset, figcaption, figure, form, h1,
  h2, h3, h4, h5, h6, header, hgroup, html, legend, li, main, menu, ol, p, pre, section, summary, table, tbody, td,
  tfoot, th, thead, tr, ul,
  // Not text, or not the page's own.
  aside, audio, button, canvas, datalist, footer, head, iframe, math, nav, noscript, object, option, script, select,
  style, svg, textarea, title, video, xmp,
};

inline constexpr auto html_tag_names = std::to_array<std::string_view>({
  "",
  "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins",
  "kbd", "label", "mark", "q", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var",
  "area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr",
  "address", "article", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset",
  "figcaption", "figure", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "html", "legend", "li",
  "main", "menu", "ol", "p", "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
  "aside", "audio", "button", "canvas", "datalist", "footer", "head", "iframe", "math", "nav", "noscript", "object",
  "option", "script", "select", "style", "svg", "textarea", "title", "video", "xmp",
});
// clang-format on

inline constexpr std::size_t html_tag_count = html_tag_names.size();
static_assert(html_tag_names[static_cast<std::size_t>(HtmlTag::var)] == "var");
static_assert(html_tag_names[static_cast<std::size_t>(HtmlTag::wbr)] == "wbr");
static_assert(html_tag_names[static_cast<std::size_t>(HtmlTag::ul)] == "ul");
static_assert(html_tag_names[static_cast<std::size_t>(HtmlTag::xmp)] == "xmp" &&
              html_tag_names.back() == "xmp");

[[nodiscard]] constexpr bool is_void(HtmlTag tag) {
  return tag >= HtmlTag::area && tag <= HtmlTag::wbr;
}

[[nodiscard]] constexpr bool is_block(HtmlTag tag) {
  return tag == HtmlTag::hr || (tag >= HtmlTag::address && tag <= HtmlTag::ul) ||
         tag == HtmlTag::aside || tag == HtmlTag::footer || tag == HtmlTag::nav ||
         tag == HtmlTag::head;
}

[[nodiscard]] constexpr bool is_navigation(HtmlTag tag) {
  return tag >= HtmlTag::aside;
}

[[nodiscard]] constexpr bool is_cell(HtmlTag tag) {
  return tag == HtmlTag::td || tag == HtmlTag::th;
}
[[nodiscard]] constexpr bool is_term(HtmlTag tag) {
  return tag == HtmlTag::dt || tag == HtmlTag::dd;
}

/// Whether an open `tag` ends where `next` begins, though nobody wrote its end tag.
[[nodiscard]] constexpr bool ends_before(HtmlTag tag, HtmlTag next) {
  if (tag == HtmlTag::p) return is_block(next);
  if (tag == HtmlTag::li) return next == HtmlTag::li;
  if (is_term(tag)) return is_term(next);
  if (is_cell(tag)) return is_cell(next);
  if (tag == HtmlTag::tr) return next == HtmlTag::tr;
  return tag == HtmlTag::option && next == HtmlTag::option;
}

/// Whether the search for an element that ends before `next` goes on beyond an open `tag`: a list inside an item keeps
/// its items to itself, and so does a table.
[[nodiscard]] constexpr bool lets_look_through(HtmlTag tag, HtmlTag next) {
  if (next == HtmlTag::li || is_term(next)) {
    return tag != HtmlTag::ul && tag != HtmlTag::ol && tag != HtmlTag::dl && tag != HtmlTag::menu &&
           tag != HtmlTag::table;
  }
  if (is_cell(next) || next == HtmlTag::tr) return tag != HtmlTag::table;
  return !is_block(tag);
}

/// The element of a tag's name in any case, or `unknown`.
[[nodiscard]] constexpr HtmlTag find_html_tag(std::string_view name) {
  for (std::size_t i = 1; i < html_tag_count; ++i) {
    if (equal_ignoring_case(html_tag_names[i], name)) return static_cast<HtmlTag>(i);
  }
  return HtmlTag::unknown;
}

}  // namespace demo
