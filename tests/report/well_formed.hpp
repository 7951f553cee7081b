/// Is it well-formed XML? Enough of XML to catch what a picture or a page could get wrong.
#pragma once

#include <cctype>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <accrete/text/utf8.hpp>

namespace accrete_test {

/// What is wrong with `text`, or "" if nothing is: UTF-8, tags that close in order, quoted attributes that come once,
/// and no bare '&' or '<'. HTML's elements without an end tag may be named in `without_end`.
inline std::string xml_fault(std::string_view text,
                             std::set<std::string, std::less<>> const& without_end = {}) {
  if (!accrete::is_valid_utf8(text)) return "not UTF-8";
  std::vector<std::string> open;
  std::size_t i = 0;
  auto const name = [&] {
    std::size_t const begin = i;
    while (i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '-'))
      ++i;
    return std::string(text.substr(begin, i - begin));
  };
  auto const reference_is_good = [&](std::size_t at) {
    std::string_view const rest = text.substr(at, 8);
    for (std::string_view const known : {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"}) {
      if (rest.starts_with(known)) return true;
    }
    return false;
  };
  if (text.starts_with("<!DOCTYPE html>")) i = 15;
  while (i < text.size()) {
    unsigned char const c = static_cast<unsigned char>(text[i]);
    if (c < 0x20 && c != '\n' && c != '\t' && c != '\r') return "a control character";
    if (c == '&' && !reference_is_good(i)) return "a bare & at " + std::to_string(i);
    if (c != '<') {
      ++i;
      continue;
    }
    ++i;
    if (i < text.size() && text[i] == '/') {
      ++i;
      std::string const closed = name();
      if (open.empty() || open.back() != closed) return "</" + closed + "> closes nothing";
      open.pop_back();
      if (i >= text.size() || text[i] != '>') return "an end tag without >";
      ++i;
      continue;
    }
    std::string const element = name();
    if (element.empty()) return "a bare < at " + std::to_string(i);
    std::set<std::string> attributes;
    while (i < text.size() && text[i] == ' ') {
      ++i;
      std::string const attribute = name();
      if (!attributes.insert(attribute).second) return "attribute " + attribute + " twice";
      if (text.substr(i, 2) != "=\"") return "attribute " + attribute + " without a quoted value";
      std::size_t const end = text.find('"', i += 2);
      if (end == std::string_view::npos) return "a value without its end";
      for (; i < end; ++i) {
        if (text[i] == '<' || (text[i] == '&' && !reference_is_good(i)))
          return "a value with a bare < or &";
      }
      ++i;
    }
    bool const empty = text.substr(i, 2) == "/>";
    if (!empty && text.substr(i, 1) != ">") return "tag " + element + " without >";
    i += empty ? 2 : 1;
    if (!empty && !without_end.contains(element)) open.push_back(element);
  }
  return open.empty() ? "" : "<" + open.back() + "> stays open";
}

/// How often `word` stands in `text`.
inline int occurrences(std::string_view text, std::string_view word) {
  int count = 0;
  for (std::size_t at = text.find(word); at != std::string_view::npos;
       at = text.find(word, at + word.size()))
    ++count;
  return count;
}

}  // namespace accrete_test
