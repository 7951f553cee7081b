// Lists of frequent n-grams, which are Python literals.
#include <accrete/text/ngram_list.hpp>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

void read_list(std::string_view text) noexcept {
  auto const languages = read_or_refuse("f", [&] { return parse_ngram_list(text, "f"); });
  if (!languages) return;
  for (LanguageNgrams const& language : *languages) {
    require(is_valid_utf8(language.language) && is_valid_utf8(language.language_name),
            "names are text");
    for (auto const& [length, ngrams] : language.by_length)
      for (std::string const& ngram : ngrams)
        require(std::cmp_equal(count_code_points(ngram, "f"), length), "an n-gram has its length");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_list({reinterpret_cast<char const*>(data), size});
  return 0;
}
