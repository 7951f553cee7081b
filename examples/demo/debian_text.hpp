/// Real text in three languages, out of unpacked Debian packages: the LibreOffice help, the Debian administrator's
/// handbook and the installation guide. cmake/fetch_demo_text.sh fetches them.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/io/atomic_file.hpp>

#include "corpus.hpp"
#include "html_text.hpp"
#include "paragraph_filter.hpp"

namespace demo {

/// The corpus in `folder`, which holds each package under its name. FileError if one is missing or unreadable.
[[nodiscard]] Corpus load_debian_text(std::filesystem::path const& folder);

namespace detail {

/// One folder of pages in one language.
struct PageFolder {
  std::string_view package;
  std::string_view path;  ///< inside the package
  std::string_view
      document_name;  ///< stands before the names of its pages, the same in all languages
};

struct DebianLanguage {
  std::string_view code;
  Script script;
  std::array<PageFolder, 3> folders;
};

inline constexpr std::array<DebianLanguage, 3> debian_languages{{
    {"en",
     Script::latin,
     {{{"libreoffice-help-en-us", "usr/share/libreoffice/help/en-US/text", "libreoffice"},
       {"debian-handbook", "usr/share/doc/debian-handbook/html/en-US", "handbook"},
       {"installation-guide-amd64", "usr/share/doc/installation-guide-amd64/en", "installation"}}}},
    {"ru",
     Script::cyrillic,
     {{{"libreoffice-help-ru", "usr/share/libreoffice/help/ru/text", "libreoffice"},
       {"debian-handbook", "usr/share/doc/debian-handbook/html/ru-RU", "handbook"},
       {"installation-guide-amd64", "usr/share/doc/installation-guide-amd64/ru", "installation"}}}},
    {"zh",
     Script::han,
     {{{"libreoffice-help-zh-cn", "usr/share/libreoffice/help/zh-CN/text", "libreoffice"},
       {"debian-handbook", "usr/share/doc/debian-handbook/html/zh-CN", "handbook"},
       {"installation-guide-amd64", "usr/share/doc/installation-guide-amd64/zh_CN",
        "installation"}}}},
}};

/// LibreOffice keeps the text of a page in one element; the two books name what surrounds it.
[[nodiscard]] inline HtmlRules page_rules(PageFolder const& folder) {
  if (folder.document_name == "libreoffice")
    return {.only_inside_id = "DisplayArea", .excluded_classes = {"MAC"}};
  return {.navigation_classes = {"navheader", "navfooter", "docnav", "toc"},
          .navigation_ids = {"banner", "title"}};
}

/// All pages below `folder` by their relative names, sorted, so that every machine reads them in one order.
[[nodiscard]] inline std::vector<std::string> page_names(std::filesystem::path const& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().extension() == ".html" && it->is_regular_file(error)) {
      names.push_back(it->path().lexically_relative(folder).generic_string());
    }
  }
  if (error) throw accrete::FileError(folder.string(), error.message());
  if (names.empty()) throw accrete::FileError(folder.string(), "expected HTML pages, found none");
  std::sort(names.begin(), names.end());
  return names;
}

inline void add_pages(ParagraphFilter& filter, std::filesystem::path const& folder,
                      PageFolder const& pages) {
  constexpr std::uint64_t largest_page = std::uint64_t{64} << 20;
  std::filesystem::path const root = folder / pages.package / pages.path;
  HtmlRules const rules = page_rules(pages);
  for (std::string const& name : page_names(root)) {
    std::string const page = accrete::read_file(root / name, largest_page);
    SkippedHtml const skipped = extract_html_text(
        page, rules, [&](std::string_view paragraph) { filter.add_paragraph(paragraph); });
    filter.end_document(std::string(pages.document_name) + '/' + name);
    filter.account().dropped_for(DropReason::script_or_style) += skipped.scripts;
    filter.account().dropped_for(DropReason::navigation) += skipped.navigation;
    filter.account().dropped_for(DropReason::other_system) += skipped.excluded;
  }
}

/// "debian-handbook 11.20220922", where the fetching left the version.
[[nodiscard]] inline std::string source_name(std::filesystem::path const& folder,
                                             std::string_view package) {
  std::filesystem::path const version = folder / package / "version";
  if (!std::filesystem::exists(version)) return std::string(package);
  std::string words = accrete::read_file(version, 256);
  words.erase(words.find_last_not_of(" \n") + 1);
  return std::string(package) + ' ' + words;
}

}  // namespace detail

inline Corpus load_debian_text(std::filesystem::path const& folder) {
  Corpus corpus;
  for (detail::DebianLanguage const& language : detail::debian_languages) {
    ParagraphFilter filter(std::string(language.code), language.script);
    for (detail::PageFolder const& pages : language.folders) {
      detail::add_pages(filter, folder, pages);
      std::string source = detail::source_name(folder, pages.package);
      if (std::find(corpus.sources.begin(), corpus.sources.end(), source) == corpus.sources.end()) {
        corpus.sources.push_back(std::move(source));
      }
    }
    corpus.languages.push_back(std::move(filter).take());
  }
  return corpus;
}

}  // namespace demo
