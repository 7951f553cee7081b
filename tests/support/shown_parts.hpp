/// Pages that show parts of a test word for word, so that what they show compiles and runs.
#pragma once

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <initializer_list>
#include <string>

#include <accrete/io/file.hpp>

namespace accrete_test {

/// The content of a file of the project.
[[nodiscard]] inline std::string text_of(char const* name) {
  return accrete::read_file(std::filesystem::path(ACCRETE_SOURCE_DIR) / name, 1 << 20);
}

/// How many parts of `source`, each between a line `// [name]` and the next `// [end]`, stand in one of the pages as a
/// block of code, without the indentation of their first line. Fails for each that does not.
[[nodiscard]] inline int parts_shown(char const* source, std::initializer_list<char const*> names) {
  std::string pages;
  for (char const* name : names) pages += text_of(name);
  std::string const text = text_of(source);
  int shown = 0;
  for (std::size_t at = text.find("// ["); at != text.npos; at = text.find("// [", at + 1)) {
    std::size_t const line = text.rfind('\n', at) + 1, indent = at - line;
    if (text.find_first_not_of(' ', line) != at || text.compare(at, 8, "// [end]") == 0) continue;
    std::size_t const begin = text.find('\n', at) + 1, end = text.find("// [end]", begin);
    std::string part;
    for (std::size_t i = begin; i + indent < end;) {
      std::size_t const next = text.find('\n', i) + 1;
      std::size_t const from = next - i > indent ? i + indent : i;
      part += text.substr(from, next - from);
      i = next;
    }
    bool const found = pages.find("```cpp\n" + part + "```") != pages.npos;
    BOOST_TEST(found, "not shown:\n" << part);
    shown += found;
  }
  return shown;
}

}  // namespace accrete_test
