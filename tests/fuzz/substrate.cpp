// Substrates. Their hashes would stop nearly every input; so what they protect is read without them, too.
#include <accrete/substrate/substrate.hpp>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

std::optional<Substrate> read_unchecked(std::string const& path) noexcept {
  try {
    return Substrate(detail::SubstrateReader(path).read());
  } catch (Error const&) {
    return std::nullopt;
  }
}

void read_substrate(std::span<std::uint8_t const> content) noexcept {
  static MemoryFile const file;
  static OutputFolder const output;
  file.set(content);
  auto const loaded = read_or_refuse(file.path(), [] { return Substrate::load(file.path()); });
  auto const substrate = read_unchecked(file.path());
  require(substrate.has_value() || !loaded, "what is loaded is sound");
  if (!substrate) return;
  substrate->save(output.file());
  Substrate const again = Substrate::load(output.file());
  require(again == *substrate, "a substrate reads the same");
  require(again.provenance() == substrate->provenance(), "its provenance reads the same");
  require(again.ancestors() == substrate->ancestors(), "its ancestors read the same");
  require(to_json(again.identity()) == to_json(substrate->identity()),
          "its identity reads the same");
  require(
      to_json(substrate_identity_from_json(to_json(again.identity()))) == to_json(again.identity()),
      "an identity reads the same as JSON");
  require(again.docks_with(*substrate), "a substrate docks with itself");
  require(!again.is_ancestor_of(*substrate), "no substrate is its own ancestor");
  auto const last = static_cast<TokenId>(again.vocabulary_size() - 1);
  require(again.row(last).data() + again.width() == again.table().data() + again.table().size(),
          "the last row ends the table");
  require(again.basis().has_value() == substrate->basis().has_value(), "its basis is there");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_substrate({data, size});
  return 0;
}
