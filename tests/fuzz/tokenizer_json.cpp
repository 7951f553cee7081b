// tokenizer.json: what is read can be written, reads the same, and encodes and decodes.
#include <accrete/text/tokenizer_json.hpp>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

void read_tokenizer(std::string_view text) noexcept {
  auto const tokenizer = read_or_refuse("f", [&] { return parse_tokenizer_json(text, "f"); });
  if (!tokenizer) return;
  Tokenizer const again = parse_tokenizer_json(to_tokenizer_json(*tokenizer), "again");
  require(again.vocabulary() == tokenizer->vocabulary(), "a vocabulary reads the same");
  require(again.rules() == tokenizer->rules(), "rules read the same");
  for (SpecialTokens const special : {SpecialTokens::as_tokens, SpecialTokens::as_text}) {
    try {
      static_cast<void>(tokenizer->decode(tokenizer->encode("ab  c<s>don't 12é漢", special)));
    } catch (ValueError const&) {  // no token spells a character
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_tokenizer({reinterpret_cast<char const*>(data), size});
  return 0;
}
