/// Builds one HTML page that needs nothing but itself: no scripts, no fonts, no files beside it.
///
///     HtmlPage page("Two experts, merged");
///     page.paragraph("Both stand on the same frozen glyphs.");
///     page.heading("Loss");
///     page.figure(plot::to_svg(loss), "Growth shows as a small step upwards, then a lower plateau.");
///     page.save("out/report.html");
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/atomic_file.hpp>
#include <accrete/report/html_style.hpp>
#include <accrete/report/markup.hpp>

ACCRETE_BEGIN_NAMESPACE

struct HtmlColumn {
  std::string name{};
  bool number = false;  ///< aligned to the right
};

struct HtmlCell {
  std::string text{};
  bool strong = false;
};

/// Rows have a cell per column.
struct HtmlTable {
  std::vector<HtmlColumn> columns{};
  std::vector<std::vector<HtmlCell>> rows{};
  std::string caption{};
};

/// A number that stands for itself at the top of a page.
struct HtmlTile {
  std::string value{};
  std::string meaning{};
};

/// A statement that was put to the test.
struct HtmlVerdict {
  bool holds = false;
  std::string statement{};
  std::string numbers{};
};

/// A text that someone or something said, after a prompt that may be empty.
struct HtmlQuote {
  std::string prompt{};
  std::string text{};
  std::string source{};
  std::string language{};  ///< "zh-Hans": a browser chooses the typeface by it
};

/// All words given to a page are escaped; only figures and `raw` pass as they are.
class HtmlPage {
 public:
  explicit HtmlPage(std::string_view title, std::string_view language = "en");

  void lead(std::string_view words) { element("p class=\"lead\"", "p", words); }
  void heading(std::string_view words) { element("h2", "h2", words); }
  void subheading(std::string_view words) { element("h3", "h3", words); }
  void paragraph(std::string_view words) { element("p", "p", words); }
  void preformatted(std::string_view words) { element("pre", "pre", words); }
  void tiles(std::vector<HtmlTile> const& tiles);
  /// ValueError if a row has not one cell per column.
  void table(HtmlTable const& table);
  /// `svg` is what plot::to_svg returns.
  void figure(std::string_view svg, std::string_view caption);
  void verdicts(std::vector<HtmlVerdict> const& verdicts);
  void quote(HtmlQuote const& quote);
  /// Names with their values, such as versions and settings.
  void facts(std::vector<std::pair<std::string, std::string>> const& facts);
  /// Markup of the caller's own making.
  void raw(std::string_view markup) { body_ += markup; }

  [[nodiscard]] std::string text() const;
  /// FileError if the page cannot be written; an older file is replaced in one step or not at all.
  void save(std::filesystem::path const& path) const { write_file_atomically(path, text()); }

 private:
  void element(std::string_view opening, std::string_view name, std::string_view words);

  std::string title_;
  std::string language_;
  std::string body_;
};

inline HtmlPage::HtmlPage(std::string_view title, std::string_view language)
    : title_(title), language_(language) {
  element("h1", "h1", title);
}

inline void HtmlPage::element(std::string_view opening, std::string_view name,
                              std::string_view words) {
  body_ += '<';
  body_ += opening;
  body_ += '>' + escape_markup(words) + "</";
  body_ += name;
  body_ += ">\n";
}

inline void HtmlPage::tiles(std::vector<HtmlTile> const& tiles) {
  body_ += "<div class=\"tiles\">";
  for (HtmlTile const& tile : tiles) {
    body_ += "<div><b>" + escape_markup(tile.value) + "</b><span>" + escape_markup(tile.meaning) +
             "</span></div>";
  }
  body_ += "</div>\n";
}

inline void HtmlPage::table(HtmlTable const& table) {
  body_ += "<div class=\"scroll\"><table>";
  if (!table.caption.empty()) body_ += "<caption>" + escape_markup(table.caption) + "</caption>";
  body_ += "<thead><tr>";
  for (HtmlColumn const& column : table.columns) {
    body_ +=
        (column.number ? "<th class=\"number\">" : "<th>") + escape_markup(column.name) + "</th>";
  }
  body_ += "</tr></thead><tbody>\n";
  for (std::vector<HtmlCell> const& row : table.rows) {
    if (row.size() != table.columns.size()) {
      throw ValueError(message("html table: expected ", table.columns.size(),
                               " cells in a row, got ", row.size()));
    }
    body_ += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string const words = escape_markup(row[i].text);
      body_ += table.columns[i].number ? "<td class=\"number\">" : "<td>";
      body_ += (row[i].strong ? "<b>" + words + "</b>" : words) + "</td>";
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
}

inline void HtmlPage::figure(std::string_view svg, std::string_view caption) {
  body_ += "<figure>\n";
  body_ += svg;
  if (!caption.empty()) body_ += "<figcaption>" + escape_markup(caption) + "</figcaption>";
  body_ += "</figure>\n";
}

inline void HtmlPage::verdicts(std::vector<HtmlVerdict> const& verdicts) {
  body_ += "<ul class=\"verdicts\">\n";
  for (HtmlVerdict const& verdict : verdicts) {
    body_ += verdict.holds ? "<li class=\"yes\"><span class=\"sign\" role=\"img\" "
                             "aria-label=\"holds\">\xE2\x9C\x93</span>"
                           : "<li class=\"no\"><span class=\"sign\" role=\"img\" "
                             "aria-label=\"fails\">\xE2\x9C\x97</span>";
    body_ += "<b>" + escape_markup(verdict.statement) + "</b>";
    if (!verdict.numbers.empty()) body_ += "<small>" + escape_markup(verdict.numbers) + "</small>";
    body_ += "</li>\n";
  }
  body_ += "</ul>\n";
}

inline void HtmlPage::quote(HtmlQuote const& quote) {
  body_ += "<blockquote><p";
  if (!quote.language.empty()) body_ += " lang=\"" + escape_markup(quote.language) + '"';
  body_ += '>';
  if (!quote.prompt.empty())
    body_ += "<span class=\"prompt\">" + escape_markup(quote.prompt) + "</span>";
  body_ += escape_markup(quote.text) + "</p>";
  if (!quote.source.empty()) body_ += "<cite>" + escape_markup(quote.source) + "</cite>";
  body_ += "</blockquote>\n";
}

inline void HtmlPage::facts(std::vector<std::pair<std::string, std::string>> const& facts) {
  body_ += "<dl>";
  for (auto const& [name, value] : facts) {
    body_ += "<dt>" + escape_markup(name) + "</dt><dd>" + escape_markup(value) + "</dd>\n";
  }
  body_ += "</dl>\n";
}

inline std::string HtmlPage::text() const {
  return "<!DOCTYPE html>\n<html lang=\"" + escape_markup(language_) +
         "\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
         "content=\"width=device-width,initial-scale=1\">\n"
         "<title>" +
         escape_markup(title_) + "</title>\n<style>\n" + detail::html_style() +
         "</style>\n</head>\n<body>\n<main>\n" + body_ + "</main>\n</body>\n</html>\n";
}

ACCRETE_END_NAMESPACE
