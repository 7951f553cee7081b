// Manifests of ensembles: what they name lies in their folder.
#include <accrete/train/ensemble_folder.hpp>

#include <fstream>
#include <vector>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

void read_manifest(std::string_view text) noexcept {
  static OutputFolder const output;
  std::filesystem::path const folder = output.file().parent_path();
  std::filesystem::path const manifest = folder / "ensemble.json";
  std::ofstream(manifest, std::ios::binary | std::ios::trunc) << text;
  auto const ensemble = read_or_refuse(manifest.string(), [&] { return EnsembleFolder(folder); });
  if (!ensemble) return;
  require(!ensemble->experts().empty(), "an ensemble has experts");
  for (SavedExpert const& expert : ensemble->experts()) {
    require((folder / expert.file).lexically_normal().parent_path() == folder,
            "a file lies in the folder");
    require(expert.file.find_first_of("/\\:") == std::string::npos, "a name is a plain one");
    require(expert.sha256.size() == 64 && expert.substrate.size() == 64, "a hash is one");
  }
  if (ensemble->experts().size() == 1) return;
  EnsembleFolder changed = *ensemble;
  try {
    changed.remove(ensemble->experts().front().name);
  } catch (MismatchError const&) {  // the others do not dock
    return;
  }
  auto const names = [](EnsembleFolder const& of) {
    std::vector<std::string> all;
    for (SavedExpert const& expert : of.experts()) all.push_back(expert.name + expert.file);
    return all;
  };
  EnsembleFolder const again(folder);
  require(names(again) == names(changed) && again.fusion() == changed.fusion(),
          "a manifest reads the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_manifest({reinterpret_cast<char const*>(data), size});
  return 0;
}
