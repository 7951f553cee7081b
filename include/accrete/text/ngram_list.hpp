/// Reads the published lists of frequent n-grams: a Python literal in a file.
///
///     [{'lang': 'en', 'language_name': 'English',
///       'top_ngrams': {2: [('th', 3464625), ('he', 3415030)], 3: [('the', 2104512)]}}]
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <accrete/core/error.hpp>
#include <accrete/core/macros.hpp>
#include <accrete/io/atomic_file.hpp>
#include <accrete/text/python_literal_reader.hpp>
#include <accrete/text/utf8.hpp>

ACCRETE_BEGIN_NAMESPACE

/// The n-grams of one language, for each n the most frequent first.
struct LanguageNgrams {
  std::string language;       // "en"
  std::string language_name;  // "English"
  std::map<std::int64_t, std::vector<std::string>> by_length;
};

/// FileError(source, offset, reason) for whatever is not such a list: wrong syntax, a missing or
/// unknown key, an n-gram that has not n code points, counts that rise, invalid UTF-8, values that
/// take more memory than 16 MiB and four times the text.
[[nodiscard]] std::vector<LanguageNgrams> parse_ngram_list(std::string_view text,
                                                           std::string_view source);

/// The same for a file of at most 256 MiB.
[[nodiscard]] inline std::vector<LanguageNgrams> read_ngram_list(
    std::filesystem::path const& path) {
  return parse_ngram_list(read_file(path, std::uint64_t{256} << 20), path.string());
}

// -------------------------------------------------------------------------------------------------

namespace detail {

inline constexpr std::size_t allocation_bytes = 16;  // what an allocator adds

/// Room for one more, if the reader's budget allows it.
template <class Value>
void make_room(std::vector<Value>& values, PythonLiteralReader& reader, std::size_t least = 4) {
  if (values.size() < values.capacity()) return;
  std::size_t const capacity = std::max(2 * values.capacity(), least);
  reader.spend(capacity * sizeof(Value));  // what was before is free, but fits nothing
  values.reserve(capacity);
}

/// [('th', 3464625), ('he', 3415030), ...]
inline std::vector<std::string> read_ngrams(PythonLiteralReader& reader, std::int64_t length) {
  std::vector<std::string> ngrams;
  std::size_t const expected = reader.count_up_to(']', '(');
  std::int64_t last_count = std::numeric_limits<std::int64_t>::max();
  reader.sequence('[', ']', [&] {
    reader.expect('(');
    std::size_t const place = reader.offset();
    make_room(ngrams, reader, expected);
    ngrams.push_back(reader.string());
    if (ngrams.back().size() >= sizeof(std::string) / 2)  // longer than a string without a heap
      reader.spend(ngrams.back().capacity() + allocation_bytes);
    if (std::cmp_not_equal(count_code_points(ngrams.back()), length)) {
      reader.refuse(place, message("expected an n-gram of ", length, " code points"));
    }
    reader.expect(',');
    std::int64_t const count = reader.integer();
    if (count < 0 || count > last_count) reader.refuse(place, "the counts do not fall");
    last_count = count;
    reader.expect(')');
  });
  return ngrams;
}

inline LanguageNgrams read_language(PythonLiteralReader& reader) {
  LanguageNgrams language;
  std::size_t const start = reader.offset();
  std::map<std::string, bool> seen{
      {"lang", false}, {"language_name", false}, {"top_ngrams", false}};
  reader.sequence('{', '}', [&] {
    std::size_t const place = reader.offset();
    std::string const key = reader.string();
    auto const known = seen.find(key);
    if (known == seen.end() || std::exchange(known->second, true)) {
      reader.refuse(place,
                    message("expected lang, language_name and top_ngrams, each once, got ", key));
    }
    reader.expect(':');
    if (key == "lang") language.language = reader.string();
    if (key == "language_name") language.language_name = reader.string();
    if (key == "top_ngrams") {
      reader.sequence('{', '}', [&] {
        std::size_t const length_place = reader.offset();
        std::int64_t const length = reader.integer();
        if (length < 1 || language.by_length.contains(length)) {
          reader.refuse(length_place, message("expected lengths from 1, each once, got ", length));
        }
        reader.expect(':');
        reader.spend(sizeof(std::pair<std::int64_t, std::vector<std::string>>) + 4 * sizeof(void*) +
                     allocation_bytes);
        language.by_length[length] = read_ngrams(reader, length);
      });
    }
  });
  for (auto const& [key, found] : seen) {
    if (!found) reader.refuse(start, message("the key ", key, " is missing"));
  }
  return language;
}

}  // namespace detail

inline std::vector<LanguageNgrams> parse_ngram_list(std::string_view text,
                                                    std::string_view source) {
  detail::PythonLiteralReader reader(text, source);
  std::vector<LanguageNgrams> languages;
  reader.sequence('[', ']', [&] {
    detail::make_room(languages, reader);
    languages.push_back(detail::read_language(reader));
  });
  reader.expect_end();
  return languages;
}

ACCRETE_END_NAMESPACE
