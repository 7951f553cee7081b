// Token shards: every id that is read lies below V, and what is written reads the same.
#include <accrete/data/token_shard.hpp>

#include <memory>
#include <vector>

#include <accrete/data/token_shard_writer.hpp>

#include "fuzz.hpp"

using namespace accrete;
using namespace accrete_fuzz;

namespace {

std::vector<TokenId> ids_of(TokenShard const& shard) {
  std::vector<TokenId> ids(static_cast<std::size_t>(shard.size()));
  shard.read(0, ids);
  return ids;
}

void read_shard(std::span<std::uint8_t const> content) noexcept {
  static MemoryFile const file;
  static OutputFolder const output;
  file.set(content);
  auto const shard =
      read_or_refuse(file.path(), [] { return std::make_unique<TokenShard>(file.path()); });
  std::filesystem::path const path = file.path();
  auto const shards = read_or_refuse(file.path(), [&] { return open_token_shards({&path, 1}); });
  require(shards.has_value() == shard.has_value(), "a list of shards is read as one is");
  if (!shard) return;
  TokenShard const& source = **shard;
  require(static_cast<std::uint64_t>(source.size()) <= content.size() / 2, "ids lie in the file");
  auto const ids = read_or_refuse(file.path(), [&] { return ids_of(source); });
  if (!ids) return;
  for (TokenId const id : *ids)
    require(id >= 0 && id < source.vocabulary_size(), "an id is below V");
  TokenShardWriter writer(output.file(), source.vocabulary_size(), source.fingerprint());
  writer.append(*ids);
  writer.commit();
  TokenShard const again(output.file());
  require(again.vocabulary_size() == source.vocabulary_size(), "V reads the same");
  require(again.fingerprint() == source.fingerprint(), "a fingerprint reads the same");
  require(ids_of(again) == *ids, "ids read the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  read_shard({data, size});
  return 0;
}
