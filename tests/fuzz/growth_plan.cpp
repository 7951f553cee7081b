// Growth plans: what is read can be written, and reads the same.
#include <accrete/train/growth_plan_writer.hpp>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

void read_plan(std::string_view text) noexcept {
  auto const plan = read_or_refuse("f", [&] { return parse_growth_plan(text, "f"); });
  if (!plan) return;
  Json const written = to_json(*plan);
  require(to_json(parse_growth_plan(written.dump(2), "again")) == written, "a plan reads the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_plan({reinterpret_cast<char const*>(data), size});
  return 0;
}
