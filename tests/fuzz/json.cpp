// JSON values and the reader that makes none: what is read can be written, and reads the same.
#include <accrete/io/json.hpp>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

void read_json(std::string_view text) noexcept {
  auto const skipped = read_or_refuse("f", [&] {
    JsonReader reader(text, "f");
    reader.skip_value();
    reader.end_of_text();
    return true;
  });
  auto const json = read_or_refuse("f", [&] { return Json::parse(text, "f"); });
  if (!json) return;
  require(skipped.has_value(), "what can be read can be passed over");
  require(Json::parse(json->dump(), "f") == *json, "a value on one line reads the same");
  require(Json::parse(json->dump(2), "f") == *json, "a value on many lines reads the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_json({reinterpret_cast<char const*>(data), size});
  return 0;
}
