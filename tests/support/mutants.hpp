/// Damaged copies of a file's content, the same in every run.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

namespace accrete_test {

/// How many damaged copies of a file a test reads: 2,000, or as many as ACCRETE_TEST_MUTANTS says.
[[nodiscard]] inline int mutant_count() {
  char const* const wanted = std::getenv("ACCRETE_TEST_MUTANTS");
  return wanted == nullptr ? 2'000 : std::max(2'000, std::atoi(wanted));
}

class Mutants {
 public:
  explicit Mutants(std::uint64_t seed) : random_(seed) {}

  /// `content` with one to four faults: changed bits and bytes, cuts, repeats, insertions, other numbers.
  [[nodiscard]] std::string mutate(std::string content) {
    for (std::size_t faults = 1 + below(4); faults > 0; --faults) add_fault(content);
    return content;
  }

  /// A number in [0, bound), for a bound above 0.
  [[nodiscard]] std::size_t below(std::size_t bound) { return random_() % bound; }

 private:
  void add_fault(std::string& content) {
    constexpr std::string_view telling = "{}[]\",:\\0123456789-+.eEu \n\0\x7f\x80\xed\xff";
    std::size_t const at = below(content.size() + 1);
    std::size_t const length = std::min(below(16) + 1, content.size() - at);
    switch (below(7)) {
      case 0:
        if (length > 0) content[at] = static_cast<char>(content[at] ^ (1 << below(8)));
        break;
      case 1:
        if (length > 0) content[at] = telling[below(telling.size())];
        break;
      case 2:
        content.erase(at, length);
        break;
      case 3:
        content.insert(at, content.substr(at, length));
        break;
      case 4:
        content.insert(at, 1, telling[below(telling.size())]);
        break;
      case 5:
        content.resize(at);
        break;
      default:
        change_number(content, at);
    }
  }

  /// Replaces the digits at or after `at`, so that checks behind the syntax are reached.
  void change_number(std::string& content, std::size_t at) {
    constexpr std::string_view digits = "0123456789";
    constexpr std::string_view numbers[] = {"0",
                                            "1",
                                            "7",
                                            "8",
                                            "9",
                                            "255",
                                            "4294967296",
                                            "9223372036854775807",
                                            "9223372036854775808",
                                            "18446744073709551615",
                                            "18446744073709551616"};
    std::size_t const begin = content.find_first_of(digits, at);
    if (begin == content.npos) return;
    std::size_t const end = std::min(content.find_first_not_of(digits, begin), content.size());
    content.replace(begin, end - begin, numbers[below(std::size(numbers))]);
  }

  std::mt19937_64 random_;
};

}  // namespace accrete_test
